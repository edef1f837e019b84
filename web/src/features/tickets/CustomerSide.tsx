/** Beside the ticket: who asks, what was bought, what was said before, other tickets. One question to the service. */
import { MailOutlined, PhoneOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useHappening } from "@/features/customers/timelineWords";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { Money } from "@/ui/Money";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { statusTone, terms } from "./terms";

const dictionary = words(
  {
    customer: "Customer", unknown: "The customer is not known", unknown_text: "“More → Say who the customer is” links this ticket.", contact: "Contact", owner: "Owner", deals: "Deals under way", orders: "Orders", level: "Level",
    purchases: "Purchases", communications: "History", other_tickets: "Other tickets", none: "None yet", missing: "{parts} did not answer; the rest is complete.", no_subject: "(no subject)", call: "Call", mail: "Mail",
    prospect: "Prospect", active: "Customer", silent: "Silent", lost: "Lost", archived: "Archived",
  },
  {
    customer: "客户", unknown: "尚未确认客户", unknown_text: "可通过“更多 → 指定客户”关联。", contact: "联系人", owner: "负责人", deals: "进行中商机", orders: "订单", level: "等级",
    purchases: "购买记录", communications: "沟通历史", other_tickets: "其他工单", none: "暂无", missing: "{parts} 未响应，其余内容完整。", no_subject: "（无主题）", call: "拨打", mail: "邮件",
    prospect: "潜在客户", active: "成交客户", silent: "沉默客户", lost: "流失客户", archived: "已归档",
  },
);
const statusWords = ["prospect", "active", "silent", "lost", "archived"] as const;
const orderTone = { confirmed: "brand", shipped: "good", cancelled: "dull" } as const;
const orderWords = words({ placed: "Placed", confirmed: "Confirmed", shipped: "Shipped", cancelled: "Cancelled", completed: "Completed" }, { placed: "已下单", confirmed: "已确认", shipped: "已发货", cancelled: "已取消", completed: "已完成" });

/** "activity.call" as the timeline tells it. */
const ofKind = (kind: string) => ({ type: kind.split(".")[0] ?? "", title: "", details: { kind: kind.split(".")[1] ?? "" } });

export function CustomerSide({ ticketId, customerId }: { ticketId: string; customerId: string }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const order = useWords(orderWords);
  const happening = useHappening();
  const f = useFormats();
  const mayCard = useMay("customer.customer.read");
  const context = useAsk("/v1/tickets/{ticket_id}/context", { path: { ticket_id: ticketId } }, { live: ["ticketing", "customer", "pipeline"] });
  const card = useAsk("/v1/customers/{customer_id}/card", { path: { customer_id: customerId } }, { live: ["customer"], enabled: Boolean(customerId) && mayCard, select: (answer) => answer.card });
  return (
    <Answered of={context}>
      {(data) => {
        const who = data.customer;
        const status = statusWords.find((each) => each === who?.status);
        return (
          <div className="stack">
            {data.missing.length > 0 && <p className="quiet" role="status">{t("missing", { parts: f.list([...data.missing]) })}</p>}
            <Section title={t("customer")}>
              {who?.customer_id ? (
                <div className="stack" style={{ gap: 10 }}>
                  <div className="row">
                    <Link className="strong" to={places.customer(who.customer_id)}>{who.name || who.customer_id.slice(0, 8)}</Link>
                    {status && <Tag tone={status === "active" ? "good" : status === "silent" || status === "lost" ? "warn" : undefined}>{t(status)}</Tag>}
                  </div>
                  <dl className="pairs">
                    {who.contact_name && <><dt>{t("contact")}</dt><dd>{who.contact_name}</dd></>}
                    {who.level && <><dt>{t("level")}</dt><dd>{who.level}</dd></>}
                    <dt>{t("owner")}</dt><dd><PersonName id={who.owner_id} /></dd>
                    <dt>{t("deals")}</dt><dd>{f.number(who.open_opportunities)}</dd>
                    <dt>{t("orders")}</dt><dd>{f.number(who.orders)}</dd>
                  </dl>
                  {(card.data?.phone || card.data?.email) && (
                    <div className="row">
                      {card.data.phone && <Button size="small" icon={<PhoneOutlined />} href={`tel:${card.data.phone}`} aria-label={`${t("call")} ${card.data.phone}`}>{card.data.phone}</Button>}
                      {card.data.email && <Button size="small" icon={<MailOutlined />} href={`mailto:${card.data.email}`} aria-label={`${t("mail")} ${card.data.email}`}>{t("mail")}</Button>}
                    </div>
                  )}
                </div>
              ) : (
                <Notice quiet title={t("unknown")} text={t("unknown_text")} />
              )}
            </Section>
            {who?.customer_id && (
              <>
                <Section title={t("other_tickets")}>
                  {data.tickets.length ? (
                    <ul className="lines">
                      {data.tickets.map((each) => (
                        <li key={each.ticket_id}>
                          <div className="line-top"><Link to={places.ticket(each.ticket_id)} className="clip">{each.subject || t("no_subject")}</Link><Tag tone={statusTone[each.status]}>{say(each.status)}</Tag></div>
                          <small className="quiet">{f.day(each.opened_at)} · {each.category}</small>
                        </li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
                <Section title={t("purchases")}>
                  {data.purchases.length ? (
                    <ul className="lines">
                      {data.purchases.map((each) => (
                        <li key={each.order_id}>
                          <div className="line-top"><Link to={places.order(each.order_id)}>{f.day(each.placed_on)}</Link><Money of={each.total} short />{each.status in orderWords.en && <Tag tone={orderTone[each.status as keyof typeof orderTone]}>{order(each.status as keyof typeof orderWords.en)}</Tag>}</div>
                          {each.products.length > 0 && <small className="quiet">{f.list([...each.products])}</small>}
                        </li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
                <Section title={t("communications")}>
                  {data.communications.length ? (
                    <ul className="lines">
                      {data.communications.map((each) => (
                        <li key={each.activity_id}>
                          <div>{happening(ofKind(each.kind))}{each.summary && `: ${each.summary}`}</div>
                          <small className="quiet">{f.moment(each.at)}</small>
                        </li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
              </>
            )}
          </div>
        );
      }}
    </Answered>
  );
}
