/** On the start page: the agent's open tickets, what is due next first. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { Answered, Notice } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { NextClock } from "./clocks";
import { priorityTone, terms } from "./terms";
import "./tickets.css";

const dictionary = words(
  { none: "Nothing waits for you", none_text: "New tickets show up here as soon as they are assigned.", all: "All my tickets", no_subject: "(no subject)" },
  { none: "没有待处理的工单", none_text: "分配给您的新工单会立即显示在这里。", all: "查看我的全部工单", no_subject: "（无主题）" },
);

export default function MyQueue() {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const { personId } = useSession();
  const mine = useAsk(
    "/v1/tickets",
    { query: { assignee_id: personId, statuses: ["TICKET_STATUS_NEW", "TICKET_STATUS_IN_PROGRESS", "TICKET_STATUS_WAITING"], order: "TICKET_ORDER_DUE", page_size: 8 } },
    { live: ["ticketing"] },
  );
  return (
    <Answered of={mine}>
      {(data) =>
        data.tickets.length ? (
          <ul className="lines">
            {data.tickets.map((each) => (
              <li key={each.ticket_id} className="row">
                <span style={{ width: 130 }}><NextClock of={each} /></span>
                <Link className="strong" to={places.ticket(each.ticket_id)}>{each.subject || t("no_subject")}</Link>
                <span className="quiet"><CustomerName id={each.customer_id} /></span>
                {priorityTone[each.priority] && <Tag tone={priorityTone[each.priority]}>{say(each.priority)}</Tag>}
              </li>
            ))}
            {Number(data.total_size) > data.tickets.length && <li><Link to={`/tickets?assignee=${personId}`}>{t("all")}</Link></li>}
          </ul>
        ) : (
          <Notice quiet title={t("none")} text={t("none_text")} />
        )
      }
    </Answered>
  );
}
