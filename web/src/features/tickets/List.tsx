/** The desk's queue: what is due next comes first. */
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, words } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Tag } from "@/ui/Tag";
import { duration, NextClock } from "./clocks";
import { channels, priorities, priorityTone, statuses, statusTone, terms, type Channel, type Priority, type Status, type Ticket } from "./terms";
import "./tickets.css";

const dictionary = words(
  {
    title: "Tickets", open_ticket: "Open a ticket", subject: "Subject", no_subject: "(no subject)", customer: "Customer", clock: "Deadline", status: "Status", priority: "Priority", queue: "Queue", assignee: "Assignee", category: "Category", channel: "Channel", opened: "Opened", score: "Survey", order: "Order",
    mine: "Mine", nobodys: "Nobody’s", overdue: "Overdue", complaints: "Complaints", open: "Open", resolved: "Resolved",
    newest: "Newest first", oldest: "Oldest first", due: "Next deadline first", urgent: "Most urgent first",
    oldest_is: "oldest {age}", unassigned: "{count} nobody’s", over: "{count} overdue", waits: "{count} waiting",
    empty: "No tickets yet", empty_text: "Requests from every channel arrive here. The first one can be opened by hand.",
  },
  {
    title: "工单", open_ticket: "新建工单", subject: "主题", no_subject: "（无主题）", customer: "客户", clock: "时限", status: "状态", priority: "优先级", queue: "队列", assignee: "处理人", category: "类别", channel: "渠道", opened: "创建时间", score: "满意度", order: "排序",
    mine: "我的", nobodys: "未分配", overdue: "已超时", complaints: "投诉", open: "未完成", resolved: "已解决",
    newest: "最新优先", oldest: "最早优先", due: "临近时限优先", urgent: "最紧急优先",
    oldest_is: "最久 {age}", unassigned: "{count} 件未分配", over: "{count} 件超时", waits: "{count} 件等待客户",
    empty: "暂无工单", empty_text: "各渠道的服务请求会汇集在这里，也可以手工新建第一张。",
  },
);

const open = "statuses=TICKET_STATUS_NEW&statuses=TICKET_STATUS_IN_PROGRESS&statuses=TICKET_STATUS_WAITING";
const orders = { "opened_at": "TICKET_ORDER_OLDEST", "-opened_at": "TICKET_ORDER_NEWEST", due: "TICKET_ORDER_DUE", priority: "TICKET_ORDER_PRIORITY" } as const;

export default function List() {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const f = useFormats();
  const { language } = useLanguage();
  const { personId, may } = useSession();
  const navigate = useNavigate();
  const queues = useAsk("/v1/queues", {}, { live: ["ticketing"] });
  const names = new Map((queues.data?.queues ?? []).map((each) => [each.queue, each.name || each.queue]));
  const title = (row: Ticket) => row.subject || t("no_subject");
  const openTicket = may("ticketing.ticket.create") && (
    <Button type="primary" icon={<PlusOutlined />} onClick={() => void navigate("/tickets/new")}>
      {t("open_ticket")}
    </Button>
  );
  return (
    <Page title={t("title")} actions={openTicket} wide>
      {Boolean(queues.data?.queues.length) && (
        <div className="queues">
          {queues.data?.queues.map((each) => (
            <Link key={each.queue} className="queue" to={`/tickets?${open}&queue=${encodeURIComponent(each.queue)}`}>
              <span className="queue-top">
                <strong>{f.number(each.open)}</strong>
                <span className="clip">{each.name || each.queue}</span>
              </span>
              <span className="queue-notes">
                {each.overdue !== "0" && <span className="bad">{t("over", { count: each.overdue })}</span>}
                {each.unassigned !== "0" && <span className="warn">{t("unassigned", { count: each.unassigned })}</span>}
                {each.waiting !== "0" && <span>{t("waits", { count: each.waiting })}</span>}
                {each.open !== "0" && <span>{t("oldest_is", { age: duration(Number(each.oldest_age_s), language) })}</span>}
              </span>
            </Link>
          ))}
        </div>
      )}
      <DataList<Ticket>
        name="tickets"
        live={["ticketing"]}
        rowKey={(row) => row.ticket_id}
        to={(row) => places.ticket(row.ticket_id)}
        load={async (q, signal) => {
          const one = (key: string) => q.filters[key]?.[0] ?? "";
          const found = await get("/v1/tickets", {
            query: {
              search: q.search,
              statuses: [...(q.filters.statuses ?? [])] as Status[],
              queue: one("queue"),
              assignee_id: one("assignee"),
              ...(one("unassigned") ? { unassigned: true } : {}),
              ...(one("overdue") ? { overdue: true } : {}),
              ...(one("complaints") ? { complaints: true } : {}),
              ...(one("priority") ? { priority: one("priority") as Priority } : {}),
              ...(one("channel") ? { channel: one("channel") as Channel } : {}),
              order: orders[(q.sort.replace(/^-(?!opened_at)/, "") || "-opened_at") as keyof typeof orders] ?? "TICKET_ORDER_NEWEST",
              page_size: q.pageSize,
              page_token: q.pageToken,
            },
            signal,
          });
          return { rows: found.tickets, next: found.next_page_token, total: Number(found.total_size) };
        }}
        views={[
          { key: "mine", label: t("mine"), query: `${open}&assignee=${personId}&sort=due` },
          { key: "open", label: t("open"), query: `${open}&sort=due` },
          { key: "nobodys", label: t("nobodys"), query: "unassigned=true" },
          { key: "overdue", label: t("overdue"), query: "overdue=true&sort=due" },
          { key: "complaints", label: t("complaints"), query: "complaints=true" },
          { key: "resolved", label: t("resolved"), query: "statuses=TICKET_STATUS_RESOLVED" },
        ]}
        filters={[
          { key: "statuses", label: t("status"), kind: "select", multiple: true, options: statuses.map((value) => ({ value, label: say(value) })) },
          { key: "queue", label: t("queue"), kind: "select", options: [...names].map(([value, label]) => ({ value, label })) },
          { key: "priority", label: t("priority"), kind: "select", options: priorities.map((value) => ({ value, label: say(value) })) },
          { key: "channel", label: t("channel"), kind: "select", options: channels.map((value) => ({ value, label: say(value) })) },
          { key: "unassigned", label: t("nobodys"), kind: "hidden" },
          { key: "overdue", label: t("overdue"), kind: "hidden" },
          { key: "complaints", label: t("complaints"), kind: "hidden" },
          { key: "assignee", label: t("mine"), kind: "hidden" },
        ]}
        columns={[
          { key: "clock", title: t("clock"), width: 140, sort: "due", render: (row) => <NextClock of={row} /> },
          { key: "subject", title: t("subject"), width: 280, render: (row) => (<span className="row row-tight"><Link className="strong clip" style={{ maxWidth: 230 }} to={places.ticket(row.ticket_id)}>{title(row)}</Link>{row.complaint && <Tag tone="bad">{say("complaint")}</Tag>}{row.escalation_level > 0 && <Tag tone="warn">{say("escalated", { level: row.escalation_level })}</Tag>}</span>) },
          { key: "customer", title: t("customer"), width: 210, render: (row) => <CustomerName id={row.customer_id} link /> },
          { key: "status", title: t("status"), width: 110, render: (row) => <Tag tone={statusTone[row.status]}>{say(row.status)}</Tag> },
          { key: "priority", title: t("priority"), width: 90, sort: "priority", render: (row) => <Tag tone={priorityTone[row.priority]}>{say(row.priority)}</Tag> },
          { key: "assignee", title: t("assignee"), width: 110, render: (row) => <PersonName id={row.assignee_id} /> },
          { key: "queue", title: t("queue"), width: 120, render: (row) => names.get(row.queue) ?? row.queue },
          { key: "category", title: t("category"), width: 110, render: (row) => row.category },
          { key: "opened", title: t("opened"), width: 120, sort: "opened_at", render: (row) => <span title={f.moment(row.opened_at)}>{f.ago(row.opened_at)}</span> },
          { key: "channel", title: t("channel"), width: 100, hidden: true, render: (row) => say(row.channel) },
          { key: "score", title: t("score"), width: 80, hidden: true, right: true, render: (row) => (row.survey_score ? `${row.survey_score} / 5` : "–") },
        ]}
        card={(row) => ({
          title: <>{title(row)} {row.complaint && <Tag tone="bad">{say("complaint")}</Tag>}</>,
          meta: (<><CustomerName id={row.customer_id} /><span>{say(row.status)}</span>{priorityTone[row.priority] && <span className={priorityTone[row.priority] === "bad" ? "bad" : ""}>{say(row.priority)}</span>}<NextClock of={row} /></>),
        })}
        empty={{ title: t("empty"), text: t("empty_text"), action: openTicket }}
      />
    </Page>
  );
}
