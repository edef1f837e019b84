/** The handovers ordered so far. */
import { get, type Answer } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { PersonName } from "@/ui/people";
import { adminWords } from "./words";

type Row = Answer<"/v1/handovers">["handovers"][number];

export function StateTag({ state }: { state: string }) {
  const t = useWords(adminWords);
  if (state === "complete") return <span className="tag tag-good">{t("complete")}</span>;
  return <span className={state === "overdue" ? "tag tag-bad" : "tag tag-warn"}>{t(state === "overdue" ? "overdue" : "running")}</span>;
}

export default function Handovers() {
  const t = useWords(adminWords);
  const f = useFormats();
  return (
    <DataList<Row>
      name="admin-handovers"
      searchable={false}
      live={["customer"]}
      rowKey={(row) => row.handover_id}
      to={(row) => `/admin/handovers/${row.handover_id}`}
      card={(row) => ({ title: <><PersonName id={row.leaver_id} /> → <PersonName id={row.to_person_id} /></>, meta: <><StateTag state={row.state} /><span>{t("moved", { count: f.number(row.moved) })}</span></> })}
      columns={[
        { key: "who", opens: true, title: t("person"), render: (row) => <strong><PersonName id={row.leaver_id} /> → <PersonName id={row.to_person_id} /></strong> },
        { key: "state", title: t("state"), width: 120, render: (row) => <StateTag state={row.state} /> },
        { key: "moved", title: t("count"), width: 200, render: (row) => <>{t("moved", { count: f.number(row.moved) })}{row.left !== "0" && <span className="bad"> · {t("left_over", { count: row.left })}</span>}</> },
        { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.ordered_at) },
      ]}
      load={async (q, signal) => {
        const found = await get("/v1/handovers", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
        return { rows: found.handovers, next: found.next_page_token };
      }}
      empty={{ title: t("no_handovers"), text: t("no_handovers_text") }}
    />
  );
}
