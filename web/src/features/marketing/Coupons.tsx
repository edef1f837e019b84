/** Coupons that journeys issued. */
import { get, type Answer } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { Parts, useNames } from "./pieces";

const dictionary = words(
  { title: "Coupons", code: "Code", value: "Worth", expires: "Good until", customer: "Customer", campaign: "Campaign", visitor: "Form sender", empty: "No coupons yet", empty_text: "A journey’s step “Coupon” issues one to each person who comes by." },
  { title: "优惠券", code: "券码", value: "面值", expires: "有效期至", customer: "客户", campaign: "关联活动", visitor: "表单提交者", empty: "暂无优惠券", empty_text: "旅程中的“发优惠券”步骤会给经过的每位客户发券。" },
);
type Row = Answer<"/v1/coupons">["coupons"][number];

export default function Coupons() {
  const t = useWords(dictionary);
  const f = useFormats();
  const campaigns = useNames("campaigns");
  return (
    <Page title={t("title")} wide>
      <Parts />
      <DataList<Row>
        name="coupons"
        searchable={false}
        live={["marketing"]}
        rowKey={(row) => row.coupon_id}
        load={async (q, signal) => {
          const found = await get("/v1/coupons", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.coupons, next: found.next_page_token };
        }}
        columns={[
          { key: "code", title: t("code"), width: 180, render: (row) => <strong>{row.code}</strong> },
          { key: "value", title: t("value"), width: 110, right: true, render: (row) => <Money of={row.value} /> },
          { key: "expires", title: t("expires"), width: 130, render: (row) => f.day(row.expires_on) },
          { key: "customer", title: t("customer"), width: 240, render: (row) => (row.customer_id ? <CustomerName id={row.customer_id} link /> : t("visitor")) },
          { key: "campaign", title: t("campaign"), width: 200, render: (row) => campaigns.get(row.campaign_id) ?? "–" },
        ]}
        card={(row) => ({ title: row.code, meta: <><Money of={row.value} /><span>{f.day(row.expires_on)}</span><CustomerName id={row.customer_id} /></> })}
        empty={{ title: t("empty"), text: t("empty_text") }}
      />
    </Page>
  );
}
