/** The windows in which a lead is worked. Each gives one command. */
import { App, Checkbox, Form, Input, Select } from "antd";
import { useRef } from "react";
import { useNavigate } from "react-router";
import { get, type Body } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import type { Amount } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { DayInput } from "@/ui/DayInput";
import { MoneyInput } from "@/ui/MoneyInput";
import { PersonSelect } from "@/ui/PersonSelect";
import { ReviseDialog, type Seen } from "@/ui/ReviseDialog";
import { leadWords } from "./leadWords";
import { CHANNELS, inDays, useChannelName, type Lead } from "./show";

const touches = ["pipeline"] as const;
interface Dialog {
  lead: Lead;
  onClose: () => void;
}

export type WithReason = "return" | "qualify" | "nurture" | "disqualify";

/** Return, qualify, nurture, disqualify: all ask why. */
export function ReasonDialog({ lead, what, onClose }: Dialog & { what: WithReason }) {
  const t = useWords(leadWords);
  const { message } = App.useApp();
  const onDone = () => void message.success(t("done"));
  const commands = {
    return: useTell("/v1/leads/{lead_id}:return", { touches, onDone }),
    qualify: useTell("/v1/leads/{lead_id}:qualify", { touches, onDone }),
    nurture: useTell("/v1/leads/{lead_id}:nurture", { touches, onDone }),
    disqualify: useTell("/v1/leads/{lead_id}:disqualify", { touches, onDone }),
  };
  return (
    <CommandDialog<{ reason: string }>
      name={`lead.${what}:${lead.lead_id}`}
      title={t(what)}
      save={t(what)}
      onClose={onClose}
      submit={({ reason }, requestId) => commands[what].mutateAsync({ path: { lead_id: lead.lead_id }, body: { reason }, requestId })}
    >
      <Form.Item name="reason" label={t("reason")} rules={[{ required: true, whitespace: true, message: t("reason_needed") }]}>
        <Input.TextArea autoFocus autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
      </Form.Item>
    </CommandDialog>
  );
}

export function AssignDialog({ lead, onClose }: Dialog) {
  const t = useWords(leadWords);
  const { message } = App.useApp();
  const assign = useTell("/v1/leads/{lead_id}:assign", { touches, onDone: (answer) => void message.success(answer.reason || t("assigned")) });
  return (
    <CommandDialog<{ owner_id?: string; reason?: string }>
      name={`lead.assign:${lead.lead_id}`}
      title={t("assign")}
      save={t("assign")}
      onClose={onClose}
      submit={(values, requestId) => assign.mutateAsync({ path: { lead_id: lead.lead_id }, body: values, requestId })}
    >
      <Form.Item name="owner_id" label={t("to_whom")} extra={t("rules_decide")}>
        <PersonSelect />
      </Form.Item>
      <Form.Item name="reason" label={t("reason")}>
        <Input maxLength={300} />
      </Form.Item>
    </CommandDialog>
  );
}

const kinds = ["call", "email", "visit", "message"] as const;

export function LogDialog({ lead, onClose }: Dialog) {
  const t = useWords(leadWords);
  const { message } = App.useApp();
  const log = useTell("/v1/leads/{lead_id}:logContact", { touches, onDone: () => void message.success(t("logged")) });
  return (
    <CommandDialog<{ kind: string; inbound: boolean; note: string }>
      name={`lead.log:${lead.lead_id}`}
      title={t("log")}
      initial={{ kind: "call", inbound: false, note: "" }}
      onClose={onClose}
      submit={(values, requestId) => log.mutateAsync({ path: { lead_id: lead.lead_id }, body: values, requestId })}
    >
      <Form.Item name="kind" label={t("kind")}>
        <Select options={kinds.map((value) => ({ value, label: t(`kind_${value}`) }))} />
      </Form.Item>
      <Form.Item name="note" label={t("what_said")}>
        <Input.TextArea autoFocus autoSize={{ minRows: 3, maxRows: 8 }} maxLength={4000} />
      </Form.Item>
      <Form.Item name="inbound" valuePropName="checked">
        <Checkbox>{t("inbound")}</Checkbox>
      </Form.Item>
    </CommandDialog>
  );
}

export function PlanDialog({ lead, onClose }: Dialog) {
  const t = useWords(leadWords);
  const plan = useTell("/v1/leads/{lead_id}:planNextStep", { touches });
  return (
    <CommandDialog<{ subject: string; due_on: string }>
      name={`lead.plan:${lead.lead_id}`}
      title={t("plan")}
      text={t("plan_hint")}
      initial={{ subject: lead.next_step, due_on: lead.next_step_on || inDays(1) }}
      onClose={onClose}
      submit={(values, requestId) => plan.mutateAsync({ path: { lead_id: lead.lead_id }, body: values, requestId })}
    >
      <Form.Item name="subject" label={t("what_next")} rules={[{ required: true, whitespace: true }]}>
        <Input autoFocus maxLength={200} />
      </Form.Item>
      <Form.Item name="due_on" label={t("on_day")} rules={[{ required: true }]}>
        <DayInput />
      </Form.Item>
    </CommandDialog>
  );
}

type Details = Pick<Lead, "person_name" | "phone" | "email" | "company" | "region_code" | "industry_code">;
const seenOf = ({ version, person_name, phone, email, company, region_code, industry_code }: Lead): Seen<Details> => ({ version, values: { person_name, phone, email, company, region_code, industry_code } });

/** Details put right; whoever changed them meanwhile is shown beside one's own. */
export function CorrectDialog({ lead, onClose }: Dialog) {
  const t = useWords(leadWords);
  const correct = useTell("/v1/leads/{lead_id}:correct", { touches });
  const labels = { person_name: t("name"), phone: t("phone"), email: t("email"), company: t("company"), region_code: t("region"), industry_code: t("industry") };
  const path = { lead_id: lead.lead_id };
  return (
    <ReviseDialog<Details>
      name={`lead.correct:${lead.lead_id}`}
      title={t("edit")}
      labels={labels}
      seen={seenOf(lead)}
      latest={async () => {
        const now = (await get("/v1/leads/{lead_id}", { path })).lead;
        return now && seenOf(now);
      }}
      revise={(changed, { version }, requestId) => correct.mutateAsync({ path, body: { ...changed, expected_version: version }, ...(requestId ? { requestId } : {}) })}
      onClose={onClose}
    >
      {Object.entries(labels).map(([key, label]) => (
        <Form.Item key={key} name={key} label={label}>
          <Input />
        </Form.Item>
      ))}
    </ReviseDialog>
  );
}

export function ConvertDialog({ lead, onClose }: Dialog) {
  const t = useWords(leadWords);
  const navigate = useNavigate();
  const { message } = App.useApp();
  const convert = useTell("/v1/leads/{lead_id}:convert", {
    touches: ["pipeline", "customer"],
    onDone: (answer) => {
      void message.success(t("converted"));
      void navigate(answer.opportunity_id ? places.opportunity(answer.opportunity_id) : places.customer(answer.customer_id));
    },
  });
  const pipelines = useAsk("/v1/pipelines", {}, { freshMs: 300_000 });
  const alike = lead.duplicate_customer_ids[0] ?? "";
  interface Values {
    customer_id?: string;
    customer_name?: string;
    title?: string;
    amount?: Amount;
    pipeline_id?: string;
    expected_close_on?: string;
    no_opportunity?: boolean;
    allow_duplicate_customer?: boolean;
  }
  const [form] = Form.useForm<Values>();
  const chosen = Form.useWatch("customer_id", form);
  const without = Form.useWatch("no_opportunity", form);
  return (
    <CommandDialog<Values>
      form={form}
      name={`lead.convert:${lead.lead_id}`}
      title={t("convert_title")}
      text={t("convert_text")}
      save={t("convert")}
      width={560}
      initial={{ customer_id: alike, customer_name: lead.company || lead.person_name, expected_close_on: inDays(60), pipeline_id: pipelines.data?.pipelines.find((each) => each.is_default)?.pipeline_id ?? "" }}
      onClose={onClose}
      submit={(values, requestId) => convert.mutateAsync({ path: { lead_id: lead.lead_id }, body: values as Body<"/v1/leads/{lead_id}:convert">, requestId })}
    >
      <Form.Item name="customer_id" label={t("existing")} extra={t("existing_hint")}>
        <CustomerSelect />
      </Form.Item>
      {!chosen && (
        <>
          <Form.Item name="customer_name" label={t("customer_name")}>
            <Input maxLength={200} />
          </Form.Item>
          {alike && (
            <Form.Item name="allow_duplicate_customer" valuePropName="checked">
              <Checkbox>{t("allow_duplicate")}</Checkbox>
            </Form.Item>
          )}
        </>
      )}
      <Form.Item name="no_opportunity" valuePropName="checked">
        <Checkbox>{t("no_deal")}</Checkbox>
      </Form.Item>
      {!without && (
        <div className="form-pair">
          <Form.Item name="title" label={t("deal_title")}>
            <Input maxLength={200} placeholder={lead.product_interest} />
          </Form.Item>
          <Form.Item name="amount" label={t("amount")}>
            <MoneyInput />
          </Form.Item>
          <Form.Item name="expected_close_on" label={t("close_on")}>
            <DayInput />
          </Form.Item>
          <Form.Item name="pipeline_id" label={t("pipeline")}>
            <Select options={(pipelines.data?.pipelines ?? []).map((each) => ({ value: each.pipeline_id, label: each.name }))} />
          </Form.Item>
        </div>
      )}
    </CommandDialog>
  );
}

export function NewLeadDialog({ onClose }: { onClose: () => void }) {
  const t = useWords(leadWords);
  const channelName = useChannelName();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const mayRead = useMay("pipeline.lead.read");
  const made = useRef("");
  const capture = useTell("/v1/leads", {
    touches,
    onDone: (answer) => {
      void message.success(answer.duplicate ? t("duplicate_touch") : answer.reason || t("taken"));
      made.current = answer.lead_id;
    },
  });
  interface Values {
    person_name: string;
    phone?: string;
    email?: string;
    company?: string;
    source_channel: string;
    note?: string;
  }
  return (
    <CommandDialog<Values>
      name="lead.new"
      title={t("new_lead")}
      text={t("new_text")}
      initial={{ source_channel: "phone" }}
      onClose={onClose}
      onDone={() => mayRead && void navigate(places.lead(made.current))}
      fieldOf={(violated) => violated.replace(/^lead\./, "")}
      submit={(values, requestId) => capture.mutateAsync({ body: { lead: values }, requestId })}
    >
      <div className="form-pair">
        <Form.Item name="person_name" label={t("name")}>
          <Input autoFocus />
        </Form.Item>
        <Form.Item name="company" label={t("company")}>
          <Input />
        </Form.Item>
        <Form.Item name="phone" label={t("phone")}>
          <Input type="tel" />
        </Form.Item>
        <Form.Item name="email" label={t("email")}>
          <Input type="email" />
        </Form.Item>
      </div>
      <Form.Item name="source_channel" label={t("source")}>
        <Select options={CHANNELS.map((value) => ({ value, label: channelName(value) }))} />
      </Form.Item>
      <Form.Item name="note" label={t("message")}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} />
      </Form.Item>
    </CommandDialog>
  );
}
