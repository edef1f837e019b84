/** One handover: what moved to whom, what is left, and the sheet of every record. */
import { Button } from "antd";
import { useParams } from "react-router";
import { get, post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { ExportButton } from "@/features/audit/parts";
import { DataList } from "@/ui/DataList";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { useGive } from "./do";
import { StateTag } from "./Handovers";
import { adminWords } from "./words";

type Line = Answer<"/v1/handovers/{handover_id}/sheet">["lines"][number];

export default function Handover() {
  const t = useWords(adminWords);
  const f = useFormats();
  const give = useGive("customer");
  const { handoverId = "" } = useParams();
  const path = { handover_id: handoverId };
  const found = useAsk("/v1/handovers/{handover_id}", { path }, { live: ["customer", "pipeline", "ticketing", "marketing"] });
  return (
    <Answered of={found} rows={8}>
      {({ handover, counts }) => (
        <Page
          title={t("handover")}
          heading={<><PersonName id={handover?.leaver_id} /> → <PersonName id={handover?.to_person_id} /> <StateTag state={handover?.state ?? ""} /></>}
          above={{ to: "/admin/handovers", label: t("handovers") }}
          note={<>{f.moment(handover?.ordered_at)} · {t("round", { n: handover?.round ?? "" })}{handover?.waiting_for.length ? ` · ${t("waiting_for", { parts: handover.waiting_for.join(", ") })}` : ""}</>}
          actions={<><ExportButton name="handover-sheet" page={(page_token) => get("/v1/handovers/{handover_id}/sheet", { path, query: { page_size: 500, page_token } })} /><Button onClick={() => give(() => post("/v1/handovers/{handover_id}:repeat", { path }))}>{t("repeat")}</Button></>}
        >
          <div className="stack">
            <Section title={t("counts")}>
              <div className="figures">
                {counts.map((each) => <div key={each.context + each.kind + each.to_person_id} className="figure"><div className="figure-label">{each.kind}</div><div className="figure-value">{f.number(each.count)}</div><div className="figure-note">→ <PersonName id={each.to_person_id} /></div></div>)}
                {handover && handover.left !== "0" && <div className="figure"><div className="figure-label bad">{t("left_over", { count: handover.left })}</div></div>}
              </div>
            </Section>
            <h2 style={{ fontSize: 15, fontWeight: 600 }}>{t("sheet")}</h2>
            <DataList<Line>
              name="handover-sheet"
              searchable={false}
              live={["customer"]}
              rowKey={(row) => `${row.context}${row.record_id}${row.moved_at}`}
              card={(row) => ({ title: `${row.kind} ${row.record_id.slice(0, 8)}`, meta: <PersonName id={row.to_person_id} /> })}
              columns={[
                { key: "kind", title: t("kind"), width: 160, render: (row) => row.kind },
                { key: "record", title: t("record"), render: (row) => <code>{row.record_id}</code> },
                { key: "to", title: t("handover_to_person"), width: 160, render: (row) => <PersonName id={row.to_person_id} /> },
                { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.moved_at) },
              ]}
              load={async (q, signal) => {
                const sheet = await get("/v1/handovers/{handover_id}/sheet", { path, query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
                return { rows: sheet.lines, next: sheet.next_page_token };
              }}
            />
          </div>
        </Page>
      )}
    </Answered>
  );
}
