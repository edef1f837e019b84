import { get, type Answer } from "@/api/client";
import { places } from "@/app/places";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Page } from "@/ui/Page";
import { customerWords } from "./words";

type Row = Answer<"/v1/customers">["customers"][number];

export default function List() {
  const t = useWords(customerWords);
  const f = useFormats();
  return (
    <Page title={t("customers")}>
      <DataList<Row>
        name="customers"
        columns={[{ key: "name", title: t("customers"), render: (row) => <strong>{row.name}</strong> }, { key: "contact", title: "", render: (row) => f.ago(row.last_contact_at) }]}
        rowKey={(row) => row.customer_id}
        to={(row) => places.customer(row.customer_id)}
        card={(row) => ({ title: row.name, meta: row.phone })}
        live={["customer"]}
        load={async (q, signal) => {
          const found = await get("/v1/customers", { query: { page_size: q.pageSize, page_token: q.pageToken, query: q.search }, signal });
          return { rows: found.customers, next: found.next_page_token };
        }}
      />
    </Page>
  );
}
