/** Forms that visitors fill in. */
import { PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { get } from "@/api/client";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Parts, State, useNames } from "./pieces";
import type { Form } from "./terms";

const dictionary = words(
  { title: "Forms", draft: "New form", name: "Form", state: "State", campaign: "Campaign", views: "Seen", sent: "Sent", rate: "Sent by seen", owner: "Owner", empty: "No forms yet", empty_text: "A form has a public page and a QR code; what people send becomes a lead at once." },
  { title: "表单", draft: "新建表单", name: "表单", state: "状态", campaign: "关联活动", views: "浏览", sent: "提交", rate: "提交率", owner: "负责人", empty: "暂无表单", empty_text: "表单自带公开页面和二维码，提交后立即成为线索。" },
);

export default function Forms() {
  const t = useWords(dictionary);
  const f = useFormats();
  const { may } = useSession();
  const navigate = useNavigate();
  const campaigns = useNames("campaigns");
  const draft = may("marketing.form.create") && <Button type="primary" icon={<PlusOutlined />} onClick={() => void navigate("/forms/new")}>{t("draft")}</Button>;
  return (
    <Page title={t("title")} actions={draft} wide>
      <Parts />
      <DataList<Form>
        name="forms"
        searchable={false}
        live={["marketing"]}
        rowKey={(row) => row.form_id}
        to={(row) => places.form(row.form_id)}
        load={async (q, signal) => {
          const found = await get("/v1/forms", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.forms, next: found.next_page_token };
        }}
        columns={[
          { key: "name", title: t("name"), width: 240, render: (row) => <Link className="strong" to={places.form(row.form_id)}>{row.title}</Link> },
          { key: "state", title: t("state"), width: 100, render: (row) => <State of={row.state} /> },
          { key: "campaign", title: t("campaign"), width: 200, render: (row) => (row.campaign_id ? <Link to={places.campaign(row.campaign_id)}>{campaigns.get(row.campaign_id) ?? "…"}</Link> : "–") },
          { key: "views", title: t("views"), width: 90, right: true, render: (row) => f.number(row.views) },
          { key: "sent", title: t("sent"), width: 90, right: true, render: (row) => <strong>{f.number(row.submissions)}</strong> },
          { key: "rate", title: t("rate"), width: 110, right: true, render: (row) => (Number(row.views) ? f.percent(Number(row.submissions) / Number(row.views)) : "–") },
          { key: "owner", title: t("owner"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
        ]}
        card={(row) => ({ title: <>{row.title} <State of={row.state} /></>, meta: <><span>{t("sent")} {f.number(row.submissions)}</span><span>{campaigns.get(row.campaign_id)}</span></> })}
        empty={{ title: t("empty"), text: t("empty_text"), action: draft }}
      />
    </Page>
  );
}
