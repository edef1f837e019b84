/** Programs that use the API: what they may do, until when, when last; their secrets are shown once. */
import { App, Button, Form, Input, Modal, Select } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { get, post, type Answer } from "@/api/client";
import { useMay, useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { DataList } from "@/ui/DataList";
import { DayInput } from "@/ui/DayInput";
import { PersonName } from "@/ui/people";
import { useGive, useTouched, type Scope } from "./do";
import { ScopeSelect } from "./Roles";
import { adminWords } from "./words";

type Row = Answer<"/v1/api-clients">["clients"][number];

export default function Clients() {
  const t = useWords(adminWords);
  const f = useFormats();
  const { me } = useSession();
  const { message } = App.useApp();
  const give = useGive("identity");
  const touched = useTouched("identity");
  const mayAdmin = useMay("identity.client.admin");
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<{ client_id: string; client_secret: string }>();
  const state = (row: Row) => (row.revoked_at ? <span className="tag tag-dull">{t("revoked")}</span> : row.expires_at ? <span className="tag tag-warn">{t("ends", { when: f.day(row.expires_at) })}</span> : <span className="tag tag-good">{t("active")}</span>);
  const actions = (row: Row) =>
    mayAdmin && !row.revoked_at && (
      <span className="row row-tight">
        <Button size="small" onClick={() => give(async () => setSecret({ client_id: row.client_id, ...(await post("/v1/api-clients/{client_id}:rotate", { path: { client_id: row.client_id } })) }))}>{t("rotate")}</Button>
        <Button size="small" danger type="text" onClick={() => give(() => post("/v1/api-clients/{client_id}:revoke", { path: { client_id: row.client_id }, body: { reason: "" } }), { sure: t("revoke_sure") })}>{t("revoke")}</Button>
      </span>
    );
  return (
    <>
      <div className="row gap-below"><span className="spread" />{mayAdmin && <Button type="primary" onClick={() => setAdding(true)}>{t("new_client")}</Button>}</div>
      <DataList<Row>
        name="admin-clients"
        searchable={false}
        live={["identity"]}
        rowKey={(row) => row.client_id}
        card={(row) => ({ title: <>{row.name} {state(row)}</>, meta: <span>{row.permissions.join(", ")}</span>, action: actions(row) })}
        filters={[{ key: "revoked", label: t("with_revoked"), kind: "switch" }]}
        columns={[
          { key: "name", title: t("name"), render: (row) => <><strong>{row.name}</strong> {state(row)}<br /><code className="quiet">{row.client_id}</code></> },
          { key: "permissions", title: t("permissions"), render: (row) => row.permissions.map((each) => <code key={each} className="tag" style={{ margin: "0 4px 2px 0" }}>{each}</code>) },
          { key: "owner", title: t("answers"), width: 120, render: (row) => <PersonName id={row.owner_id} /> },
          { key: "used", title: t("last_used"), width: 130, render: (row) => (row.last_used_at ? <span title={row.last_source}>{f.ago(row.last_used_at)}</span> : t("never")) },
          { key: "do", title: t("actions"), width: 190, render: actions },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/api-clients", { query: { include_revoked: q.filters.revoked?.[0] === "true", page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.clients, next: found.next_page_token };
        }}
      />
      {adding && (
        <CommandDialog<{ name: string; permissions: string[]; data_scope: Scope; ends_on?: string }>
          name="client.new"
          title={t("new_client")}
          text={t("client_text")}
          initial={{ data_scope: "DATA_SCOPE_ALL" }}
          onClose={() => setAdding(false)}
          onDone={touched}
          submit={async ({ ends_on, ...values }, requestId) => setSecret(await post("/v1/api-clients", { body: { ...values, ...(ends_on ? { expires_at: dayjs(ends_on).endOf("day").toISOString() } : {}) }, requestId }))}
        >
          <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input autoFocus /></Form.Item>
          <Form.Item name="permissions" label={t("permissions")} rules={[{ required: true }]} extra="customer.customer.read, pipeline.*.read"><Select mode="tags" tokenSeparators={[",", " "]} options={me.permissions.filter((each) => each !== "*").map((each) => ({ value: each, label: each }))} /></Form.Item>
          <Form.Item name="data_scope" label={t("scope")}><ScopeSelect /></Form.Item>
          <Form.Item name="ends_on" label={t("expires")}><DayInput min={dayjs().format("YYYY-MM-DD")} /></Form.Item>
        </CommandDialog>
      )}
      {secret && (
        <Modal open title={t("secret")} onCancel={() => setSecret(undefined)} footer={<Button type="primary" onClick={() => setSecret(undefined)}>{t("close")}</Button>}>
          <p className="quiet gap-below">{t("secret_text")}</p>
          <p className="gap-below"><code>{secret.client_id}</code></p>
          <div className="row"><code className="spread" style={{ overflowWrap: "anywhere" }}>{secret.client_secret}</code><Button onClick={() => void navigator.clipboard.writeText(secret.client_secret).then(() => message.success(t("copied")))}>{t("copy")}</Button></div>
        </Modal>
      )}
    </>
  );
}
