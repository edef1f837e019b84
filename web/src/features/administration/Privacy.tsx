/** Data protection: forget a person with proof, and hand out what is kept about one. */
import { Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { get, LONG_MS, post, type Answer } from "@/api/client";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { save } from "@/features/audit/parts";
import { CommandDialog } from "@/ui/CommandDialog";
import { CommandForm } from "@/ui/CommandForm";
import { DataList } from "@/ui/DataList";
import { Section } from "@/ui/Page";
import { useTouched } from "./do";
import { StateTag } from "./Handovers";
import { adminWords } from "./words";

type Row = Answer<"/v1/erasures">["erasures"][number];
const KINDS = { PERSON_KIND_CONTACT: "pk_contact", PERSON_KIND_CUSTOMER: "pk_customer", PERSON_KIND_LEAD: "pk_lead", PERSON_KIND_REQUESTER: "pk_requester", PERSON_KIND_SUBMISSION: "pk_submission" } as const;
const REASONS = { request: "r_request", consent_withdrawn: "r_consent", retention_ended: "r_retention" } as const;
interface Forget { person_kind: keyof typeof KINDS; person_id: string; reason: keyof typeof REASONS; request_ref: string; confirmation: string }

export default function Privacy() {
  const t = useWords(adminWords);
  const f = useFormats();
  const navigate = useNavigate();
  const touched = useTouched("customer");
  const may = useMay("customer.person.admin");
  const [forgetting, setForgetting] = useState(false);
  const [found, setFound] = useState<number>();
  const reason = (value: string) => (value in REASONS ? t(REASONS[value as keyof typeof REASONS]) : value);
  return (
    <div className="stack">
      <div className="grid">
        <div className="grid-half">
          <Section title={t("export_person")}>
            <p className="quiet gap-below">{t("export_text")}</p>
            <CommandForm<{ person_id: string }>
              name="person.export"
              save={t("export_do")}
              submit={async ({ person_id }) => {
                const answer = await get("/v1/persons/{person_id}/export", { path: { person_id: person_id.trim() }, limitMs: LONG_MS });
                setFound(answer.records.length);
                save(`person-${person_id.slice(0, 8)}.json`, JSON.stringify(answer, null, 2), "application/json");
              }}
            >
              <Form.Item name="person_id" label={t("person_id")} rules={[{ required: true }]}><Input autoComplete="off" /></Form.Item>
            </CommandForm>
            {found !== undefined && <p className="good gap-above" role="status">{t("known_as", { count: f.number(found) })}</p>}
          </Section>
        </div>
        <div className="grid-half">
          <Section title={t("forget")}>
            <p className="quiet gap-below">{t("forget_text")}</p>
            {may && <Button danger onClick={() => setForgetting(true)}>{t("forget")}…</Button>}
          </Section>
        </div>
      </div>
      <DataList<Row>
        name="admin-erasures"
        searchable={false}
        live={["customer"]}
        rowKey={(row) => row.erasure_id}
        to={(row) => `/admin/erasures/${row.erasure_id}`}
        card={(row) => ({ title: <>{row.request_ref || row.erasure_id.slice(0, 8)} <StateTag state={row.state} /></>, meta: <span>{f.moment(row.requested_at)}</span> })}
        columns={[
          { key: "ref", title: t("request_ref"), render: (row) => <strong>{row.request_ref || row.erasure_id.slice(0, 8)}</strong> },
          { key: "state", title: t("state"), width: 120, render: (row) => <StateTag state={row.state} /> },
          { key: "reason", title: t("reason"), width: 170, render: (row) => reason(row.reason) },
          { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.requested_at) },
        ]}
        load={async (q, signal) => {
          const answer = await get("/v1/erasures", { query: { page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: answer.erasures, next: answer.next_page_token };
        }}
        empty={{ title: t("no_erasures") }}
      />
      {forgetting && (
        <CommandDialog<Forget>
          name="person.forget"
          title={t("forget")}
          text={t("forget_text")}
          initial={{ person_kind: "PERSON_KIND_CONTACT", reason: "request" }}
          save={t("forget")}
          onClose={() => setForgetting(false)}
          submit={async (values, requestId) => {
            const { erasure_id } = await post("/v1/erasures", { body: { ...values, person_id: values.person_id.trim(), request_ref: values.request_ref ?? "" }, requestId });
            touched();
            void navigate(`/admin/erasures/${erasure_id}`);
          }}
        >
          <Form.Item name="person_kind" label={t("person_kind")}><Select options={(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((value) => ({ value, label: t(KINDS[value]) }))} /></Form.Item>
          <Form.Item name="person_id" label={t("person_id")} rules={[{ required: true }]}><Input autoComplete="off" /></Form.Item>
          <Form.Item name="reason" label={t("reason")}><Select options={(Object.keys(REASONS) as (keyof typeof REASONS)[]).map((value) => ({ value, label: t(REASONS[value]) }))} /></Form.Item>
          <Form.Item name="request_ref" label={t("request_ref")}><Input /></Form.Item>
          <Form.Item shouldUpdate noStyle>{({ getFieldValue }) => <Form.Item name="confirmation" label={t("confirmation", { id: String(getFieldValue("person_id") ?? "…") })} rules={[{ required: true }]}><Input autoComplete="off" /></Form.Item>}</Form.Item>
        </CommandDialog>
      )}
    </div>
  );
}
