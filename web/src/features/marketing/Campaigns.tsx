/** Campaigns with what each cost and brought. */
import { PlusOutlined } from "@ant-design/icons";
import { Button, Modal } from "antd";
import { Link, useNavigate, useSearchParams } from "react-router";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { major, useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { CampaignForm } from "./CampaignForm";
import { Parts, Roi, Share, State } from "./pieces";
import { terms, type Campaign } from "./terms";

const dictionary = words(
  { title: "Campaigns", plan: "Plan a campaign", name: "Campaign", state: "State", kind: "Kind", channel: "Channel", period: "From – to", cost: "Cost of budget", leads: "Leads", deals: "Deals", won: "Won", cpl: "Cost per lead", revenue: "Attributed revenue", roi: "ROI", owner: "Owner", empty: "No campaigns yet", empty_text: "Plan one: what it may cost, when it runs, what it should bring. Forms, mailings and journeys attach to it." },
  { title: "营销活动", plan: "策划活动", name: "活动", state: "状态", kind: "类型", channel: "渠道", period: "起止", cost: "已用预算", leads: "线索", deals: "商机", won: "成交", cpl: "单条线索成本", revenue: "归因收入", roi: "投资回报率", owner: "负责人", empty: "暂无活动", empty_text: "先策划一个活动：预算、时间和预期成果。表单、群发和旅程都可以关联到它。" },
);

export default function Campaigns() {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const f = useFormats();
  const { may } = useSession();
  const navigate = useNavigate();
  const [address, setAddress] = useSearchParams();
  const results = useAsk("/v1/campaign-results", { query: { page_size: 500 } }, { live: ["marketing", "pipeline"], select: (answer) => new Map(answer.results.map((each) => [each.campaign_id, each])) });
  const of = (row: Campaign) => results.data?.get(row.campaign_id);
  const close = () => setAddress((was) => (was.delete("new"), was), { replace: true });
  const plan = may("marketing.campaign.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAddress((was) => (was.set("new", "1"), was))}>{t("plan")}</Button>;
  return (
    <Page title={t("title")} actions={plan} wide>
      <Parts />
      <DataList<Campaign>
        name="campaigns"
        live={["marketing"]}
        rowKey={(row) => row.campaign_id}
        to={(row) => places.campaign(row.campaign_id)}
        load={async (q, signal) => {
          const found = await get("/v1/campaigns", { query: { text: q.search, state: q.filters.state?.[0] ?? "", page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.campaigns, next: found.next_page_token, total: Number(found.total_size) };
        }}
        filters={[{ key: "state", label: t("state"), kind: "select", options: (["planned", "running", "ended"] as const).map((value) => ({ value, label: say(value) })) }]}
        columns={[
          { key: "name", title: t("name"), width: 220, render: (row) => <Link className="strong" to={places.campaign(row.campaign_id)}>{row.name}</Link> },
          { key: "state", title: t("state"), width: 100, render: (row) => <State of={row.state} /> },
          { key: "kind", title: t("kind"), width: 120, render: (row) => say(row.kind) },
          { key: "channel", title: t("channel"), width: 100, hidden: true, render: (row) => row.channel },
          { key: "period", title: t("period"), width: 210, hidden: true, render: (row) => <span className="quiet">{f.day(row.starts_on)} – {f.day(row.ends_on)}</span> },
          { key: "cost", title: t("cost"), width: 170, render: (row) => (<div><Money of={row.cost} short /> <span className="quiet">/ <Money of={row.budget} short /></span>{row.cost && row.budget && <Share part={major(row.cost)} whole={major(row.budget)} />}</div>) },
          { key: "leads", title: t("leads"), width: 90, right: true, render: (row) => f.number(of(row)?.leads) },
          { key: "deals", title: t("deals"), width: 80, right: true, render: (row) => f.number(of(row)?.deals) },
          { key: "won", title: t("won"), width: 80, right: true, render: (row) => f.number(of(row)?.won_deals) },
          { key: "cpl", title: t("cpl"), width: 120, right: true, hidden: true, render: (row) => <Money of={of(row)?.cost_per_lead} /> },
          { key: "revenue", title: t("revenue"), width: 130, right: true, render: (row) => <Money of={of(row)?.attributed_revenue} short /> },
          { key: "roi", title: t("roi"), width: 90, right: true, render: (row) => <Roi of={of(row)?.roi} /> },
          { key: "owner", title: t("owner"), width: 110, render: (row) => <PersonName id={row.owner_id} /> },
        ]}
        card={(row) => ({ title: <>{row.name} <State of={row.state} /></>, meta: <><span>{t("cost")} <Money of={row.cost} short /> / <Money of={row.budget} short /></span><span>{t("leads")} {f.number(of(row)?.leads)}</span><span>{t("roi")} <Roi of={of(row)?.roi} /></span></> })}
        empty={{ title: t("empty"), text: t("empty_text"), action: plan }}
      />
      <Modal open={address.has("new")} title={t("plan")} footer={null} width={640} onCancel={close} destroyOnHidden>
        <CampaignForm onDone={(id) => void navigate(places.campaign(id))} onCancel={close} />
      </Modal>
    </Page>
  );
}
