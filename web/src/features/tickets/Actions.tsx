/** What can be done with a ticket. The server decides what may be done now; a refusal says why. */
import { DownOutlined } from "@ant-design/icons";
import { App, AutoComplete, Button, Dropdown, Form, Input, Modal, Radio, Select } from "antd";
import { useState, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { get, post } from "@/api/client";
import { askAgain, postOrKeep, useAsk, useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { PersonSelect } from "@/ui/PersonSelect";
import { ReviseDialog, type Seen } from "@/ui/ReviseDialog";
import { priorities, terms, type Priority, type Ticket } from "./terms";

const dictionary = words(
  {
    resolve: "Resolve", hold: "Wait for customer", resume: "Go on", reopen: "Reopen", close: "Close", more: "More", assign: "Assign", hand_over: "Hand over to a queue", escalate: "Escalate", edit: "Edit category and priority", root_cause: "Record the root cause", follow_up: "Ask the customer again", identify: "Say who the customer is",
    cause: "What was wrong", solution: "What was done", code: "Outcome", solved: "Solved", workaround: "Worked around", no_fault: "No fault found", duplicate: "Duplicate", reason: "Why", reason_public: "Why (no names: it is kept for ever)", waiting_for: "What is waited for", queue: "Queue", note: "What the next ones should know", assignee: "Assignee", by_rules: "Empty: the rules choose", category: "Category", priority: "Priority", customer: "Customer",
    cause_code: "Cause", remedy: "What will keep it from happening again", product: "Product", delivery: "Delivery", people: "Behaviour", information: "Wrong information", other: "Other",
    satisfied: "The customer is", content: "content", not_content: "not content", said: "What the customer said", required: "Please fill this in", done: "Done",
  },
  {
    resolve: "解决", hold: "等待客户", resume: "继续处理", reopen: "重新打开", close: "关闭", more: "更多", assign: "分配", hand_over: "转交队列", escalate: "升级", edit: "修改类别与优先级", root_cause: "记录根本原因", follow_up: "回访客户", identify: "指定客户",
    cause: "问题原因", solution: "处理方法", code: "结果", solved: "已解决", workaround: "临时规避", no_fault: "未发现故障", duplicate: "重复工单", reason: "原因", reason_public: "原因（请勿写人名，将永久保留）", waiting_for: "等待什么", queue: "队列", note: "需要交接的信息", assignee: "处理人", by_rules: "留空则按规则分配", category: "类别", priority: "优先级", customer: "客户",
    cause_code: "原因分类", remedy: "如何避免再次发生", product: "产品", delivery: "交付", people: "服务态度", information: "信息有误", other: "其他",
    satisfied: "客户", content: "满意", not_content: "不满意", said: "客户反馈", required: "请填写", done: "已完成",
  },
);

type Dialog = "resolve" | "hold" | "reopen" | "close" | "assign" | "hand_over" | "escalate" | "edit" | "root_cause" | "follow_up" | "identify";
type Values = Record<string, string>;

export function TicketActions({ ticket }: { ticket: Ticket }) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  const { may } = useSession();
  const { message } = App.useApp();
  const [dialog, setDialog] = useState<Dialog>();
  const resume = useTell("/v1/tickets/{ticket_id}:resume", { touches: ["ticketing"], keepAs: `${ticket.subject}: ${t("resume")}` });
  if (!may("ticketing.ticket.edit")) return null;
  const path = { ticket_id: ticket.ticket_id };
  const over = ticket.status === "TICKET_STATUS_RESOLVED" || ticket.status === "TICKET_STATUS_CLOSED";
  const waiting = ticket.status === "TICKET_STATUS_WAITING";
  const goOn = () => resume.mutate({ path, body: {} }, { onError: (problem) => void message.error([explain(problem, say).title, problem.detail].join(" · ")) });
  const inMore: Dialog[] = over
    ? ["edit", ...(ticket.complaint ? (["root_cause", "follow_up"] as const) : [])]
    : ["assign", "hand_over", "escalate", "edit", "identify", ...(ticket.complaint ? (["root_cause", "follow_up"] as const) : [])];
  return (
    <>
      {over ? (
        <>
          {ticket.status === "TICKET_STATUS_RESOLVED" && <Button type="primary" onClick={() => setDialog("close")}>{t("close")}</Button>}
          <Button onClick={() => setDialog("reopen")}>{t("reopen")}</Button>
        </>
      ) : (
        <>
          <Button type="primary" onClick={() => setDialog("resolve")}>{t("resolve")}</Button>
          {waiting ? <Button loading={resume.isPending} onClick={goOn}>{t("resume")}</Button> : <Button onClick={() => setDialog("hold")}>{t("hold")}</Button>}
        </>
      )}
      <Dropdown trigger={["click"]} menu={{ items: inMore.map((key) => ({ key, label: t(key) })), onClick: ({ key }) => setDialog(key as Dialog) }}>
        <Button>
          {t("more")} <DownOutlined />
        </Button>
      </Dropdown>
      {dialog === "edit" && <EditDialog ticket={ticket} onClose={() => setDialog(undefined)} />}
      {dialog && dialog !== "edit" && <ActionDialog key={dialog} dialog={dialog} ticket={ticket} onClose={() => setDialog(undefined)} />}
    </>
  );
}

function ActionDialog({ dialog, ticket, onClose }: { dialog: Exclude<Dialog, "edit">; ticket: Ticket; onClose: () => void }) {
  const t = useWords(dictionary);
  const client = useQueryClient();
  const path = { ticket_id: ticket.ticket_id };
  const tell = (values: Values, requestId: string): Promise<unknown> => {
    const text = (key: string) => values[key] ?? "";
    const label = `${ticket.subject}: ${t(dialog)}`;
    switch (dialog) {
      case "resolve": return postOrKeep("/v1/tickets/{ticket_id}:resolve", { path, requestId, body: { resolution_code: text("code"), cause: text("cause"), solution: text("solution") } }, label);
      case "hold": return postOrKeep("/v1/tickets/{ticket_id}:hold", { path, requestId, body: { reason: text("reason") } }, label);
      case "reopen": return postOrKeep("/v1/tickets/{ticket_id}:reopen", { path, requestId, body: { reason: text("reason") } }, label);
      case "close": return postOrKeep("/v1/tickets/{ticket_id}:close", { path, requestId, body: { reason: text("reason") } }, label);
      case "assign": return postOrKeep("/v1/tickets/{ticket_id}:assign", { path, requestId, body: { assignee_id: text("assignee"), reason: text("reason") } }, label);
      case "hand_over": return postOrKeep("/v1/tickets/{ticket_id}:handOver", { path, requestId, body: { to_queue: text("queue"), note: text("note") } }, label);
      case "escalate": return postOrKeep("/v1/tickets/{ticket_id}:escalate", { path, requestId, body: { reason: text("reason") } }, label);
      case "root_cause": return postOrKeep("/v1/tickets/{ticket_id}:recordRootCause", { path, requestId, body: { cause_code: text("cause_code"), cause: text("cause"), remedy: text("remedy") } }, label);
      case "follow_up": return postOrKeep("/v1/tickets/{ticket_id}:followUpComplaint", { path, requestId, body: { satisfied: text("satisfied") === "yes", note: text("note") } }, label);
      case "identify": return postOrKeep("/v1/tickets/{ticket_id}:identifyRequester", { path, requestId, body: { customer_id: text("customer") } }, label);
    }
  };
  const field = (name: string, label: string, control: ReactNode, needed = true) => (
    <Form.Item name={name} label={label} rules={needed ? [{ required: true, message: t("required") }] : []}>
      {control}
    </Form.Item>
  );
  const area = <Input.TextArea autoSize={{ minRows: 3, maxRows: 8 }} maxLength={4000} />;
  const fields: Record<typeof dialog, ReactNode> = {
    resolve: (
      <>
        {field("code", t("code"), <Select options={(["solved", "workaround", "no_fault", "duplicate"] as const).map((key) => ({ value: key.replace("_", "-"), label: t(key) }))} />)}
        {field("cause", t("cause"), area)}
        {field("solution", t("solution"), area)}
      </>
    ),
    hold: field("reason", t("waiting_for"), area),
    reopen: field("reason", t("reason"), area),
    close: field("reason", t("reason_public"), <Input maxLength={200} />),
    assign: (
      <>
        {field("assignee", t("assignee"), <PersonSelect placeholder={t("by_rules")} />, false)}
        {field("reason", t("reason_public"), <Input maxLength={200} />, false)}
      </>
    ),
    hand_over: (
      <>
        {field("queue", t("queue"), <QueueSelect without={ticket.queue} />)}
        {field("note", t("note"), area)}
      </>
    ),
    escalate: field("reason", t("reason_public"), <Input maxLength={200} />),
    root_cause: (
      <>
        {field("cause_code", t("cause_code"), <Select options={(["product", "delivery", "people", "information", "other"] as const).map((value) => ({ value, label: t(value) }))} />)}
        {field("cause", t("cause"), area)}
        {field("remedy", t("remedy"), area)}
      </>
    ),
    follow_up: (
      <>
        {field("satisfied", t("satisfied"), <Radio.Group options={[{ value: "yes", label: t("content") }, { value: "no", label: t("not_content") }]} />)}
        {field("note", t("said"), area)}
      </>
    ),
    identify: field("customer", t("customer"), <CustomerSelect />),
  };
  return (
    <Modal open title={t(dialog)} footer={null} onCancel={onClose} destroyOnHidden>
      <CommandForm<Values>
        name={`ticket.${dialog}:${ticket.ticket_id}`}
        initial={dialog === "resolve" ? { code: "solved" } : {}}
        submit={tell}
        onDone={() => (askAgain(client, ["ticketing"]), onClose())}
        onCancel={onClose}
        save={t(dialog)}
      >
        {fields[dialog]}
      </CommandForm>
    </Modal>
  );
}

function QueueSelect({ value, onChange, id, without }: { value?: string; onChange?: (to: string) => void; id?: string; without: string }) {
  const queues = useAsk("/v1/queues", {}, { freshMs: 60_000 });
  return (
    <Select
      {...(id ? { id } : {})}
      value={value ?? null}
      onChange={(to) => to && onChange?.(to)}
      loading={queues.isFetching}
      options={(queues.data?.queues ?? []).filter((each) => each.queue !== without).map((each) => ({ value: each.queue, label: each.name || each.queue }))}
    />
  );
}

/** Categories that policies and rules know; others may be typed. */
export function CategoryInput({ value, onChange, id }: { value?: string; onChange?: (to: string) => void; id?: string }) {
  const policies = useAsk("/v1/sla-policies", {}, { freshMs: 300_000 });
  const rules = useAsk("/v1/ticket-assignment-rules", {}, { freshMs: 300_000 });
  const recent = useAsk("/v1/tickets", { query: { page_size: 100 } }, { freshMs: 300_000, select: (answer) => answer.tickets.map((each) => each.category) });
  const known = new Set([...(policies.data?.policies ?? []).flatMap((each) => each.categories), ...(rules.data?.rules ?? []).flatMap((each) => each.categories), ...(recent.data ?? [])].filter(Boolean));
  return <AutoComplete {...(id ? { id } : {})} value={value ?? ""} onChange={(to: string) => onChange?.(to)} maxLength={100} options={[...known].map((each) => ({ value: each }))} showSearch={{ filterOption: (typed, option) => String(option?.value ?? "").includes(typed) }} />;
}

interface Details {
  category: string;
  priority: Priority;
  product_id: string;
}
const seenOf = ({ version, category, priority, product_id }: Ticket): Seen<Details> => ({ version, values: { category, priority, product_id } });

/** Category and priority. */
function EditDialog({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const client = useQueryClient();
  const path = { ticket_id: ticket.ticket_id };
  return (
    <ReviseDialog<Details>
      name={`ticket.edit:${ticket.ticket_id}`}
      title={t("edit")}
      labels={{ category: t("category"), priority: t("priority") }}
      seen={seenOf(ticket)}
      latest={async () => {
        const now = (await get("/v1/tickets/{ticket_id}", { path })).ticket;
        return now && seenOf(now);
      }}
      revise={async ({ category, priority }, { version, values }) => {
        let on = version;
        if (category !== undefined) on = (await post("/v1/tickets/{ticket_id}:recategorise", { path, body: { category, product_id: values.product_id, expected_version: on } })).version;
        if (priority !== undefined) await post("/v1/tickets/{ticket_id}:reprioritise", { path, body: { priority, expected_version: on } });
      }}
      show={(key, value) => (key === "priority" ? say(value as Priority) : String(value ?? ""))}
      onClose={onClose}
      onDone={() => askAgain(client, ["ticketing"])}
    >
      <Form.Item name="category" label={t("category")} rules={[{ required: true, message: t("required") }]}>
        <CategoryInput />
      </Form.Item>
      <Form.Item name="priority" label={t("priority")}>
        <Radio.Group options={priorities.map((value) => ({ value, label: say(value) }))} />
      </Form.Item>
    </ReviseDialog>
  );
}
