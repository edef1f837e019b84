/** Who changed whose rights, and what held before. */
import { get, type Answer } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { useNames } from "@/features/audit/parts";
import { DataList } from "@/ui/DataList";
import { Actor, PersonName } from "@/ui/people";
import { useRoles, useRoleTitle, useTeams } from "./do";
import { adminWords } from "./words";

type Row = Answer<"/v1/permission-changes">["changes"][number];

export default function Changes() {
  const t = useWords(adminWords);
  const f = useFormats();
  const names = useNames();
  const roles = useRoles();
  const title = useRoleTitle();
  const teams = useTeams();
  const about = (row: Row) => <>{row.person_id && <PersonName id={row.person_id} />} {row.role && <span className="tag">{title(row.role)}</span>} {row.team_id && <span className="tag">{teams.find((each) => each.team_id === row.team_id)?.name ?? t("team")}</span>} {row.client_id && <code>{row.client_id.slice(0, 8)}</code>}</>;
  const details = (row: Row) => Object.entries(row.details).filter(([, value]) => value && !/^[0-9a-f-]{36}$/.test(value)).map(([key, value]) => `${names.field(key)}: ${value}`).join(" · ");
  return (
    <DataList<Row>
      name="admin-changes"
      searchable={false}
      live={["identity"]}
      rowKey={(row) => row.position}
      card={(row) => ({ title: names.event(row.what), meta: <><span>{f.moment(row.recorded_at)}</span><Actor actor={row.actor} />{about(row)}</> })}
      filters={[{ key: "role", label: t("role"), kind: "select", options: roles.map((each) => ({ value: each.role, label: each.title || each.role })) }]}
      columns={[
        { key: "when", title: t("when"), width: 170, render: (row) => f.moment(row.recorded_at) },
        { key: "what", title: t("what"), width: 170, render: (row) => <strong>{names.event(row.what)}</strong> },
        { key: "about", title: t("about"), render: about },
        { key: "details", title: t("details_of"), render: (row) => <span className="quiet" style={{ overflowWrap: "anywhere" }}>{details(row).slice(0, 160)}</span> },
        { key: "by", title: t("by"), width: 130, render: (row) => <Actor actor={row.actor} /> },
      ]}
      load={async (q, signal) => {
        const found = await get("/v1/permission-changes", { query: { role: q.filters.role?.[0] ?? "", page_size: q.pageSize, page_token: q.pageToken }, signal });
        return { rows: found.changes, next: found.next_page_token };
      }}
    />
  );
}
