/** Deals as a list: found, filtered, stuck ones, those without a next step. */
import { AppstoreOutlined, PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import { useSearchParams } from "react-router";
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
import { NewDealDialog, usePipelines } from "./dealDialogs";
import { dealWords } from "./dealWords";
import { DaysInStage, StateTag, StepLine, type Deal } from "./show";
import "./deals.css";

const states: Deal["state"][] = ["OPPORTUNITY_STATE_OPEN", "OPPORTUNITY_STATE_WON", "OPPORTUNITY_STATE_LOST"];

export default function DealList() {
  const t = useWords(dealWords);
  const f = useFormats();
  const { may, personId } = useSession();
  const [creating, setCreating] = useState(false);
  const [address] = useSearchParams();
  const pipelines = usePipelines();
  const stages = (pipelines.data?.pipelines ?? []).flatMap((pipeline) => pipeline.stages.map((stage) => ({ value: stage.stage_id, label: (pipelines.data?.pipelines.length ?? 0) > 1 ? `${stage.name} · ${pipeline.name}` : stage.name })));
  const isOpen = (deal: Deal) => deal.state === "OPPORTUNITY_STATE_OPEN";
  return (
    <Page
      title={t("deals")}
      wide
      actions={
        <>
          <LinkButton to="/deals" icon={<AppstoreOutlined />}>{t("board")}</LinkButton>
          {may("pipeline.opportunity.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => setCreating(true)}>{t("new_deal")}</Button>}
        </>
      }
    >
      <DataList<Deal>
        name="deals"
        rowKey={(deal) => deal.opportunity_id}
        to={(deal) => places.opportunity(deal.opportunity_id)}
        live={["pipeline"]}
        searchable={address.get("only") !== "stuck"}
        views={[
          { key: "open", label: t("OPPORTUNITY_STATE_OPEN"), query: "state=OPPORTUNITY_STATE_OPEN" },
          { key: "mine", label: t("my_deals"), query: "only=mine&state=OPPORTUNITY_STATE_OPEN" },
          { key: "stuck", label: t("stuck"), query: "only=stuck" },
          { key: "flagged", label: t("no_step"), query: "only=flagged" },
          { key: "won", label: t("OPPORTUNITY_STATE_WON"), query: "state=OPPORTUNITY_STATE_WON" },
        ]}
        filters={[
          { key: "state", label: t("progress"), kind: "select", options: states.map((value) => ({ value, label: t(value) })) },
          { key: "stage", label: t("stage"), kind: "select", options: stages },
          { key: "only", label: t("all"), kind: "select", multiple: true, options: [{ value: "mine", label: t("my_deals") }, { value: "stuck", label: t("stuck") }, { value: "flagged", label: t("no_step") }] },
        ]}
        columns={[
          { key: "title", opens: true, title: t("deal"), render: (deal) => <strong>{deal.title}</strong> },
          { key: "customer", title: t("customer"), render: (deal) => <CustomerName id={deal.customer_id} /> },
          { key: "amount", title: t("amount"), right: true, render: (deal) => <Money of={deal.amount} /> },
          { key: "stage", title: t("stage"), render: (deal) => (isOpen(deal) ? deal.stage_name : <StateTag state={deal.state} />) },
          { key: "days", title: t("stuck"), right: true, render: (deal) => (isOpen(deal) ? <DaysInStage deal={deal} /> : "") },
          { key: "next", title: t("next_step"), render: (deal) => <StepLine step={deal.next_step} on={deal.next_step_on} open={isOpen(deal)} /> },
          { key: "close", title: t("close_on"), right: true, render: (deal) => f.day(deal.expected_close_on) },
          { key: "owner", title: t("owner"), render: (deal) => <PersonName id={deal.owner_id} /> },
          { key: "probability", title: t("probability"), right: true, hidden: true, render: (deal) => f.percent(deal.probability / 100, 0) },
          { key: "source", title: t("source"), hidden: true, render: (deal) => deal.source_channel },
        ]}
        card={(deal) => ({
          title: <>{deal.title} {!isOpen(deal) && <StateTag state={deal.state} />}</>,
          meta: <><Money of={deal.amount} /> <span>{deal.stage_name}</span> <DaysInStage deal={deal} /> <span><PersonName id={deal.owner_id} /></span></>,
        })}
        load={async (asked, signal) => {
          const one = (key: string) => asked.filters[key]?.[0] ?? "";
          const only = asked.filters.only ?? [];
          const owner_id = only.includes("mine") ? personId : "";
          if (only.includes("stuck")) {
            const found = await get("/v1/opportunities:stuck", { query: { page_size: asked.pageSize, page_token: asked.pageToken, owner_id }, signal });
            return { rows: found.opportunities, next: found.next_page_token };
          }
          const query: Query<"/v1/opportunities"> = {
            page_size: asked.pageSize,
            page_token: asked.pageToken,
            search: asked.search,
            stage_id: one("stage"),
            owner_id,
            ...(one("state") ? { state: one("state") as Deal["state"] } : {}),
            ...(only.includes("flagged") ? { flagged: true } : {}),
          };
          const found = await get("/v1/opportunities", { query, signal });
          return { rows: found.opportunities, next: found.next_page_token, total: Number(found.total_size) };
        }}
      />
      {creating && <NewDealDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}
