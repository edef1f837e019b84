/** Who holds which role, until when, and who gave it. */
import { get, post, type Answer } from "@/api/client";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { DataList } from "@/ui/DataList";
import { Actor, PersonName } from "@/ui/people";
import { useGive, useRoles, useRoleTitle } from "./do";
import { adminWords } from "./words";

type Row = Answer<"/v1/role-grants">["grants"][number];

export default function Grants() {
  const t = useWords(adminWords);
  const f = useFormats();
  const give = useGive("identity");
  const mayAdmin = useMay("identity.person.admin");
  const roles = useRoles();
  const title = useRoleTitle();
  return (
    <DataList<Row>
      name="admin-grants"
      searchable={false}
      live={["identity"]}
      rowKey={(row) => `${row.person_id}:${row.role}`}
      to={(row) => places.person(row.person_id)}
      card={(row) => ({ title: <PersonName id={row.person_id} />, meta: <><span>{title(row.role)}</span><span>{row.ends_at ? t("ends", { when: f.day(row.ends_at) }) : t("for_good")}</span></> })}
      filters={[
        { key: "ending", label: t("ending"), kind: "switch" },
        { key: "role", label: t("role"), kind: "select", options: roles.map((each) => ({ value: each.role, label: each.title || each.role })) },
      ]}
      bulk={mayAdmin ? [{ key: "withdraw", label: t("withdraw"), danger: true, run: (rows, done) => give(async () => { for (const row of rows) await post("/v1/people/{person_id}:withdrawRole", { path: { person_id: row.person_id }, body: { role: row.role } }); done(); }, { sure: t("withdraw_sure") }) }] : []}
      columns={[
        { key: "person", title: t("person"), render: (row) => <strong><PersonName id={row.person_id} /></strong> },
        { key: "role", title: t("role"), render: (row) => <span className="tag">{title(row.role)}</span> },
        { key: "ends", title: t("ends_at"), width: 150, render: (row) => (row.ends_at ? <span className="tag tag-warn">{f.day(row.ends_at)}</span> : <span className="quiet">{t("for_good")}</span>) },
        { key: "granted", title: t("granted"), width: 150, render: (row) => f.day(row.granted_at) },
        { key: "by", title: t("by"), width: 150, render: (row) => <Actor actor={row.granted_by} /> },
      ]}
      load={async (q, signal) => {
        const found = await get("/v1/role-grants", { query: { only_ending: q.filters.ending?.[0] === "true", role: q.filters.role?.[0] ?? "", page_size: q.pageSize, page_token: q.pageToken }, signal });
        return { rows: found.grants, next: found.next_page_token };
      }}
    />
  );
}
