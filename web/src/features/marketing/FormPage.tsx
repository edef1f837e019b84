/** A form: its fields as one edits them and as the visitor sees them, its public page, and what was sent. */
import { ArrowDownOutlined, ArrowUpOutlined, CloseOutlined, CopyOutlined, ExportOutlined } from "@ant-design/icons";
import { App, Button, Checkbox, Form as Fields, Input, InputNumber, Modal, Select, Tabs } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { get, post, type Answer } from "@/api/client";
import { askAgain, useAsk, useTell } from "@/api/hooks";
import { explain, Problem, problemWords } from "@/api/problem";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { clashes } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { DataList } from "@/ui/DataList";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { Tag } from "@/ui/Tag";
import { State, useNames } from "./pieces";
import type { Form } from "./terms";

const dictionary = words(
  {
    forms: "Forms", fresh: "New form", publish: "Publish", withdraw: "Take off-line", open: "Open the page", copy: "Copy link", copied: "Copied", fields: "Fields", visitor: "As a visitor sees it", public_page: "Public page", qr: "QR code of the public page", not_public: "Not public yet: publish it to get its page.", sent: "What was sent", edit: "Editor",
    title: "What the visitor reads on top", campaign: "Collects for", channel: "Channel of its leads", thanks: "What is said once it is sent", minimum: "Least seconds to fill it", hourly: "Most from one source an hour", label: "Label", key: "Name in the lead", required: "Must be filled", add: "Add a field", remove: "Remove", up: "Up", down: "Down", choices: "Choices", needed: "Please fill this in", save: "Save", saved: "Saved",
    own: "an answer of its own", person_name: "Name", phone: "Phone", email: "E-mail", company: "Company", region_code: "Region", industry_code: "Industry",
    FORM_FIELD_KIND_UNSPECIFIED: "–", FORM_FIELD_KIND_TEXT: "One line", FORM_FIELD_KIND_LONG_TEXT: "Several lines", FORM_FIELD_KIND_EMAIL: "E-mail", FORM_FIELD_KIND_PHONE: "Phone", FORM_FIELD_KIND_NUMBER: "Number", FORM_FIELD_KIND_DATE: "Day", FORM_FIELD_KIND_CHOICE: "Choice", FORM_FIELD_KIND_CHECKBOX: "Yes or no",
    when: "When", source: "Channel", lead: "Lead", to_lead: "Open the lead", no_lead: "not yet", show: "Show", submission: "What was entered", consent: "Consent", consent_yes: "agreed to be written to", consent_no: "did not agree", erased: "The person was forgotten; what was entered is gone.", send: "Send",
  },
  {
    forms: "表单", fresh: "新建表单", publish: "发布", withdraw: "下线", open: "打开页面", copy: "复制链接", copied: "已复制", fields: "字段", visitor: "访客看到的样子", public_page: "公开页面", qr: "公开页面二维码", not_public: "尚未发布，发布后生成公开页面。", sent: "提交记录", edit: "编辑",
    title: "访客看到的标题", campaign: "关联活动", channel: "线索渠道", thanks: "提交后的提示", minimum: "最短填写秒数", hourly: "同一来源每小时上限", label: "显示名称", key: "对应线索字段", required: "必填", add: "添加字段", remove: "删除", up: "上移", down: "下移", choices: "选项", needed: "请填写", save: "保存", saved: "已保存",
    own: "自定义问题", person_name: "姓名", phone: "手机", email: "邮箱", company: "公司", region_code: "地区", industry_code: "行业",
    FORM_FIELD_KIND_UNSPECIFIED: "–", FORM_FIELD_KIND_TEXT: "单行文本", FORM_FIELD_KIND_LONG_TEXT: "多行文本", FORM_FIELD_KIND_EMAIL: "邮箱", FORM_FIELD_KIND_PHONE: "手机", FORM_FIELD_KIND_NUMBER: "数字", FORM_FIELD_KIND_DATE: "日期", FORM_FIELD_KIND_CHOICE: "单选", FORM_FIELD_KIND_CHECKBOX: "是或否",
    when: "时间", source: "渠道", lead: "线索", to_lead: "查看线索", no_lead: "尚未生成", show: "查看", submission: "提交内容", consent: "授权", consent_yes: "同意接收信息", consent_no: "未同意接收信息", erased: "该访客已被遗忘，提交内容已清除。", send: "提交",
  },
);
type Field = Form["fields"][number];
const fieldKinds = ["FORM_FIELD_KIND_TEXT", "FORM_FIELD_KIND_LONG_TEXT", "FORM_FIELD_KIND_EMAIL", "FORM_FIELD_KIND_PHONE", "FORM_FIELD_KIND_NUMBER", "FORM_FIELD_KIND_DATE", "FORM_FIELD_KIND_CHOICE", "FORM_FIELD_KIND_CHECKBOX"] as const;
const leadKeys = ["person_name", "phone", "email", "company", "region_code", "industry_code"] as const;
const kindOfKey: Partial<Record<string, Field["kind"]>> = { phone: "FORM_FIELD_KIND_PHONE", email: "FORM_FIELD_KIND_EMAIL" };

interface Values {
  title: string;
  campaign_id?: string;
  source_channel: string;
  message: string;
  minimum_fill_s: number;
  hourly_limit: number;
}
const plain = (of: Form) => ({ title: of.title, campaign_id: of.campaign_id, source_channel: of.source_channel, message: of.thank_you?.message ?? "", minimum_fill_s: of.minimum_fill_s, hourly_limit: of.hourly_limit, fields: of.fields });

export default function FormPage() {
  const { formId = "" } = useParams();
  const fresh = formId === "new";
  const form = useAsk("/v1/forms/{form_id}", { path: { form_id: formId } }, { live: ["marketing"], enabled: !fresh });
  if (fresh) return <Whole />;
  return <Answered of={form} rows={8}>{(data) => data.form && <Whole key={formId} form={data.form} />}</Answered>;
}

function Whole({ form }: { form?: Form }) {
  const t = useWords(dictionary);
  const refusal = useWords(problemWords);
  const f = useFormats();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { may } = useSession();
  const { message } = App.useApp();
  const campaigns = useNames("campaigns");
  const [base, setBase] = useState(form);
  const [title, setTitle] = useState(form?.title ?? "");
  const [fields, setFields] = useState<Field[]>(form?.fields ?? [
    { key: "person_name", label: t("person_name"), kind: "FORM_FIELD_KIND_TEXT", required: true, choices: [] },
    { key: "phone", label: t("phone"), kind: "FORM_FIELD_KIND_PHONE", required: true, choices: [] },
  ]);
  const [clash, setClash] = useState<{ mine: Values & { fields: Field[] }; now: Form }>();
  const path = { form_id: form?.form_id ?? "" };
  const fail = (error: Problem) => void message.error([explain(error, refusal).title, error.detail].join(" · "));
  const publish = useTell("/v1/forms/{form_id}:publish", { touches: ["marketing"] });
  const withdraw = useTell("/v1/forms/{form_id}:withdraw", { touches: ["marketing"] });
  const labels = { title: t("title"), campaign_id: t("campaign"), source_channel: t("channel"), message: t("thanks"), minimum_fill_s: t("minimum"), hourly_limit: t("hourly"), fields: t("fields") };
  const asked = (values: Values, all: Field[]) => ({ title: values.title, campaign_id: values.campaign_id ?? "", source_channel: values.source_channel, fields: all, thank_you: { ...(base?.thank_you ?? { redirect_url: "", download_url: "", template_id: "" }), message: values.message }, minimum_fill_s: values.minimum_fill_s, hourly_limit: values.hourly_limit });
  const revise = (values: Values, all: Field[], seen: Form) => post("/v1/forms/{form_id}:revise", { path, body: { ...asked(values, all), expected_version: seen.version } });
  const saved = () => (askAgain(client, ["marketing"]), void message.success(t("saved")));
  const submit = async (values: Values, requestId: string) => {
    if (!base) {
      const answer = await post("/v1/forms", { requestId, body: asked(values, fields) });
      askAgain(client, ["marketing"]);
      void navigate(places.form(answer.form_id), { replace: true });
      return;
    }
    try {
      const answer = await revise(values, fields, base);
      setBase({ ...base, ...asked(values, fields), version: answer.version });
      saved();
    } catch (error) {
      if (error instanceof Problem && error.kind === "stale") {
        const now = (await get("/v1/forms/{form_id}", { path })).form as Form;
        if (!clashes(labels, plain(base), plain(now)).length) {
          const answer = await revise(values, fields, now); // it was published or taken off-line meanwhile
          setBase({ ...now, ...asked(values, fields), version: answer.version });
          return saved();
        }
        setClash({ mine: { ...values, fields }, now });
      }
      throw error;
    }
  };
  const put = (index: number, to: Partial<Field>) => setFields(fields.map((each, at) => (at === index ? { ...each, ...to } : each)));
  const move = (index: number, by: number) => {
    const next = [...fields];
    const [taken] = next.splice(index, 1);
    if (taken) next.splice(index + by, 0, taken);
    setFields(next);
  };
  const add = () => {
    const free = leadKeys.find((key) => !fields.some((each) => each.key === key));
    const key = free ?? `question_${fields.length + 1}`;
    setFields([...fields, { key, label: free ? t(free) : "", kind: kindOfKey[key] ?? "FORM_FIELD_KIND_TEXT", required: false, choices: [] }]);
  };
  const edits = may(form ? "marketing.form.edit" : "marketing.form.create");
  const shownTitle = form?.title ?? t("fresh");
  const needed = [{ required: true, message: t("needed") }];
  const editor = (
    <div className="editor">
      <Section title={t("fields")}>
        <CommandForm<Values>
          name={`form:${form?.form_id ?? "new"}`}
          initial={form ? plain(form) : { source_channel: "website", minimum_fill_s: 3, hourly_limit: 20 }}
          submit={submit}
          save={t("save")}
        >
          <Fields.Item name="title" label={t("title")} rules={needed}><Input maxLength={200} onChange={(event) => setTitle(event.target.value)} /></Fields.Item>
          <div className="gap-below">
            {fields.map((each, index) => (
              <div key={index} className="field-row">
                <Input aria-label={t("label")} value={each.label} maxLength={100} onChange={(event) => put(index, { label: event.target.value })} />
                <Select aria-label={t("edit")} value={each.kind} options={fieldKinds.map((value) => ({ value, label: t(value) }))} onChange={(kind) => put(index, { kind })} popupMatchSelectWidth={false} />
                <Checkbox checked={each.required} onChange={(event) => put(index, { required: event.target.checked })}>{t("required")}</Checkbox>
                <span className="row row-tight">
                  <Button size="small" type="text" icon={<ArrowUpOutlined />} aria-label={`${t("up")}: ${each.label}`} disabled={index === 0} onClick={() => move(index, -1)} />
                  <Button size="small" type="text" icon={<ArrowDownOutlined />} aria-label={`${t("down")}: ${each.label}`} disabled={index === fields.length - 1} onClick={() => move(index, 1)} />
                  <Button size="small" type="text" icon={<CloseOutlined />} aria-label={`${t("remove")}: ${each.label}`} disabled={fields.length === 1} onClick={() => setFields(fields.filter((_, at) => at !== index))} />
                </span>
                <span className="row field-choices">
                  <small className="quiet">{t("key")}</small>
                  <Select size="small" aria-label={t("key")} value={(leadKeys as readonly string[]).includes(each.key) ? each.key : "own"} popupMatchSelectWidth={false} options={[...leadKeys.map((value) => ({ value: value as string, label: t(value), disabled: fields.some((other, at) => at !== index && other.key === value) })), { value: "own", label: t("own") }]} onChange={(key) => put(index, key === "own" ? { key: `question_${index + 1}` } : { key, kind: kindOfKey[key] ?? each.kind })} />
                  {each.kind === "FORM_FIELD_KIND_CHOICE" && <Select mode="tags" size="small" style={{ flex: 1, minWidth: 180 }} aria-label={t("choices")} placeholder={t("choices")} value={each.choices} onChange={(choices: string[]) => put(index, { choices })} open={false} />}
                </span>
              </div>
            ))}
            <Button size="small" className="gap-above" onClick={add}>{t("add")}</Button>
          </div>
          <div className="grid">
            <div className="grid-half"><Fields.Item name="campaign_id" label={t("campaign")}><Select allowClear options={[...campaigns].map(([value, label]) => ({ value, label }))} /></Fields.Item></div>
            <div className="grid-half"><Fields.Item name="source_channel" label={t("channel")} rules={needed}><Input maxLength={60} /></Fields.Item></div>
          </div>
          <Fields.Item name="message" label={t("thanks")} rules={needed}><Input.TextArea autoSize={{ minRows: 2 }} maxLength={1000} /></Fields.Item>
          <div className="grid">
            <div className="grid-half"><Fields.Item name="minimum_fill_s" label={t("minimum")}><InputNumber min={1} max={600} style={{ width: "100%" }} /></Fields.Item></div>
            <div className="grid-half"><Fields.Item name="hourly_limit" label={t("hourly")}><InputNumber min={1} max={100_000} style={{ width: "100%" }} /></Fields.Item></div>
          </div>
        </CommandForm>
      </Section>
      <div className="stack">
        <Section title={t("visitor")}><Preview title={title} fields={fields} /></Section>
      </div>
    </div>
  );
  return (
    <Page
      title={shownTitle}
      above={{ to: "/forms", label: t("forms") }}
      heading={<span className="row">{shownTitle} {form && <State of={form.state} />}</span>}
      note={form && (form.campaign_id ? <Link to={places.campaign(form.campaign_id)}>{campaigns.get(form.campaign_id) ?? "…"}</Link> : form.source_channel)}
      actions={
        form && (
          <>
            {form.state === "published" && <Button icon={<ExportOutlined />} href={form.public_url} target="_blank" rel="noreferrer">{t("open")}</Button>}
            {edits && form.state !== "published" && <Button type="primary" loading={publish.isPending} onClick={() => publish.mutate({ path, body: {} }, { onError: fail })}>{t("publish")}</Button>}
            {edits && form.state === "published" && <Button loading={withdraw.isPending} onClick={() => withdraw.mutate({ path, body: {} }, { onError: fail })}>{t("withdraw")}</Button>}
          </>
        )
      }
    >
      {form ? (
        <Tabs
          defaultActiveKey={form.state === "draft" && edits ? "edit" : "public"}
          items={[
            { key: "public", label: t("public_page"), children: <PublicPage form={form} /> },
            ...(edits ? [{ key: "edit", label: t("edit"), children: editor }] : []),
            { key: "sent", label: `${t("sent")} · ${f.number(form.submissions)}`, children: <Sent form={form} /> },
          ]}
        />
      ) : editor}
      {clash && (
        <Conflict
          fields={clashes(labels, clash.mine, plain(clash.now))}
          show={(key, value) => (key === "fields" ? (value as Field[]).map((each) => each.label).join(", ") : key === "campaign_id" ? (campaigns.get(String(value)) ?? "") : String(value ?? ""))}
          onCancel={() => (setBase(clash.now), setClash(undefined))}
          onResolve={(chosen) => {
            const to = { ...plain(clash.now), ...chosen } as Values & { fields: Field[] };
            void revise(to, to.fields, clash.now).then((answer) => (setFields(to.fields), setBase({ ...clash.now, ...asked(to, to.fields), version: answer.version }), setClash(undefined), saved()), () => (setBase(clash.now), setClash(undefined)));
          }}
        />
      )}
    </Page>
  );
}

function Preview({ title, fields }: { title: string; fields: readonly Field[] }) {
  const t = useWords(dictionary);
  return (
    <div className="preview">
      <h3>{title || "…"}</h3>
      {fields.map((each, index) => (
        <label key={index}>
          {each.label || "…"}{each.required && <span className="bad" aria-hidden="true"> *</span>}
          <span className={each.kind === "FORM_FIELD_KIND_LONG_TEXT" ? "box box-tall" : "box"} aria-hidden="true" />
          {each.kind === "FORM_FIELD_KIND_CHOICE" && <small className="quiet">{each.choices.join(" · ")}</small>}
        </label>
      ))}
      <Button type="primary" tabIndex={-1} aria-hidden="true">{t("send")}</Button>
    </div>
  );
}

function PublicPage({ form }: { form: Form }) {
  const t = useWords(dictionary);
  const { message } = App.useApp();
  const qr = useAsk("/v1/forms/{form_id}/qr-code", { path: { form_id: form.form_id } }, { enabled: form.state === "published", freshMs: 300_000 });
  return (
    <div className="editor">
      <Section title={t("public_page")}>
        {form.state === "published" ? (
          <div className="row" style={{ gap: 20, alignItems: "flex-start" }}>
            {qr.data?.svg && <img className="qr" alt={t("qr")} src={`data:image/svg+xml,${encodeURIComponent(qr.data.svg)}`} />}
            <div className="stack" style={{ gap: 10, minWidth: 0, flex: 1 }}>
              <a href={form.public_url} target="_blank" rel="noreferrer" style={{ overflowWrap: "anywhere" }}>{form.public_url}</a>
              <div className="row"><Button icon={<CopyOutlined />} onClick={() => void navigator.clipboard.writeText(form.public_url).then(() => message.success(t("copied")))}>{t("copy")}</Button></div>
            </div>
          </div>
        ) : <p className="quiet">{t("not_public")}</p>}
      </Section>
      <Section title={t("visitor")}><Preview title={form.title} fields={form.fields} /></Section>
    </div>
  );
}

function Sent({ form }: { form: Form }) {
  const t = useWords(dictionary);
  const f = useFormats();
  const { may } = useSession();
  const [shown, setShown] = useState("");
  const one = useAsk("/v1/form-submissions/{submission_id}", { path: { submission_id: shown } }, { enabled: Boolean(shown) });
  return (
    <>
      <DataList<Answer<"/v1/form-submissions">["submissions"][number]>
        name="form-submissions"
        searchable={false}
        live={["marketing", "pipeline"]}
        rowKey={(row) => row.submission_id}
        load={async (q, signal) => {
          const found = await get("/v1/form-submissions", { query: { form_id: form.form_id, page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.submissions, next: found.next_page_token };
        }}
        columns={[
          { key: "when", title: t("when"), width: 180, render: (row) => f.moment(row.submitted_at) },
          { key: "source", title: t("source"), width: 120, render: (row) => row.source_channel },
          { key: "lead", title: t("lead"), width: 140, render: (row) => (row.lead_id ? <Link to={places.lead(row.lead_id)}>{t("to_lead")}</Link> : <span className="quiet">{t("no_lead")}</span>) },
          { key: "show", title: "", width: 90, render: (row) => may("marketing.submission.read") && <Button size="small" onClick={() => setShown(row.submission_id)}>{t("show")}</Button> },
        ]}
        card={(row) => ({ title: f.moment(row.submitted_at), meta: row.source_channel, action: may("marketing.submission.read") && <Button size="small" onClick={() => setShown(row.submission_id)}>{t("show")}</Button> })}
      />
      <Modal open={Boolean(shown)} title={t("submission")} footer={null} onCancel={() => setShown("")} destroyOnHidden>
        <Answered of={one}>
          {({ submission }) =>
            submission && (submission.erased ? <p className="quiet">{t("erased")}</p> : (
              <div className="stack">
                <div><Tag tone={submission.consent_given ? "good" : "warn"}>{submission.consent_given ? t("consent_yes") : t("consent_no")}</Tag></div>
                <dl className="facts">
                  {(["person_name", "phone", "email", "company"] as const).filter((key) => submission[key]).map((key) => <div key={key}><dt>{t(key)}</dt><dd>{submission[key]}</dd></div>)}
                  {submission.answers.map((each) => <div key={each.key}><dt>{each.label}</dt><dd>{each.value}</dd></div>)}
                </dl>
              </div>
            ))
          }
        </Answered>
      </Modal>
    </>
  );
}
