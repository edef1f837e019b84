/** A campaign: its plan, what it cost and what came of it, live. */
import { App, Button, Form, Input, Modal, Select } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { post } from "@/api/client";
import { askAgain, useAsk, useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { major, useFormats, type Amount } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { Figure } from "@/ui/Figure";
import { Money, Monies } from "@/ui/Money";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { CampaignForm } from "./CampaignForm";
import { Roi, Share, State, useNames } from "./pieces";
import { bases, models, terms, type Campaign, type Results } from "./terms";

const dictionary = words(
  {
    campaigns: "Campaigns", launch: "Launch", end: "End", edit: "Edit plan", book: "Book cost", results: "What it brought", model: "Attribution", basis: "Revenue", cost: "Cost", cost_def: "Everything booked on the campaign. The bar shows it against the budget.", of_budget: "of {budget}", leads: "Leads", leads_def: "Leads whose campaign is this one, through its forms, links or import.", expected: "{count} hoped for", cpl: "Cost per lead", cpl_def: "Cost divided by leads.", cpd: "Cost per won deal", cpd_def: "Cost divided by won deals that came from its leads.", revenue: "Attributed revenue", revenue_def: "The share of won deals that the chosen model gives this campaign’s touches, in the budget’s currency.", other: "also {amounts}", roi: "Return on investment", roi_def: "(Attributed revenue − cost) / cost.",
    funnel: "From form to deal", submissions: "Forms sent", qualified: "Qualified", deals: "Deals", won: "Won", of_before: "{share} went on", plan: "Plan", kind: "Kind", channel: "Channel", period: "From – to", segment: "Speaks to", everybody: "Everybody", owner: "Owner", learned: "What was learned", messages: "Messages", planned: "Planned", sent: "Sent", opened: "Opened", clicked: "Clicked", bounced: "Bounced", withheld: "Kept back", unsubscribed: "Unsubscribed", no_messages: "No messages yet", forms: "Forms", no_forms: "No form collects for it", mailings: "Mailings", amount: "Amount", purpose: "What for", on: "On which day", required: "Please fill this in", over: "The costs are above the budget now.", booked: "Booked", conclusion: "What was learned",
  },
  {
    campaigns: "营销活动", launch: "启动", end: "结束", edit: "修改计划", book: "登记费用", results: "活动成果", model: "归因方式", basis: "收入口径", cost: "费用", cost_def: "已登记到该活动的全部费用，进度条为占预算比例。", of_budget: "预算 {budget}", leads: "线索", leads_def: "通过活动的表单、链接或导入带来的线索。", expected: "预期 {count} 条", cpl: "单条线索成本", cpl_def: "费用 ÷ 线索数。", cpd: "单个成交成本", cpd_def: "费用 ÷ 其线索带来的成交数。", revenue: "归因收入", revenue_def: "按所选归因方式分配给本活动触点的成交收入（预算币种）。", other: "另有 {amounts}", roi: "投资回报率", roi_def: "（归因收入 − 费用）÷ 费用。",
    funnel: "转化漏斗", submissions: "表单提交", qualified: "合格线索", deals: "商机", won: "成交", of_before: "转化 {share}", plan: "计划", kind: "类型", channel: "渠道", period: "起止", segment: "目标人群", everybody: "所有人", owner: "负责人", learned: "活动总结", messages: "消息效果", planned: "计划", sent: "已发送", opened: "已打开", clicked: "已点击", bounced: "退回", withheld: "未发送", unsubscribed: "退订", no_messages: "尚未发送消息", forms: "表单", no_forms: "没有关联的表单", mailings: "群发", amount: "金额", purpose: "用途", on: "发生日期", required: "请填写", over: "费用已超过预算。", booked: "已登记", conclusion: "活动总结",
  },
);

export default function CampaignPage() {
  const { campaignId = "" } = useParams();
  const campaign = useAsk("/v1/campaigns/{campaign_id}", { path: { campaign_id: campaignId } }, { live: ["marketing"] });
  return <Answered of={campaign} rows={8}>{(data) => data.campaign && <Whole campaign={data.campaign} />}</Answered>;
}

function Whole({ campaign }: { campaign: Campaign }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const refusal = useWords(problemWords);
  const f = useFormats();
  const client = useQueryClient();
  const { may } = useSession();
  const { message } = App.useApp();
  const [dialog, setDialog] = useState<"edit" | "book" | "end">();
  const [model, setModel] = useState<(typeof models)[number]>("ATTRIBUTION_MODEL_LINEAR");
  const [basis, setBasis] = useState<(typeof bases)[number]>("REVENUE_BASIS_WON");
  const path = { campaign_id: campaign.campaign_id };
  const results = useAsk("/v1/campaigns/{campaign_id}/results", { path, query: { model, basis } }, { live: ["marketing", "pipeline"], keep: true });
  const forms = useAsk("/v1/forms", { query: { campaign_id: campaign.campaign_id, page_size: 20 } }, { live: ["marketing"], enabled: may("marketing.form.read") });
  const mailings = useAsk("/v1/mailings", { query: { campaign_id: campaign.campaign_id, page_size: 20 } }, { live: ["marketing"], enabled: may("marketing.mailing.read") });
  const segments = useNames("segments", Boolean(campaign.segment_id));
  const launch = useTell("/v1/campaigns/{campaign_id}:launch", { touches: ["marketing"] });
  const edits = may("marketing.campaign.edit");
  const done = () => (askAgain(client, ["marketing"]), setDialog(undefined));
  return (
    <Page
      title={campaign.name}
      above={{ to: "/campaigns", label: t("campaigns") }}
      heading={<span className="row">{campaign.name} <State of={campaign.state} /></span>}
      note={<>{say(campaign.kind)} · {f.day(campaign.starts_on)} – {f.day(campaign.ends_on)}</>}
      actions={
        edits && (
          <>
            {campaign.state === "planned" && <Button type="primary" loading={launch.isPending} onClick={() => launch.mutate({ path, body: { expected_version: campaign.version } }, { onError: (problem) => void message.error(explain(problem, refusal).title) })}>{t("launch")}</Button>}
            {campaign.state !== "ended" && <Button onClick={() => setDialog("edit")}>{t("edit")}</Button>}
            <Button onClick={() => setDialog("book")}>{t("book")}</Button>
            {campaign.state === "running" && <Button onClick={() => setDialog("end")}>{t("end")}</Button>}
          </>
        )
      }
    >
      <div className="grid">
        <div className="grid-full">
          <Section
            title={t("results")}
            extra={
              <span className="row">
                <Select aria-label={t("model")} size="small" value={model} onChange={setModel} popupMatchSelectWidth={false} options={models.map((value) => ({ value, label: say(value) }))} />
                <Select aria-label={t("basis")} size="small" value={basis} onChange={setBasis} popupMatchSelectWidth={false} options={bases.map((value) => ({ value, label: say(value) }))} />
              </span>
            }
          >
            <Answered of={results}>{(data) => data.results && <Figures of={data.results} campaign={campaign} />}</Answered>
          </Section>
        </div>
        <div className="grid-main stack">
          <Section title={t("funnel")}><Answered of={results}>{(data) => data.results && <Funnel of={data.results} />}</Answered></Section>
          <Section title={t("messages")}><Answered of={results}>{(data) => <Messages of={data.results} />}</Answered></Section>
        </div>
        <div className="grid-side stack">
          <Section title={t("plan")}>
            <dl className="facts">
              <div><dt>{t("owner")}</dt><dd><PersonName id={campaign.owner_id} /></dd></div>
              <div><dt>{t("channel")}</dt><dd>{campaign.channel}</dd></div>
              <div><dt>{t("segment")}</dt><dd>{campaign.segment_id ? <Link to={places.segment(campaign.segment_id)}>{segments.get(campaign.segment_id) ?? "…"}</Link> : t("everybody")}</dd></div>
              {campaign.conclusion && <div><dt>{t("learned")}</dt><dd>{campaign.conclusion}</dd></div>}
            </dl>
          </Section>
          <Section title={t("forms")}>
            {forms.data?.forms.length ? (
              <ul className="stack" style={{ gap: 8 }}>{forms.data.forms.map((each) => <li key={each.form_id} className="row"><Link className="spread" to={places.form(each.form_id)}>{each.title}</Link><State of={each.state} /><span className="num">{f.number(each.submissions)}</span></li>)}</ul>
            ) : <p className="quiet">{t("no_forms")}</p>}
          </Section>
          {Boolean(mailings.data?.mailings.length) && (
            <Section title={t("mailings")}>
              <ul className="stack" style={{ gap: 8 }}>{mailings.data?.mailings.map((each) => <li key={each.mailing_id} className="row"><span className="spread">{each.name}</span><State of={each.state} /><span className="num">{f.number(each.engagement?.sent)}</span></li>)}</ul>
            </Section>
          )}
        </div>
      </div>
      <Modal open={dialog === "edit"} title={t("edit")} footer={null} width={640} onCancel={() => setDialog(undefined)} destroyOnHidden>
        <CampaignForm of={campaign} onDone={done} onCancel={() => setDialog(undefined)} />
      </Modal>
      <Modal open={dialog === "book"} title={t("book")} footer={null} onCancel={() => setDialog(undefined)} destroyOnHidden>
        <CommandForm<{ amount: Amount; purpose: string; booked_on?: string }>
          name={`campaign.cost:${campaign.campaign_id}`}
          initial={{ amount: { minor_units: "", currency_code: campaign.budget?.currency_code ?? "CNY" } }}
          submit={async (values, requestId) => {
            const answer = await post("/v1/campaigns/{campaign_id}:bookCost", { path, requestId, body: { ...values, booked_on: values.booked_on ?? "" } });
            void (answer.over_budget ? message.warning(t("over")) : message.success(t("booked")));
          }}
          onDone={done}
          onCancel={() => setDialog(undefined)}
          save={t("book")}
        >
          <Form.Item name="amount" label={t("amount")} rules={[{ required: true, message: t("required") }]}><MoneyInput /></Form.Item>
          <Form.Item name="purpose" label={t("purpose")} rules={[{ required: true, message: t("required") }]}><Input maxLength={200} /></Form.Item>
          <Form.Item name="booked_on" label={t("on")}><Input type="date" /></Form.Item>
        </CommandForm>
      </Modal>
      <Modal open={dialog === "end"} title={t("end")} footer={null} onCancel={() => setDialog(undefined)} destroyOnHidden>
        <CommandForm<{ conclusion: string }> name={`campaign.end:${campaign.campaign_id}`} submit={(values, requestId) => post("/v1/campaigns/{campaign_id}:end", { path, requestId, body: values })} onDone={done} onCancel={() => setDialog(undefined)} save={t("end")}>
          <Form.Item name="conclusion" label={t("conclusion")}><Input.TextArea autoSize={{ minRows: 3 }} maxLength={2000} /></Form.Item>
        </CommandForm>
      </Modal>
    </Page>
  );
}

function Figures({ of, campaign }: { of: Results; campaign: Campaign }) {
  const t = useWords(dictionary);
  const f = useFormats();
  const roi = of.roi ? Number(of.roi) : undefined;
  return (
    <div className="figures">
      <Figure label={t("cost")} value={<Money of={of.cost} short />} definition={t("cost_def")} note={<>{t("of_budget", { budget: f.money(of.budget, true) })}{of.cost && of.budget && <Share part={major(of.cost)} whole={major(of.budget)} />}</>} />
      <Figure label={t("leads")} value={f.number(of.leads)} definition={t("leads_def")} {...(campaign.expected_leads ? { note: t("expected", { count: f.number(campaign.expected_leads) }) } : {})} to={`/leads?campaign=${campaign.campaign_id}`} />
      <Figure label={t("cpl")} value={<Money of={of.cost_per_lead} short />} definition={t("cpl_def")} />
      <Figure label={t("cpd")} value={<Money of={of.cost_per_deal} short />} definition={t("cpd_def")} />
      <Figure label={t("revenue")} value={<Money of={of.attributed_revenue} short />} definition={t("revenue_def")} {...(of.other_revenue.length ? { note: <Monies of={of.other_revenue} short /> } : {})} />
      <Figure label={t("roi")} value={<Roi of={of.roi} />} definition={t("roi_def")} {...(roi === undefined ? {} : { tone: roi < 0 ? ("bad" as const) : ("good" as const) })} />
    </div>
  );
}

function Funnel({ of }: { of: Results }) {
  const t = useWords(dictionary);
  const f = useFormats();
  const steps = ([["submissions", of.submissions], ["leads", of.leads], ["qualified", of.qualified_leads], ["deals", of.deals], ["won", of.won_deals]] as const).map(([key, count]) => ({ key, count: Number(count) }));
  const most = Math.max(1, ...steps.map((each) => each.count));
  return (
    <ol className="steps-down">
      {steps.map((each, index) => {
        const before = steps[index - 1]?.count ?? 0;
        return (
          <li key={each.key}>
            <span>{t(each.key)}</span>
            <div className="bar-back"><div className="bar-fill" style={{ width: `${(each.count / most) * 100}%` }} /></div>
            <strong className="num">{f.number(each.count)}</strong>
            <small>{index > 0 && before > 0 ? t("of_before", { share: f.percent(each.count / before, 0) }) : ""}</small>
          </li>
        );
      })}
    </ol>
  );
}

function Messages({ of }: { of: Results | undefined }) {
  const t = useWords(dictionary);
  const f = useFormats();
  const sent = of?.engagement;
  if (!sent || sent.planned === "0") return <p className="quiet">{t("no_messages")}</p>;
  return (
    <div className="figures">
      <Figure label={t("sent")} value={f.number(sent.sent)} />
      <Figure label={t("opened")} value={f.number(sent.opened)} {...(sent.open_rate ? { note: f.percent(Number(sent.open_rate)) } : {})} />
      <Figure label={t("clicked")} value={f.number(sent.clicked)} {...(sent.click_rate ? { note: f.percent(Number(sent.click_rate)) } : {})} />
      <Figure label={t("bounced")} value={f.number(sent.bounced)} />
      <Figure label={t("withheld")} value={f.number(sent.withheld)} />
      <Figure label={t("unsubscribed")} value={f.number(sent.unsubscribed)} />
    </div>
  );
}
