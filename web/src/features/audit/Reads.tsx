/** Who was shown whose personal data, and what of it. */
import { useState } from "react";
import { get, type Answer } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Actor } from "@/ui/people";
import { ExportButton, useContextName, useNames } from "./parts";
import { AuditFilters, useAuditFilters } from "./Trail";
import { auditWords } from "./words";

type Row = Answer<"/v1/audit/reads">["reads"][number];

export default function Reads({ subject = "" }: { subject?: string }) {
  const t = useWords(auditWords);
  const f = useFormats();
  const part = useContextName();
  const names = useNames();
  const { value } = useAuditFilters();
  const [unanswered, setUnanswered] = useState<readonly string[]>([]);
  const asked = { context: value("part"), actor: value("actor"), subject_id: subject || value("subject"), ...(value("from") ? { from_at: value("from") } : {}), ...(value("to") ? { to_at: value("to") } : {}) };
  return (
    <>
      <div className="row">{!subject && <AuditFilters />}<span className="spread" /><div className="gap-below"><ExportButton name="reads" page={(page_token) => get("/v1/audit/reads:export", { query: { ...asked, page_token } })} /></div></div>
      {unanswered.length > 0 && <p className="strip gap-below" role="status">{t("unanswered", { parts: unanswered.map(part).join(", ") })}</p>}
      <DataList<Row>
        key={JSON.stringify(asked)}
        name="audit-reads"
        searchable={false}
        live={[]}
        rowKey={(row) => `${row.context}${row.position}`}
        card={(row) => ({ title: <Actor actor={row.actor} />, meta: <><span>{f.moment(row.read_at)}</span><span>{names.event(row.method.split("/").pop() ?? "")}</span><span>{t("records_shown", { count: row.subject_ids.length })}</span></> })}
        columns={[
          { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.read_at) },
          { key: "who", title: t("who"), width: 170, render: (row) => <Actor actor={row.actor} /> },
          { key: "asked", title: t("asked"), render: (row) => names.event(row.method.split("/").pop() ?? "") },
          { key: "saw", title: t("saw"), render: (row) => (row.classes.length ? row.classes.map((each) => <span key={each} className="tag" style={{ marginRight: 4 }}>{each}</span>) : <span className="quiet">{t("no_classes")}</span>) },
          { key: "count", title: t("record"), right: true, width: 110, render: (row) => <span className={row.subject_ids.length >= 50 ? "warn" : ""}>{t("records_shown", { count: row.subject_ids.length })}</span> },
          { key: "part", title: t("service"), width: 140, render: (row) => <span className="tag">{part(row.context)}</span> },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/audit/reads", { query: { ...asked, page_size: q.pageSize, page_token: q.pageToken }, signal });
          setUnanswered(found.unanswered);
          return { rows: found.reads, next: found.next_page_token };
        }}
        empty={{ title: t("nothing"), text: t("nothing_text") }}
      />
    </>
  );
}
