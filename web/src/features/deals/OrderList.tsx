/** Orders, newest first. */
import { get, type Query } from "@/api/client";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { LinkButton } from "@/ui/LinkButton";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { dealWords } from "./dealWords";
import { StateTag, type Order } from "./show";

const states: Order["state"][] = ["ORDER_STATE_PLACED", "ORDER_STATE_PENDING", "ORDER_STATE_CONFIRMED", "ORDER_STATE_SHIPPED", "ORDER_STATE_DELIVERED", "ORDER_STATE_CANCELLED"];

export default function OrderList() {
  const t = useWords(dealWords);
  const f = useFormats();
  const { personId, may } = useSession();
  return (
    <Page title={t("orders")} wide actions={may("pipeline.receivable.read") && <LinkButton to="/receivables?only=open">{t("receivables")}</LinkButton>}>
      <DataList<Order>
        name="orders"
        rowKey={(order) => order.order_id}
        to={(order) => places.order(order.order_id)}
        live={["pipeline"]}
        views={(["ORDER_STATE_PLACED", "ORDER_STATE_CONFIRMED", "ORDER_STATE_SHIPPED", "ORDER_STATE_DELIVERED"] as const).map((state) => ({ key: state, label: t(state), query: `state=${state}` }))}
        filters={[
          { key: "state", label: t("progress"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "mine", label: t("my_deals"), kind: "switch" },
        ]}
        columns={[
          { key: "number", opens: true, title: t("order"), render: (order) => <strong>{order.number}</strong> },
          { key: "customer", title: t("customer"), render: (order) => <CustomerName id={order.customer_id} /> },
          { key: "total", title: t("total"), right: true, render: (order) => <Money of={order.total} /> },
          { key: "paid", title: t("paid"), right: true, render: (order) => <Money of={order.paid} /> },
          { key: "outstanding", title: t("outstanding"), right: true, render: (order) => <span className={Number(order.outstanding?.minor_units ?? 0) > 0 ? "warn" : "quiet"}><Money of={order.outstanding} /></span> },
          { key: "state", title: t("progress"), render: (order) => <StateTag state={order.state} /> },
          { key: "placed", title: t("placed"), right: true, render: (order) => f.day(order.placed_on) },
          { key: "owner", title: t("owner"), render: (order) => <PersonName id={order.owner_id} /> },
          { key: "tracking", title: t("tracking"), hidden: true, render: (order) => [order.carrier, order.tracking_number].filter(Boolean).join(" ") },
        ]}
        card={(order) => ({ title: <>{order.number} <StateTag state={order.state} /></>, meta: <><CustomerName id={order.customer_id} /> <Money of={order.total} /> <span>{f.day(order.placed_on)}</span></> })}
        empty={{ title: t("no_orders") }}
        load={async (asked, signal) => {
          const state = asked.filters.state?.[0] as Order["state"] | undefined;
          const query: Query<"/v1/orders"> = { page_size: asked.pageSize, page_token: asked.pageToken, search: asked.search, owner_id: asked.filters.mine?.[0] ? personId : "", ...(state ? { state } : {}) };
          const found = await get("/v1/orders", { query, signal });
          return { rows: found.orders, next: found.next_page_token, total: Number(found.total_size) };
        }}
      />
    </Page>
  );
}
