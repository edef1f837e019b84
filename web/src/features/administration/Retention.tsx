/** Data retention: for how long people and vouchers are kept, who is due to be forgotten, and a year for the auditor. */
import { App, Button, Form, Input, InputNumber, Segmented, Select } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { get, LONG_MS, post, put, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { saveBytes } from "@/features/audit/parts";
import { CommandDialog } from "@/ui/CommandDialog";
import { CommandForm } from "@/ui/CommandForm";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { useTouched } from "./do";
import { retentionWords } from "./retentionWords";

type Policy = Answer<"/v1/retention-policy">;
type Due = Answer<"/v1/retention/due">["people"][number];
type Voucher = Answer<"/v1/vouchers">["vouchers"][number];
type VoucherRule = Answer<"/v1/voucher-rules">["rules"][number];
const MONTHS = ["person_months", "lead_months", "requester_months", "sender_months"] as const;
const PEOPLE = { PERSON_KIND_CONTACT: "pk_contact", PERSON_KIND_CUSTOMER: "pk_customer", PERSON_KIND_LEAD: "pk_lead", PERSON_KIND_REQUESTER: "pk_requester", PERSON_KIND_SUBMISSION: "pk_submission" } as const;
const VOUCHERS = { VOUCHER_KIND_PAYMENT: "k_payment", VOUCHER_KIND_RECEIVABLE: "k_receivable", VOUCHER_KIND_ORDER: "k_order", VOUCHER_KIND_CONTRACT: "k_contract", VOUCHER_KIND_QUOTE: "k_quote" } as const;
type Kind = keyof typeof VOUCHERS;
type Clock = "VOUCHER_CLOCK_RUNNING" | "VOUCHER_CLOCK_OVER";

export default function Retention() {
  const t = useWords(retentionWords);
  const mayForget = useMay("customer.person.admin");
  const mayVouchers = useMay("pipeline.voucher.read");
  const [address, setAddress] = useSearchParams();
  const part = address.get("part") === "vouchers" ? "vouchers" : "people";
  return (
    <div className="stack">
      <Segmented aria-label={t("part")} value={part} onChange={(next) => setAddress(next === "vouchers" ? { part: next } : {})} options={[{ value: "people", label: t("people") }, { value: "vouchers", label: t("vouchers") }]} />
      {part === "people" ? (
        <>
          <Rules />
          {mayForget ? <DueList /> : <Section title={t("due")}><Notice quiet title={t("no_due_permission")} /></Section>}
        </>
      ) : mayVouchers ? (
        <>
          <div className="grid">
            <div className="grid-half"><VoucherRules /></div>
            <div className="grid-half"><Package /></div>
          </div>
          <VoucherList />
        </>
      ) : (
        <Section title={t("vouchers")}><Notice quiet title={t("no_vouchers_permission")} /></Section>
      )}
    </div>
  );
}

function Rules() {
  const t = useWords(retentionWords);
  const f = useFormats();
  const may = useMay("customer.person.admin");
  const touched = useTouched("customer");
  const [editing, setEditing] = useState(false);
  const found = useAsk("/v1/retention-policy", {}, { live: ["customer"] });
  return (
    <Section title={t("rules")} extra={may && found.data && <Button size="small" onClick={() => setEditing(true)}>{t("edit")}</Button>}>
      <p className="quiet gap-below">{t("rules_text")}</p>
      <Answered of={found} rows={3}>
        {(policy) => (
          <dl className="facts">
            {MONTHS.map((each) => <div key={each}><dt>{t(each)}</dt><dd>{policy[each] ? t("months", { count: f.number(policy[each]) }) : t("never")}</dd></div>)}
            <div><dt>{t("reads_days")}</dt><dd>{policy.reads_days ? t("days", { count: f.number(policy.reads_days) }) : t("never")}</dd></div>
          </dl>
        )}
      </Answered>
      {editing && found.data && (
        <CommandDialog<Policy> name="retention-policy" title={t("rules")} text={t("rules_text")} initial={found.data} onClose={() => setEditing(false)} onDone={touched} submit={(values, requestId) => put("/v1/retention-policy", { body: values, requestId })}>
          {MONTHS.map((each) => <Form.Item key={each} name={each} label={t(each)} extra={t("months_hint")}><InputNumber min={0} max={240} precision={0} /></Form.Item>)}
          <Form.Item name="reads_days" label={t("reads_days")} extra={t("days_hint")}><InputNumber min={0} max={3650} precision={0} /></Form.Item>
        </CommandDialog>
      )}
    </Section>
  );
}

function DueList() {
  const t = useWords(retentionWords);
  const f = useFormats();
  const { message } = App.useApp();
  const touched = useTouched("customer");
  const [approving, setApproving] = useState<{ people: readonly Due[]; done: () => void }>();
  const policy = useAsk("/v1/retention-policy", {}, { live: ["customer"] });
  const kind = (row: Due) => t(PEOPLE[row.person_kind as keyof typeof PEOPLE] ?? "pk_contact");
  const who = (row: Due) => row.name || row.person_id.slice(-8);
  const place = (row: Due) => (row.person_kind === "PERSON_KIND_LEAD" ? places.lead(row.person_id) : row.person_kind === "PERSON_KIND_REQUESTER" ? places.ticket(row.person_id) : row.customer_id ? places.customer(row.customer_id) : "");
  const linked = (row: Due) => (place(row) ? <Link to={place(row)}>{who(row)}</Link> : who(row));
  const ruled = policy.data && MONTHS.some((each) => policy.data[each]);
  const approve = (people: readonly Due[], done: () => void) => setApproving({ people, done });
  return (
    <>
      <DataList<Due>
        name="admin-retention-due"
        searchable={false}
        live={["customer", "pipeline", "ticketing", "marketing"]}
        rowKey={(row) => row.person_id}
        card={(row) => ({ title: <>{linked(row)} <span className="tag">{kind(row)}</span></>, meta: <span>{t("due_since")}: {f.day(row.last_purpose_at)}</span>, action: <Button size="small" danger onClick={() => approve([row], () => undefined)}>{t("approve")}…</Button> })}
        bulk={[{ key: "approve", label: `${t("approve")}…`, danger: true, run: approve }]}
        columns={[
          { key: "name", title: t("name"), render: (row) => <strong>{linked(row)}</strong> },
          { key: "kind", title: t("kind"), width: 180, render: (row) => <span className="tag">{kind(row)}</span> },
          { key: "since", title: t("due_since"), width: 170, render: (row) => f.day(row.last_purpose_at) },
        ]}
        load={async (q, signal) => {
          const answer = await get("/v1/retention/due", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: answer.people, next: answer.next_page_token, total: Number(answer.total_size) };
        }}
        empty={{ title: t("no_due"), text: ruled ? t("no_due_text") : t("no_rules_text") }}
      />
      {approving && (
        <CommandDialog<{ confirmation: string }>
          name="retention.approve"
          title={t("approve_title", { count: approving.people.length })}
          text={t("approve_text")}
          save={t("approve")}
          onClose={() => setApproving(undefined)}
          submit={async ({ confirmation }, requestId) => {
            await post("/v1/retention:approve", { body: { person_ids: approving.people.map((each) => each.person_id), confirmation }, requestId });
            approving.done();
            touched();
            void message.success(t("approved"));
          }}
        >
          <Form.Item name="confirmation" label={t("confirmation", { count: approving.people.length })} rules={[{ required: true }]}><Input autoComplete="off" /></Form.Item>
        </CommandDialog>
      )}
    </>
  );
}

function VoucherRules() {
  const t = useWords(retentionWords);
  const f = useFormats();
  const may = useMay("pipeline.voucher.admin");
  const touched = useTouched("pipeline");
  const [editing, setEditing] = useState<VoucherRule>();
  const found = useAsk("/v1/voucher-rules", {}, { live: ["pipeline"] });
  const name = (kind: string) => t(VOUCHERS[kind as Kind] ?? "k_order");
  return (
    <Section title={t("voucher_rules")}>
      <p className="quiet gap-below">{t("voucher_rules_text")}</p>
      <Answered of={found} rows={5}>
        {({ rules, fiscal_year_begins }) => (
          <>
            <ul>
              {rules.map((rule) => (
                <li key={rule.kind} className="line">
                  <strong>{name(rule.kind)}</strong>
                  <span className="spread" />
                  <span className={rule.years < rule.floor_years ? "tag tag-warn" : "tag"}>{t("years", { count: f.number(rule.years) })}</span>
                  {may && <Button size="small" aria-label={`${t("edit")}: ${name(rule.kind)}`} onClick={() => setEditing(rule)}>{t("edit")}</Button>}
                  <span className="quiet" style={{ flexBasis: "100%" }}>{rule.legal_basis || rule.floor_source}</span>
                </li>
              ))}
            </ul>
            <p className="quiet gap-above">{t("begins")}: {f.number(fiscal_year_begins)}</p>
            {editing && (
              <CommandDialog<{ years: number; legal_basis: string; fiscal_year_begins: number }>
                name={`voucher-rule:${editing.kind}`}
                title={name(editing.kind)}
                text={`${t("floor", { count: f.number(editing.floor_years) })}: ${editing.floor_source}`}
                initial={{ years: editing.years, legal_basis: editing.legal_basis, fiscal_year_begins }}
                onClose={() => setEditing(undefined)}
                onDone={touched}
                fieldOf={(violated) => violated.split(".").pop() ?? violated}
                submit={({ years, legal_basis, fiscal_year_begins: begins }, requestId) => put("/v1/voucher-rules", { body: { fiscal_year_begins: begins, rules: [{ kind: editing.kind, years, legal_basis }] }, requestId })}
              >
                <Form.Item name="years" label={t("voucher_rules")} rules={[{ required: true }]}><InputNumber min={1} max={100} precision={0} /></Form.Item>
                <Form.Item name="legal_basis" label={t("legal_basis")}><Input maxLength={400} /></Form.Item>
                <Form.Item name="fiscal_year_begins" label={t("begins")} rules={[{ required: true }]}><InputNumber min={1} max={12} precision={0} /></Form.Item>
              </CommandDialog>
            )}
          </>
        )}
      </Answered>
    </Section>
  );
}

function Package() {
  const t = useWords(retentionWords);
  const f = useFormats();
  const may = useMay("pipeline.voucher.export");
  const [made, setMade] = useState<{ count: string; hash: string }>();
  return (
    <Section title={t("package")}>
      <p className="quiet gap-below">{t("package_text")} {t("only_all")}</p>
      {may && (
        <CommandForm<{ fiscal_year: number; kind: "" | Kind }>
          name="voucher.package"
          save={t("make")}
          initial={{ fiscal_year: new Date().getFullYear() - 1, kind: "" }}
          submit={async ({ fiscal_year, kind }) => {
            const answer = await get("/v1/vouchers/packages/{fiscal_year}", { path: { fiscal_year: String(fiscal_year) }, query: kind ? { kind } : {}, limitMs: LONG_MS });
            saveBytes(answer.file_name, answer.package);
            setMade({ count: answer.vouchers, hash: answer.manifest_sha256 });
          }}
        >
          <Form.Item name="fiscal_year" label={t("year")} rules={[{ required: true }]}><InputNumber min={1900} max={9000} precision={0} /></Form.Item>
          <Form.Item name="kind" label={t("voucher_kind")}><Select options={[{ value: "", label: t("every_kind") }, ...kindOptions(t)]} /></Form.Item>
        </CommandForm>
      )}
      {made && <p className="good gap-above" role="status" style={{ overflowWrap: "anywhere" }}>{t("made", { count: f.number(made.count), hash: made.hash })}</p>}
    </Section>
  );
}

function VoucherList() {
  const t = useWords(retentionWords);
  const f = useFormats();
  const name = (row: Voucher) => t(VOUCHERS[row.kind as Kind] ?? "k_order");
  const place = (row: Voucher) => (row.kind === "VOUCHER_KIND_QUOTE" ? places.quote(row.record_id) : row.kind === "VOUCHER_KIND_CONTRACT" ? places.contract(row.record_id) : places.order(row.record_id));
  const marks = (row: Voucher) => <>{row.ended && <span className="tag tag-dull">{t("ended")}</span>} {row.unsettled && <span className="tag tag-warn">{t("unsettled")}</span>}</>;
  const amount = (row: Voucher) => (row.amount ? <Money of={row.amount} /> : null);
  return (
    <DataList<Voucher>
      name="admin-vouchers"
      searchable={false}
      live={["pipeline"]}
      rowKey={(row) => row.voucher_id}
      to={place}
      card={(row) => ({ title: <>{row.number} <span className="tag">{name(row)}</span> {marks(row)}</>, meta: <><span>{f.day(row.dated_on)}</span>{amount(row)}<span>{t("may_go")}: {f.day(row.free_on)}</span></> })}
      filters={[
        { key: "clock", label: t("clock"), kind: "select", options: [{ value: "VOUCHER_CLOCK_RUNNING", label: t("running") }, { value: "VOUCHER_CLOCK_OVER", label: t("over") }] },
        { key: "voucher", label: t("voucher_kind"), kind: "select", options: kindOptions(t) },
      ]}
      columns={[
        { key: "number", title: t("number"), width: 210, render: (row) => <strong>{row.number}</strong> },
        { key: "kind", title: t("voucher_kind"), width: 150, render: (row) => <><span className="tag">{name(row)}</span> {marks(row)}</> },
        { key: "customer", title: t("customer"), render: (row) => (row.customer_id ? <CustomerName id={row.customer_id} /> : null) },
        { key: "dated", title: t("dated"), width: 130, render: (row) => f.day(row.dated_on) },
        { key: "amount", title: t("amount"), width: 150, right: true, render: amount },
        { key: "free", title: t("may_go"), width: 130, render: (row) => f.day(row.free_on) },
      ]}
      load={async (q, signal) => {
        const clock = q.filters.clock?.[0] as Clock | undefined;
        const kind = q.filters.voucher?.[0] as Kind | undefined;
        const answer = await get("/v1/vouchers", { query: { page_size: q.pageSize, page_token: q.pageToken, ...(clock ? { clock } : {}), ...(kind ? { kind } : {}) }, signal });
        return { rows: answer.vouchers, next: answer.next_page_token, total: Number(answer.total_size) };
      }}
      empty={{ title: t("no_vouchers"), text: t("no_vouchers_text") }}
    />
  );
}

const kindOptions = (t: (word: (typeof VOUCHERS)[Kind]) => string) => (Object.keys(VOUCHERS) as Kind[]).map((value) => ({ value, label: t(VOUCHERS[value]) }));
