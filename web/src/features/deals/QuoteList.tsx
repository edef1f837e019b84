/** Quotes, newest first. */
import { get, type Query } from "@/api/client";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { dealWords } from "./dealWords";
import { StateTag, type Quote } from "./show";

const states: Quote["state"][] = ["QUOTE_STATE_DRAFT", "QUOTE_STATE_PENDING", "QUOTE_STATE_READY", "QUOTE_STATE_SENT", "QUOTE_STATE_ACCEPTED", "QUOTE_STATE_DECLINED", "QUOTE_STATE_EXPIRED"];

export default function QuoteList() {
  const t = useWords(dealWords);
  const f = useFormats();
  const { personId } = useSession();
  return (
    <Page title={t("quotes")} above={{ to: "/deals", label: t("deals") }} wide>
      <DataList<Quote>
        name="quotes"
        searchable={false}
        rowKey={(quote) => quote.quote_id}
        to={(quote) => places.quote(quote.quote_id)}
        live={["pipeline"]}
        views={states.slice(0, 4).map((state) => ({ key: state, label: t(state), query: `state=${state}` }))}
        filters={[
          { key: "state", label: t("progress"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "mine", label: t("my_deals"), kind: "switch" },
        ]}
        columns={[
          { key: "number", opens: true, title: t("quote"), render: (quote) => <strong>{quote.number}</strong> },
          { key: "customer", title: t("customer"), render: (quote) => <CustomerName id={quote.customer_id} /> },
          { key: "total", title: t("total"), right: true, render: (quote) => <Money of={quote.total} /> },
          { key: "discount", title: t("discount"), right: true, render: (quote) => (quote.discount_basis_points ? f.percent(quote.discount_basis_points / 10_000) : "–") },
          { key: "state", title: t("progress"), render: (quote) => <StateTag state={quote.state} /> },
          { key: "valid", title: t("valid_until"), right: true, render: (quote) => f.day(quote.valid_until) },
          { key: "owner", title: t("owner"), render: (quote) => <PersonName id={quote.owner_id} /> },
          { key: "drafted", title: t("date"), right: true, render: (quote) => f.ago(quote.drafted_at) },
        ]}
        card={(quote) => ({ title: <>{quote.number} <StateTag state={quote.state} /></>, meta: <><CustomerName id={quote.customer_id} /> <Money of={quote.total} /> <span>{t("valid_until")} {f.day(quote.valid_until)}</span></> })}
        empty={{ title: t("no_quotes"), text: t("no_quotes_text") }}
        load={async (asked, signal) => {
          const state = asked.filters.state?.[0] as Quote["state"] | undefined;
          const query: Query<"/v1/quotes"> = { page_size: asked.pageSize, page_token: asked.pageToken, owner_id: asked.filters.mine?.[0] ? personId : "", ...(state ? { state } : {}) };
          const found = await get("/v1/quotes", { query, signal });
          return { rows: found.quotes, next: found.next_page_token };
        }}
      />
    </Page>
  );
}
