/** Contracts, newest first; those that end soon. */
import { get, type Query } from "@/api/client";
import { places } from "@/app/places";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { dealWords } from "./dealWords";
import { inDays, StateTag, type Contract } from "./show";

const states: Contract["state"][] = ["CONTRACT_STATE_DRAFT", "CONTRACT_STATE_PENDING", "CONTRACT_STATE_APPROVED", "CONTRACT_STATE_SIGNED", "CONTRACT_STATE_TERMINATED"];
const SOON_DAYS = 60;

export default function ContractList() {
  const t = useWords(dealWords);
  const f = useFormats();
  return (
    <Page title={t("contracts")} above={{ to: "/deals", label: t("deals") }} wide>
      <DataList<Contract>
        name="contracts"
        rowKey={(contract) => contract.contract_id}
        to={(contract) => places.contract(contract.contract_id)}
        live={["pipeline"]}
        views={[{ key: "soon", label: t("ending_soon"), query: "soon=true&state=CONTRACT_STATE_SIGNED" }]}
        filters={[
          { key: "state", label: t("progress"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "soon", label: t("ending_soon"), kind: "switch" },
        ]}
        columns={[
          { key: "number", opens: true, title: t("number"), render: (contract) => <strong>{contract.number}</strong> },
          { key: "title", title: t("title"), render: (contract) => contract.title },
          { key: "customer", title: t("customer"), render: (contract) => <CustomerName id={contract.customer_id} /> },
          { key: "amount", title: t("amount"), right: true, render: (contract) => <Money of={contract.amount} /> },
          { key: "state", title: t("progress"), render: (contract) => <StateTag state={contract.state} /> },
          { key: "starts", title: t("starts"), right: true, render: (contract) => f.day(contract.starts_on) },
          { key: "ends", title: t("ends"), right: true, render: (contract) => f.day(contract.ends_on) || t("open_end") },
          { key: "owner", title: t("owner"), render: (contract) => <PersonName id={contract.owner_id} /> },
        ]}
        card={(contract) => ({ title: <>{contract.number} <StateTag state={contract.state} /></>, meta: <><CustomerName id={contract.customer_id} /> <Money of={contract.amount} /> <span>{f.day(contract.ends_on) || t("open_end")}</span></> })}
        empty={{ title: t("no_contracts") }}
        load={async (asked, signal) => {
          const state = asked.filters.state?.[0] as Contract["state"] | undefined;
          const query: Query<"/v1/contracts"> = { page_size: asked.pageSize, page_token: asked.pageToken, search: asked.search, ends_before: asked.filters.soon?.[0] ? inDays(SOON_DAYS) : "", ...(state ? { state } : {}) };
          const found = await get("/v1/contracts", { query, signal });
          return { rows: found.contracts, next: found.next_page_token };
        }}
      />
    </Page>
  );
}
