/** The forms about one customer: what happened, what comes next, whom one talks to, and what one knows. */
import { App, Button, DatePicker, Form, Input, InputNumber, Modal, Select, Segmented, Switch } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { get, post, type Answer } from "@/api/client";
import { askAgain, postOrKeep } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { useQueryClient } from "@tanstack/react-query";
import { useWords } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { ReviseDialog, type Seen } from "@/ui/ReviseDialog";
import { useDictionary } from "./labels";
import { pageWords } from "./pageWords";

export type Whole = Answer<"/v1/customers/{customer_id}">;
export type Contact = Whole["contacts"][number];
type Profile = NonNullable<Whole["profile"]>;

const kinds = ["ACTIVITY_KIND_CALL", "ACTIVITY_KIND_VISIT", "ACTIVITY_KIND_MESSAGE", "ACTIVITY_KIND_MEETING", "ACTIVITY_KIND_NOTE"] as const;
const outcomes = ["ACTIVITY_OUTCOME_REACHED", "ACTIVITY_OUTCOME_NO_ANSWER", "ACTIVITY_OUTCOME_INTERESTED", "ACTIVITY_OUTCOME_NOT_INTERESTED", "ACTIVITY_OUTCOME_AGREED"] as const;
const roles = ["DECISION_ROLE_DECISION_MAKER", "DECISION_ROLE_INFLUENCER", "DECISION_ROLE_USER", "DECISION_ROLE_BUYER", "DECISION_ROLE_GATEKEEPER"] as const;
const MOST_BYTES = 8 * 1024 * 1024;

/** Drafts are kept as text, so a time comes back as one. */
const asTime = { getValueProps: (value: unknown) => ({ value: value ? dayjs(value as string) : null }), normalize: (value: Dayjs | null) => value?.toISOString() };
const lines = { getValueProps: (value: unknown) => ({ value: Array.isArray(value) ? value.join("\n") : value }), normalize: (value: string) => value.split("\n") };
const filled = (list: readonly string[] | undefined) => (list ?? []).map((each) => each.trim()).filter(Boolean);

function useDone() {
  const client = useQueryClient();
  const { message } = App.useApp();
  return (text: string) => {
    void message.success(text);
    askAgain(client, ["customer"]);
  };
}

interface LogValues {
  kind: (typeof kinds)[number];
  content: string;
  outcome?: (typeof outcomes)[number];
  contact_id?: string;
  next_contact_at?: string;
  next_subject?: string;
}

/** One form for what happened and what comes next. */
export function LogForm({ customerId, name, contacts, start = "ACTIVITY_KIND_CALL", onDone }: { customerId: string; name: string; contacts: readonly Contact[]; start?: LogValues["kind"]; onDone?: () => void }) {
  const t = useWords(pageWords);
  const done = useDone();
  const [form] = Form.useForm<LogValues>();
  const [file, setFile] = useState<File>();
  const [begun, setBegun] = useState(false); // the rest is asked once somebody writes
  const submit = async (values: LogValues, requestId: string) => {
    const first = file && { address: "/v1/files", body: await packed(file), answer: "attachment", into: "attachments" };
    const telling = { path: { customer_id: customerId }, body: values, requestId };
    await postOrKeep("/v1/customers/{customer_id}/activities", telling, `${name}: ${t(values.kind)}`, first);
    done(t("logged"));
  };
  return (
    <CommandForm<LogValues>
      name={`customer.log:${customerId}`}
      form={form}
      initial={{ kind: start }}
      submit={submit}
      save={t("save_log")}
      onDone={() => {
        form.resetFields();
        setFile(undefined);
        setBegun(false);
        onDone?.();
      }}
      extra={
        <label className="file-button">
          <input type="file" accept="image/*,.pdf" capture="environment" onChange={(event) => setFile(event.target.files?.[0])} />
          <span>{file ? file.name.slice(0, 24) : t("photo")}</span>
        </label>
      }
    >
      <Form.Item name="kind"><Segmented block aria-label={t("log")} options={kinds.map((value) => ({ value, label: t(value) }))} /></Form.Item>
      <Form.Item name="content" rules={[{ required: true, message: t("required") }]}>
        <Input.TextArea autoSize={{ minRows: 1, maxRows: 8 }} maxLength={4000} placeholder={t("what")} aria-label={t("what")} onFocus={() => setBegun(true)} />
      </Form.Item>
      <div className="form-row" hidden={!begun}>
        <Form.Item name="outcome" label={t("outcome")}><Select allowClear options={outcomes.map((value) => ({ value, label: t(value) }))} /></Form.Item>
        {contacts.length > 0 && <Form.Item name="contact_id" label={t("contact")}><Select allowClear options={contacts.map((each) => ({ value: each.contact_id, label: each.name }))} /></Form.Item>}
      </div>
      <div className="form-row" hidden={!begun}>
        <Form.Item name="next_contact_at" label={t("next_on")} {...asTime}><DatePicker showTime={{ format: "HH:mm", minuteStep: 15 }} format="YYYY-MM-DD HH:mm" style={{ width: "100%" }} inputReadOnly /></Form.Item>
        <Form.Item name="next_subject" label={t("next_subject")}><Input maxLength={200} /></Form.Item>
      </div>
    </CommandForm>
  );
}

async function packed(file: File) {
  if (file.size > MOST_BYTES) throw new Problem("too-large", `${MOST_BYTES / 1024 / 1024} MB`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { name: file.name, media_type: file.type || "application/octet-stream", content: btoa(text) };
}

/** "Tomorrow at nine", where most follow-ups go. */
const tomorrow = () => dayjs().add(1, "day").hour(9).minute(0).second(0).millisecond(0).toISOString();

export function PlanForm({ customerId, name, onDone }: { customerId: string; name: string; onDone: () => void }) {
  const t = useWords(pageWords);
  const done = useDone();
  return (
    <CommandForm<{ due_at: string; subject: string; suggested_content?: string }>
      name={`customer.plan:${customerId}`}
      initial={{ due_at: tomorrow() }}
      save={t("plan")}
      onDone={onDone}
      onCancel={onDone}
      submit={async (values, requestId) => {
        await postOrKeep("/v1/customers/{customer_id}/follow-ups", { path: { customer_id: customerId }, body: values, requestId }, `${name}: ${values.subject}`);
        done(t("planned"));
      }}
    >
      <div className="form-row">
        <Form.Item name="due_at" label={t("due")} rules={[{ required: true, message: t("required") }]} {...asTime}><DatePicker showTime={{ format: "HH:mm", minuteStep: 15 }} format="YYYY-MM-DD HH:mm" style={{ width: "100%" }} inputReadOnly /></Form.Item>
        <Form.Item name="subject" label={t("subject")} rules={[{ required: true, message: t("required") }]}><Input maxLength={200} autoFocus /></Form.Item>
      </div>
      <Form.Item name="suggested_content" label={t("suggestion")}><Input.TextArea autoSize={{ minRows: 2 }} maxLength={2000} /></Form.Item>
    </CommandForm>
  );
}

export function ContactFields({ prefix = [], optional = false }: { prefix?: (string | number)[]; optional?: boolean }) {
  const t = useWords(pageWords);
  return (
    <>
      <div className="form-row">
        <Form.Item name={[...prefix, "name"]} label={t("name")} rules={optional ? [] : [{ required: true, message: t("required") }]}><Input maxLength={100} autoComplete="off" /></Form.Item>
        <Form.Item name={[...prefix, "position"]} label={t("position")}><Input maxLength={100} /></Form.Item>
      </div>
      <div className="form-row">
        <Form.Item name={[...prefix, "phones"]} label={`${t("phones")} · ${t("one_per_line")}`} {...lines}><Input.TextArea autoSize inputMode="tel" /></Form.Item>
        <Form.Item name={[...prefix, "emails"]} label={`${t("emails")} · ${t("one_per_line")}`} {...lines}><Input.TextArea autoSize inputMode="email" /></Form.Item>
      </div>
      <Form.Item name={[...prefix, "decision_role"]} label={t("decision_role")}><Select allowClear options={roles.map((value) => ({ value, label: t(value) }))} /></Form.Item>
    </>
  );
}

export function ContactDialog({ customerId, contact, onClose }: { customerId: string; contact?: Contact; onClose: () => void }) {
  const t = useWords(pageWords);
  const done = useDone();
  return (
    <Modal open footer={null} onCancel={onClose} title={t(contact ? "edit_contact" : "add_contact")}>
      <CommandForm<Contact>
        name={`customer.contact:${customerId}:${contact?.contact_id ?? "new"}`}
        initial={contact ?? {}}
        onCancel={onClose}
        onDone={onClose}
        fieldOf={(violated) => violated.replace(/^contact\./, "").replace(/\[\d+\]$/, "")}
        submit={async (values, requestId) => {
          const body = { contact: { ...contact, ...values, phones: filled(values.phones), emails: filled(values.emails) } };
          if (contact) await post("/v1/customers/{customer_id}/contacts/{contact_id}:revise", { path: { customer_id: customerId, contact_id: contact.contact_id }, body, requestId });
          else await post("/v1/customers/{customer_id}/contacts", { path: { customer_id: customerId }, body, requestId });
          done(values.name);
        }}
      >
        <ContactFields />
        <Form.Item name="is_primary" label={t("is_primary")} valuePropName="checked"><Switch /></Form.Item>
      </CommandForm>
    </Modal>
  );
}

export function ProfileFields({ prefix = [], named = true, all = true, focused = false }: { prefix?: string[]; named?: boolean; all?: boolean; focused?: boolean }) {
  const t = useWords(pageWords);
  const industries = useDictionary("industries");
  const regions = useDictionary("regions");
  const sizes = useDictionary("sizes");
  const intents = useDictionary("intents");
  const select = (options: { value: string; label: string }[]) => <Select allowClear showSearch={{ optionFilterProp: "label" }} options={options} />;
  return (
    <>
      {named && <Form.Item name={[...prefix, "name"]} label={t("name")} rules={[{ required: true, message: t("required") }]}><Input maxLength={200} autoComplete="off" autoFocus={focused} /></Form.Item>}
      {all && (
        <>
          <div className="form-row">
            <Form.Item name={[...prefix, "industry_code"]} label={t("industry")}>{select(industries.options)}</Form.Item>
            <Form.Item name={[...prefix, "region_code"]} label={t("region")}>{select(regions.options)}</Form.Item>
          </div>
          <div className="form-row">
            <Form.Item name={[...prefix, "size_code"]} label={t("size")}>{select(sizes.options)}</Form.Item>
            <Form.Item name={[...prefix, "intent_code"]} label={t("intent")}>{select(intents.options)}</Form.Item>
          </div>
          <div className="form-row">
            <Form.Item name={[...prefix, "website"]} label={t("website")}><Input maxLength={200} /></Form.Item>
            <Form.Item name={[...prefix, "employees"]} label={t("employees")}><InputNumber min={0} precision={0} style={{ width: "100%" }} /></Form.Item>
          </div>
          <div className="form-row">
            <Form.Item name={[...prefix, "phones"]} label={`${t("phones")} · ${t("one_per_line")}`} {...lines}><Input.TextArea autoSize inputMode="tel" /></Form.Item>
            <Form.Item name={[...prefix, "emails"]} label={`${t("emails")} · ${t("one_per_line")}`} {...lines}><Input.TextArea autoSize inputMode="email" /></Form.Item>
          </div>
          <div className="form-row">
            <Form.Item name={[...prefix, "credit_code"]} label={t("credit_code")}><Input maxLength={18} /></Form.Item>
            <Form.Item name={[...prefix, "address"]} label={t("address")}><Input maxLength={300} /></Form.Item>
          </div>
          <Form.Item name={[...prefix, "remark"]} label={t("remark")}><Input.TextArea autoSize={{ minRows: 2 }} maxLength={4000} /></Form.Item>
        </>
      )}
    </>
  );
}

const editable = ["name", "industry_code", "region_code", "size_code", "intent_code", "website", "employees", "phones", "emails", "credit_code", "address", "remark"] as const;

/** The fields of a form as the API wants them. */
export function profileOf(values: Partial<Record<keyof Profile, unknown>>): Partial<Profile> {
  const profile: Record<string, unknown> = {};
  for (const key of editable) {
    const value = values[key];
    profile[key] = key === "phones" || key === "emails" ? filled(value as string[]) : key === "employees" ? String(value || 0) : (value ?? "");
  }
  return profile as Partial<Profile>;
}

/** Editing what is known. */
export function EditDialog({ whole, onClose }: { whole: Whole; onClose: () => void }) {
  const t = useWords(pageWords);
  const done = useDone();
  const id = whole.card?.customer_id ?? "";
  const seenOf = ({ version, profile }: Whole): Seen<Profile> => ({ version, values: profileOf(profile ?? {}) as Profile });
  return (
    <ReviseDialog<Profile>
      name={`customer.edit:${id}`}
      title={t("edit_customer")}
      width={640}
      labels={{ name: t("name"), industry_code: t("industry"), region_code: t("region"), size_code: t("size"), intent_code: t("intent"), website: t("website"), employees: t("employees"), phones: t("phones"), emails: t("emails"), credit_code: t("credit_code"), address: t("address"), remark: t("remark") }}
      seen={seenOf(whole)}
      latest={async () => seenOf(await get("/v1/customers/{customer_id}", { path: { customer_id: id } }))}
      tidy={(values) => profileOf(values) as Profile}
      revise={(profile, { version }, requestId) => post("/v1/customers/{customer_id}:revise", { path: { customer_id: id }, body: { expected_version: version, profile, fields: Object.keys(profile) }, ...(requestId ? { requestId } : {}) })}
      fieldOf={(violated) => violated.replace(/^profile\./, "").replace(/\[\d+\]$/, "")}
      show={(_, value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""))}
      onClose={onClose}
      onDone={() => done(t("saved"))}
    >
      <ProfileFields />
    </ReviseDialog>
  );
}

export function RemoveButton({ title, onRemove }: { title: string; onRemove: () => Promise<unknown> }) {
  const t = useWords(pageWords);
  const { modal } = App.useApp();
  return (
    <Button size="small" type="text" onClick={() => void modal.confirm({ title, okText: t("remove"), okButtonProps: { danger: true }, onOk: onRemove })}>
      {t("remove")}
    </Button>
  );
}
