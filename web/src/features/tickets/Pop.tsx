/** The telephone rings: who calls, what is open, what was bought. `/pop?phone=` is what a telephone system opens. */
import { PhoneOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { Link, useSearchParams } from "react-router";
import { post } from "@/api/client";
import { useAsk } from "@/api/hooks";
import type { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useHappening } from "@/features/customers/timelineWords";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { LinkButton } from "@/ui/LinkButton";
import { Monies, Money } from "@/ui/Money";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered, Notice, Refused, Waiting } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { NextClock } from "./clocks";
import { statusTone, terms } from "./terms";
import "./tickets.css";

const dictionary = words(
  {
    title: "Caller", ask: "Phone number", find: "Find", calling: "Call from {phone}", several: "Several customers have this number", nobody: "Nobody with this number is known", nobody_text: "A ticket can be opened without a customer, or the caller added first.", start: "Type the caller’s number", start_text: "A telephone system opens /pop?phone=… by itself.",
    open_ticket: "Open a ticket", new_customer: "Add the customer", whole: "Whole customer", tickets: "Tickets", orders: "Orders", history: "Last contacts", none: "None yet", no_subject: "(no subject)", contact: "Contact", owner: "Owner", bought: "Bought for", open_tickets: "Open tickets", last: "Last contact", missing: "{parts} did not answer; the rest is complete.",
  },
  {
    title: "来电", ask: "电话号码", find: "查询", calling: "来电 {phone}", several: "多个客户使用此号码", nobody: "没有找到此号码", nobody_text: "可以先创建不带客户的工单，或先新建客户。", start: "请输入来电号码", start_text: "电话系统可自动打开 /pop?phone=…",
    open_ticket: "新建工单", new_customer: "新建客户", whole: "客户详情", tickets: "工单", orders: "订单", history: "最近联系", none: "暂无", no_subject: "（无主题）", contact: "联系人", owner: "负责人", bought: "累计购买", open_tickets: "未完成工单", last: "上次联系", missing: "{parts} 未响应，其余内容完整。",
  },
);

export default function Pop() {
  const t = useWords(dictionary);
  const [address, setAddress] = useSearchParams();
  const phone = (address.get("phone") ?? "").trim();
  const chosen = address.get("customer") ?? "";
  const mayCreate = useMay("ticketing.ticket.create");
  const found = useQuery<{ customer_id: string; name: string; primary_contact_name: string }[], Problem>({
    queryKey: ["pop", phone],
    queryFn: async ({ signal }) => (await post("/v1/customers:search", { body: { query: phone, page_size: 10 }, signal })).customers,
    enabled: phone.length >= 4,
    meta: { live: ["customer"] },
  });
  const matches = found.data ?? [];
  const only = chosen || (matches.length === 1 ? matches[0]?.customer_id : "");
  const ticketFor = (customer: string) => `/tickets/new?channel=CHANNEL_PHONE${customer ? `&customer=${customer}` : ""}`;
  return (
    <Page
      title={phone ? t("calling", { phone }) : t("title")}
      heading={phone ? <span className="pop-number"><PhoneOutlined /> {phone}</span> : t("title")}
      actions={mayCreate && phone && <LinkButton to={ticketFor(only ?? "")} type="primary" icon={<PlusOutlined />}>{t("open_ticket")}</LinkButton>}
    >
      <form
        className="row gap-below"
        key={phone}
        onSubmit={(event) => {
          event.preventDefault();
          const typed = String(new FormData(event.currentTarget).get("phone") ?? "").trim();
          setAddress(typed ? { phone: typed } : {});
        }}
      >
        <Input name="phone" type="tel" inputMode="tel" defaultValue={phone} aria-label={t("ask")} placeholder={t("ask")} style={{ maxWidth: 260 }} autoFocus={!phone} />
        <Button htmlType="submit">{t("find")}</Button>
      </form>
      {phone.length < 4 ? (
        <Notice title={t("start")} text={t("start_text")} />
      ) : found.isPending ? (
        <Waiting />
      ) : found.error ? (
        <Refused error={found.error} retry={() => void found.refetch()} />
      ) : only ? (
        <Caller customerId={only} />
      ) : matches.length ? (
        <Section title={t("several")}>
          <ul className="lines">
            {matches.map((each) => (
              <li key={each.customer_id} className="line-top">
                <Link to={`/pop?phone=${encodeURIComponent(phone)}&customer=${each.customer_id}`}>{each.name}</Link>
                <span className="quiet">{each.primary_contact_name}</span>
              </li>
            ))}
          </ul>
        </Section>
      ) : (
        <Notice title={t("nobody")} text={t("nobody_text")} action={<LinkButton to={`/customers/new?phone=${encodeURIComponent(phone)}`}>{t("new_customer")}</LinkButton>} />
      )}
    </Page>
  );
}

function Caller({ customerId }: { customerId: string }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const happening = useHappening();
  const f = useFormats();
  const whole = useAsk("/v1/customers/{customer_id}/overview", { path: { customer_id: customerId } }, { live: ["customer", "ticketing", "pipeline"] });
  return (
    <Answered of={whole} rows={8}>
      {(data) => {
        const card = data.card?.card;
        // What the person may not read is not missing; what did not answer in time is.
        const missing = data.missing.filter((each) => each.reason !== "not-allowed").map((each) => each.part ?? "");
        return (
          <div className="stack">
            {missing.length > 0 && <p className="quiet" role="status">{t("missing", { parts: f.list(missing) })}</p>}
            {card && (
              <Section title={<Link to={places.customer(card.customer_id)}>{card.name}</Link>} extra={<Link to={places.customer(card.customer_id)}>{t("whole")} →</Link>}>
                <dl className="facts">
                  <div><dt>{t("contact")}</dt><dd>{card.primary_contact_name || "–"}</dd></div>
                  <div><dt>{t("owner")}</dt><dd><PersonName id={card.owner_id} /></dd></div>
                  <div><dt>{t("bought")}</dt><dd><Monies of={card.order_totals} short /></dd></div>
                  <div><dt>{t("open_tickets")}</dt><dd>{f.number(card.open_tickets)}</dd></div>
                  <div><dt>{t("last")}</dt><dd>{f.ago(card.last_contact_at) || "–"}</dd></div>
                </dl>
              </Section>
            )}
            <div className="grid">
              <div className="grid-half">
                <Section title={t("tickets")}>
                  {data.tickets?.tickets?.length ? (
                    <ul className="lines">
                      {data.tickets.tickets.slice(0, 8).map((each) => (
                        <li key={each.ticket_id}>
                          <div className="line-top"><Link to={places.ticket(each.ticket_id)} className="clip">{each.subject || t("no_subject")}</Link><Tag tone={statusTone[each.status]}>{say(each.status)}</Tag></div>
                          <small className="quiet">{f.day(each.opened_at)} · <NextClock of={each} /></small>
                        </li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
              </div>
              <div className="grid-half stack">
                <Section title={t("orders")}>
                  {data.orders?.orders?.length ? (
                    <ul className="lines">
                      {data.orders.orders.slice(0, 6).map((each) => (
                        <li key={each.order_id} className="line-top"><Link to={places.order(each.order_id)}>{f.day(each.placed_on)}</Link><Money of={each.total} short /></li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
                <Section title={t("history")}>
                  {data.timeline?.entries?.length ? (
                    <ul className="lines">
                      {data.timeline.entries.slice(0, 6).map((each) => (
                        <li key={each.event_id}><div>{happening(each)}</div>{each.content && <div className="quiet clip">{each.content}</div>}<small className="quiet">{f.moment(each.effective_at ?? each.recorded_at)}</small></li>
                      ))}
                    </ul>
                  ) : <p className="quiet">{t("none")}</p>}
                </Section>
              </div>
            </div>
          </div>
        );
      }}
    </Answered>
  );
}
