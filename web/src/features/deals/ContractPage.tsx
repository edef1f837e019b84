/** One contract: the paper with its parties, its approval and its versions; what changed between them. */
import { EditOutlined, PrinterOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Popconfirm, Select } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import type { Answer, Body } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats, type Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerName, useCustomerName } from "@/ui/customers";
import { DayInput } from "@/ui/DayInput";
import { Money } from "@/ui/Money";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { ApprovalPanel } from "./ApprovalPanel";
import { dealWords } from "./dealWords";
import { Lines } from "./Lines";
import { StateTag, today, useRefused, type Contract } from "./show";
import "./deals.css";

type Whole = Answer<"/v1/contracts/{contract_id}">;
type Version = Whole["versions"][number];
const roles = ["seller", "buyer", "guarantor"] as const;

export default function ContractPage() {
  const { contractId = "" } = useParams();
  const asked = useAsk("/v1/contracts/{contract_id}", { path: { contract_id: contractId } }, { live: ["pipeline"] });
  return <Answered of={asked}>{(data) => (data.contract ? <Content whole={data} contract={data.contract} /> : null)}</Answered>;
}

function Content({ whole, contract }: { whole: Whole; contract: Contract }) {
  const t = useWords(dealWords);
  const f = useFormats();
  const navigate = useNavigate();
  const refused = useRefused();
  const { may } = useSession();
  const { message } = App.useApp();
  const [open, setOpen] = useState<"" | "terminate" | "revise">("");
  const path = { contract_id: contract.contract_id };
  const touches = ["pipeline"] as const;
  const submit = useTell("/v1/contracts/{contract_id}:submit", { touches, onDone: () => void message.success(t("submitted")) });
  const sign = useTell("/v1/contracts/{contract_id}:sign", { touches });
  const terminate = useTell("/v1/contracts/{contract_id}:terminate", { touches });
  const place = useTell("/v1/orders", { touches, onDone: (answer) => void navigate(places.order(answer.order_id)) });
  const quote = useAsk("/v1/quotes/{quote_id}", { path: { quote_id: contract.quote_id } }, { enabled: Boolean(contract.quote_id) && may("pipeline.quote.read") });
  const mayEdit = may("pipeline.contract.edit");
  const is = (...states: Contract["state"][]) => states.includes(contract.state);
  const roleName = (role: string) => { const known = roles.find((each) => each === role); return known ? t(known) : role; };
  return (
    <Page
      title={contract.number}
      above={contract.opportunity_id ? { to: places.opportunity(contract.opportunity_id), label: t("deal") } : { to: "/contracts", label: t("contracts") }}
      heading={<span className="row">{contract.number} <StateTag state={contract.state} /></span>}
      note={<>{contract.title} · <PersonName id={contract.owner_id} /></>}
      actions={
        <>
          <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("print")}</Button>
          {mayEdit && is("CONTRACT_STATE_DRAFT", "CONTRACT_STATE_APPROVED") && <Button icon={<EditOutlined />} onClick={() => setOpen("revise")}>{t("revise")}</Button>}
          {mayEdit && is("CONTRACT_STATE_DRAFT") && <Button type="primary" loading={submit.isPending} onClick={() => submit.mutate({ path }, { onError: refused })}>{t("submit")}</Button>}
          {mayEdit && is("CONTRACT_STATE_APPROVED") && (
            <Popconfirm title={`${t("sign")}: ${f.day(today())}`} onConfirm={() => sign.mutate({ path }, { onError: refused })}>
              <Button type="primary" loading={sign.isPending}>{t("sign")}</Button>
            </Popconfirm>
          )}
          {mayEdit && is("CONTRACT_STATE_SIGNED") && <Button danger onClick={() => setOpen("terminate")}>{t("terminate")}</Button>}
          {is("CONTRACT_STATE_SIGNED") && may("pipeline.order.create") && contract.quote_id && (
            <Popconfirm title={`${t("make_order")}: ${f.money(contract.amount)}`} onConfirm={() => place.mutate({ body: { contract_id: contract.contract_id } }, { onError: refused })}>
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
              <h2>{contract.title || t("document_contract")}</h2>
              <p className="quiet">{contract.number} · {t("version", { version: contract.contract_version })}</p>
            </div>
            <div className="figure-value"><Money of={contract.amount} /></div>
          </header>
          <dl className="facts gap-below">
            <div><dt>{t("customer")}</dt><dd className="strong"><CustomerName id={contract.customer_id} link /></dd></div>
            <div><dt>{t("period")}</dt><dd>{f.day(contract.starts_on)} – {f.day(contract.ends_on) || t("open_end")}</dd></div>
            {contract.signed_on && <div><dt>{t("signed_on")}</dt><dd>{f.day(contract.signed_on)}</dd></div>}
            {contract.quote_id && <div><dt>{t("from_quote")}</dt><dd><Link to={places.quote(contract.quote_id)}>{quote.data?.quote?.number ?? t("quote")}</Link></dd></div>}
          </dl>
          {contract.parties.length > 0 && (
            <dl className="facts gap-below">
              {contract.parties.map((party, index) => (
                <div key={index}><dt>{roleName(party.role)}</dt><dd><span className="strong">{party.name}</span>{party.signatory && <><br />{t("signatory")}: {party.signatory}</>}</dd></div>
              ))}
            </dl>
          )}
          {quote.data?.quote && <Lines lines={quote.data.quote.lines} net={quote.data.quote.net_total} tax={quote.data.quote.tax_total} total={quote.data.quote.total} />}
          <div className="paper-foot print-only"><div>{t("seller")} · {t("signature")}</div><div>{t("buyer")} · {t("signature")}</div></div>
        </article>
        <aside className="grid-side stack no-print">
          {contract.approval_id && <ApprovalPanel approvalId={contract.approval_id} />}
          {contract.files.length > 0 && (
            <Section title={t("files")}>
              <ul className="records">{contract.files.map((file) => <li key={file.file_id}>{file.name} <span className="quiet">{file.media_type}</span></li>)}</ul>
            </Section>
          )}
          <Section title={t("versions")}>
            <ul className="records">
              {[...whole.versions].reverse().map((each) => (
                <li key={each.contract_version}>
                  <span>{t("version", { version: each.contract_version })}</span>
                  <span className="quiet spread"><Actor actor={each.actor} /> · {f.ago(each.at)}</span>
                  <Money of={each.amount} />
                  <Changed version={each} before={whole.versions.find((other) => other.contract_version === each.contract_version - 1)} />
                </li>
              ))}
            </ul>
          </Section>
        </aside>
      </div>
      {open === "revise" && <ReviseDialog contract={contract} onClose={() => setOpen("")} />}
      {open === "terminate" && (
        <CommandDialog<{ reason: string; ended_on: string }> name={`contract.terminate:${contract.contract_id}`} title={t("terminate")} save={t("terminate")} initial={{ ended_on: today() }} onClose={() => setOpen("")} submit={(values, requestId) => terminate.mutateAsync({ path, body: values, requestId })}>
          <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("say_why") }]}>
            <Input.TextArea autoFocus autoSize={{ minRows: 2 }} maxLength={500} />
          </Form.Item>
          <Form.Item name="ended_on" label={t("ends")}>
            <DayInput />
          </Form.Item>
        </CommandDialog>
      )}
    </Page>
  );
}

/** What this version says otherwise than the one before: old, then new. */
function Changed({ version, before }: { version: Version; before: Version | undefined }) {
  const t = useWords(dealWords);
  const f = useFormats();
  if (!before) return null;
  const parties = (of: Version) => of.parties.map((each) => `${each.role}: ${each.name}`).join(", ");
  const pairs = [
    [t("title"), before.title, version.title],
    [t("amount"), f.money(before.amount), f.money(version.amount)],
    [t("starts"), f.day(before.starts_on), f.day(version.starts_on)],
    [t("ends"), f.day(before.ends_on) || t("open_end"), f.day(version.ends_on) || t("open_end")],
    [t("parties"), parties(before), parties(version)],
  ].filter(([, old, now]) => old !== now);
  if (!pairs.length) return null;
  return (
    <div style={{ flexBasis: "100%" }} className="quiet">
      {pairs.map(([label, old, now]) => <div key={label}>{label}: <del>{old}</del> → <ins>{now}</ins></div>)}
    </div>
  );
}

interface Draft {
  title: string;
  amount?: Amount;
  starts_on?: string;
  ends_on?: string;
  parties?: { role: string; name: string; signatory?: string }[];
}

export function DrawUpDialog({ opportunityId, customerId, quoteId = "", onClose }: { opportunityId: string; customerId: string; quoteId?: string; onClose: () => void }) {
  const t = useWords(dealWords);
  const navigate = useNavigate();
  const buyer = useCustomerName(customerId);
  const accepted = useAsk("/v1/quotes", { query: { opportunity_id: opportunityId, state: "QUOTE_STATE_ACCEPTED", page_size: 50 } });
  const draw = useTell("/v1/contracts", { touches: ["pipeline"], onDone: (answer) => void navigate(places.contract(answer.contract_id)) });
  const quotes = accepted.data?.quotes ?? [];
  return (
    <CommandDialog<Draft & { quote_id?: string }>
      name={`contract.new:${opportunityId}`}
      title={t("make_contract")}
      save={t("draw_up")}
      width={600}
      initial={{ title: t("document_contract"), starts_on: today(), quote_id: quoteId, parties: [{ role: "buyer", name: buyer }] }}
      onClose={onClose}
      submit={(values, requestId) => draw.mutateAsync({ body: { ...values, opportunity_id: opportunityId, customer_id: customerId } as Body<"/v1/contracts">, requestId })}
    >
      <Form.Item name="title" label={t("title")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="quote_id" label={t("from_quote")}>
        <Select allowClear options={quotes.map((each) => ({ value: each.quote_id, label: each.number }))} />
      </Form.Item>
      <Details />
    </CommandDialog>
  );
}

function ReviseDialog({ contract, onClose }: { contract: Contract; onClose: () => void }) {
  const t = useWords(dealWords);
  const revise = useTell("/v1/contracts/{contract_id}:revise", { touches: ["pipeline"] });
  const [seen] = useState(contract);
  return (
    <CommandDialog<Draft>
      name={`contract.revise:${contract.contract_id}`}
      title={t("revise")}
      width={600}
      initial={{ title: seen.title, starts_on: seen.starts_on, ends_on: seen.ends_on, parties: seen.parties, ...(seen.amount ? { amount: seen.amount } : {}) }}
      onClose={onClose}
      submit={(values, requestId) => revise.mutateAsync({ path: { contract_id: contract.contract_id }, body: { ...values, expected_version: seen.version } as Body<"/v1/contracts/{contract_id}:revise">, requestId })}
    >
      <Form.Item name="title" label={t("title")} rules={[{ required: true, whitespace: true }]}>
        <Input maxLength={200} />
      </Form.Item>
      <Details />
    </CommandDialog>
  );
}

function Details() {
  const t = useWords(dealWords);
  return (
    <>
      <Form.Item name="amount" label={t("amount")}>
        <MoneyInput />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="starts_on" label={t("starts")}>
          <DayInput />
        </Form.Item>
        <Form.Item name="ends_on" label={t("ends")}>
          <DayInput />
        </Form.Item>
      </div>
      <Form.List name="parties">
        {(fields, { add, remove }) => (
          <div className="gap-below">
            <p className="gap-above">{t("parties")}</p>
            {fields.map((field) => (
              <div key={field.key} className="row gap-above" style={{ alignItems: "flex-start", flexWrap: "nowrap" }}>
                <Form.Item name={[field.name, "role"]} noStyle>
                  <Select aria-label={t("parties")} style={{ width: 110, flex: "none" }} options={roles.map((value) => ({ value, label: t(value) }))} />
                </Form.Item>
                <Form.Item name={[field.name, "name"]} noStyle>
                  <Input aria-label={t("customer")} placeholder={t("customer")} />
                </Form.Item>
                <Form.Item name={[field.name, "signatory"]} noStyle>
                  <Input aria-label={t("signatory")} placeholder={t("signatory")} />
                </Form.Item>
                <Button type="text" aria-label={t("remove_line")} onClick={() => remove(field.name)}>×</Button>
              </div>
            ))}
            <Button type="dashed" className="gap-above" onClick={() => add({ role: fields.length ? "buyer" : "seller" })}>+ {t("parties")}</Button>
          </div>
        )}
      </Form.List>
    </>
  );
}
