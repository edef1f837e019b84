/** A template: its words, and how they read with sample values. The preview is a frame that may do nothing. */
import { App, Button, Form, Input, Select } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { get, post } from "@/api/client";
import { askAgain, useAsk } from "@/api/hooks";
import { explain, Problem, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { clashes } from "@/ui/clashes";
import { Conflict } from "@/ui/Conflict";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { State } from "./pieces";
import { terms, type Template } from "./terms";

const dictionary = words(
  { templates: "Templates", fresh: "New template", name: "Name", channel: "By", subject_line: "Subject", html_body: "HTML", text_body: "Plain text", hint: "{{person_name|friend}} is the person’s name, or “friend” without one.", save: "Save", saved: "Saved as the next version", required: "Please fill this in", preview: "As it reads", samples: "Sample values", test: "Send a test", address: "To which address", sent: "On its way", frame: "The message as it looks", words: "Words", version: "Version {version}" },
  { templates: "消息模板", fresh: "新建模板", name: "名称", channel: "渠道", subject_line: "主题", html_body: "HTML", text_body: "纯文本", hint: "{{person_name|朋友}} 会替换为收件人姓名，没有时显示“朋友”。", save: "保存", saved: "已保存为新版本", required: "请填写", preview: "预览", samples: "示例值", test: "发送测试", address: "发送到", sent: "已发出", frame: "消息外观", words: "内容", version: "第 {version} 版" },
);
interface Values {
  name: string;
  channel: Template["channel"];
  subject_line: string;
  html_body: string;
  text_body: string;
}
const plain = (of: Template): Values => ({ name: of.name, channel: of.channel, subject_line: of.subject_line, html_body: of.html_body, text_body: of.text_body });

export default function TemplatePage() {
  const { templateId = "" } = useParams();
  const fresh = templateId === "new";
  const template = useAsk("/v1/message-templates/{template_id}", { path: { template_id: templateId } }, { live: ["marketing"], enabled: !fresh });
  if (fresh) return <Whole />;
  return <Answered of={template} rows={8}>{(data) => data.template && <Whole key={templateId} template={data.template} />}</Answered>;
}

function Whole({ template }: { template?: Template }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const client = useQueryClient();
  const navigate = useNavigate();
  const { may } = useSession();
  const { message } = App.useApp();
  const [base, setBase] = useState(template);
  const [clash, setClash] = useState<{ mine: Values; now: Template }>();
  const path = { template_id: template?.template_id ?? "" };
  const title = template?.name ?? t("fresh");
  const labels = { name: t("name"), subject_line: t("subject_line"), html_body: t("html_body"), text_body: t("text_body") };
  const revise = (values: Values, seen: Template) => post("/v1/message-templates/{template_id}:revise", { path, body: { name: values.name, subject_line: values.subject_line, html_body: values.html_body, text_body: values.text_body, expected_version: seen.version } });
  const saved = () => (askAgain(client, ["marketing"]), void message.success(t("saved")));
  const submit = async (values: Values, requestId: string) => {
    if (!base) {
      const answer = await post("/v1/message-templates", { requestId, body: values });
      askAgain(client, ["marketing"]);
      void navigate(`/templates/${answer.template_id}`, { replace: true });
      return;
    }
    try {
      const answer = await revise(values, base);
      setBase({ ...base, ...values, version: answer.version });
      saved();
    } catch (error) {
      if (error instanceof Problem && error.kind === "stale") setClash({ mine: values, now: (await get("/v1/message-templates/{template_id}", { path })).template as Template });
      throw error;
    }
  };
  const needed = [{ required: true, message: t("required") }];
  return (
    <Page title={title} above={{ to: "/templates", label: t("templates") }} heading={<span className="row">{title} {template?.retired && <State of="retired" />}</span>} note={template && <>{say(template.channel)} · {t("version", { version: template.template_version })}</>}>
      <div className="editor">
        <Section title={t("words")}>
          {may(template ? "marketing.template.edit" : "marketing.template.create") && !template?.retired ? (
            <CommandForm<Values> name={`template:${template?.template_id ?? "new"}`} initial={template ? plain(template) : { channel: "MESSAGE_CHANNEL_EMAIL" }} submit={submit} save={t("save")}>
              <Form.Item name="name" label={t("name")} rules={needed}><Input maxLength={200} /></Form.Item>
              {!template && <Form.Item name="channel" label={t("channel")}><Select options={(["MESSAGE_CHANNEL_EMAIL", "MESSAGE_CHANNEL_SMS", "MESSAGE_CHANNEL_WECOM"] as const).map((value) => ({ value, label: say(value) }))} /></Form.Item>}
              <Form.Item name="subject_line" label={t("subject_line")} extra={t("hint")}><Input maxLength={300} /></Form.Item>
              <Form.Item name="html_body" label={t("html_body")}><Input.TextArea autoSize={{ minRows: 8, maxRows: 24 }} style={{ fontFamily: "ui-monospace, monospace", fontSize: 13 }} spellCheck={false} /></Form.Item>
              <Form.Item name="text_body" label={t("text_body")} rules={needed}><Input.TextArea autoSize={{ minRows: 4, maxRows: 16 }} /></Form.Item>
            </CommandForm>
          ) : <p style={{ whiteSpace: "pre-wrap" }}>{template?.text_body}</p>}
        </Section>
        {template && <Read template={template} />}
      </div>
      {clash && (
        <Conflict
          fields={clashes(labels, clash.mine, plain(clash.now))}
          onCancel={() => (setBase(clash.now), setClash(undefined))}
          onResolve={(chosen) => {
            const to = { ...plain(clash.now), ...chosen } as Values;
            void revise(to, clash.now).then((answer) => (setBase({ ...clash.now, ...to, version: answer.version }), setClash(undefined), saved()), () => (setBase(clash.now), setClash(undefined)));
          }}
        />
      )}
    </Page>
  );
}

function Read({ template }: { template: Template }) {
  const t = useWords(dictionary);
  const say = useWords(problemWords);
  const { may, me } = useSession();
  const { message } = App.useApp();
  const [values, setValues] = useState<Record<string, string>>({});
  const [address, setAddress] = useState(me.person?.email ?? "");
  const [busy, setBusy] = useState(false);
  const path = { template_id: template.template_id };
  const read = useQuery<{ subject_line: string; html_body: string; text_body: string }, Problem>({
    queryKey: ["template-preview", template.template_id, template.template_version, values],
    queryFn: ({ signal }) => post("/v1/message-templates/{template_id}:preview", { path, body: { values }, signal }),
    placeholderData: (before) => before,
  });
  const test = async () => {
    setBusy(true);
    try {
      await post("/v1/message-templates/{template_id}:test", { path, body: { address, values } });
      void message.success(t("sent"));
    } catch (error) {
      void message.error([explain(error, say).title, error instanceof Problem ? error.detail : ""].join(" · "));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title={t("preview")}>
      {template.variables.length > 0 && (
        <div className="row gap-below">
          {template.variables.map((name) => <Input key={name} size="small" style={{ width: 190 }} prefix={<span className="quiet">{name}</span>} aria-label={`${t("samples")}: ${name}`} value={values[name] ?? ""} onChange={(event) => setValues({ ...values, [name]: event.target.value })} />)}
        </div>
      )}
      <Answered of={read}>
        {(data) => (
          <div className="stack" style={{ gap: 10 }}>
            {data.subject_line && <p className="strong">{data.subject_line}</p>}
            {data.html_body ? <iframe className="mail" title={t("frame")} sandbox="" srcDoc={`<!doctype html><meta charset="utf-8"><body style="font:14px/1.6 sans-serif;color:#14242a;margin:16px">${data.html_body}`} /> : <p style={{ whiteSpace: "pre-wrap" }}>{data.text_body}</p>}
          </div>
        )}
      </Answered>
      {may("marketing.template.edit") && !template.retired && (
        <div className="row gap-above">
          <Input style={{ width: 240 }} value={address} aria-label={t("address")} placeholder={t("address")} onChange={(event) => setAddress(event.target.value)} />
          <Button loading={busy} disabled={!address.trim()} onClick={() => void test()}>{t("test")}</Button>
        </div>
      )}
    </Section>
  );
}
