/** All customers one may see: found, filtered, tagged and handed over. */
import { PhoneOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { get, post } from "@/api/client";
import { askAgain } from "@/api/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { places } from "@/app/places";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandForm } from "@/ui/CommandForm";
import { DataList } from "@/ui/DataList";
import { LinkButton } from "@/ui/LinkButton";
import { Monies } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Tag } from "@/ui/Tag";
import { LevelTag, StatusTag, useDictionary, type Card } from "./labels";
import { pageWords } from "./pageWords";
import { conditions, useSavedViews } from "./savedViews";
import { customerWords } from "./words";

const statuses = ["CUSTOMER_STATUS_PROSPECT", "CUSTOMER_STATUS_ACTIVE", "CUSTOMER_STATUS_SILENT", "CUSTOMER_STATUS_LOST"] as const;
const levels = ["CUSTOMER_LEVEL_VIP", "CUSTOMER_LEVEL_A", "CUSTOMER_LEVEL_B", "CUSTOMER_LEVEL_C"] as const;
type Bulk = { what: "tag" | "transfer"; rows: readonly Card[]; done: () => void };

export default function List() {
  const t = useWords(customerWords);
  const p = useWords(pageWords);
  const f = useFormats();
  const { may, personId } = useSession();
  const industries = useDictionary("industries");
  const regions = useDictionary("regions");
  const [bulk, setBulk] = useState<Bulk>();
  const keeping = useSavedViews();
  const edits = may("customer.customer.edit");
  return (
    <Page
      title={t("customers")}
      wide
      actions={
        <>
          {may("customer.customer.import") && <LinkButton to="/customers/import">{t("import")}</LinkButton>}
          {may("customer.customer.create") && <LinkButton to="/customers/new" type="primary">{t("new_customer")}</LinkButton>}
        </>
      }
    >
      <DataList<Card>
        name="customers"
        columns={[
          { key: "name", title: p("name"), sort: "name", width: 240, render: (c) => <Link className="strong" to={places.customer(c.customer_id)}>{c.name}</Link> },
          { key: "status", title: p("status"), sort: "status", width: 96, render: (c) => <StatusTag of={c} /> },
          { key: "level", title: p("level"), sort: "level", width: 80, render: (c) => <LevelTag level={c.level} /> },
          { key: "contact", title: p("contact"), width: 96, render: (c) => c.primary_contact_name },
          { key: "phone", title: p("phone"), width: 180, render: (c) => c.phone && <a className="num" href={`tel:${c.phone}`}>{f.phone(c.phone)}</a> },
          { key: "owner", title: p("owner"), width: 96, render: (c) => <PersonName id={c.owner_id} /> },
          { key: "ordered", title: p("ordered"), width: 110, right: true, render: (c) => <Monies of={c.order_totals} short /> },
          { key: "contacted", title: p("last_contact"), sort: "last_contact_at", width: 130, render: (c) => <span title={f.moment(c.last_contact_at)}>{f.ago(c.last_contact_at) || p("never")}</span> },
          { key: "next", title: p("next"), width: 130, render: (c) => f.ago(c.next_follow_up_at) },
          { key: "industry", title: p("industry"), width: 160, hidden: true, render: (c) => industries.label(c.industry_code) },
          { key: "region", title: p("region"), width: 110, hidden: true, render: (c) => regions.label(c.region_code) },
          { key: "source", title: p("source"), width: 110, hidden: true, render: (c) => c.source },
          { key: "tags", title: p("tags"), width: 160, hidden: true, render: (c) => c.tags.map((tag) => <Tag key={tag}>{tag}</Tag>) },
          { key: "registered", title: p("registered"), sort: "registered_at", width: 120, hidden: true, render: (c) => f.day(c.registered_at) },
        ]}
        rowKey={(c) => c.customer_id}
        to={(c) => places.customer(c.customer_id)}
        card={(c) => ({
          title: <>{c.name} <StatusTag of={c} /></>,
          meta: [c.primary_contact_name, f.ago(c.last_contact_at)].filter(Boolean).join(" · "),
          action: c.phone ? <Button shape="circle" size="large" icon={<PhoneOutlined />} href={`tel:${c.phone}`} aria-label={`${p("quick_call")} ${c.name}`} /> : undefined,
        })}
        live={["customer"]}
        filters={[
          { key: "status", label: p("status"), kind: "select", multiple: true, options: statuses.map((value) => ({ value, label: p(value) })) },
          { key: "level", label: p("level"), kind: "select", multiple: true, options: levels.map((value) => ({ value, label: p(value) })) },
          { key: "industry", label: p("industry"), kind: "select", options: industries.options },
          { key: "mine", label: p("mine"), kind: "switch" },
          { key: "group", label: "", kind: "hidden" },
        ]}
        views={[
          { key: "active", label: p("view_active"), query: "status=CUSTOMER_STATUS_ACTIVE" },
          { key: "prospects", label: p("view_prospects"), query: "status=CUSTOMER_STATUS_PROSPECT" },
          { key: "silent", label: p("view_silent"), query: "status=CUSTOMER_STATUS_SILENT" },
        ]}
        keeping={keeping}
        {...(edits
          ? {
              bulk: [
                { key: "tag", label: p("bulk_tag"), run: (rows, done) => setBulk({ what: "tag", rows, done }) },
                { key: "transfer", label: p("bulk_transfer"), run: (rows, done) => setBulk({ what: "transfer", rows, done }) },
              ],
            }
          : {})}
        empty={{ title: p("empty"), text: p("empty_text"), action: may("customer.customer.create") && <LinkButton to="/customers/new" type="primary">{t("new_customer")}</LinkButton> }}
        load={async (q, signal) => {
          const all = conditions(q.filters, personId);
          const question = { query: q.search, order_by: q.sort, page_size: q.pageSize, page_token: q.pageToken, group_id: q.filters.group?.[0] ?? "" };
          const found = all.length
            ? await post("/v1/customers:search", { body: { ...question, filter: { all_of: { filters: all } }, count: true }, signal })
            : await get("/v1/customers", { query: question, signal });
          return { rows: found.customers, next: found.next_page_token, total: Number(found.total_size), moreThanTotal: found.more_than_total };
        }}
      />
      {bulk && <BulkDialog bulk={bulk} onClose={() => setBulk(undefined)} />}
    </Page>
  );
}

function BulkDialog({ bulk, onClose }: { bulk: Bulk; onClose: () => void }) {
  const p = useWords(pageWords);
  const client = useQueryClient();
  const { message } = App.useApp();
  const ids = bulk.rows.map((each) => each.customer_id);
  const owners = [...new Set(bulk.rows.map((each) => each.owner_id))];
  const finish = (text: string) => {
    void message.success(text);
    bulk.done();
    onClose();
    askAgain(client, ["customer"]);
  };
  return (
    <Modal open footer={null} onCancel={onClose} title={p(bulk.what === "tag" ? "bulk_tag" : "bulk_transfer").replace("…", "")} destroyOnHidden>
      {bulk.what === "tag" ? (
        <CommandForm<{ add?: string[]; remove?: string[] }>
          name="customers.tags"
          save={p("apply")}
          onCancel={onClose}
          submit={async (values, requestId) => {
            const done = await post("/v1/customers:changeTags", { body: { customer_ids: ids, add: values.add ?? [], remove: values.remove ?? [] }, requestId });
            finish(p("done_tags", { count: done.changed }));
          }}
        >
          <Form.Item name="add" label={p("add_tags")}><Select mode="tags" /></Form.Item>
          <Form.Item name="remove" label={p("remove_tags")}><Select mode="tags" options={[...new Set(bulk.rows.flatMap((each) => each.tags))].map((value) => ({ value }))} /></Form.Item>
        </CommandForm>
      ) : owners.length > 1 ? (
        <p>{p("one_owner")}</p>
      ) : (
        <CommandForm<{ to: string; reason: string }>
          name="customers.transfer"
          save={p("apply")}
          onCancel={onClose}
          submit={async (values, requestId) => {
            const done = await post("/v1/customers:transfer", { body: { customer_ids: ids, from_owner_id: owners[0] ?? "", to_owner_id: values.to, reason: values.reason }, requestId });
            finish(p("done_transfer", { count: done.transferred, remaining: done.remaining }));
          }}
        >
          <Form.Item name="to" label={p("to_whom")} rules={[{ required: true, message: p("required") }]}><PersonSelect /></Form.Item>
          <Form.Item name="reason" label={p("reason")} rules={[{ required: true, message: p("required") }]}><Input maxLength={200} /></Form.Item>
        </CommandForm>
      )}
    </Modal>
  );
}
