/** One role: a matrix of what it may do, patterns behind it, field rules and how much data it sees. */
import { useQuery } from "@tanstack/react-query";
import { Button, Checkbox, Input, Select } from "antd";
import { useState } from "react";
import { useParams } from "react-router";
import { get, post, send, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { covers } from "@/api/permissions";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { useGive, type Scope } from "./do";
import { ScopeSelect } from "./Roles";
import "./console.css";
import { adminWords } from "./words";

type RoleData = Answer<"/v1/roles">["roles"][number];
type Access = RoleData["field_rules"][number]["access"];
const ACCESS = [["FIELD_ACCESS_EDIT", "a_edit"], ["FIELD_ACCESS_VIEW", "a_view"], ["FIELD_ACCESS_MASK", "a_mask"], ["FIELD_ACCESS_HIDE", "a_hide"]] as const;
const ORDER = ["read", "write", "approve", "import", "export", "delete", "admin"];

/** Every permission that something in the API asks for, from its own description. */
function usePermissions() {
  return useQuery({
    queryKey: ["permissions-of-the-api"],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const document = JSON.stringify(await send("GET", "/openapi.json", undefined, { signal }));
      const found = new Set([...document.matchAll(/Needs: `([a-z-]+\.[a-z-]+\.[a-z-]+)`/g)].map((match) => match[1] ?? ""));
      const areas = new Map<string, Set<string>>();
      for (const permission of found) {
        const cut = permission.lastIndexOf(".");
        const area = permission.slice(0, cut);
        areas.set(area, (areas.get(area) ?? new Set()).add(permission.slice(cut + 1)));
      }
      return [...areas].sort(([a], [b]) => a.localeCompare(b));
    },
  });
}

export default function Role() {
  const { role = "" } = useParams();
  const roles = useAsk("/v1/roles", { query: { include_retired: true } }, { live: ["identity"] });
  return (
    <Answered of={roles} rows={10}>
      {(data) => {
        const found = data.roles.find((each) => each.role === role);
        return found ? <Editor key={JSON.stringify(found)} role={found} /> : null;
      }}
    </Answered>
  );
}

function Editor({ role }: { role: RoleData }) {
  const t = useWords(adminWords);
  const give = useGive("identity");
  const mayAdmin = useMay("identity.role.admin") && !role.retired;
  const all = usePermissions();
  const [title, setTitle] = useState(role.title);
  const [patterns, setPatterns] = useState<readonly string[]>(role.permissions);
  const [scope, setScope] = useState<Scope>(role.data_scope);
  const [rules, setRules] = useState(role.field_rules);
  const [search, setSearch] = useState("");
  const changed = JSON.stringify([title, patterns, scope, rules]) !== JSON.stringify([role.title, role.permissions, role.data_scope, role.field_rules]);
  const save = () =>
    give(async () => {
      await post("/v1/roles/{role}:revise", { path: { role: role.role }, body: { title, permissions: [...patterns], data_scope: scope, field_rules: rules, clear_field_rules: rules.length === 0 } });
      await get("/v1/roles", {});
    }, { done: t("saved") });
  const verbs = ORDER.filter((verb) => (all.data ?? []).some(([, has]) => has.has(verb)));
  return (
    <Page
      title={role.title || role.role}
      heading={<>{role.title || role.role} {role.preset && <span className="tag">{t("preset")}</span>}{role.retired && <span className="tag tag-dull">{t("retired")}</span>}</>}
      above={{ to: "/admin/roles", label: t("roles") }}
      note={<code>{role.role}</code>}
      actions={mayAdmin && <><Button danger onClick={() => give(() => post("/v1/roles/{role}:retire", { path: { role: role.role } }), { sure: t("retire_sure") })}>{t("retire")}</Button><Button type="primary" disabled={!changed} onClick={save}>{t("revise")}</Button></>}
    >
      <div className="grid">
        <div className="grid-main">
          <Section title={t("matrix")} extra={<Input.Search allowClear size="small" value={search} onChange={(event) => setSearch(event.target.value)} placeholder={t("search_area")} aria-label={t("search_area")} style={{ width: 220 }} />}>
            <Answered of={all} rows={10}>
              {(areas) => (
                <div style={{ maxHeight: 620, overflow: "auto" }} tabIndex={0} role="region" aria-label={t("matrix")}>
                  <table className="matrix">
                    <thead><tr><th scope="col">{t("area")}</th>{verbs.map((verb) => <th key={verb} scope="col">{verb}</th>)}</tr></thead>
                    <tbody>
                      {areas.filter(([area]) => area.includes(search.toLowerCase())).map(([area, has]) => (
                        <tr key={area}>
                          <th scope="row">{area.replace(".", " · ")}</th>
                          {verbs.map((verb) => {
                            const permission = `${area}.${verb}`;
                            if (!has.has(verb)) return <td key={verb} />;
                            const own = patterns.includes(permission);
                            const covered = covers(patterns, permission);
                            const byOther = covered && !own;
                            return (
                              <td key={verb}>
                                <Checkbox
                                  aria-label={permission}
                                  checked={covered}
                                  disabled={!mayAdmin || byOther}
                                  title={byOther ? t("by_pattern", { pattern: patterns.find((each) => covers([each], permission)) ?? "" }) : permission}
                                  onChange={() => setPatterns(own ? patterns.filter((each) => each !== permission) : [...patterns, permission])}
                                />
                              </td>
                            );
                          })}
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </Answered>
          </Section>
        </div>
        <div className="grid-side stack">
          <Section title={t("details")}>
            <div className="stack" style={{ gap: 10 }}>
              <label>{t("role_title")}<Input value={title} disabled={!mayAdmin} onChange={(event) => setTitle(event.target.value)} /></label>
              <div>{t("scope")}<br /><ScopeSelect value={scope} onChange={(next) => mayAdmin && setScope(next)} /></div>
            </div>
          </Section>
          <Section title={t("permissions")}>
            <p className="quiet gap-below">{t("patterns_text")}</p>
            <Select mode="tags" disabled={!mayAdmin} value={[...patterns]} onChange={setPatterns} aria-label={t("permissions")} style={{ width: "100%" }} open={false} suffixIcon={null} />
          </Section>
          <Section title={t("fields")} extra={mayAdmin && <Button size="small" onClick={() => setRules([...rules, { pattern: "*.*.phone", access: "FIELD_ACCESS_MASK" }])}>{t("add_rule")}</Button>}>
            {rules.map((rule, at) => (
              <div key={at} className="editor-row">
                <Input size="small" style={{ flex: 1, minWidth: 120 }} value={rule.pattern} disabled={!mayAdmin} aria-label={t("field_pattern")} onChange={(event) => setRules(rules.map((each, other) => (other === at ? { ...each, pattern: event.target.value } : each)))} />
                <Select<Access> size="small" value={rule.access} disabled={!mayAdmin} aria-label={t("access")} onChange={(access) => setRules(rules.map((each, other) => (other === at ? { ...each, access } : each)))} options={ACCESS.map(([value, label]) => ({ value, label: t(label) }))} style={{ width: 120 }} />
                {mayAdmin && <Button size="small" type="text" danger aria-label={`${t("remove")} ${rule.pattern}`} onClick={() => setRules(rules.filter((_, other) => other !== at))}>×</Button>}
              </div>
            ))}
            {!rules.length && <p className="quiet">{t("none")}</p>}
          </Section>
        </div>
      </div>
    </Page>
  );
}
