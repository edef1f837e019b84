/** The people: who is here, in which team, with which roles. */
import { Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { get, post, type Answer } from "@/api/client";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { DataList } from "@/ui/DataList";
import { TeamSelect, useRoles, useRoleTitle, useTeams, useTouched } from "./do";
import { adminWords } from "./words";

type Row = Answer<"/v1/people">["people"][number];
interface NewPerson { name: string; email: string; login: string; team_id: string; position: string; roles: string[] }

export default function People() {
  const t = useWords(adminWords);
  const f = useFormats();
  const navigate = useNavigate();
  const teams = useTeams();
  const roles = useRoles();
  const title = useRoleTitle();
  const touched = useTouched("identity");
  const mayWrite = useMay("identity.person.write");
  const [adding, setAdding] = useState(false);
  const team = (id: string) => teams.find((each) => each.team_id === id)?.name ?? "";
  return (
    <>
      <div className="row gap-below"><span className="spread" />{mayWrite && <Button type="primary" onClick={() => setAdding(true)}>{t("new_person")}</Button>}</div>
      <DataList<Row>
        name="admin-people"
        live={["identity"]}
        rowKey={(row) => row.person_id}
        to={(row) => places.person(row.person_id)}
        card={(row) => ({ title: <>{row.name} {row.left && <span className="tag tag-dull">{t("left")}</span>}</>, meta: <><span>{row.position}</span><span>{team(row.team_id)}</span><span>{row.roles.map(title).join(", ")}</span></> })}
        filters={[
          { key: "team", label: t("team"), kind: "select", options: teams.map((each) => ({ value: each.team_id, label: each.name })) },
          { key: "role", label: t("role"), kind: "select", options: roles.map((each) => ({ value: each.role, label: each.title || each.role })) },
          { key: "left", label: t("with_left"), kind: "switch" },
          { key: "guests", label: t("with_guests"), kind: "switch" },
        ]}
        columns={[
          { key: "name", opens: true, title: t("name"), render: (row) => <><strong>{row.name}</strong> {row.left && <span className="tag tag-dull">{t("left")}</span>}{row.kind !== "PERSON_KIND_UNSPECIFIED" && <span className="tag tag-warn">{t("guest")}</span>}</> },
          { key: "login", title: t("login"), width: 130, render: (row) => row.login },
          { key: "position", title: t("position"), width: 130, render: (row) => row.position },
          { key: "team", title: t("team"), width: 130, render: (row) => team(row.team_id) },
          { key: "roles", title: t("roles_of"), render: (row) => row.roles.map((each) => <span key={each} className="tag" style={{ marginRight: 4 }}>{title(each)}</span>) },
          { key: "email", title: t("email"), hidden: true, render: (row) => row.email },
          { key: "factor", title: t("second_factor"), hidden: true, render: (row) => t(row.second_factor ? "yes" : "no") },
          { key: "since", title: t("since"), hidden: true, render: (row) => f.day(row.joined_at) },
        ]}
        load={async (q, signal) => {
          const found = await get("/v1/people", { query: { query: q.search, team_id: q.filters.team?.[0] ?? "", include_teams_below: true, role: q.filters.role?.[0] ?? "", include_left: q.filters.left?.[0] === "true", include_guests: q.filters.guests?.[0] === "true", page_size: q.pageSize, page_token: q.pageToken }, signal });
          return { rows: found.people, next: found.next_page_token, total: found.total_size };
        }}
      />
      {adding && (
        <CommandDialog<NewPerson>
          name="person.new"
          title={t("new_person")}
          text={t("new_person_text")}
          onClose={() => setAdding(false)}
          submit={async (values, requestId) => {
            const made = await post("/v1/people", { body: values, requestId });
            touched();
            void navigate(places.person(made.person_id));
          }}
        >
          <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input autoFocus autoComplete="off" /></Form.Item>
          <Form.Item name="login" label={t("login")} rules={[{ required: true }]}><Input autoComplete="off" /></Form.Item>
          <Form.Item name="email" label={t("email")}><Input type="email" autoComplete="off" /></Form.Item>
          <Form.Item name="position" label={t("position")}><Input /></Form.Item>
          <Form.Item name="team_id" label={t("team")}><TeamSelect empty={t("none")} /></Form.Item>
          <Form.Item name="roles" label={t("roles_of")}><Select mode="multiple" showSearch={{ optionFilterProp: "label" }} options={roles.map((each) => ({ value: each.role, label: each.title || each.role }))} /></Form.Item>
        </CommandDialog>
      )}
    </>
  );
}
