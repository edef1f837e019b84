/** Who changed what, when: every event of every part. */
import { DatePicker, Select } from "antd";
import dayjs from "dayjs";
import { Link, useSearchParams } from "react-router";
import { get, type Answer } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Actor } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { CONTEXTS, ExportButton, isLate, useContextName, useNames } from "./parts";
import { auditWords } from "./words";

type Row = Answer<"/v1/audit/events">["events"][number];

/** Filters that live in the address: part, person, period and cause. */
export function useAuditFilters() {
  const [address, setAddress] = useSearchParams();
  const change = (changes: Record<string, string>) =>
    setAddress((now) => {
      const next = new URLSearchParams(now);
      for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value); else next.delete(key);
      return next;
    }, { replace: true });
  const value = (key: string) => address.get(key) ?? "";
  return { value, change };
}

export function AuditFilters() {
  const t = useWords(auditWords);
  const part = useContextName();
  const { value, change } = useAuditFilters();
  const day = (key: string) => (value(key) ? dayjs(value(key)) : null);
  return (
    <div className="row gap-below">
      <Select<string> value={value("part")} aria-label={t("service")} style={{ width: 170 }} onChange={(next) => change({ part: next })} options={[{ value: "", label: t("any_service") }, ...CONTEXTS.map((each) => ({ value: each, label: part(each) }))]} />
      <div style={{ width: 190, display: "grid" }}><PersonSelect value={value("actor")} onChange={(id) => change({ actor: id })} placeholder={t("who")} label={t("who")} /></div>
      <DatePicker.RangePicker
        allowEmpty={[true, true]}
        showTime={{ format: "HH:mm" }}
        format="YYYY-MM-DD HH:mm"
        value={[day("from"), day("to")]}
        onChange={(days) => change({ from: days?.[0]?.toISOString() ?? "", to: days?.[1]?.toISOString() ?? "" })}
        style={{ maxWidth: "100%" }}
      />
      {value("cause") && <span className="tag tag-brand">{t("follow")} {value("cause").slice(0, 8)} <button type="button" aria-label="×" style={{ border: 0, background: "none", cursor: "pointer", minWidth: 24 }} onClick={() => change({ cause: "" })}>×</button></span>}
    </div>
  );
}

export default function Trail() {
  const t = useWords(auditWords);
  const f = useFormats();
  const part = useContextName();
  const names = useNames();
  const { value } = useAuditFilters();
  const asked = { context: value("part"), actor: value("actor"), ...(value("from") ? { from_at: value("from") } : {}), ...(value("to") ? { to_at: value("to") } : {}), correlation_id: value("cause") };
  return (
    <>
      <div className="row"><AuditFilters /><span className="spread" /><div className="gap-below"><ExportButton name="changes" page={(page_token) => get("/v1/audit/events:export", { query: { ...asked, page_token } })} /></div></div>
      <DataList<Row>
        key={JSON.stringify(asked)}
        name="audit-trail"
        searchable={false}
        live={["customer", "pipeline", "ticketing", "marketing", "identity"]}
        rowKey={(row) => row.event_id}
        to={(row) => `/audit/records/${row.record_id}`}
        card={(row) => ({ title: names.event(row.event_type), meta: <><span>{f.moment(row.recorded_at)}</span><Actor actor={row.actor} /><span>{part(row.context)}</span></> })}
        columns={[
          { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.recorded_at) },
          { key: "who", title: t("who"), width: 170, render: (row) => <Actor actor={row.actor} /> },
          { key: "what", title: t("what"), render: (row) => <><strong>{names.event(row.event_type)}</strong>{isLate(row) && <span className="quiet"> · {t("late", { when: f.moment(row.effective_at) })}</span>}</> },
          { key: "part", title: t("service"), width: 140, render: (row) => <span className="tag">{part(row.context)}</span> },
          { key: "cause", title: t("by"), width: 180, render: (row) => <Link to={`/audit?cause=${row.correlation_id}`}>{t("follow")}</Link> },
          { key: "data", title: t("fields"), hidden: true, render: (row) => <code className="clip" style={{ maxWidth: 420, display: "block" }}>{row.data_json}</code> },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/audit/events", { query: { ...asked, page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.events, next: found.next_page_token };
        }}
        empty={{ title: t("nothing"), text: t("nothing_text") }}
      />
    </>
  );
}
