/** Who signed in, from where and with what; accounts that seem to be shared; the rules for signing in. */
import { Button, Form, InputNumber, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { get, put, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { DataList } from "@/ui/DataList";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { useAttempt, useRoles, useTouched } from "./do";
import { adminWords } from "./words";

type Row = Answer<"/v1/sign-ins">["attempts"][number];
type Policy = NonNullable<Answer<"/v1/sign-in-policy">["policy"]>;

export default function SignIns() {
  const t = useWords(adminWords);
  const f = useFormats();
  const touched = useTouched("identity");
  const roles = useRoles();
  const mayAdmin = useMay("identity.sign-in.admin");
  const [editing, setEditing] = useState(false);
  const policy = useAsk("/v1/sign-in-policy", {}, { live: ["identity"] });
  const attempt = useAttempt();
  const shared = useAsk("/v1/shared-accounts", { query: { page_size: 20 } }, { live: ["identity"] });
  return (
    <div className="stack">
      <div className="grid">
        <div className="grid-half">
          <Section title={t("policy")} extra={mayAdmin && policy.data && <Button size="small" onClick={() => setEditing(true)}>{t("edit")}</Button>}>
            <Answered of={policy} rows={2}>
              {(data) => (
                <dl className="facts">
                  <div><dt>{t("max_age")}</dt><dd>{data.policy?.max_age_days}</dd></div>
                  <div><dt>{t("remembered")}</dt><dd>{data.policy?.remembered}</dd></div>
                  <div><dt>{t("most_addresses")}</dt><dd>{data.policy?.most_addresses}</dd></div>
                  <div><dt>{t("factor_roles")}</dt><dd>{data.policy?.second_factor_roles.join(", ") || t("none")}</dd></div>
                </dl>
              )}
            </Answered>
          </Section>
        </div>
        <div className="grid-half">
          <Section title={t("shared")}>
            <Answered of={shared} rows={2}>
              {({ accounts }) => (accounts.length ? <ul>{accounts.map((each) => <li key={each.session_id} className="line"><Link to={places.person(each.person_id)}><PersonName id={each.person_id} /></Link><span className="tag tag-warn">{t("addresses", { count: each.addresses })}</span><span className="quiet">{f.ago(each.suspected_at)}</span></li>)}</ul> : <p className="quiet">{t("no_shared")} {t("shared_text")}</p>)}
            </Answered>
          </Section>
        </div>
      </div>
      <DataList<Row>
        name="admin-sign-ins"
        searchable={false}
        live={["identity"]}
        rowKey={(row) => `${row.at}${row.person_id}${row.outcome}`}
        card={(row) => ({ title: <>{row.person_id ? <PersonName id={row.person_id} /> : "?"} <span className={row.outcome === "opened" ? "tag tag-good" : "tag tag-bad"}>{attempt(row.outcome)}</span></>, meta: <><span>{f.moment(row.at)}</span><span>{row.source}</span></> })}
        filters={[{ key: "failures", label: t("only_failures"), kind: "switch" }]}
        columns={[
          { key: "at", title: t("at"), width: 170, render: (row) => f.moment(row.at) },
          { key: "person", title: t("person"), width: 150, render: (row) => (row.person_id ? <Link to={places.person(row.person_id)}><PersonName id={row.person_id} /></Link> : "?") },
          { key: "outcome", title: t("outcome"), width: 150, render: (row) => <span className={row.outcome === "opened" ? "tag tag-good" : "tag tag-bad"}>{attempt(row.outcome)}</span> },
          { key: "via", title: t("via"), width: 130, render: (row) => attempt(row.via) },
          { key: "source", title: t("source"), width: 140, render: (row) => row.source },
          { key: "device", title: t("device"), render: (row) => <span className="clip" style={{ display: "block", maxWidth: 260 }} title={row.device}>{row.device}</span> },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/sign-ins", { query: { only_failures: q.filters.failures?.[0] === "true", page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.attempts, next: found.next_page_token };
        }}
      />
      {editing && policy.data?.policy && (
        <CommandDialog<Policy> name="sign-in-policy" title={t("policy")} initial={policy.data.policy} onClose={() => setEditing(false)} onDone={touched} submit={(values, requestId) => put("/v1/sign-in-policy", { body: { policy: values }, requestId })}>
          <Form.Item name="max_age_days" label={t("max_age")}><InputNumber min={0} max={3650} /></Form.Item>
          <Form.Item name="remembered" label={t("remembered")}><InputNumber min={0} max={50} /></Form.Item>
          <Form.Item name="most_addresses" label={t("most_addresses")}><InputNumber min={0} max={100} /></Form.Item>
          <Form.Item name="second_factor_roles" label={t("factor_roles")}><Select mode="multiple" options={roles.map((each) => ({ value: each.role, label: each.title || each.role }))} /></Form.Item>
        </CommandDialog>
      )}
    </div>
  );
}
