/** What is owed to us, the oldest due first. */
import { useSearchParams } from "react-router";
import { get, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Figure } from "@/ui/Figure";
import { Money, Monies } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { dealWords } from "./dealWords";
import { DueTag } from "./OrderPage";
import "./deals.css";

type Receivable = Answer<"/v1/receivables">["receivables"][number];

export default function ReceivableList() {
  const t = useWords(dealWords);
  const f = useFormats();
  const { personId } = useSession();
  const [address] = useSearchParams();
  const owner_id = address.get("mine") ? personId : "";
  const owed = useAsk("/v1/receivables", { query: { page_size: 1, open: true, owner_id } }, { live: ["pipeline"] });
  const late = useAsk("/v1/receivables", { query: { page_size: 1, overdue: true, owner_id } }, { live: ["pipeline"] });
  return (
    <Page title={t("receivables")} above={{ to: "/orders", label: t("orders") }} wide>
      <div className="figures board-figures gap-below">
        <Figure label={t("owed")} value={<Monies of={owed.data?.outstanding} />} definition={t("definition_owed")} {...(owed.dataUpdatedAt ? { asOf: new Date(owed.dataUpdatedAt).toISOString() } : {})} />
        <Figure label={t("overdue_only")} value={<Monies of={late.data?.outstanding} />} definition={t("definition_owed")} {...(late.data?.receivables.length ? { tone: "bad" as const } : {})} {...(late.dataUpdatedAt ? { asOf: new Date(late.dataUpdatedAt).toISOString() } : {})} to="/receivables?only=overdue" />
      </div>
      <DataList<Receivable>
        name="receivables"
        searchable={false}
        rowKey={(each) => each.receivable_id}
        to={(each) => places.order(each.order_id)}
        live={["pipeline"]}
        views={[
          { key: "open", label: t("open_only"), query: "only=open" },
          { key: "overdue", label: t("overdue_only"), query: "only=overdue" },
        ]}
        filters={[
          { key: "only", label: t("progress"), kind: "select", options: [{ value: "open", label: t("open_only") }, { value: "overdue", label: t("overdue_only") }] },
          { key: "mine", label: t("my_deals"), kind: "switch" },
        ]}
        columns={[
          { key: "due", title: t("due"), render: (each) => f.day(each.due_on) },
          { key: "state", title: t("progress"), render: (each) => <DueTag receivable={each} /> },
          { key: "customer", title: t("customer"), render: (each) => <strong><CustomerName id={each.customer_id} /></strong> },
          { key: "order", opens: true, title: t("order"), render: (each) => each.order_number },
          { key: "amount", title: t("amount"), right: true, render: (each) => <Money of={each.amount} /> },
          { key: "paid", title: t("paid"), right: true, render: (each) => <Money of={each.paid} /> },
          { key: "outstanding", title: t("outstanding"), right: true, render: (each) => <strong><Money of={each.outstanding} /></strong> },
          { key: "owner", title: t("owner"), render: (each) => <PersonName id={each.owner_id} /> },
        ]}
        card={(each) => ({ title: <><Money of={each.outstanding} /> <DueTag receivable={each} /></>, meta: <><CustomerName id={each.customer_id} /> <span>{each.order_number}</span> <span>{f.day(each.due_on)}</span></> })}
        load={async (asked, signal) => {
          const only = asked.filters.only?.[0];
          const found = await get("/v1/receivables", { query: { page_size: asked.pageSize, page_token: asked.pageToken, owner_id: asked.filters.mine?.[0] ? personId : "", ...(only === "open" ? { open: true } : only === "overdue" ? { overdue: true } : {}) }, signal });
          return { rows: found.receivables, next: found.next_page_token };
        }}
      />
    </Page>
  );
}
