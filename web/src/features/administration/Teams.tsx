/** The tree of teams and who leads each. */
import { Button, Dropdown, Form, Input } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Answered, Notice } from "@/ui/states";
import { TeamSelect, useGive, useTouched } from "./do";
import { adminWords } from "./words";

type Team = Answer<"/v1/teams">["teams"][number];

/** Teams in the order of the tree, each with its depth; a loop in the data ends. */
export function treeOf(teams: readonly Team[]): { team: Team; depth: number }[] {
  const known = new Set(teams.map((each) => each.team_id));
  const seen = new Set<string>();
  const below = (parent: string, depth: number): { team: Team; depth: number }[] =>
    teams.filter((each) => (known.has(each.parent_team_id) ? each.parent_team_id : "") === parent && !seen.has(each.team_id)).flatMap((team) => {
      seen.add(team.team_id);
      return [{ team, depth }, ...below(team.team_id, depth + 1)];
    });
  return below("", 0);
}

export default function Teams() {
  const t = useWords(adminWords);
  const give = useGive("identity");
  const touched = useTouched("identity");
  const mayWrite = useMay("identity.team.write");
  const [open, setOpen] = useState<{ what: "new" | "rename" | "manager" | "move"; team?: Team }>();
  const teams = useAsk("/v1/teams", { query: { page_size: 500 } }, { live: ["identity"] });
  const team = open?.team;
  const path = { team_id: team?.team_id ?? "" };
  const close = () => setOpen(undefined);
  return (
    <Section title={t("teams")} extra={mayWrite && <Button size="small" type="primary" onClick={() => setOpen({ what: "new" })}>{t("new_team")}</Button>}>
      <Answered of={teams}>
        {(data) =>
          data.teams.length ? (
            <ul>
              {treeOf(data.teams).map(({ team: each, depth }) => (
                <li key={each.team_id} className="line" style={{ paddingLeft: depth * 24 }}>
                  <Link to={`/admin/people?team=${each.team_id}`}><strong>{each.name}</strong></Link>
                  <span className="quiet">{t("manager")}: {each.manager_id ? <PersonName id={each.manager_id} /> : t("nobody")}</span>
                  <span className="spread" />
                  {mayWrite && (
                    <Dropdown trigger={["click"]} menu={{ items: [
                      { key: "rename", label: t("rename"), onClick: () => setOpen({ what: "rename", team: each }) },
                      { key: "manager", label: t("manager"), onClick: () => setOpen({ what: "manager", team: each }) },
                      { key: "move", label: t("parent"), onClick: () => setOpen({ what: "move", team: each }) },
                      { key: "dissolve", label: t("dissolve"), danger: true, onClick: () => give(() => post("/v1/teams/{team_id}:dissolve", { path: { team_id: each.team_id }, body: { expected_version: each.version } }), { sure: t("dissolve_sure") }) },
                    ] }}>
                      <Button size="small" type="text" aria-label={`${t("actions")}: ${each.name}`}>⋯</Button>
                    </Dropdown>
                  )}
                </li>
              ))}
            </ul>
          ) : (
            <Notice quiet title={t("none")} />
          )
        }
      </Answered>
      {open?.what === "new" && (
        <CommandDialog<{ name: string; parent_team_id: string; manager_id: string }> name="team.new" title={t("new_team")} onClose={close} onDone={touched} submit={(body, requestId) => post("/v1/teams", { body, requestId })}>
          <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input autoFocus /></Form.Item>
          <Form.Item name="parent_team_id" label={t("parent")}><TeamSelect empty={t("top")} /></Form.Item>
          <Form.Item name="manager_id" label={t("manager")}><PersonSelect /></Form.Item>
        </CommandDialog>
      )}
      {open?.what === "rename" && team && (
        <CommandDialog<{ name: string }> name={`team.rename:${team.team_id}:${team.version}`} title={t("rename")} initial={{ name: team.name }} onClose={close} onDone={touched} submit={({ name }, requestId) => post("/v1/teams/{team_id}:rename", { path, body: { name, expected_version: team.version }, requestId })}>
          <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input autoFocus /></Form.Item>
        </CommandDialog>
      )}
      {open?.what === "manager" && team && (
        <CommandDialog<{ manager_id: string }> name={`team.manager:${team.team_id}:${team.version}`} title={t("manager")} initial={{ manager_id: team.manager_id }} onClose={close} onDone={touched} submit={({ manager_id }, requestId) => post("/v1/teams/{team_id}:appointManager", { path, body: { manager_id: manager_id ?? "", expected_version: team.version }, requestId })}>
          <Form.Item name="manager_id" label={t("manager")}><PersonSelect /></Form.Item>
        </CommandDialog>
      )}
      {open?.what === "move" && team && (
        <CommandDialog<{ parent_team_id: string }> name={`team.move:${team.team_id}:${team.version}`} title={t("parent")} initial={{ parent_team_id: team.parent_team_id }} onClose={close} onDone={touched} submit={({ parent_team_id }, requestId) => post("/v1/teams/{team_id}:move", { path, body: { parent_team_id: parent_team_id ?? "", expected_version: team.version }, requestId })}>
          <Form.Item name="parent_team_id" label={t("parent")}><TeamSelect empty={t("top")} /></Form.Item>
        </CommandDialog>
      )}
    </Section>
  );
}
