/** Everything about one customer on one page: who it is, what happened, what comes next. */
import { DownOutlined, PhoneOutlined } from "@ant-design/icons";
import { App, Button, Dropdown, Form, Input, Modal, Progress, Select, Tabs } from "antd";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { get, post, type Answer } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { places, isRecordKind } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { Figure } from "@/ui/Figure";
import { Money, Monies } from "@/ui/Money";
import { Page, Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { usePhone } from "@/ui/phone";
import { Gone, Notice, Refused, Waiting } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { Timeline } from "@/ui/Timeline";
import { FollowUps } from "./FollowUps";
import { ContactDialog, EditDialog, LogForm, PlanForm, RemoveButton, type Contact, type Whole } from "./forms";
import { LevelTag, StatusTag, useDictionary } from "./labels";
import { pageWords, type PageWord } from "./pageWords";
import { useHappening } from "./timelineWords";

type Overview = Answer<"/v1/customers/{customer_id}/overview">;
type Entry = Answer<"/v1/customers/{customer_id}/timeline">["entries"][number];
const types = ["activity", "follow_up", "opportunity", "order", "ticket", "contact", "registered"] as const;
const filling = ["industry_code", "region_code", "size_code", "intent_code", "website", "employees", "phones", "emails", "credit_code", "address"] as const;
const labelOf: Readonly<Record<string, PageWord>> = { industry_code: "industry", region_code: "region", size_code: "size", intent_code: "intent", website: "website", employees: "employees", phones: "phones", emails: "emails", credit_code: "credit_code", address: "address", name: "name", contacts: "contacts", source: "source" };

export default function Customer() {
  const { customerId = "" } = useParams();
  const overview = useAsk("/v1/customers/{customer_id}/overview", { path: { customer_id: customerId } }, { live: ["customer", "pipeline", "ticketing", "marketing"] });
  if (overview.data?.card?.card) return <Known key={customerId} id={customerId} overview={overview.data} />;
  if (overview.isPending) return <div className="page"><Waiting rows={10} /></div>;
  return overview.error ? <Refused error={overview.error} retry={() => void overview.refetch()} /> : <Gone />;
}

function Known({ id, overview }: { id: string; overview: Overview }) {
  const t = useWords(pageWords);
  const f = useFormats();
  const phone = usePhone();
  const { may } = useSession();
  const [address, setAddress] = useSearchParams();
  const [planning, setPlanning] = useState(false);
  const card = overview.card?.card;
  const whole = overview.customer as Whole | undefined;
  const contacts = whole?.contacts ?? [];
  const creates = may("customer.customer.create");
  if (!card) return null;
  const missing = overview.missing;
  const tab = address.get("tab") ?? "timeline";
  const choose = (to: string) => setAddress({ tab: to }, { replace: true });
  const log = (start?: "ACTIVITY_KIND_VISIT") => <LogForm customerId={id} name={card.name} contacts={contacts} {...(start ? { start } : {})} />;
  const panels = [
    { key: "timeline", label: t("timeline"), children: <History id={id} first={overview.timeline as Answer<"/v1/customers/{customer_id}/timeline"> | undefined} /> },
    { key: "contacts", label: count(t("contacts"), contacts.length), children: <Contacts id={id} contacts={contacts} edits={may("customer.customer.edit")} creates={creates} /> },
    { key: "deals", label: count(t("deals"), overview.opportunities?.opportunities.length), children: <Deals overview={overview} /> },
    { key: "orders", label: count(t("orders"), overview.orders?.orders.length), children: <Orders overview={overview} /> },
    { key: "tickets", label: count(t("tickets"), overview.tickets?.tickets.length), children: <Tickets overview={overview} /> },
    { key: "touches", label: count(t("touches"), overview.touches?.touches.length), children: <Touches overview={overview} /> },
    { key: "details", label: t("details"), children: whole ? <Details whole={whole} /> : <Notice quiet title={t("details")} /> },
  ];
  return (
    <Page
      title={card.name}
      heading={<span className="row">{card.name} <StatusTag of={card} /> <LevelTag level={card.level} /> {card.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)}</span>}
      above={{ to: "/customers", label: t("back") }}
      note={<span className="row"><PersonName id={card.owner_id} /><span>·</span><span>{t("registered")} {f.day(card.registered_at)}</span>{card.asked_id && card.asked_id !== card.customer_id && <Tag>{t("merged")}</Tag>}</span>}
      actions={<Actions id={card.customer_id} card={card} whole={whole} onPlan={() => setPlanning(true)} />}
    >
      {missing.length > 0 && <p className="strip gap-below" role="status">{t("missing", { parts: f.list(missing.map((each) => label(t, each.part))) })}</p>}
      <Section>
        <div className="figures">
          <Figure label={t("ordered")} value={<Monies of={card.order_totals} short />} note={t("order_count", { count: card.order_count })} />
          <Figure label={t("paid")} value={<Monies of={card.paid_totals} short />} />
          <Figure label={t("open_tickets")} value={card.open_tickets} {...(card.open_tickets > 0 ? { tone: "warn" as const } : {})} />
          <Figure label={t("last_contact")} value={f.ago(card.last_contact_at) || t("never")} {...(card.silent ? { tone: "bad" as const } : {})} note={f.day(card.last_contact_at)} />
          <Figure label={t("next")} value={f.ago(card.next_follow_up_at) || "–"} note={f.moment(card.next_follow_up_at)} />
        </div>
      </Section>
      <div className="grid gap-above">
        <div className="grid-main stack">
          {creates && <Section title={t("log")}>{log(phone ? "ACTIVITY_KIND_VISIT" : undefined)}</Section>}
          <Section>
            {phone ? (
              <div className="stack">
                <Select aria-label={t("details")} value={tab} onChange={choose} options={panels.map((each) => ({ value: each.key, label: each.label }))} />
                {panels.find((each) => each.key === tab)?.children}
              </div>
            ) : (
              <Tabs activeKey={tab} onChange={choose} items={panels} destroyOnHidden />
            )}
          </Section>
        </div>
        <div className="grid-side stack">
          <Section title={t("open_follow_ups")} extra={creates && <Button size="small" onClick={() => setPlanning(true)}>{t("plan")}</Button>}><Planned id={card.customer_id} /></Section>
          {!phone && contacts[0] && <Section title={t("primary_contact")}><Reach contact={contacts.find((each) => each.is_primary) ?? contacts[0]} /></Section>}
          {whole && <Completeness whole={whole} />}
        </div>
      </div>
      <p className="quiet gap-above"><small>{t("served", { ms: overview.took_ms })}</small></p>
      <Modal open={planning} footer={null} onCancel={() => setPlanning(false)} title={t("plan")} destroyOnHidden>
        <PlanForm customerId={id} name={card.name} onDone={() => setPlanning(false)} />
      </Modal>
    </Page>
  );
}

const count = (text: string, number: number | undefined) => (number ? `${text} ${number}` : text);
const label = (t: (key: PageWord) => string, part: string | undefined): string =>
  t((({ opportunities: "deals", orders: "orders", tickets: "tickets", touches: "touches", timeline: "timeline" }) as Record<string, PageWord>)[part ?? ""] ?? "details");

function Actions({ id, card, whole, onPlan }: { id: string; card: NonNullable<Whole["card"]>; whole: Whole | undefined; onPlan: () => void }) {
  const t = useWords(pageWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const client = useQueryClient();
  const navigate = useNavigate();
  const phone = usePhone();
  const { may } = useSession();
  const { message } = App.useApp();
  const [open, setOpen] = useState<"" | "edit" | "archive" | "status">("");
  const [edited, setEdited] = useState<Whole>();
  const edits = may("customer.customer.edit");
  const archived = card.status === "CUSTOMER_STATUS_ARCHIVED";
  const unmerge = async (absorbed: string) => {
    try {
      await post("/v1/customers/{survivor_id}:unmerge", { path: { survivor_id: id }, body: { absorbed_id: absorbed, reason: t("unmerge") } });
      void message.success(t("unmerged"));
      askAgain(client, ["customer"]);
    } catch (error) {
      void message.error(explain(error, say).title);
    }
  };
  const more = [
    { key: "duplicates", label: t("duplicates"), onClick: () => void navigate(`/customers/${id}/duplicates`) },
    ...(edits ? [{ key: "status", label: t("change_status"), onClick: () => setOpen("status") }] : []),
    ...(edits ? (whole?.absorbed_ids ?? []).map((absorbed) => ({ key: absorbed, label: `${t("unmerge")} (${absorbed.slice(0, 8)})`, onClick: () => void unmerge(absorbed) })) : []),
    ...(archived ? (edits ? [{ key: "restore", label: t("restore"), onClick: () => setOpen("archive") }] : []) : may("customer.customer.delete") ? [{ key: "archive", label: t("archive"), danger: true, onClick: () => setOpen("archive") }] : []),
  ];
  const close = () => setOpen("");
  return (
    <>
      {card.phone && <Button type={phone ? "primary" : "default"} icon={<PhoneOutlined />} href={`tel:${card.phone}`}>{phone ? t("quick_call") : f.phone(card.phone)}</Button>}
      {phone && <Button onClick={onPlan}>{t("plan")}</Button>}
      {edits && whole && <Button onClick={() => (setEdited(whole), setOpen("edit"))}>{t("edit")}</Button>}
      <Dropdown trigger={["click"]} menu={{ items: more }}><Button icon={<DownOutlined />} aria-label={t("more")} /></Dropdown>
      {open === "edit" && edited && <EditDialog whole={edited} onClose={close} />}
      <Modal open={open === "archive"} footer={null} onCancel={close} title={t(archived ? "restore" : "archive")} destroyOnHidden>
        {!archived && <p className="quiet gap-below">{t("archive_text")}</p>}
        <Reasoned name={`customer.archive:${id}`} onClose={close} save={t(archived ? "restore" : "archive")} submit={(reason, requestId) => post(archived ? "/v1/customers/{customer_id}:restore" : "/v1/customers/{customer_id}:archive", { path: { customer_id: id }, body: { reason }, requestId })} />
      </Modal>
      <Modal open={open === "status"} footer={null} onCancel={close} title={t("change_status")} destroyOnHidden>
        <StatusForm id={id} onClose={close} />
      </Modal>
    </>
  );
}

function Reasoned({ name, submit, onClose, save }: { name: string; submit: (reason: string, requestId: string) => Promise<unknown>; onClose: () => void; save: string }) {
  const t = useWords(pageWords);
  const client = useQueryClient();
  return (
    <CommandForm<{ reason: string }> name={name} save={save} onCancel={onClose} onDone={() => (askAgain(client, ["customer"]), onClose())} submit={(values, requestId) => submit(values.reason, requestId)}>
      <FormText name="reason" label={t("reason")} />
    </CommandForm>
  );
}

function StatusForm({ id, onClose }: { id: string; onClose: () => void }) {
  const t = useWords(pageWords);
  const client = useQueryClient();
  const all = ["CUSTOMER_STATUS_PROSPECT", "CUSTOMER_STATUS_ACTIVE", "CUSTOMER_STATUS_SILENT", "CUSTOMER_STATUS_LOST"] as const;
  return (
    <CommandForm<{ to_status: (typeof all)[number]; reason: string }>
      name={`customer.status:${id}`}
      onCancel={onClose}
      onDone={() => (askAgain(client, ["customer"]), onClose())}
      submit={(body, requestId) => post("/v1/customers/{customer_id}:changeStatus", { path: { customer_id: id }, body, requestId })}
    >
      <Form.Item name="to_status" label={t("status")} rules={[{ required: true, message: t("required") }]}><Select options={all.map((value) => ({ value, label: t(value) }))} /></Form.Item>
      <FormText name="reason" label={t("reason")} />
    </CommandForm>
  );
}

function FormText({ name, label: text }: { name: string; label: string }) {
  const t = useWords(pageWords);
  return <Form.Item name={name} label={text} rules={[{ required: true, message: t("required") }]}><Input maxLength={300} /></Form.Item>;
}

function History({ id, first }: { id: string; first: Answer<"/v1/customers/{customer_id}/timeline"> | undefined }) {
  const t = useWords(pageWords);
  const named = useHappening();
  const [type, setType] = useState("");
  const pages = useInfiniteQuery<Answer<"/v1/customers/{customer_id}/timeline">, Problem, { pages: Answer<"/v1/customers/{customer_id}/timeline">[] }, unknown[], string>({
    queryKey: ["timeline", id, type],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => get("/v1/customers/{customer_id}/timeline", { path: { customer_id: id }, query: { types: type ? [type] : [], page_size: 30, page_token: pageParam }, signal }),
    getNextPageParam: (last) => last.next_page_token || undefined,
    staleTime: 10_000,
    meta: { live: ["customer", "pipeline", "ticketing"] },
    // The page's own answer holds the newest entries already.
    ...(first && !type ? { initialData: { pages: [first], pageParams: [""] } } : {}),
  });
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? [];
  /** What follows from something else has its reason in the entry of that. */
  const byItself = (entry: Entry) => entry.type === "status" && (entry.actor ?? "").startsWith("service:");
  return (
    <div className="stack">
      <Select aria-label={t("all_types")} value={type} onChange={setType} style={{ width: 180 }} options={[{ value: "", label: t("all_types") }, ...types.map((value) => ({ value, label: t(`type_${value}`) }))]} />
      {pages.isPending ? <Waiting /> : pages.error && !pages.data ? <Refused error={pages.error} retry={() => void pages.refetch()} /> : entries.length ? (
        <Timeline
          items={entries.map((entry) => ({
            id: entry.event_id,
            at: entry.effective_at,
            title: isRecordKind(entry.type) && entry.subject_id && entry.type !== "customer" ? <Link to={places[entry.type](entry.subject_id)}>{named(entry)}</Link> : named(entry),
            text: (!byItself(entry) && entry.content) || undefined,
            who: <Actor actor={entry.actor} />,
            extra: entry.attachments.length > 0 && <div className="row">{entry.attachments.map((file) => <Attached key={file.sha256} id={id} file={file} />)}</div>,
          }))}
        />
      ) : (
        <Notice quiet title={t("no_timeline")} />
      )}
      {pages.hasNextPage && <Button loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>{t("earlier")}</Button>}
    </div>
  );
}

/** A file of an activity; fetched when asked for. */
function Attached({ id, file }: { id: string; file: Entry["attachments"][number] }) {
  const open = async () => {
    const got = await get("/v1/customers/{customer_id}/files/{sha256}", { path: { customer_id: id, sha256: file.sha256 } });
    const bytes = Uint8Array.from(atob(got.content), (c) => c.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" })); // saved, never run
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return <Button size="small" onClick={() => void open()}>{file.name}</Button>;
}

function Planned({ id }: { id: string }) {
  const t = useWords(pageWords);
  const planned = useAsk("/v1/follow-ups", { query: { customer_id: id, page_size: 20 } }, { live: ["customer"] });
  const open = (planned.data?.follow_ups ?? []).filter((each) => each.state === "FOLLOW_UP_STATE_PLANNED" || each.state === "FOLLOW_UP_STATE_DUE");
  if (planned.isPending) return <Waiting rows={2} />;
  if (planned.error && !planned.data) return <Refused error={planned.error} retry={() => void planned.refetch()} />;
  return open.length ? <FollowUps items={open} /> : <p className="quiet">{t("no_follow_ups")}</p>;
}

function Reach({ contact }: { contact: Contact }) {
  const t = useWords(pageWords);
  const f = useFormats();
  return (
    <>
      <p className="row"><span className="strong">{contact.name}</span> {t(contact.decision_role) && <Tag tone="brand">{t(contact.decision_role)}</Tag>}</p>
      <p className="quiet">{contact.position}</p>
      {contact.phones.map((each) => <p key={each}><a className="num" href={`tel:${each}`}>{f.phone(each)}</a></p>)}
      {contact.emails.map((each) => <p key={each} className="clip"><a href={`mailto:${each}`}>{each}</a></p>)}
    </>
  );
}

function Contacts({ id, contacts, edits, creates }: { id: string; contacts: readonly Contact[]; edits: boolean; creates: boolean }) {
  const t = useWords(pageWords);
  const client = useQueryClient();
  const { may } = useSession();
  const [open, setOpen] = useState<Contact | "new">();
  return (
    <div className="stack">
      {contacts.length ? (
        <ul className="people">
          {contacts.map((each) => (
            <li key={each.contact_id}>
              <div className="spread"><Reach contact={each} />{each.is_primary && <Tag>{t("is_primary")}</Tag>}</div>
              {edits && <Button size="small" type="text" onClick={() => setOpen(each)}>{t("edit")}</Button>}
              {may("customer.contact.delete") && <RemoveButton title={t("remove_contact")} onRemove={() => post("/v1/customers/{customer_id}/contacts/{contact_id}:remove", { path: { customer_id: id, contact_id: each.contact_id }, body: { reason: t("remove") } }).then(() => askAgain(client, ["customer"]))} />}
            </li>
          ))}
        </ul>
      ) : (
        <Notice quiet title={t("no_contacts")} />
      )}
      {creates && <div><Button onClick={() => setOpen("new")}>{t("add_contact")}</Button></div>}
      {open && <ContactDialog customerId={id} {...(open === "new" ? {} : { contact: open })} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

function Rows({ empty, rows }: { empty: string; rows: { key: string; to: string; title: string; note: string; right: React.ReactNode }[] }) {
  if (!rows.length) return <Notice quiet title={empty} />;
  return (
    <ul className="lines">
      {rows.map((each) => (
        <li key={each.key}><Link to={each.to}><span className="spread"><span className="strong">{each.title}</span><span className="quiet"> {each.note}</span></span>{each.right}</Link></li>
      ))}
    </ul>
  );
}

function Deals({ overview }: { overview: Overview }) {
  const t = useWords(pageWords);
  const f = useFormats();
  return <Rows empty={t("no_deals")} rows={(overview.opportunities?.opportunities ?? []).map((each) => ({ key: each.opportunity_id, to: places.opportunity(each.opportunity_id), title: each.title, note: [each.stage_name, f.day(each.expected_close_on)].filter(Boolean).join(" · "), right: <Money of={each.amount} /> }))} />;
}

function Orders({ overview }: { overview: Overview }) {
  const t = useWords(pageWords);
  const f = useFormats();
  return <Rows empty={t("no_orders")} rows={(overview.orders?.orders ?? []).map((each) => ({ key: each.order_id, to: places.order(each.order_id), title: each.number || each.external_ref || each.order_id.slice(0, 8), note: f.day(each.placed_on), right: <Money of={each.total} /> }))} />;
}

function Tickets({ overview }: { overview: Overview }) {
  const t = useWords(pageWords);
  const f = useFormats();
  return <Rows empty={t("no_tickets")} rows={(overview.tickets?.tickets ?? []).map((each) => ({ key: each.ticket_id, to: places.ticket(each.ticket_id), title: each.subject || each.category || each.ticket_id.slice(0, 8), note: f.ago(each.opened_at), right: each.overdue ? <Tag tone="bad">{t("overdue")}</Tag> : null }))} />;
}

function Touches({ overview }: { overview: Overview }) {
  const t = useWords(pageWords);
  const touches = overview.touches?.touches ?? [];
  return touches.length ? <Timeline items={touches.map((each) => ({ id: each.touch_ref, at: each.touched_at, title: each.kind.replaceAll("-", " "), text: each.channel }))} /> : <Notice quiet title={t("no_touches")} />;
}

function Details({ whole }: { whole: Whole }) {
  const t = useWords(pageWords);
  const industries = useDictionary("industries");
  const regions = useDictionary("regions");
  const sizes = useDictionary("sizes");
  const intents = useDictionary("intents");
  const profile = whole.profile;
  if (!profile) return null;
  const facts: [string, string][] = [
    [t("industry"), industries.label(profile.industry_code)], [t("region"), regions.label(profile.region_code)], [t("size"), sizes.label(profile.size_code)], [t("intent"), intents.label(profile.intent_code)],
    [t("phones"), profile.phones.join(" · ")], [t("emails"), profile.emails.join(" · ")], [t("website"), profile.website], [t("employees"), profile.employees === "0" ? "" : profile.employees],
    [t("credit_code"), profile.credit_code], [t("address"), profile.address], [t("source"), whole.card?.source ?? ""], [t("remark"), profile.remark], ...Object.entries(profile.custom_fields),
  ];
  return <dl className="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value || <span className="quiet">–</span>}</dd></div>)}</dl>;
}

/** How much is known, and what the status asks for but is not there. */
function Completeness({ whole }: { whole: Whole }) {
  const t = useWords(pageWords);
  const f = useFormats();
  const profile = whole.profile as Record<string, unknown> | undefined;
  if (!profile) return null;
  const known = filling.filter((key) => (Array.isArray(profile[key]) ? (profile[key] as unknown[]).length : profile[key] && profile[key] !== "0"));
  const share = known.length / filling.length;
  const lacking = whole.missing_fields.length ? whole.missing_fields : filling.filter((key) => !known.includes(key)).slice(0, 4);
  return (
    <Section title={t("complete", { percent: f.percent(share, 0) })}>
      <Progress percent={Math.round(share * 100)} showInfo={false} size="small" aria-label={t("complete", { percent: f.percent(share, 0) })} />
      {lacking.length > 0 && <p className={whole.missing_fields.length ? "warn" : "quiet"}>{t("lacks", { fields: f.list(lacking.map((field) => { const key = labelOf[field.replace(/^profile\./, "")]; return key ? t(key) : field; })) })}</p>}
    </Section>
  );
}
