/** Plan a campaign, or change its plan; two people at once see both values. */
import { AutoComplete, Form, Input, InputNumber, Select } from "antd";
import { useState } from "react";
import { get, post } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Amount } from "@/i18n/format";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { clashes } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { MoneyInput } from "@/ui/MoneyInput";
import { useNames } from "./pieces";
import { kinds, terms, type Campaign, type CampaignKind } from "./terms";

const dictionary = words(
  { name: "Name", kind: "Kind", channel: "Channel", channel_hint: "The code that its leads carry: “exhibition”, “search-ads”", budget: "Budget", starts_on: "First day", ends_on: "Last day", segment_id: "Speaks to", everybody: "Everybody", expected_leads: "Leads hoped for", required: "Please fill this in", plan: "Plan it", save: "Save" },
  { name: "名称", kind: "类型", channel: "渠道", channel_hint: "线索上记录的渠道代码，如 exhibition、search-ads", budget: "预算", starts_on: "开始日期", ends_on: "结束日期", segment_id: "目标人群", everybody: "所有人", expected_leads: "预期线索数", required: "请填写", plan: "创建", save: "保存" },
);
interface Values {
  name: string;
  kind: CampaignKind;
  channel: string;
  budget: Amount;
  starts_on: string;
  ends_on: string;
  segment_id?: string;
  expected_leads?: number;
}
const channelCodes = ["email", "event", "webinar", "exhibition", "ads", "content", "social", "referral", "wecom", "website"];
const plain = (of: Campaign): Values => ({ name: of.name, kind: of.kind, channel: of.channel, budget: of.budget ?? { minor_units: "0", currency_code: "CNY" }, starts_on: of.starts_on, ends_on: of.ends_on, segment_id: of.segment_id, expected_leads: of.expected_leads });

export function CampaignForm({ of, onDone, onCancel }: { of?: Campaign; onDone: (id: string) => void; onCancel: () => void }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const f = useFormats();
  const segments = useNames("segments");
  const [base, setBase] = useState(of);
  const [clash, setClash] = useState<{ mine: Values; now: Campaign }>();
  const revise = (values: Values, seen: Campaign) => post("/v1/campaigns/{campaign_id}:revise", { path: { campaign_id: seen.campaign_id }, body: { ...values, segment_id: values.segment_id ?? "", expected_leads: values.expected_leads ?? 0, expected_version: seen.version } });
  const submit = async (values: Values, requestId: string) => {
    if (!base) {
      const answer = await post("/v1/campaigns", { requestId, body: { ...values, segment_id: values.segment_id ?? "", expected_leads: values.expected_leads ?? 0 } });
      return onDone(answer.campaign_id);
    }
    try {
      await revise(values, base);
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== "stale") throw error;
      const now = (await get("/v1/campaigns/{campaign_id}", { path: { campaign_id: base.campaign_id } })).campaign as Campaign;
      if (clashes(labels, plain(base), plain(now)).length) {
        setClash({ mine: values, now });
        throw error;
      }
      await revise(values, now); // it was a cost or the state that changed, not the plan
    }
    onDone(base.campaign_id);
  };
  const labels: Record<keyof Values, string> = { name: t("name"), kind: t("kind"), channel: t("channel"), budget: t("budget"), starts_on: t("starts_on"), ends_on: t("ends_on"), segment_id: t("segment_id"), expected_leads: t("expected_leads") };
  const needed = [{ required: true, message: t("required") }];
  if (clash)
    return (
      <Conflict
        fields={clashes(labels, clash.mine, plain(clash.now))}
        show={(key, value) => (key === "budget" ? f.money(value as Amount) : key === "kind" ? say(value as CampaignKind) : key === "segment_id" ? (segments.get(String(value)) ?? "") : String(value ?? ""))}
        onCancel={() => (setBase(clash.now), setClash(undefined))}
        onResolve={(chosen) => void revise({ ...plain(clash.now), ...chosen } as Values, clash.now).then(() => onDone(clash.now.campaign_id), () => (setBase(clash.now), setClash(undefined)))}
      />
    );
  return (
    <CommandForm<Values> name={of ? `campaign.revise:${of.campaign_id}` : "campaign.new"} initial={of ? plain(of) : { kind: "CAMPAIGN_KIND_EVENT" }} submit={submit} onCancel={onCancel} save={of ? t("save") : t("plan")}>
      <Form.Item name="name" label={t("name")} rules={needed}><Input maxLength={200} autoFocus /></Form.Item>
      <div className="grid">
        <div className="grid-half"><Form.Item name="kind" label={t("kind")}><Select options={kinds.map((value) => ({ value, label: say(value) }))} /></Form.Item></div>
        <div className="grid-half"><Form.Item name="channel" label={t("channel")} tooltip={t("channel_hint")} rules={needed}><AutoComplete options={channelCodes.map((value) => ({ value }))} showSearch={{ filterOption: (typed, option) => String(option?.value).includes(typed) }} /></Form.Item></div>
        <div className="grid-half"><Form.Item name="starts_on" label={t("starts_on")} rules={needed}><Input type="date" /></Form.Item></div>
        <div className="grid-half"><Form.Item name="ends_on" label={t("ends_on")} rules={needed}><Input type="date" /></Form.Item></div>
        <div className="grid-half"><Form.Item name="budget" label={t("budget")} rules={needed}><MoneyInput /></Form.Item></div>
        <div className="grid-half"><Form.Item name="expected_leads" label={t("expected_leads")}><InputNumber min={0} style={{ width: "100%" }} /></Form.Item></div>
      </div>
      <Form.Item name="segment_id" label={t("segment_id")}><Select allowClear placeholder={t("everybody")} options={[...segments].map(([value, label]) => ({ value, label }))} /></Form.Item>
    </CommandForm>
  );
}
