/** One ticket: what was said, what runs out, what can be done, and the customer beside it. */
import { Tabs } from "antd";
import { useParams } from "react-router";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, words } from "@/i18n/words";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { TicketActions } from "./Actions";
import { AnswerBox } from "./Answer";
import { ClockText, duration } from "./clocks";
import { CustomerSide } from "./CustomerSide";
import { entrySide, entryWords, priorityTone, statusTone, terms, type EntryKind, type Ticket } from "./terms";
import "./tickets.css";

const dictionary = words(
  {
    tickets: "Tickets", no_subject: "(no subject)", talk: "Conversation", steps: "Steps and times", details: "Details", asked: "Asked", assignee: "Assignee", queue: "Queue", category: "Category", channel: "Channel", opened: "Opened", why: "Why this person", reopened: "Reopened", times: "{count} ×", hand_overs: "Handed over", reference: "Number elsewhere", cause: "Root cause",
    step: "Step", from: "From", took: "Took", of_it: "in business hours", who: "Who", running: "until now", survey: "Satisfaction", not_answered: "Asked on {when}; no answer yet", not_asked: "The customer is asked once the ticket is closed.", low: "Low: a follow-up ticket was opened", stars: "{score} of 5",
  },
  {
    tickets: "工单", no_subject: "（无主题）", talk: "沟通记录", steps: "步骤与用时", details: "详情", asked: "提问", assignee: "处理人", queue: "队列", category: "类别", channel: "渠道", opened: "创建时间", why: "分配原因", reopened: "重新打开", times: "{count} 次", hand_overs: "转交", reference: "外部编号", cause: "根本原因",
    step: "步骤", from: "开始", took: "用时", of_it: "工作时间内", who: "操作人", running: "至今", survey: "满意度", not_answered: "已于 {when} 发出，尚未答复", not_asked: "工单关闭后会邀请客户评价。", low: "评分较低，已开跟进工单", stars: "{score} 分（满分 5）",
  },
);
const stepWords = words(
  { opened: "Opened", assigned: "Assigned", responded: "Answered", "customer-replied": "Customer wrote", waiting: "Waiting", resumed: "Went on", "handed-over": "Handed over", worked: "Worked on", resolved: "Resolved", reopened: "Reopened", closed: "Closed", escalated: "Escalated", prioritised: "Priority changed", recategorised: "Category changed", "note-added": "Note", identified: "Customer found", warned: "Deadline near", breached: "Deadline passed" },
  { opened: "创建", assigned: "分配", responded: "答复", "customer-replied": "客户来信", waiting: "等待客户", resumed: "继续处理", "handed-over": "转交", worked: "处理", resolved: "解决", reopened: "重新打开", closed: "关闭", escalated: "升级", prioritised: "调整优先级", recategorised: "调整类别", "note-added": "备注", identified: "确认客户", warned: "临近时限", breached: "超过时限" },
);

export default function TicketPage() {
  const { ticketId = "" } = useParams();
  const t = useWords(dictionary);
  const question = useAsk("/v1/tickets/{ticket_id}", { path: { ticket_id: ticketId } }, { live: ["ticketing"] });
  return (
    <Answered of={question} rows={8}>
      {(data) => (data.ticket ? <Whole key={ticketId} ticket={data.ticket} description={data.description} entries={data.entries} /> : <Page title={t("tickets")}>{null}</Page>)}
    </Answered>
  );
}

interface Entry {
  kind: string;
  at?: string;
  by: string;
  channel: Ticket["channel"];
  text: string;
}

function Whole({ ticket, description, entries }: { ticket: Ticket; description: string; entries: readonly Entry[] }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const entry = useWords(entryWords);
  const f = useFormats();
  const mayEdit = useMay("ticketing.ticket.edit");
  const title = ticket.subject || t("no_subject");
  const all = entries.some((each) => each.kind === "request") || !description ? entries : [{ kind: "request", by: "", channel: ticket.channel, text: description, ...(ticket.opened_at ? { at: ticket.opened_at } : {}) }, ...entries];
  return (
    <Page
      title={title}
      wide
      above={{ to: "/tickets", label: t("tickets") }}
      heading={
        <span className="row">
          {title}
          <Tag tone={statusTone[ticket.status]}>{say(ticket.status)}</Tag>
          <Tag tone={priorityTone[ticket.priority]}>{say(ticket.priority)}</Tag>
          {ticket.complaint && <Tag tone={ticket.complaint_confirmed ? "good" : "bad"}>{say("complaint")}{ticket.complaint_confirmed ? ` · ${say("confirmed")}` : ""}</Tag>}
          {ticket.escalation_level > 0 && <Tag tone="warn">{say("escalated", { level: ticket.escalation_level })}</Tag>}
        </span>
      }
      note={<span className="row" style={{ gap: 16 }}>{ticket.clocks.map((each) => <ClockText key={each.clock} of={each} named />)}</span>}
      actions={<TicketActions ticket={ticket} />}
    >
      <div className="ticket">
        <Section>
          <Tabs
            items={[
              {
                key: "talk",
                label: t("talk"),
                children: (
                  <>
                    <ol className="talk" aria-label={t("talk")}>
                      {!all.length && <li className="talk-theirs"><div className="talk-head">{t("asked")} · {say(ticket.channel)} · <time dateTime={ticket.opened_at}>{f.moment(ticket.opened_at)}</time></div><div className="talk-text">{title}</div></li>}
                      {all.map((each, index) => (
                        <li key={`${each.at}-${index}`} className={`talk-${entrySide(each.kind)}`}>
                          <div className="talk-head">
                            <span className="strong">{each.kind in entryWords.en ? entry(each.kind as EntryKind) : each.kind}</span>
                            {entrySide(each.kind) !== "theirs" && each.by && <Actor actor={each.by} />}
                            {each.channel !== "CHANNEL_UNSPECIFIED" && <span>{say(each.channel)}</span>}
                            <time dateTime={each.at} title={f.ago(each.at)}>{f.moment(each.at)}</time>
                          </div>
                          <div className="talk-text">{each.text}</div>
                        </li>
                      ))}
                    </ol>
                    {mayEdit && <AnswerBox ticket={ticket} />}
                  </>
                ),
              },
              { key: "steps", label: t("steps"), children: <Steps ticketId={ticket.ticket_id} /> },
            ]}
          />
        </Section>
        <div className="stack">
          <CustomerSide ticketId={ticket.ticket_id} customerId={ticket.customer_id} />
          <Section title={t("survey")}><Survey ticket={ticket} /></Section>
          <Section title={t("details")}>
            <dl className="pairs">
              <dt>{t("assignee")}</dt><dd><PersonName id={ticket.assignee_id} /></dd>
              {ticket.assignment_reason && <><dt>{t("why")}</dt><dd className="quiet">{ticket.assignment_reason}</dd></>}
              <dt>{t("queue")}</dt><dd>{ticket.queue}</dd>
              <dt>{t("category")}</dt><dd>{ticket.category || "–"}</dd>
              <dt>{t("channel")}</dt><dd>{say(ticket.channel)}</dd>
              <dt>{t("opened")}</dt><dd>{f.moment(ticket.opened_at)}</dd>
              {ticket.times_reopened > 0 && <><dt>{t("reopened")}</dt><dd>{t("times", { count: ticket.times_reopened })}</dd></>}
              {ticket.hand_overs > 0 && <><dt>{t("hand_overs")}</dt><dd>{t("times", { count: ticket.hand_overs })}</dd></>}
              {ticket.cause_code && <><dt>{t("cause")}</dt><dd>{ticket.cause_code}</dd></>}
              {ticket.external_ref && <><dt>{t("reference")}</dt><dd>{ticket.external_ref}</dd></>}
            </dl>
          </Section>
        </div>
      </div>
    </Page>
  );
}

export function Stars({ score }: { score: number }) {
  const t = useWords(dictionary);
  return <span className="stars" role="img" aria-label={t("stars", { score })}>{"★".repeat(score)}<span>{"★".repeat(5 - score)}</span></span>;
}

function Survey({ ticket }: { ticket: Ticket }) {
  const t = useWords(dictionary);
  const f = useFormats();
  const may = useMay("ticketing.survey.read");
  const asked = useAsk("/v1/surveys", { query: { ticket_id: ticket.ticket_id, page_size: 1 } }, { live: ["ticketing"], enabled: may });
  const survey = asked.data?.surveys[0];
  if (!survey && ticket.survey_score) return <Stars score={ticket.survey_score} />;
  if (!survey) return <p className="quiet">{t("not_asked")}</p>;
  if (!survey.answered_at) return <p className="quiet">{t("not_answered", { when: f.day(survey.sent_at) })}</p>;
  return (
    <div className="stack" style={{ gap: 6 }}>
      <div className="row"><Stars score={survey.score} /><small className="quiet">{f.day(survey.answered_at)}</small></div>
      {survey.comment && <p>{survey.comment}</p>}
      {survey.low && <p className="warn">{t("low")}</p>}
    </div>
  );
}

function Steps({ ticketId }: { ticketId: string }) {
  const t = useWords(dictionary);
  const step = useWords(stepWords);
  const say = useWords(terms);
  const f = useFormats();
  const { language } = useLanguage();
  const asked = useAsk("/v1/tickets/{ticket_id}/steps", { path: { ticket_id: ticketId } }, { live: ["ticketing"] });
  return (
    <Answered of={asked}>
      {(data) => (
        <div className="stack">
          <dl className="facts">
            {data.by_status.map((each) => (
              <div key={each.status}>
                <dt>{say(each.status)}</dt>
                <dd>{duration(Number(each.seconds), language)} <small className="quiet">{duration(Number(each.business_seconds), language)} {t("of_it")}</small></dd>
              </div>
            ))}
          </dl>
          <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("steps")}>
            <table className="steps">
              <thead><tr><th>{t("step")}</th><th>{t("from")}</th><th className="num">{t("took")}</th><th>{t("assignee")}</th><th>{t("who")}</th></tr></thead>
              <tbody>
                {data.steps.map((each, index) => (
                  <tr key={`${each.started_at}-${index}`}>
                    <td>{each.activity || (each.step in stepWords.en ? step(each.step as keyof typeof stepWords.en) : each.step)}</td>
                    <td>{f.moment(each.started_at)}</td>
                    <td className="num">{duration(Number(each.seconds), language)}{each.ended_at ? "" : ` ${t("running")}`}</td>
                    <td><PersonName id={each.assignee_id} /></td>
                    <td className="quiet"><Actor actor={each.by} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </Answered>
  );
}
