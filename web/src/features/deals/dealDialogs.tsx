/** The windows in which a deal is worked. Each gives one command. */
import { Form, Input, InputNumber, Select } from "antd";
import { useRef } from "react";
import { useNavigate } from "react-router";
import { get } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { places } from "@/app/places";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { DayInput } from "@/ui/DayInput";
import { MoneyInput } from "@/ui/MoneyInput";
import { PersonSelect } from "@/ui/PersonSelect";
import { ReviseDialog, type Seen } from "@/ui/ReviseDialog";
import { dealWords } from "./dealWords";
import { inDays, type Deal, type Stage } from "./show";

const touches = ["pipeline"] as const;
interface Dialog {
  deal: Deal;
  onClose: () => void;
}

export function NewDealDialog({ onClose, customerId = "", pipelineId = "" }: { onClose: () => void; customerId?: string; pipelineId?: string }) {
  const t = useWords(dealWords);
  const navigate = useNavigate();
  const made = useRef("");
  const open = useTell("/v1/opportunities", { touches, onDone: (answer) => { made.current = answer.opportunity_id; } });
  interface Values {
    customer_id?: string;
    title: string;
    amount?: Amount;
    expected_close_on?: string;
    next_step?: string;
  }
  return (
    <CommandDialog<Values>
      name="deal.new"
      title={t("new_deal")}
      text={t("needs")}
      initial={{ customer_id: customerId, expected_close_on: inDays(60) }}
      onClose={onClose}
      onDone={() => void navigate(places.opportunity(made.current))}
      submit={(values, requestId) => open.mutateAsync({ body: { ...values, pipeline_id: pipelineId, ...(values.next_step ? { next_step_on: inDays(2) } : {}) }, requestId })}
    >
      <Form.Item name="customer_id" label={t("customer")}>
        <CustomerSelect />
      </Form.Item>
      <Form.Item name="title" label={t("title")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={200} />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="amount" label={t("amount")}>
          <MoneyInput />
        </Form.Item>
        <Form.Item name="expected_close_on" label={t("close_on")}>
          <DayInput />
        </Form.Item>
      </div>
      <Form.Item name="next_step" label={t("next_step")}>
        <Input maxLength={200} />
      </Form.Item>
    </CommandDialog>
  );
}

/** Why a deal goes to this stage; the server asked for it. */
export function MoveDialog({ deal, stage, onClose }: Dialog & { stage: Stage }) {
  const t = useWords(dealWords);
  const advance = useTell("/v1/opportunities/{opportunity_id}:advance", { touches, keepAs: deal.title });
  return (
    <CommandDialog<{ reason: string }>
      name={`deal.move:${deal.opportunity_id}`}
      title={t("move_back")}
      text={`${deal.title}: ${deal.stage_name} → ${stage.name}`}
      save={t("move")}
      onClose={onClose}
      submit={({ reason }, requestId) => advance.mutateAsync({ path: { opportunity_id: deal.opportunity_id }, body: { to_stage_id: stage.stage_id, reason, expected_version: deal.version }, requestId })}
    >
      <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
      </Form.Item>
    </CommandDialog>
  );
}

export function WinDialog({ deal, onClose }: Dialog) {
  const t = useWords(dealWords);
  const win = useTell("/v1/opportunities/{opportunity_id}:win", { touches, keepAs: deal.title });
  return (
    <CommandDialog<{ reason: string; competitor?: string; amount?: Amount }>
      name={`deal.win:${deal.opportunity_id}`}
      title={`${t("win")}: ${deal.title}`}
      save={t("win")}
      initial={{ ...(deal.amount ? { amount: deal.amount } : {}) }}
      onClose={onClose}
      submit={(values, requestId) => win.mutateAsync({ path: { opportunity_id: deal.opportunity_id }, body: { ...values, expected_version: deal.version }, requestId })}
    >
      <Form.Item name="reason" label={t("why_won")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
      </Form.Item>
      <Form.Item name="amount" label={t("amount")}>
        <MoneyInput />
      </Form.Item>
      <Form.Item name="competitor" label={t("competitor")}>
        <Input maxLength={100} />
      </Form.Item>
    </CommandDialog>
  );
}

export function LoseDialog({ deal, onClose }: Dialog) {
  const t = useWords(dealWords);
  const lose = useTell("/v1/opportunities/{opportunity_id}:lose", { touches, keepAs: deal.title });
  return (
    <CommandDialog<{ reason: string; competitor: string }>
      name={`deal.lose:${deal.opportunity_id}`}
      title={`${t("lose")}: ${deal.title}`}
      save={t("lose")}
      onClose={onClose}
      submit={(values, requestId) => lose.mutateAsync({ path: { opportunity_id: deal.opportunity_id }, body: { ...values, expected_version: deal.version }, requestId })}
    >
      <Form.Item name="reason" label={t("why_lost")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
      </Form.Item>
      <Form.Item name="competitor" label={t("against")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={100} />
      </Form.Item>
    </CommandDialog>
  );
}

export function ReopenDialog({ deal, stages, onClose }: Dialog & { stages: readonly Stage[] }) {
  const t = useWords(dealWords);
  const reopen = useTell("/v1/opportunities/{opportunity_id}:reopen", { touches, keepAs: deal.title });
  return (
    <CommandDialog<{ reason: string; to_stage_id?: string }>
      name={`deal.reopen:${deal.opportunity_id}`}
      title={t("reopen")}
      save={t("reopen")}
      onClose={onClose}
      submit={(values, requestId) => reopen.mutateAsync({ path: { opportunity_id: deal.opportunity_id }, body: values, requestId })}
    >
      <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
      </Form.Item>
      <Form.Item name="to_stage_id" label={t("reopen_to")}>
        <Select allowClear options={stages.filter((each) => each.kind === "STAGE_KIND_OPEN").map((each) => ({ value: each.stage_id, label: each.name }))} />
      </Form.Item>
    </CommandDialog>
  );
}

export function TransferDialog({ deal, onClose }: Dialog) {
  const t = useWords(dealWords);
  const transfer = useTell("/v1/opportunities/{opportunity_id}:transfer", { touches });
  return (
    <CommandDialog<{ to_owner_id: string; reason?: string }>
      name={`deal.transfer:${deal.opportunity_id}`}
      title={t("transfer")}
      save={t("transfer")}
      onClose={onClose}
      submit={(values, requestId) => transfer.mutateAsync({ path: { opportunity_id: deal.opportunity_id }, body: values, requestId })}
    >
      <Form.Item name="to_owner_id" label={t("to_whom")} rules={[{ required: true }]}>
        <PersonSelect />
      </Form.Item>
      <Form.Item name="reason" label={t("reason")}>
        <Input maxLength={300} />
      </Form.Item>
    </CommandDialog>
  );
}

export function PlanStepDialog({ deal, done, onClose }: Dialog & { done: boolean }) {
  const t = useWords(dealWords);
  const plan = useTell("/v1/opportunities/{opportunity_id}:planNextStep", { touches, keepAs: deal.title });
  const take = useTell("/v1/opportunities/{opportunity_id}:takeNextStep", { touches, keepAs: deal.title });
  const path = { opportunity_id: deal.opportunity_id };
  return (
    <CommandDialog<{ subject?: string; due_on: string }>
      name={`deal.plan:${deal.opportunity_id}`}
      title={done ? `${t("done_step")}: ${deal.next_step}` : t("plan_step")}
      text={t("step_hint")}
      save={done ? t("done_step") : t("plan")}
      initial={{ subject: done ? "" : deal.next_step, due_on: (!done && deal.next_step_on) || inDays(3) }}
      onClose={onClose}
      fieldOf={(violated) => violated.replace("next_subject", "subject").replace("next_due_on", "due_on")}
      submit={({ subject, due_on }, requestId) =>
        done ? take.mutateAsync({ path, body: subject ? { next_subject: subject, next_due_on: due_on } : {}, requestId }) : plan.mutateAsync({ path, body: { subject: subject ?? "", due_on }, requestId })
      }
    >
      <Form.Item name="subject" label={done ? t("then_what") : t("what_next")} rules={done ? [] : [{ required: true, whitespace: true }]}>
        <Input autoFocus maxLength={200} />
      </Form.Item>
      <Form.Item name="due_on" label={t("on_day")}>
        <DayInput />
      </Form.Item>
    </CommandDialog>
  );
}

interface Details {
  title: string;
  amount?: Amount | undefined;
  expected_close_on: string;
  probability: number;
  customer_id: string;
}
const seenOf = ({ version, title, amount, expected_close_on, probability, customer_id }: Deal): Seen<Details> => ({ version, values: { title, amount, expected_close_on, probability, customer_id } });

/** What two people changed at once is shown side by side. */
export function EditDealDialog({ deal, onClose }: Dialog) {
  const t = useWords(dealWords);
  const f = useFormats();
  const revise = useTell("/v1/opportunities/{opportunity_id}:revise", { touches, keepAs: deal.title });
  const path = { opportunity_id: deal.opportunity_id };
  return (
    <ReviseDialog<Details>
      name={`deal.edit:${deal.opportunity_id}`}
      title={t("edit")}
      labels={{ title: t("title"), amount: t("amount"), expected_close_on: t("close_on"), probability: t("probability"), customer_id: t("customer") }}
      seen={seenOf(deal)}
      latest={async () => {
        const now = (await get("/v1/opportunities/{opportunity_id}", { path })).opportunity;
        return now && seenOf(now);
      }}
      revise={(changed, { version }, requestId) => revise.mutateAsync({ path, body: { ...changed, expected_version: version }, ...(requestId ? { requestId } : {}) })}
      show={(key, value) => (key === "amount" ? f.money(value as Amount | undefined) : key === "expected_close_on" ? f.day(String(value ?? "")) : String(value ?? ""))}
      onClose={onClose}
    >
      <Form.Item name="title" label={t("title")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="customer_id" label={t("customer")}>
        <CustomerSelect />
      </Form.Item>
      <Form.Item name="amount" label={t("amount")}>
        <MoneyInput />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="expected_close_on" label={t("close_on")}>
          <DayInput />
        </Form.Item>
        <Form.Item name="probability" label={t("probability")}>
          <InputNumber min={0} max={100} suffix="%" style={{ width: "100%" }} />
        </Form.Item>
      </div>
    </ReviseDialog>
  );
}

/** All pipelines, the default one first; asked once for the session. */
export function usePipelines() {
  return useAsk("/v1/pipelines", {}, { freshMs: 300_000 });
}
