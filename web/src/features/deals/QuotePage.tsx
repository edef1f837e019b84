/** One quote: the paper as the customer gets it, and beside it what can be done and how its approval goes. */
import { EditOutlined, PrinterOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Popconfirm } from "antd";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import type { Answer } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerName } from "@/ui/customers";
import { Money } from "@/ui/Money";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { ApprovalPanel } from "./ApprovalPanel";
import { DrawUpDialog } from "./ContractPage";
import { dealWords } from "./dealWords";
import { Lines } from "./Lines";
import { StateTag, useRefused, type Quote } from "./show";
import "./deals.css";

type Whole = Answer<"/v1/quotes/{quote_id}">;

export default function QuotePage() {
  const { quoteId = "" } = useParams();
  const asked = useAsk("/v1/quotes/{quote_id}", { path: { quote_id: quoteId } }, { live: ["pipeline"] });
  return <Answered of={asked}>{(data) => (data.quote ? <Content whole={data} quote={data.quote} /> : null)}</Answered>;
}

function Content({ whole, quote }: { whole: Whole; quote: Quote }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const navigate = useNavigate();
  const refused = useRefused();
  const { may } = useSession();
  const { message } = App.useApp();
  const [open, setOpen] = useState<"" | "decline" | "contract">("");
  const [versionShown, setVersionShown] = useState(0);
  const path = { quote_id: quote.quote_id };
  const touches = ["pipeline"] as const;
  const submit = useTell("/v1/quotes/{quote_id}:submit", { touches, onDone: (answer) => void message.success(answer.approval_id ? t("submitted") : t("submit_ready")) });
  const send = useTell("/v1/quotes/{quote_id}:send", { touches });
  const accept = useTell("/v1/quotes/{quote_id}:accept", { touches });
  const decline = useTell("/v1/quotes/{quote_id}:decline", { touches });
  const place = useTell("/v1/orders", { touches, onDone: (answer) => void navigate(places.order(answer.order_id)) });
  const mayEdit = may("pipeline.quote.edit");
  const is = (...states: Quote["state"][]) => states.includes(quote.state);
  const run = (command: typeof submit | typeof send | typeof accept) => () => command.mutate({ path }, { onError: refused });
  const older = versionShown && versionShown !== quote.quote_version ? whole.versions.find((each) => each.quote_version === versionShown) : undefined;
  const shown = older ?? quote;
  return (
    <Page
      title={quote.number}
      above={{ to: places.opportunity(quote.opportunity_id), label: t("deal") }}
      heading={<span className="row">{quote.number} <StateTag state={quote.state} /></span>}
      note={<>{t("version", { version: quote.quote_version })} · <PersonName id={quote.owner_id} /> · {f.ago(quote.drafted_at)}</>}
      actions={
        <>
          <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("print")}</Button>
          {mayEdit && !is("QUOTE_STATE_ACCEPTED") && <LinkButton to={`${places.quote(quote.quote_id)}/edit`} icon={<EditOutlined />}>{t("edit")}</LinkButton>}
          {mayEdit && is("QUOTE_STATE_DRAFT") && <Button type="primary" loading={submit.isPending} onClick={run(submit)}>{t("submit")}</Button>}
          {mayEdit && is("QUOTE_STATE_READY") && <Button type="primary" loading={send.isPending} onClick={run(send)}>{t("send")}</Button>}
          {mayEdit && is("QUOTE_STATE_SENT") && <Button onClick={() => setOpen("decline")}>{t("decline")}</Button>}
          {mayEdit && is("QUOTE_STATE_SENT") && <Button type="primary" loading={accept.isPending} onClick={run(accept)}>{t("accept")}</Button>}
          {is("QUOTE_STATE_ACCEPTED") && may("pipeline.contract.create") && <Button onClick={() => setOpen("contract")}>{t("make_contract")}</Button>}
          {is("QUOTE_STATE_ACCEPTED") && may("pipeline.order.create") && (
            <Popconfirm title={`${t("make_order")}: ${f.money(quote.total)}`} onConfirm={() => place.mutate({ body: { quote_id: quote.quote_id } }, { onError: refused })}>
              <Button type="primary" loading={place.isPending}>{t("make_order")}</Button>
            </Popconfirm>
          )}
        </>
      }
    >
      <div className="grid">
        <article className="grid-main paper">
          <header className="paper-head">
            <div>
              <h2>{t("document_quote")}</h2>
              <p className="quiet">{quote.number} · {t("version", { version: shown.quote_version })}</p>
            </div>
            <dl className="facts" style={{ minWidth: 260 }}>
              <div><dt>{t("date")}</dt><dd>{f.day(older?.at ?? whole.versions.at(-1)?.at ?? quote.drafted_at)}</dd></div>
              <div><dt>{t("valid_until")}</dt><dd>{f.day(shown.valid_until)}</dd></div>
            </dl>
          </header>
          <dl className="facts gap-below">
            <div><dt>{t("for_customer")}</dt><dd className="strong"><CustomerName id={quote.customer_id} link /></dd></div>
            <div><dt>{t("contact_person")}</dt><dd><PersonName id={quote.owner_id} /></dd></div>
          </dl>
          <Lines lines={shown.lines} net={shown.net_total} tax={shown.tax_total} total={shown.total} />
          <div className="paper-foot print-only"><div>{t("signature")}</div></div>
        </article>
        <aside className="grid-side stack no-print">
          {quote.approval_id && <ApprovalPanel approvalId={quote.approval_id} />}
          <Section title={t("versions")}>
            <ul className="records">
              {[...whole.versions].reverse().map((each) => (
                <li key={each.quote_version}>
                  <Button size="small" type={each.quote_version === shown.quote_version ? "default" : "text"} aria-pressed={each.quote_version === shown.quote_version} onClick={() => setVersionShown(each.quote_version)}>{t("version", { version: each.quote_version })}</Button>
                  <span className="quiet spread"><Actor actor={each.actor} /> · {f.ago(each.at)}</span>
                  <Money of={each.total} />
                </li>
              ))}
            </ul>
          </Section>
        </aside>
      </div>
      {open === "contract" && <DrawUpDialog opportunityId={quote.opportunity_id} customerId={quote.customer_id} quoteId={quote.quote_id} onClose={() => setOpen("")} />}
      {open === "decline" && (
        <CommandDialog<{ reason: string }> name={`quote.decline:${quote.quote_id}`} title={t("decline")} save={t("decline")} onClose={() => setOpen("")} submit={(values, requestId) => decline.mutateAsync({ path, body: values, requestId })}>
          <Form.Item name="reason" label={t("reason")}>
            <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
          </Form.Item>
        </CommandDialog>
      )}
    </Page>
  );
}
