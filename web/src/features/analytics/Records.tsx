/** The records that make up a figure: every number can be checked by hand. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { get, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { isRecordKind, places } from "@/app/places";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Explained, Fresh, labelOf } from "./Figure";
import { useSlice } from "./slice";
import { SliceBar } from "./SliceBar";
import { analyticsWords } from "./words";

type Row = Answer<"/v1/analytics/figures/{figure}/records">["records"][number];
const kinds = { opportunity: "k_opportunity", order: "k_order", customer: "k_customer", lead: "k_lead", ticket: "k_ticket", payment: "k_payment" } as const;

export default function Records() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { language } = useLanguage();
  const { figure = "" } = useParams();
  const { query, search } = useSlice();
  const definitions = useAsk("/v1/analytics/definitions", { query: { key: figure } }, { freshMs: 3_600_000 });
  const definition = definitions.data?.definitions[0];
  const label = labelOf(definition, language) || figure;
  const stage = new URLSearchParams(search).get("stage") ?? "";
  const asked = { path: { figure }, query: { ...query, stage_id: stage } };
  const first = useQuery({ queryKey: ["records-behind", asked], queryFn: ({ signal }) => get("/v1/analytics/figures/{figure}/records", { ...asked, query: { ...asked.query, page_size: 1 }, signal }), meta: { live: ["pipeline"] } });
  const kind = (row: Row) => (row.kind in kinds ? t(kinds[row.kind as keyof typeof kinds]) : row.kind);
  const to = (row: Row) => {
    const where = row.kind === "payment" ? "order" : row.kind;
    return isRecordKind(where) ? places[where](row.record_id) : places.customer(row.customer_id);
  };
  return (
    <Page
      title={t("records", { figure: label })}
      above={{ to: `/analytics?${search}`, label: t("analytics") }}
      note={definition && <span className="figure">{language === "zh" ? definition.text_zh : definition.text_en} <Explained definition={definition} freshness={first.data?.about?.freshness ?? []} label={label} /></span>}
    >
      <SliceBar />
      <DataList<Row>
        key={JSON.stringify(asked)}
        name={`behind-${figure}`}
        searchable={false}
        live={["pipeline", "customer", "analytics"]}
        rowKey={(row) => `${row.record_id}${row.counted_at}`}
        to={to}
        card={(row) => ({ title: row.title || kind(row), meta: <><span>{f.money(row.amount)}</span><span>{f.day(row.counted_at)}</span><PersonName id={row.owner_id} /></> })}
        columns={[
          { key: "title", opens: true, title: t("record"), render: (row) => <><strong>{row.title || t("untitled")}</strong> <span className="tag">{kind(row)}</span></> },
          { key: "amount", title: t("amount"), right: true, render: (row) => f.money(row.amount) || "–", width: 150 },
          { key: "status", title: t("status"), render: (row) => row.status || "–", width: 120 },
          { key: "owner", title: t("owner"), render: (row) => <PersonName id={row.owner_id} />, width: 140 },
          { key: "counted", title: t("counted"), render: (row) => f.day(row.counted_at), width: 140 },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/analytics/figures/{figure}/records", { ...asked, query: { ...asked.query, page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.records, next: found.next_page_token, total: Number(found.total_size) };
        }}
        empty={{ title: t("no_data"), text: t("no_data_text") }}
      />
      {first.data?.about && <Fresh of={first.data.about.freshness} />}
    </Page>
  );
}
