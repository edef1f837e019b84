/** A journey: drawn, with who stands where; edited on the drawing; people in it, and each one's way. */
import { App, Button, Form, Input, InputNumber, Select, Space, Switch } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { get, post, type Body } from "@/api/client";
import { askAgain, useAsk, useTell } from "@/api/hooks";
import { explain, Problem, problemWords } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, words } from "@/i18n/words";
import { clashes } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { CustomerName } from "@/ui/customers";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { DataList } from "@/ui/DataList";
import { Figure } from "@/ui/Figure";
import { MoneyInput } from "@/ui/MoneyInput";
import { Page, Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { insertAfter, takeOut, waysOn, type Step, type Way } from "./flow";
import { JourneyFlow } from "./JourneyFlow";
import { journeyWords } from "./journeyWords";
import { State, useNames } from "./pieces";
import type { Journey } from "./terms";

const dictionary = words(
  {
    journeys: "Journeys", fresh: "New journey", name: "Name", trigger: "People come in when they", ref_segment: "Segment", ref_form: "Form", reentry: "May come in again once out", campaign: "Campaign", edit: "Edit", save: "Save", cancel: "Cancel", activate: "Let people in", pause: "Let nobody in", flow: "Flow", step: "Step", people: "People", entered: "Came in", active: "Under way", finished: "Finished", goal: "Reached the goal", left: "Left early",
    entered_def: "Runs begun, of all versions.", active_def: "Runs that wait at a step now.", goal_def: "Runs that ended because the goal was reached.", left_def: "Taken out by a person or unsubscribed.",
    choose: "Choose a step to see or edit it", kind: "What it does", template: "Template", wait: "Wait", hours: "hours", days: "days", minutes: "minutes", unit: "Unit", tag: "Tag", value: "Worth", valid: "Days it is good for", asks: "What is asked", within: "How long to wait for a yes", add: "Insert behind", add_yes: "Insert behind yes", add_no: "Insert behind no", remove: "Remove this step", next: "Goes on to", yes: "If yes", no: "If no", end: "End", minutes_n: "{n} min", hours_n: "{n} h", days_n: "{n} d", at_once: "asks once",
    person: "Person", state: "State", where: "Stands at", since: "Came in", until: "Until", out: "Take out", put_in: "Put in", customer: "Customer", put: "{entered} came in, {skipped} not", saved: "Saved as version {version}; runs under way keep theirs", version: "Version {version}", draft_steps: "First message", no_template: "no template", submission: "Form sender",
  },
  {
    journeys: "营销旅程", fresh: "新建旅程", name: "名称", trigger: "进入条件", ref_segment: "分群", ref_form: "表单", reentry: "离开后可再次进入", campaign: "关联活动", edit: "编辑", save: "保存", cancel: "取消", activate: "启用", pause: "暂停进入", flow: "流程", step: "步骤", people: "旅程中的人", entered: "累计进入", active: "进行中", finished: "已完成", goal: "达成目标", left: "提前离开",
    entered_def: "所有版本累计进入的人次。", active_def: "当前停留在某一步的人次。", goal_def: "因达成目标而结束的人次。", left_def: "被移出或退订的人次。",
    choose: "选择步骤以查看或编辑", kind: "动作", template: "模板", wait: "等待", hours: "小时", days: "天", minutes: "分钟", unit: "单位", tag: "标签", value: "面值", valid: "有效天数", asks: "判断内容", within: "等待“是”的时长", add: "在后面插入", add_yes: "在“是”后插入", add_no: "在“否”后插入", remove: "删除此步骤", next: "下一步", yes: "若是", no: "若否", end: "结束", minutes_n: "{n} 分钟", hours_n: "{n} 小时", days_n: "{n} 天", at_once: "立即判断",
    person: "客户", state: "状态", where: "当前步骤", since: "进入时间", until: "等待至", out: "移出", put_in: "加入", customer: "客户", put: "已加入 {entered}，未加入 {skipped}", saved: "已保存为第 {version} 版，进行中的人继续原版本", version: "第 {version} 版", draft_steps: "首条消息", no_template: "未选模板", submission: "表单提交者",
  },
);
const kindsOfStep = ["STEP_KIND_SEND", "STEP_KIND_WAIT", "STEP_KIND_CONDITION", "STEP_KIND_TAG", "STEP_KIND_COUPON", "STEP_KIND_EXIT"] as const;
const kindsOfCondition = ["CONDITION_KIND_OPENED", "CONDITION_KIND_CLICKED", "CONDITION_KIND_ORDERED", "CONDITION_KIND_FORM_FILLED", "CONDITION_KIND_ELAPSED"] as const;
const triggers = ["TRIGGER_KIND_MANUAL", "TRIGGER_KIND_SEGMENT", "TRIGGER_KIND_FORM", "TRIGGER_KIND_ORDER"] as const;
const units = { minutes: 60, hours: 3600, days: 86_400 } as const;
type Unit = keyof typeof units;
const unitOf = (seconds: number): Unit => (seconds && seconds % units.days === 0 ? "days" : seconds && seconds % units.hours === 0 ? "hours" : "minutes");

interface Plan {
  name: string;
  trigger: Journey["trigger"];
  trigger_ref: string;
  reentry: boolean;
  campaign_id: string;
  steps: Step[];
}
const planOf = (of: Journey): Plan => ({ name: of.name, trigger: of.trigger, trigger_ref: of.trigger_ref, reentry: of.reentry, campaign_id: of.campaign_id, steps: of.steps });
const blank = (id: string, kind: Step["kind"], name = ""): Step => ({ step_id: id, name, kind, next_step_id: "", template_id: "", wait_s: kind === "STEP_KIND_WAIT" ? "86400" : "0", yes_step_id: "", no_step_id: "", tag: "", coupon_valid_days: kind === "STEP_KIND_COUPON" ? 30 : 0 });
const freshId = (steps: readonly Step[]): string => {
  for (let n = steps.length + 1; ; n += 1) if (!steps.some((each) => each.step_id === `step-${n}`)) return `step-${n}`;
};

export default function JourneyPage() {
  const { journeyId = "" } = useParams();
  const fresh = journeyId === "new";
  const journey = useAsk("/v1/journeys/{journey_id}", { path: { journey_id: journeyId } }, { live: ["marketing"], enabled: !fresh });
  if (fresh) return <Whole key="new" />;
  return <Answered of={journey} rows={8}>{(data) => data.journey && <Whole key={journeyId} journey={data.journey} />}</Answered>;
}

function Whole({ journey }: { journey?: Journey }) {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const refusal = useWords(problemWords);
  const f = useFormats();
  const { language } = useLanguage();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { may } = useSession();
  const { message } = App.useApp();
  const templates = useNames("templates");
  const [plan, setPlan] = useState<Plan | undefined>(() => (journey ? undefined : { name: "", trigger: "TRIGGER_KIND_MANUAL", trigger_ref: "", reentry: false, campaign_id: "", steps: [blank("step-1", "STEP_KIND_SEND", t("draft_steps"))] }));
  const [base, setBase] = useState(journey);
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [clash, setClash] = useState<{ mine: Plan; now: Journey }>();
  const path = { journey_id: journey?.journey_id ?? "" };
  const fail = (problem: unknown) => void message.error([explain(problem, refusal).title, problem instanceof Problem ? problem.detail : ""].filter(Boolean).join(" · "), 6);
  const activate = useTell("/v1/journeys/{journey_id}:activate", { touches: ["marketing"] });
  const pause = useTell("/v1/journeys/{journey_id}:pause", { touches: ["marketing"] });
  const shown = plan ?? (journey ? planOf(journey) : undefined);
  const steps = shown?.steps ?? [];
  const step = steps.find((each) => each.step_id === chosen);
  const span = (seconds: number) => {
    const unit = unitOf(seconds);
    return t(`${unit}_n`, { n: f.number(seconds / units[unit], 1) });
  };
  const describe = (of: Step): string => {
    if (of.kind === "STEP_KIND_SEND") return templates.get(of.template_id) ?? (of.template_id ? "…" : t("no_template"));
    if (of.kind === "STEP_KIND_WAIT") return span(Number(of.wait_s));
    if (of.kind === "STEP_KIND_CONDITION") return of.condition ? `${say(of.condition.kind)} ${of.condition.within_s !== "0" ? span(Number(of.condition.within_s)) : t("at_once")}` : "";
    if (of.kind === "STEP_KIND_TAG") return of.tag;
    if (of.kind === "STEP_KIND_COUPON") return f.money(of.coupon_value);
    return "";
  };
  type Given = Body<"/v1/journeys">;
  const revise = (to: Plan, seen: Journey) => post("/v1/journeys/{journey_id}:revise", { path, body: { ...(to as Given), ...(seen.goal && seen.goal.kind !== "CONDITION_KIND_UNSPECIFIED" ? { goal: seen.goal as NonNullable<Given["goal"]> } : {}), expected_version: seen.version } });
  const done = () => (askAgain(client, ["marketing"]), setPlan(undefined), setChosen(""));
  const save = async () => {
    if (!plan) return;
    setBusy(true);
    try {
      if (!base || !journey) {
        const answer = await post("/v1/journeys", { body: plan as Given });
        askAgain(client, ["marketing"]);
        void navigate(places.journey(answer.journey_id), { replace: true });
        return;
      }
      await revise(plan, base);
      void message.success(t("saved", { version: base.journey_version + 1 }));
      done();
    } catch (error) {
      if (error instanceof Problem && error.kind === "stale" && base) {
        const now = (await get("/v1/journeys/{journey_id}", { path })).journey as Journey;
        if (clashes(labels, planOf(base), planOf(now)).length) setClash({ mine: plan, now });
        else await revise(plan, now).then(done, fail); // only its state changed
      } else fail(error);
    } finally {
      setBusy(false);
    }
  };
  const labels: Record<keyof Plan, string> = { name: t("name"), trigger: t("trigger"), trigger_ref: t("ref_segment"), reentry: t("reentry"), campaign_id: t("campaign"), steps: t("flow") };
  const change = (to: Partial<Step>) => plan && step && setPlan({ ...plan, steps: plan.steps.map((each) => (each.step_id === step.step_id ? { ...each, ...to } : each)) });
  const insert = (label: Way["label"]) => {
    if (!plan || !step) return;
    const id = freshId(plan.steps);
    setPlan({ ...plan, steps: insertAfter(plan.steps, step.step_id, label, blank(id, "STEP_KIND_WAIT")) });
    setChosen(id);
  };
  const title = journey?.name ?? t("fresh");
  const edits = may("marketing.journey.edit");
  return (
    <Page
      title={title}
      wide
      above={{ to: "/journeys", label: t("journeys") }}
      heading={<span className="row">{title} {journey && <State of={journey.state} />}</span>}
      note={journey && <>{say(journey.trigger)} · {t("version", { version: journey.journey_version })}</>}
      actions={
        plan ? (
          <>
            <Button type="primary" loading={busy} onClick={() => void save()}>{t("save")}</Button>
            <Button onClick={() => (journey ? (setPlan(undefined), setChosen("")) : void navigate("/journeys"))}>{t("cancel")}</Button>
          </>
        ) : (
          edits && journey && (
            <>
              {journey.state === "active" ? <Button loading={pause.isPending} onClick={() => pause.mutate({ path, body: {} }, { onError: fail })}>{t("pause")}</Button> : <Button type="primary" loading={activate.isPending} onClick={() => activate.mutate({ path, body: {} }, { onError: fail })}>{t("activate")}</Button>}
              <Button onClick={() => (setBase(journey), setPlan(planOf(journey)))}>{t("edit")}</Button>
            </>
          )
        )
      }
    >
      {journey && !plan && (
        <Section>
          <div className="figures">
            <Figure label={t("active")} value={f.number(journey.active)} definition={t("active_def")} />
            <Figure label={t("entered")} value={f.number(journey.entered)} definition={t("entered_def")} />
            <Figure label={t("goal")} value={f.number(journey.goal_reached)} definition={t("goal_def")} />
            <Figure label={t("finished")} value={f.number(journey.finished)} />
            <Figure label={t("left")} value={f.number(journey.left_early)} definition={t("left_def")} />
          </div>
        </Section>
      )}
      {plan && <Section><PlanFields plan={plan} onChange={setPlan} /></Section>}
      <div className="grid gap-above">
        <div className="grid-main">
          <Section title={t("flow")}>
            <JourneyFlow steps={steps} counts={plan ? [] : (journey?.step_counts ?? [])} chosen={chosen} onChoose={setChosen} describe={describe} />
          </Section>
        </div>
        <div className="grid-side">
          <Section title={step ? step.name || say(step.kind) : t("step")}>
            {!step ? (
              <Notice quiet title={t("choose")} />
            ) : plan ? (
              <StepFields key={step.step_id} step={step} steps={plan.steps} templates={templates} onChange={change} onInsert={insert} onRemove={() => (setPlan({ ...plan, steps: takeOut(plan.steps, step.step_id) }), setChosen(""))} />
            ) : (
              <dl className="facts">
                <div><dt>{t("kind")}</dt><dd>{say(step.kind)}</dd></div>
                <div><dt>{describe(step) ? (step.kind === "STEP_KIND_SEND" ? t("template") : step.kind === "STEP_KIND_WAIT" ? t("wait") : step.kind === "STEP_KIND_TAG" ? t("tag") : step.kind === "STEP_KIND_COUPON" ? t("value") : t("asks")) : ""}</dt><dd>{describe(step)}</dd></div>
                {waysOn(step).map((way) => <div key={way.label}><dt>{t(way.label || "next")}</dt><dd>{steps.find((each) => each.step_id === way.to)?.name || way.to || t("end")}</dd></div>)}
              </dl>
            )}
          </Section>
        </div>
      </div>
      {journey && !plan && <People journey={journey} language={language} onFail={fail} />}
      {clash && (
        <Conflict
          fields={clashes(labels, clash.mine, planOf(clash.now))}
          show={(key, value) => (key === "steps" ? (value as Step[]).map((each) => each.name || say(each.kind)).join(" → ") : String(value ?? ""))}
          onCancel={() => (setBase(clash.now), setClash(undefined))}
          onResolve={(kept) => void revise({ ...planOf(clash.now), ...kept } as Plan, clash.now).then(() => (setClash(undefined), done()), fail)}
        />
      )}
    </Page>
  );
}

function PlanFields({ plan, onChange }: { plan: Plan; onChange: (to: Plan) => void }) {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const segments = useNames("segments", plan.trigger === "TRIGGER_KIND_SEGMENT");
  const forms = useNames("forms", plan.trigger === "TRIGGER_KIND_FORM");
  const campaigns = useNames("campaigns");
  const choices = (of: ReadonlyMap<string, string>) => [...of].map(([value, label]) => ({ value, label }));
  const refs = plan.trigger === "TRIGGER_KIND_SEGMENT" ? segments : plan.trigger === "TRIGGER_KIND_FORM" ? forms : undefined;
  return (
    <Form layout="vertical">
      <div className="grid">
        <div className="grid-half"><Form.Item label={t("name")} required htmlFor="journey-name"><Input id="journey-name" value={plan.name} maxLength={200} onChange={(event) => onChange({ ...plan, name: event.target.value })} /></Form.Item></div>
        <div className="grid-half"><Form.Item label={t("campaign")} htmlFor="journey-campaign"><Select id="journey-campaign" allowClear value={plan.campaign_id || null} options={choices(campaigns)} onChange={(to) => onChange({ ...plan, campaign_id: to ?? "" })} /></Form.Item></div>
        <div className="grid-half"><Form.Item label={t("trigger")} htmlFor="journey-trigger"><Select id="journey-trigger" value={plan.trigger} options={triggers.map((value) => ({ value, label: say(value) }))} onChange={(trigger) => onChange({ ...plan, trigger, trigger_ref: "" })} /></Form.Item></div>
        {refs && <div className="grid-half"><Form.Item label={plan.trigger === "TRIGGER_KIND_FORM" ? t("ref_form") : t("ref_segment")} required htmlFor="journey-ref"><Select id="journey-ref" value={plan.trigger_ref || null} options={choices(refs)} onChange={(to) => onChange({ ...plan, trigger_ref: to ?? "" })} /></Form.Item></div>}
      </div>
      <label className="row"><Switch size="small" checked={plan.reentry} onChange={(reentry) => onChange({ ...plan, reentry })} /> {t("reentry")}</label>
    </Form>
  );
}

function StepFields({ step, steps, templates, onChange, onInsert, onRemove }: { step: Step; steps: readonly Step[]; templates: ReadonlyMap<string, string>; onChange: (to: Partial<Step>) => void; onInsert: (label: Way["label"]) => void; onRemove: () => void }) {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const others = [{ value: "", label: t("end") }, ...steps.filter((each) => each.step_id !== step.step_id).map((each) => ({ value: each.step_id, label: each.name || `${say(each.kind)} (${each.step_id})` }))];
  const condition = step.condition;
  const way = (key: "next_step_id" | "yes_step_id" | "no_step_id", label: string) => <Form.Item label={label} htmlFor={key}><Select id={key} value={step[key]} options={others} onChange={(to) => onChange({ [key]: to })} /></Form.Item>;
  const asked = (kind: NonNullable<Step["condition"]>["kind"], within: string): NonNullable<Step["condition"]> => ({ kind, step_id: "", link_tag: "", form_id: "", product_id: "", field: "SEGMENT_FIELD_UNSPECIFIED", values: [], within_s: within });
  return (
    <Form layout="vertical">
      <Form.Item label={t("name")} htmlFor="step-name"><Input id="step-name" value={step.name} maxLength={100} onChange={(event) => onChange({ name: event.target.value })} /></Form.Item>
      <Form.Item label={t("kind")} htmlFor="step-kind"><Select id="step-kind" value={step.kind} options={kindsOfStep.map((value) => ({ value, label: say(value) }))} onChange={(kind) => onChange({ ...blank(step.step_id, kind, step.name), next_step_id: step.next_step_id || step.yes_step_id, ...(kind === "STEP_KIND_CONDITION" ? { yes_step_id: step.next_step_id || step.yes_step_id, condition: asked("CONDITION_KIND_OPENED", "0") } : {}) })} /></Form.Item>
      {step.kind === "STEP_KIND_SEND" && <Form.Item label={t("template")} required htmlFor="step-template"><Select id="step-template" value={step.template_id || null} options={[...templates].map(([value, label]) => ({ value, label }))} onChange={(to) => onChange({ template_id: to ?? "" })} /></Form.Item>}
      {step.kind === "STEP_KIND_WAIT" && <Form.Item label={t("wait")}><SpanInput seconds={Number(step.wait_s)} onChange={(seconds) => onChange({ wait_s: String(seconds) })} /></Form.Item>}
      {step.kind === "STEP_KIND_TAG" && <Form.Item label={t("tag")} required htmlFor="step-tag"><Input id="step-tag" value={step.tag} maxLength={60} onChange={(event) => onChange({ tag: event.target.value })} /></Form.Item>}
      {step.kind === "STEP_KIND_COUPON" && (
        <>
          <Form.Item label={t("value")} required><MoneyInput value={step.coupon_value} onChange={(value) => value && onChange({ coupon_value: value })} /></Form.Item>
          <Form.Item label={t("valid")} htmlFor="step-valid"><InputNumber id="step-valid" min={1} max={3660} value={step.coupon_valid_days} onChange={(days) => onChange({ coupon_valid_days: days ?? 0 })} /></Form.Item>
        </>
      )}
      {step.kind === "STEP_KIND_CONDITION" ? (
        <>
          <Form.Item label={t("asks")} htmlFor="step-asks"><Select id="step-asks" value={condition?.kind ?? null} options={kindsOfCondition.map((value) => ({ value, label: say(value) }))} onChange={(kind) => kind && onChange({ condition: condition ? { ...condition, kind } : asked(kind, "0") })} /></Form.Item>
          <Form.Item label={t("within")}><SpanInput seconds={Number(condition?.within_s ?? 0)} onChange={(seconds) => onChange({ condition: condition ? { ...condition, within_s: String(seconds) } : asked("CONDITION_KIND_OPENED", String(seconds)) })} /></Form.Item>
          {way("yes_step_id", t("yes"))}
          {way("no_step_id", t("no"))}
        </>
      ) : step.kind !== "STEP_KIND_EXIT" && way("next_step_id", t("next"))}
      <div className="row">
        {step.kind === "STEP_KIND_CONDITION" ? (
          <>
            <Button size="small" onClick={() => onInsert("yes")}>{t("add_yes")}</Button>
            <Button size="small" onClick={() => onInsert("no")}>{t("add_no")}</Button>
          </>
        ) : step.kind !== "STEP_KIND_EXIT" && <Button size="small" onClick={() => onInsert("")}>{t("add")}</Button>}
        {steps.length > 1 && <Button size="small" danger type="text" onClick={onRemove}>{t("remove")}</Button>}
      </div>
    </Form>
  );
}

function SpanInput({ seconds, onChange }: { seconds: number; onChange: (seconds: number) => void }) {
  const t = useWords(dictionary);
  const [unit, setUnit] = useState<Unit>(unitOf(seconds));
  return (
    <Space.Compact block>
      <InputNumber aria-label={t("wait")} style={{ flex: 1 }} min={0} value={seconds / units[unit]} onChange={(typed) => onChange(Math.round((typed ?? 0) * units[unit]))} />
      <Select<Unit> aria-label={t("unit")} style={{ width: 110 }} value={unit} options={(["minutes", "hours", "days"] as const).map((value) => ({ value, label: t(value) }))} onChange={(to) => (setUnit(to), onChange(Math.round((seconds / units[unit]) * units[to])))} />
    </Space.Compact>
  );
}

type Run = { run_id: string; customer_id: string; state: string; reason: keyof typeof journeyWords.en; current_step_id: string; entered_at?: string; waiting_until?: string };

function People({ journey, onFail }: { journey: Journey; language: string; onFail: (problem: unknown) => void }) {
  const t = useWords(dictionary);
  const say = useWords(journeyWords);
  const f = useFormats();
  const { may } = useSession();
  const { message } = App.useApp();
  const [customer, setCustomer] = useState("");
  const path = { journey_id: journey.journey_id };
  const enter = useTell("/v1/journeys/{journey_id}:enter", { touches: ["marketing"], onDone: (answer) => (setCustomer(""), void message.info(t("put", { entered: answer.entered, skipped: answer.skipped }))) });
  const out = useTell("/v1/journey-runs/{run_id}:takeOut", { touches: ["marketing"] });
  const nameOf = (id: string) => {
    const step = journey.steps.find((each) => each.step_id === id);
    return step ? step.name || say(step.kind) : id;
  };
  const edits = may("marketing.journey.edit");
  return (
    <div className="stack gap-above">
      <div className="row">
        <h2 style={{ fontSize: 15, fontWeight: 600 }} className="spread">{t("people")}</h2>
        {edits && journey.state === "active" && (
          <>
            <div className="fill" style={{ width: 260 }}><CustomerSelect value={customer} onChange={setCustomer} placeholder={t("customer")} /></div>
            <Button disabled={!customer} loading={enter.isPending} onClick={() => enter.mutate({ path, body: { subjects: [{ customer_id: customer }] } }, { onError: onFail })}>{t("put_in")}</Button>
          </>
        )}
      </div>
      <DataList<Run>
        name="journey-runs"
        searchable={false}
        live={["marketing"]}
        rowKey={(row) => row.run_id}
        load={async (q, signal) => {
          const found = await get("/v1/journeys/{journey_id}/runs", { path, query: { state: q.filters.state?.[0] ?? "", page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.runs as Run[], next: found.next_page_token };
        }}
        filters={[{ key: "state", label: t("state"), kind: "select", options: [{ value: "active", label: t("active") }, { value: "left", label: t("finished") }] }]}
        columns={[
          { key: "person", title: t("person"), width: 240, render: (row) => (row.customer_id ? <CustomerName id={row.customer_id} link /> : t("submission")) },
          { key: "state", title: t("state"), width: 130, render: (row) => (row.state === "active" ? <State of="active" /> : say(row.reason)) },
          { key: "where", title: t("where"), width: 180, render: (row) => (row.current_step_id ? nameOf(row.current_step_id) : "–") },
          { key: "since", title: t("since"), width: 130, render: (row) => f.ago(row.entered_at) },
          { key: "until", title: t("until"), width: 150, render: (row) => f.moment(row.waiting_until) || "–" },
          { key: "out", title: "", width: 90, render: (row) => edits && row.state === "active" && <Button size="small" type="text" onClick={() => out.mutate({ path: { run_id: row.run_id }, body: {} }, { onError: onFail })}>{t("out")}</Button> },
        ]}
        card={(row) => ({ title: row.customer_id ? <CustomerName id={row.customer_id} /> : t("submission"), meta: <><span>{row.state === "active" ? nameOf(row.current_step_id) : say(row.reason)}</span><span>{f.ago(row.entered_at)}</span></> })}
      />
    </div>
  );
}
