/** One order: its way to the customer, and its way back as money. */
import { App, Button, Dropdown, Form, Input, Popconfirm, Progress, Select } from "antd";
import { MoreOutlined, PrinterOutlined } from "@ant-design/icons";
import { useState, type ReactNode } from "react";
import { Link, useParams } from "react-router";
import type { Answer } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerName } from "@/ui/customers";
import { DayInput } from "@/ui/DayInput";
import { Money } from "@/ui/Money";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { ApprovalPanel } from "./ApprovalPanel";
import { dealWords } from "./dealWords";
import { Lines } from "./Lines";
import { inDays, StateTag, today, useRefused, type Order } from "./show";
import "./deals.css";

type Whole = Answer<"/v1/orders/{order_id}">;
type Receivable = Whole["receivables"][number];
const methods = ["bank", "card", "cash", "online"] as const;

export default function OrderPage() {
  const { orderId = "" } = useParams();
  const asked = useAsk("/v1/orders/{order_id}", { path: { order_id: orderId } }, { live: ["pipeline"] });
  return <Answered of={asked}>{(data) => (data.order ? <Content whole={data} order={data.order} /> : null)}</Answered>;
}

function Content({ whole, order }: { whole: Whole; order: Order }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const refused = useRefused();
  const { may } = useSession();
  const { message } = App.useApp();
  const [open, setOpen] = useState<"" | "ship" | "cancel" | "pay" | "plan">("");
  const [writingOff, setWritingOff] = useState<Receivable>();
  const path = { order_id: order.order_id };
  const touches = ["pipeline"] as const;
  const submit = useTell("/v1/orders/{order_id}:submit", { touches, onDone: (answer) => void message.success(answer.approval_id ? t("submitted") : t("submit_ready")) });
  const confirm = useTell("/v1/orders/{order_id}:confirm", { touches });
  const ship = useTell("/v1/orders/{order_id}:ship", { touches });
  const deliver = useTell("/v1/orders/{order_id}:deliver", { touches });
  const cancel = useTell("/v1/orders/{order_id}:cancel", { touches });
  const pay = useTell("/v1/orders/{order_id}:recordPayment", { touches, onDone: () => void message.success(t("recorded")) });
  const plan = useTell("/v1/orders/{order_id}:planReceivables", { touches });
  const writeOff = useTell("/v1/orders/{order_id}:writeOffReceivable", { touches });
  const mayEdit = may("pipeline.order.edit");
  const mayMoney = may("pipeline.receivable.create") && order.state !== "ORDER_STATE_CANCELLED";
  const is = (...states: Order["state"][]) => states.includes(order.state);
  const fact = (label: string, value: ReactNode) => (value ? <div><dt>{label}</dt><dd>{value}</dd></div> : null);
  const total = Number(order.total?.minor_units ?? 0);
  const paid = Number(order.paid?.minor_units ?? 0);
  return (
    <Page
      title={order.number}
      above={{ to: "/orders", label: t("orders") }}
      heading={<span className="row">{order.number} <StateTag state={order.state} /></span>}
      note={<span className="row"><CustomerName id={order.customer_id} link /> <span>·</span> {f.day(order.placed_on)} <span>·</span> <PersonName id={order.owner_id} /></span>}
      actions={
        <>
          <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("print")}</Button>
          {mayMoney && <Button onClick={() => setOpen("pay")}>{t("record_payment")}</Button>}
          {mayEdit && is("ORDER_STATE_PLACED") && (
            <Popconfirm title={`${t("confirm")}: ${f.money(order.total)}`} onConfirm={() => confirm.mutate({ path }, { onError: refused })}>
              <Button type="primary" loading={confirm.isPending}>{t("confirm")}</Button>
            </Popconfirm>
          )}
          {mayEdit && is("ORDER_STATE_CONFIRMED") && <Button type="primary" onClick={() => setOpen("ship")}>{t("ship")}</Button>}
          {mayEdit && is("ORDER_STATE_SHIPPED") && <Button type="primary" loading={deliver.isPending} onClick={() => deliver.mutate({ path }, { onError: refused })}>{t("deliver")}</Button>}
          {mayEdit && is("ORDER_STATE_PLACED", "ORDER_STATE_CONFIRMED", "ORDER_STATE_PENDING") && (
            <Dropdown trigger={["click"]} menu={{ items: [...(is("ORDER_STATE_PLACED") ? [{ key: "submit", label: t("submit") }] : []), { key: "cancel", label: t("cancel"), danger: true }], onClick: ({ key }) => (key === "submit" ? submit.mutate({ path }, { onError: refused }) : setOpen("cancel")) }}>
              <Button icon={<MoreOutlined />} aria-label={t("more")} />
            </Dropdown>
          )}
        </>
      }
    >
      <div className="grid">
        <div className="grid-main stack">
          <Section title={t("lines")}>
            <Lines lines={order.lines.map((line) => ({ ...line }))} net={order.net_total} tax={order.tax_total} total={order.total} />
          </Section>
          <Section title={t("receivables")} extra={mayMoney && <Button size="small" onClick={() => setOpen("plan")}>{t("plan_receivables")}</Button>}>
            {whole.receivables.length ? (
              <ul className="records">
                {whole.receivables.map((each) => (
                  <li key={each.receivable_id}>
                    <span>{t("due")} {f.day(each.due_on)}</span>
                    <DueTag receivable={each} />
                    <span className="spread" />
                    {Number(each.paid?.minor_units ?? 0) > 0 && <span className="quiet">{t("paid")} <Money of={each.paid} /></span>}
                    {Number(each.written_off?.minor_units ?? 0) > 0 && <span className="quiet">{t("written_off")} <Money of={each.written_off} /></span>}
                    <strong><Money of={each.amount} /></strong>
                    {may("pipeline.receivable.edit") && Number(each.outstanding?.minor_units ?? 0) > 0 && <Button size="small" type="text" className="no-print" onClick={() => setWritingOff(each)}>{t("write_off")}</Button>}
                  </li>
                ))}
              </ul>
            ) : (
              <p className="quiet">{t("unplanned")}</p>
            )}
          </Section>
          <Section title={t("payments")}>
            {whole.payments.length ? (
              <ul className="records">
                {whole.payments.map((each) => (
                  <li key={each.payment_id}>
                    <span>{f.day(each.received_on)}</span>
                    <span className="quiet">{methodName(each.method, t)} {each.reference}</span>
                    <span className="spread" />
                    {Number(each.unallocated?.minor_units ?? 0) > 0 && <span className="warn">{t("unallocated", { sum: f.money(each.unallocated) })}</span>}
                    <strong><Money of={each.amount} /></strong>
                  </li>
                ))}
              </ul>
            ) : (
              <p className="quiet">{t("no_payments")}</p>
            )}
          </Section>
        </div>
        <div className="grid-side stack">
          <Section title={t("paid")}>
            <Progress percent={total ? Math.min(100, Math.round((100 * paid) / total)) : 0} aria-label={t("paid")} />
            <dl className="facts gap-above">
              {fact(t("paid"), <Money of={order.paid} />)}
              {fact(t("outstanding"), <Money of={order.outstanding} />)}
              {fact(t("planned"), <Money of={order.planned} />)}
            </dl>
          </Section>
          {order.approval_id && <ApprovalPanel approvalId={order.approval_id} />}
          <Section title={t("delivery")}>
            <dl className="facts">
              {fact(t("recipient"), order.delivery?.recipient)}
              {fact(t("address"), [order.delivery?.address, order.delivery?.city, order.delivery?.country].filter(Boolean).join(", "))}
              {fact(t("required_on"), f.day(order.delivery?.required_on))}
              {fact(t("ORDER_STATE_SHIPPED"), f.day(order.shipped_on))}
              {fact(t("carrier"), [order.carrier, order.tracking_number].filter(Boolean).join(" "))}
              {fact(t("deliver"), f.day(order.delivered_on))}
            </dl>
            <p className="row no-print">
              {order.opportunity_id && may("pipeline.opportunity.read") && <Link to={places.opportunity(order.opportunity_id)}>{t("deal")}</Link>}
              {order.quote_id && may("pipeline.quote.read") && <Link to={places.quote(order.quote_id)}>{t("quote")}</Link>}
              {order.contract_id && may("pipeline.contract.read") && <Link to={places.contract(order.contract_id)}>{t("contract")}</Link>}
            </p>
          </Section>
        </div>
      </div>
      {open === "ship" && (
        <CommandDialog<{ carrier?: string; tracking_number?: string; shipped_on: string }> name={`order.ship:${order.order_id}`} title={t("ship")} save={t("ship")} initial={{ shipped_on: today() }} onClose={() => setOpen("")} submit={(values, requestId) => ship.mutateAsync({ path, body: values, requestId })}>
          <Form.Item name="carrier" label={t("carrier")}><Input autoFocus maxLength={100} /></Form.Item>
          <Form.Item name="tracking_number" label={t("tracking")}><Input maxLength={100} /></Form.Item>
          <Form.Item name="shipped_on" label={t("date")}><DayInput /></Form.Item>
        </CommandDialog>
      )}
      {open === "cancel" && (
        <CommandDialog<{ reason: string }> name={`order.cancel:${order.order_id}`} title={t("cancel")} save={t("cancel")} onClose={() => setOpen("")} submit={(values, requestId) => cancel.mutateAsync({ path, body: values, requestId })}>
          <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}><Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} /></Form.Item>
        </CommandDialog>
      )}
      {open === "pay" && (
        <CommandDialog<{ amount: Amount; received_on: string; method: string; reference?: string }>
          name={`order.pay:${order.order_id}`}
          title={t("record_payment")}
          save={t("record_payment")}
          initial={{ received_on: today(), method: "bank", ...(order.outstanding && Number(order.outstanding.minor_units) > 0 ? { amount: order.outstanding } : order.total ? { amount: order.total } : {}) }}
          onClose={() => setOpen("")}
          submit={(values, requestId) => pay.mutateAsync({ path, body: values, requestId })}
        >
          <Form.Item name="amount" label={t("amount")} rules={[{ required: true }]}><MoneyInput /></Form.Item>
          <div className="form-pair">
            <Form.Item name="received_on" label={t("received")}><DayInput /></Form.Item>
            <Form.Item name="method" label={t("method")}><Select options={methods.map((value) => ({ value, label: t(value) }))} /></Form.Item>
          </div>
          <Form.Item name="reference" label={t("reference")}><Input maxLength={100} /></Form.Item>
        </CommandDialog>
      )}
      {open === "plan" && (
        <CommandDialog<{ instalments: { due_on: string; amount?: Amount }[] }>
          name={`order.plan:${order.order_id}`}
          title={t("plan_receivables")}
          save={t("plan_receivables")}
          width={560}
          initial={{ instalments: [{ due_on: inDays(30), ...(order.total && !whole.receivables.length ? { amount: order.total } : {}) }] }}
          onClose={() => setOpen("")}
          fieldOf={(violated) => violated.replace(/\[(\d+)\]/g, ".$1")}
          submit={(values, requestId) => plan.mutateAsync({ path, body: { instalments: values.instalments.map((each) => ({ due_on: each.due_on, ...(each.amount ? { amount: each.amount } : {}) })) }, requestId })}
        >
          <Form.List name="instalments">
            {(fields, { add, remove }) => (
              <div className="gap-below">
                {fields.map((field) => (
                  <div key={field.key} className="row" style={{ alignItems: "flex-end", flexWrap: "nowrap" }}>
                    <Form.Item name={[field.name, "due_on"]} label={t("due_on")} rules={[{ required: true }]}><DayInput /></Form.Item>
                    <Form.Item name={[field.name, "amount"]} label={t("amount")} rules={[{ required: true }]} style={{ flex: 1 }}><MoneyInput /></Form.Item>
                    {fields.length > 1 && <Button type="text" aria-label={t("remove_line")} onClick={() => remove(field.name)} style={{ marginBottom: 16 }}>×</Button>}
                  </div>
                ))}
                <Button type="dashed" onClick={() => add({ due_on: inDays(30 * (fields.length + 1)) })}>+ {t("add_instalment")}</Button>
              </div>
            )}
          </Form.List>
        </CommandDialog>
      )}
      {writingOff && (
        <CommandDialog<{ amount?: Amount; reason: string }> name={`order.write-off:${writingOff.receivable_id}`} title={t("write_off")} save={t("write_off")} initial={writingOff.outstanding ? { amount: writingOff.outstanding } : {}} onClose={() => setWritingOff(undefined)} submit={(values, requestId) => writeOff.mutateAsync({ path, body: { ...values, receivable_id: writingOff.receivable_id }, requestId })}>
          <Form.Item name="amount" label={t("amount")}><MoneyInput /></Form.Item>
          <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}><Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} /></Form.Item>
        </CommandDialog>
      )}
    </Page>
  );
}

function methodName(method: string, t: (key: (typeof methods)[number]) => string): string {
  const known = methods.find((each) => each === method);
  return known ? t(known) : method;
}

export function DueTag({ receivable }: { receivable: Receivable }) {
  const t = useWords(dealWords);
  if (receivable.overdue) return <Tag tone="bad">{t("days_overdue", { days: receivable.days_overdue })}</Tag>;
  if (Number(receivable.outstanding?.minor_units ?? 0) <= 0) return <Tag tone="good">{t("settled")}</Tag>;
  return <Tag>{t("open_only")}</Tag>;
}
