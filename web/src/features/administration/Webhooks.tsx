/** Partners' servers that are told of events: how each does, its secret once, and what became of every delivery. */
import { Button, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { get, post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords, words } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { Coded } from "@/ui/Coded";
import { DataList } from "@/ui/DataList";
import { PersonName } from "@/ui/people";
import { useGive, useTouched } from "./do";

type Row = Answer<"/v1/webhooks">["webhooks"][number];
type Delivery = Answer<"/v1/webhooks/{webhook_id}/deliveries">["deliveries"][number];

const hookWords = words(
  {
    new_webhook: "New webhook", text: "A partner's server is told of the events you name, signed, in the order of each record, and again until it works. Its secret is shown once.",
    allowed: "May lead to: {where}", nowhere: "Webhooks may lead nowhere yet: the operator sets NOTIFICATION_WEBHOOKS_TO.",
    name: "Name", url: "Address", types: "Events", owner: "Answers for it", state: "State", active: "active", paused: "paused", waiting: "{count} waiting", aside: "{count} set aside", delivered: "Last delivered", never: "never",
    actions: "Actions", log: "Deliveries", rotate: "New secret", pause: "Pause", resume: "Resume", remove: "Remove", remove_sure: "Remove this webhook with its log? It is told nothing any more.",
    secret: "Secret, shown only now", secret_text: "Copy it now. An older secret signs too for seven days.", close: "Close", back: "Back",
    d_waiting: "waiting", d_delivered: "delivered", d_aside: "set aside", d_skipped: "skipped", event: "Event", attempts: "Attempts", when: "When", retry: "Send again", retry_all: "Send again what was set aside", skip: "Skip", skip_sure: "Give this event up? Later ones of its record go then.",
  },
  {
    new_webhook: "新建推送", text: "将所选事件推送到合作方服务器：带签名，同一记录按顺序，失败自动重试。密钥只显示一次。",
    allowed: "允许的目标：{where}", nowhere: "尚未允许任何推送目标：请运维人员设置 NOTIFICATION_WEBHOOKS_TO。",
    name: "名称", url: "地址", types: "事件", owner: "责任人", state: "状态", active: "启用", paused: "已暂停", waiting: "{count} 条待推送", aside: "{count} 条已搁置", delivered: "最近送达", never: "从未",
    actions: "操作", log: "推送日志", rotate: "更换密钥", pause: "暂停", resume: "恢复", remove: "删除", remove_sure: "删除此推送及其日志？删除后不再推送。",
    secret: "密钥（仅此一次）", secret_text: "请立即复制。旧密钥七天内仍同时签名。", close: "关闭", back: "返回",
    d_waiting: "待推送", d_delivered: "已送达", d_aside: "已搁置", d_skipped: "已跳过", event: "事件", attempts: "次数", when: "时间", retry: "重新推送", retry_all: "重新推送已搁置的", skip: "跳过", skip_sure: "放弃此事件？该记录之后的事件将继续推送。",
  },
);
const STATES = { WEBHOOK_DELIVERY_STATE_UNSPECIFIED: "d_waiting", WEBHOOK_DELIVERY_STATE_WAITING: "d_waiting", WEBHOOK_DELIVERY_STATE_DELIVERED: "d_delivered", WEBHOOK_DELIVERY_STATE_SET_ASIDE: "d_aside", WEBHOOK_DELIVERY_STATE_SKIPPED: "d_skipped" } as const;

export default function Webhooks() {
  const t = useWords(hookWords);
  const f = useFormats();
  const give = useGive("notification");
  const touched = useTouched("notification");
  const mayAdmin = useMay("notification.webhook.admin");
  const about = useAsk("/v1/webhooks", { query: { page_size: 1 } }, { live: ["notification"] });
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [open, setOpen] = useState<Row>();
  const state = (row: Row) => (row.state === "WEBHOOK_STATE_PAUSED" ? <span className="tag tag-warn" title={row.pause_reason}>{t("paused")}</span> : <span className="tag tag-good">{t("active")}</span>);
  const path = (row: Row) => ({ path: { webhook_id: row.webhook_id } });
  const actions = (row: Row) => (
    <span className="row row-tight">
      <Button size="small" onClick={() => setOpen(row)}>{t("log")}</Button>
      {mayAdmin && (
        <>
          {row.state === "WEBHOOK_STATE_PAUSED" ? <Button size="small" onClick={() => give(() => post("/v1/webhooks/{webhook_id}:resume", path(row)))}>{t("resume")}</Button> : <Button size="small" onClick={() => give(() => post("/v1/webhooks/{webhook_id}:pause", path(row)))}>{t("pause")}</Button>}
          <Button size="small" onClick={() => give(async () => setSecret((await post("/v1/webhooks/{webhook_id}:rotateSecret", path(row))).secret))}>{t("rotate")}</Button>
          <Button size="small" danger type="text" onClick={() => give(() => post("/v1/webhooks/{webhook_id}:remove", path(row)), { sure: t("remove_sure") })}>{t("remove")}</Button>
        </>
      )}
    </span>
  );
  if (open) return <Deliveries row={open} onClose={() => setOpen(undefined)} />;
  return (
    <>
      <div className="row gap-below">
        <span className="spread quiet">{about.data && (about.data.allowed ? t("allowed", { where: about.data.allowed }) : <Coded text={t("nowhere")} />)}</span>
        {mayAdmin && <Button type="primary" disabled={!about.data?.allowed} onClick={() => setAdding(true)}>{t("new_webhook")}</Button>}
      </div>
      <DataList<Row>
        name="admin-webhooks"
        searchable={false}
        live={["notification"]}
        rowKey={(row) => row.webhook_id}
        card={(row) => ({ title: <>{row.name} {state(row)}</>, meta: <span>{row.url}</span>, action: actions(row) })}
        columns={[
          { key: "name", title: t("name"), render: (row) => <><strong>{row.name}</strong> {state(row)}<br /><span className="quiet">{row.url}</span></> },
          { key: "types", title: t("types"), render: (row) => row.types.map((each) => <code key={each} className="tag" style={{ margin: "0 4px 2px 0" }}>{each}</code>) },
          { key: "owner", title: t("owner"), width: 110, render: (row) => <PersonName id={row.owner_id} /> },
          { key: "state", title: t("state"), width: 130, render: (row) => <>{t("waiting", { count: Number(row.waiting) })}{Number(row.set_aside) > 0 && <><br /><span className="tag tag-warn">{t("aside", { count: Number(row.set_aside) })}</span></>}</> },
          { key: "delivered", title: t("delivered"), width: 120, render: (row) => (row.last_delivered_at ? f.ago(row.last_delivered_at) : t("never")) },
          { key: "do", title: t("actions"), width: 290, render: actions },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/webhooks", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.webhooks, next: found.next_page_token };
        }}
      />
      {adding && (
        <CommandDialog<{ name: string; url: string; types: string[] }>
          name="webhook.new"
          title={t("new_webhook")}
          text={t("text")}
          initial={{}}
          onClose={() => setAdding(false)}
          onDone={touched}
          submit={async (values, requestId) => setSecret((await post("/v1/webhooks", { body: values, requestId })).secret)}
        >
          <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input autoFocus maxLength={80} /></Form.Item>
          <Form.Item name="url" label={t("url")} rules={[{ required: true }]}><Input placeholder="https://" maxLength={500} /></Form.Item>
          <Form.Item name="types" label={t("types")} rules={[{ required: true }]} extra="crm.pipeline.v1.OpportunityWon, crm.customer.v1.*"><Select mode="tags" tokenSeparators={[",", " "]} /></Form.Item>
        </CommandDialog>
      )}
      {secret && (
        <Modal open title={t("secret")} onCancel={() => setSecret(undefined)} footer={<Button type="primary" onClick={() => setSecret(undefined)}>{t("close")}</Button>}>
          <p className="quiet gap-below">{t("secret_text")}</p>
          <code style={{ overflowWrap: "anywhere" }}>{secret}</code>
        </Modal>
      )}
    </>
  );
}

function Deliveries({ row, onClose }: { row: Row; onClose: () => void }) {
  const t = useWords(hookWords);
  const f = useFormats();
  const give = useGive("notification");
  const navigate = useNavigate();
  const mayAdmin = useMay("notification.webhook.admin");
  const back = () => {
    void navigate("/admin/webhooks"); // the page of this list is in the address, and is none of the other's
    onClose();
  };
  const path = { path: { webhook_id: row.webhook_id } };
  const actions = (each: Delivery) =>
    mayAdmin && (
      <span className="row row-tight">
        <Button size="small" onClick={() => give(() => post("/v1/webhooks/{webhook_id}/deliveries:retry", { ...path, body: { delivery_id: each.delivery_id } }))}>{t("retry")}</Button>
        {each.state === "WEBHOOK_DELIVERY_STATE_SET_ASIDE" && <Button size="small" onClick={() => give(() => post("/v1/webhooks/{webhook_id}/deliveries:skip", { ...path, body: { delivery_id: each.delivery_id } }), { sure: t("skip_sure") })}>{t("skip")}</Button>}
      </span>
    );
  return (
    <>
      <div className="row gap-below">
        <Button onClick={back}>{t("back")}</Button>
        <strong className="spread">{`${t("log")}: ${row.name}`}</strong>
        {mayAdmin && Number(row.set_aside) > 0 && <Button onClick={() => give(() => post("/v1/webhooks/{webhook_id}/deliveries:retry", { ...path, body: { delivery_id: "" } }))}>{t("retry_all")}</Button>}
      </div>
      <DataList<Delivery>
        name="admin-deliveries"
        searchable={false}
        live={["notification"]}
        rowKey={(each) => each.delivery_id}
        card={(each) => ({ title: each.type, meta: <span>{t(STATES[each.state])} {each.last_failure}</span>, action: actions(each) })}
        columns={[
          { key: "when", title: t("when"), width: 130, render: (each) => f.ago(each.queued_at ?? "") },
          { key: "event", title: t("event"), render: (each) => <><code title={each.body}>{each.type}</code><br /><span className="quiet">{each.last_failure}</span></> },
          { key: "state", title: t("state"), width: 90, render: (each) => t(STATES[each.state]) },
          { key: "attempts", title: t("attempts"), width: 70, render: (each) => each.attempts },
          { key: "do", title: t("actions"), width: 170, render: actions },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/webhooks/{webhook_id}/deliveries", { ...path, query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.deliveries, next: found.next_page_token };
        }}
      />
    </>
  );
}
