/** The roles there are. */
import { Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { post } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { SCOPES, useTouched, type Scope } from "./do";
import { adminWords } from "./words";

export default function Roles() {
  const t = useWords(adminWords);
  const navigate = useNavigate();
  const touched = useTouched("identity");
  const mayAdmin = useMay("identity.role.admin");
  const [adding, setAdding] = useState(false);
  const roles = useAsk("/v1/roles", { query: { include_retired: true } }, { live: ["identity"] });
  return (
    <Section title={t("roles")} extra={mayAdmin && <Button size="small" type="primary" onClick={() => setAdding(true)}>{t("new_role")}</Button>}>
      <Answered of={roles} rows={8}>
        {(data) => (
          <ul>
            {data.roles.map((each) => (
              <li key={each.role} className="line">
                <Link to={`/admin/roles/${each.role}`}><strong>{each.title || each.role}</strong></Link>
                <code className="quiet">{each.role}</code>
                {each.preset && <span className="tag">{t("preset")}</span>}
                {each.retired && <span className="tag tag-dull">{t("retired")}</span>}
                <span className="spread" />
                <span className="quiet">{t("scope")}: {t(SCOPES[each.data_scope])}</span>
                {each.field_rules.length > 0 && <span className="tag tag-brand">{t("fields")}: {each.field_rules.length}</span>}
                <Link to={`/admin/people?role=${each.role}`}>{t("people")}</Link>
              </li>
            ))}
          </ul>
        )}
      </Answered>
      {adding && (
        <CommandDialog<{ role: string; title: string; data_scope: Scope }>
          name="role.new"
          title={t("new_role")}
          initial={{ data_scope: "DATA_SCOPE_OWN" }}
          onClose={() => setAdding(false)}
          submit={async (values, requestId) => {
            await post("/v1/roles", { body: { ...values, permissions: [] }, requestId });
            touched();
            void navigate(`/admin/roles/${values.role}`);
          }}
        >
          <Form.Item name="title" label={t("role_title")} rules={[{ required: true }]}><Input autoFocus /></Form.Item>
          <Form.Item name="role" label={t("role_name")} rules={[{ required: true }]}><Input /></Form.Item>
          <Form.Item name="data_scope" label={t("scope")}><ScopeSelect /></Form.Item>
        </CommandDialog>
      )}
    </Section>
  );
}

export function ScopeSelect({ value, onChange, id }: { value?: Scope; onChange?: (scope: Scope) => void; id?: string }) {
  const t = useWords(adminWords);
  return <Select<Scope> {...(id ? { id } : {})} aria-label={t("scope")} {...(value ? { value } : {})} onChange={(next) => onChange?.(next)} options={(["DATA_SCOPE_OWN", "DATA_SCOPE_SUBORDINATES", "DATA_SCOPE_TEAM", "DATA_SCOPE_ALL"] as const).map((each) => ({ value: each, label: t(SCOPES[each]) }))} style={{ minWidth: 180 }} />;
}
