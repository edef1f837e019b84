/** Templates of messages, and how much the firm writes to one person. */
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Page, Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Parts, State } from "./pieces";
import { terms, type Template } from "./terms";

const dictionary = words(
  { title: "Templates", draft: "New template", name: "Template", channel: "By", subject: "Subject", version: "Version", variables: "Filled in", owner: "Owner", empty: "No templates yet", empty_text: "What mailings and journeys send. Names in double braces are filled in for each person.", policy: "Rules for writing to people", consent: "Nothing is sent without a consent given.", no_consent: "Consent is not required; whoever unsubscribed gets nothing.", cap: "At most {count} messages by one channel in {days} days.", no_cap: "No limit on the number of messages." },
  { title: "消息模板", draft: "新建模板", name: "模板", channel: "渠道", subject: "主题", version: "版本", variables: "变量", owner: "负责人", empty: "暂无模板", empty_text: "供群发和旅程使用，双花括号中的名称会按收件人填充。", policy: "触达规则", consent: "未获授权的客户不会收到任何消息。", no_consent: "不要求事先授权；退订者不再接收。", cap: "每个渠道 {days} 天内最多 {count} 条。", no_cap: "不限制消息数量。" },
);

export default function Templates() {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const f = useFormats();
  const { may } = useSession();
  const navigate = useNavigate();
  const policy = useAsk("/v1/contact-policy", {}, { live: ["marketing"], enabled: may("marketing.preference.read") });
  const draft = may("marketing.template.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => void navigate("/templates/new")}>{t("draft")}</Button>;
  return (
    <Page title={t("title")} actions={draft} wide>
      <Parts />
      {policy.data && (
        <div className="gap-below">
          <Section title={t("policy")}>
            <p>{policy.data.consent_required ? t("consent") : t("no_consent")} {policy.data.most_messages ? t("cap", { count: f.number(policy.data.most_messages), days: f.number(policy.data.window_days) }) : t("no_cap")}</p>
          </Section>
        </div>
      )}
      <DataList<Template>
        name="templates"
        searchable={false}
        live={["marketing"]}
        rowKey={(row) => row.template_id}
        to={(row) => `/templates/${row.template_id}`}
        load={async (q, signal) => {
          const found = await get("/v1/message-templates", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.templates, next: found.next_page_token };
        }}
        columns={[
          { key: "name", title: t("name"), width: 220, render: (row) => <span className="row row-tight"><Link className="strong" to={`/templates/${row.template_id}`}>{row.name}</Link>{row.retired && <State of="retired" />}</span> },
          { key: "channel", title: t("channel"), width: 100, render: (row) => say(row.channel) },
          { key: "subject", title: t("subject"), width: 340, render: (row) => <span className="quiet">{row.subject_line}</span> },
          { key: "variables", title: t("variables"), width: 200, render: (row) => row.variables.join(", ") },
          { key: "version", title: t("version"), width: 80, right: true, render: (row) => f.number(row.template_version) },
          { key: "owner", title: t("owner"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
        ]}
        card={(row) => ({ title: row.name, meta: <><span>{say(row.channel)}</span><span>{row.subject_line}</span></> })}
        empty={{ title: t("empty"), text: t("empty_text"), action: draft }}
      />
    </Page>
  );
}
