/** One person: details, roles with their end, rights at any moment, sign-ins, leaving and handing over. */
import "./console.css";
import { App, Button, DatePicker, Form, Input, Modal, Select, Switch } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CommandDialog } from "@/ui/CommandDialog";
import { DayInput } from "@/ui/DayInput";
import { HistoryLink } from "@/ui/HistoryLink";
import { Page, Section } from "@/ui/Page";
import { Actor } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Answered, Notice } from "@/ui/states";
import { SCOPES, TeamSelect, useAttempt, useGive, useRoles, useRoleTitle, useTeams, useTouched } from "./do";
import { adminWords } from "./words";

type PersonData = NonNullable<Answer<"/v1/people/{person_id}">["person"]>;
type Open = "" | "edit" | "grant" | "password" | "leave" | "handover";

export default function Person() {
  const { personId = "" } = useParams();
  const found = useAsk("/v1/people/{person_id}", { path: { person_id: personId } }, { live: ["identity"] });
  return <Answered of={found} rows={8}>{({ person }) => (person ? <Shown person={person} /> : null)}</Answered>;
}

function Shown({ person }: { person: PersonData }) {
  const t = useWords(adminWords);
  const f = useFormats();
  const { message } = App.useApp();
  const give = useGive("identity");
  const [open, setOpen] = useState<Open>("");
  const mayWrite = useMay("identity.person.write");
  const mayAdmin = useMay("identity.person.admin");
  const mayHandover = useMay("customer.handover.admin");
  const mayRights = useMay("identity.permission.read");
  const maySignIns = useMay("identity.sign-in.read");
  const teams = useTeams();
  const path = { person_id: person.person_id };
  const close = () => setOpen("");
  return (
    <Page
      title={person.name}
      heading={<>{person.name} {person.left && <span className="tag tag-dull">{t("left")}</span>}</>}
      above={{ to: "/admin/people", label: t("people") }}
      note={[person.position, teams.find((each) => each.team_id === person.team_id)?.name].filter(Boolean).join(" · ")}
      actions={
        <>
          <HistoryLink id={person.person_id} />
          {mayWrite && !person.left && <Button onClick={() => setOpen("edit")}>{t("edit")}</Button>}
          {mayHandover && <Button onClick={() => setOpen("handover")}>{t("handover")}</Button>}
          {mayWrite && !person.left && <Button danger onClick={() => setOpen("leave")}>{t("leave")}</Button>}
          {mayWrite && person.left && <Button onClick={() => give(() => post("/v1/people/{person_id}:reinstate", { path, body: { expected_version: person.version } }))}>{t("reinstate")}</Button>}
        </>
      }
    >
      <div className="grid">
        <div className="grid-main stack">
          <Section title={t("details")}>
            <dl className="facts">
              <div><dt>{t("login")}</dt><dd>{person.login}</dd></div>
              <div><dt>{t("email")}</dt><dd>{person.email || "–"}</dd></div>
              <div><dt>{t("since")}</dt><dd>{f.day(person.joined_at)}</dd></div>
              <div><dt>{t("second_factor")}</dt><dd>{t(person.second_factor ? "yes" : "no")}</dd></div>
            </dl>
            {mayAdmin && !person.left && (
              <div className="row gap-above">
                <Button size="small" onClick={() => setOpen("password")}>{t("password")}</Button>
                <Button size="small" onClick={() => give(async () => { const closed = await post("/v1/people/{person_id}:closeSessions", { path }); void message.info(t("closed", { count: closed.closed_sessions })); }, { sure: t("sessions_sure") })}>{t("sessions_close")}</Button>
                {person.second_factor && <Button size="small" onClick={() => give(() => post("/v1/people/{person_id}:resetSecondFactor", { path }), { sure: t("second_reset") })}>{t("second_reset")}</Button>}
              </div>
            )}
          </Section>
          <Roles person={person} onGrant={() => setOpen("grant")} />
          {mayRights && <Rights personId={person.person_id} />}
        </div>
        <div className="grid-side stack">{maySignIns && <SignInsOf personId={person.person_id} />}</div>
      </div>
      {open === "edit" && <Edit person={person} onClose={close} />}
      {open === "grant" && <Grant person={person} onClose={close} />}
      {open === "password" && <Password personId={person.person_id} onClose={close} />}
      {open === "leave" && <Leave person={person} onClose={close} onLeft={() => setTimeout(() => setOpen(mayHandover ? "handover" : ""), 0)} />}
      {open === "handover" && <HandOver person={person} onClose={close} />}
    </Page>
  );
}

function Roles({ person, onGrant }: { person: PersonData; onGrant: () => void }) {
  const t = useWords(adminWords);
  const f = useFormats();
  const give = useGive("identity");
  const title = useRoleTitle();
  const mayGrants = useMay("identity.grant.read");
  const mayAdmin = useMay("identity.person.admin");
  const grants = useAsk("/v1/role-grants", { query: { person_id: person.person_id, page_size: 100 } }, { live: ["identity"], enabled: mayGrants });
  const teams = useTeams();
  return (
    <Section title={t("roles_of")} extra={mayAdmin && !person.left && <Button size="small" type="primary" onClick={onGrant}>{t("grant_role")}</Button>}>
      {!person.roles.length && <Notice quiet title={t("no_roles")} />}
      <ul>
        {person.roles.map((role) => {
          const grant = grants.data?.grants.find((each) => each.role === role);
          return (
            <li key={role} className="line">
              <strong>{title(role)}</strong>
              {grant?.ends_at ? <span className="tag tag-warn">{t("ends", { when: f.day(grant.ends_at) })}</span> : <span className="tag">{t("for_good")}</span>}
              {grant?.team_id && <span className="tag tag-brand">{teams.find((each) => each.team_id === grant.team_id)?.name}</span>}
              {grant?.granted_at && <span className="quiet">{t("granted_by", { when: f.day(grant.granted_at) })} <Actor actor={grant.granted_by} /></span>}
              <span className="spread" />
              {mayAdmin && <Button size="small" type="text" danger onClick={() => give(() => post("/v1/people/{person_id}:withdrawRole", { path: { person_id: person.person_id }, body: { role, expected_version: person.version } }), { sure: t("withdraw_sure") })}>{t("withdraw")}</Button>}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Rights({ personId }: { personId: string }) {
  const t = useWords(adminWords);
  const [at, setAt] = useState("");
  const rights = useAsk("/v1/people/{person_id}/permissions", { path: { person_id: personId }, query: at ? { at } : {} }, { live: ["identity"], keep: true });
  return (
    <Section title={t("may_now")} extra={<DatePicker size="small" showTime value={at ? dayjs(at) : null} maxDate={dayjs()} onChange={(next) => setAt(next ? next.toISOString() : "")} placeholder={`${t("may_at")}: ${t("now")}`} aria-label={t("may_at")} />}>
      <Answered of={rights}>
        {(data) =>
          data.present ? (
            <>
              <p className="gap-below">{t("data_seen")}: <span className="tag tag-brand">{t(SCOPES[data.data_scope])}</span></p>
              <p>{data.permissions.map((each) => <code key={each} className="tag" style={{ margin: "0 4px 4px 0" }}>{each}</code>)}</p>
            </>
          ) : (
            <Notice quiet title={t("not_here")} />
          )
        }
      </Answered>
    </Section>
  );
}

function SignInsOf({ personId }: { personId: string }) {
  const t = useWords(adminWords);
  const f = useFormats();
  const attempt = useAttempt();
  const found = useAsk("/v1/sign-ins", { query: { person_id: personId, page_size: 12 } }, { live: ["identity"] });
  return (
    <Section title={t("signins_of")}>
      <Answered of={found}>
        {({ attempts }) => <ul>{attempts.map((each) => <li key={each.at + each.session_id} className="line"><span className={each.outcome === "opened" ? "good" : "bad"}>{attempt(each.outcome)}</span><span title={f.moment(each.at)}>{f.ago(each.at)}</span><span className="quiet clip" style={{ maxWidth: "100%" }}>{each.source} · {attempt(each.via)}</span></li>)}</ul>}
      </Answered>
    </Section>
  );
}

function Edit({ person, onClose }: { person: PersonData; onClose: () => void }) {
  const t = useWords(adminWords);
  const touched = useTouched("identity");
  return (
    <CommandDialog<{ name: string; email: string; position: string; team_id: string }>
      name={`person.revise:${person.person_id}:${person.version}`}
      title={person.name}
      initial={{ name: person.name, email: person.email, position: person.position, team_id: person.team_id }}
      onClose={onClose}
      onDone={touched}
      submit={async ({ team_id, ...values }, requestId) => {
        const path = { person_id: person.person_id };
        const { version } = await post("/v1/people/{person_id}:revise", { path, body: { ...values, expected_version: person.version }, requestId });
        if (team_id !== person.team_id) await post("/v1/people/{person_id}:move", { path, body: { team_id, expected_version: version }, requestId: `${requestId}-move` });
      }}
    >
      <Form.Item name="name" label={t("name")} rules={[{ required: true }]}><Input /></Form.Item>
      <Form.Item name="email" label={t("email")}><Input type="email" /></Form.Item>
      <Form.Item name="position" label={t("position")}><Input /></Form.Item>
      <Form.Item name="team_id" label={t("team")}><TeamSelect empty={t("none")} /></Form.Item>
    </CommandDialog>
  );
}

function Grant({ person, onClose }: { person: PersonData; onClose: () => void }) {
  const t = useWords(adminWords);
  const roles = useRoles();
  const touched = useTouched("identity");
  return (
    <CommandDialog<{ role: string; ends_on?: string; team_id?: string }>
      name={`person.grant:${person.person_id}`}
      title={t("grant_role")}
      onClose={onClose}
      onDone={touched}
      submit={({ role, ends_on, team_id }, requestId) => post("/v1/people/{person_id}:grantRole", { path: { person_id: person.person_id }, body: { role, team_id: team_id ?? "", expected_version: person.version, ...(ends_on ? { ends_at: dayjs(ends_on).endOf("day").toISOString() } : {}) }, requestId })}
    >
      <Form.Item name="role" label={t("role")} rules={[{ required: true }]}><Select showSearch={{ optionFilterProp: "label" }} options={roles.map((each) => ({ value: each.role, label: each.title || each.role }))} /></Form.Item>
      <Form.Item name="ends_on" label={t("ends_at")} extra={t("for_good")}><DayInput min={dayjs().format("YYYY-MM-DD")} /></Form.Item>
      <Form.Item name="team_id" label={t("for_team")}><TeamSelect empty={t("own_team")} /></Form.Item>
    </CommandDialog>
  );
}

/** Not a CommandForm: what is typed here must not be kept anywhere. */
function Password({ personId, onClose }: { personId: string; onClose: () => void }) {
  const t = useWords(adminWords);
  const give = useGive("identity");
  const [password, setPassword] = useState("");
  const propose = () => setPassword(Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"[b % 54]).join(""));
  return (
    <Modal open title={t("password")} onCancel={onClose} okButtonProps={{ disabled: !password }} okText={t("save")} onOk={() => { give(() => post("/v1/people/{person_id}:setPassword", { path: { person_id: personId }, body: { password } })); onClose(); }}>
      <p className="quiet gap-below">{t("password_text")}</p>
      <div className="row"><Input value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="new-password" aria-label={t("password_new")} style={{ width: 260 }} /><Button onClick={propose}>{t("generate")}</Button></div>
    </Modal>
  );
}

function Leave({ person, onClose, onLeft }: { person: PersonData; onClose: () => void; onLeft: () => void }) {
  const t = useWords(adminWords);
  const touched = useTouched("identity");
  return (
    <CommandDialog<{ reason: string }>
      name={`person.leave:${person.person_id}`}
      title={`${t("leave")}: ${person.name}`}
      text={t("leave_text")}
      onClose={onClose}
      onDone={() => { touched(); onLeft(); }}
      save={t("leave")}
      submit={({ reason }, requestId) => post("/v1/people/{person_id}:offboard", { path: { person_id: person.person_id }, body: { reason: reason ?? "", expected_version: person.version }, requestId })}
    >
      <Form.Item name="reason" label={t("leave_reason")}><Input /></Form.Item>
    </CommandDialog>
  );
}

function HandOver({ person, onClose }: { person: PersonData; onClose: () => void }) {
  const t = useWords(adminWords);
  const f = useFormats();
  const navigate = useNavigate();
  const preview = useAsk("/v1/people/{leaver_id}/handover-preview", { path: { leaver_id: person.person_id } });
  const owned = (preview.data?.contexts ?? []).flatMap((each) => each.owned.filter((o) => o.count !== "0").map((o) => ({ ...o, context: each.context })));
  return (
    <CommandDialog<{ to_person_id: string; reason: string; once: boolean }>
      name={`person.handover:${person.person_id}`}
      title={t("handover")}
      text={t("handover_text", { name: person.name })}
      onClose={onClose}
      initial={{ reason: person.left ? "left" : "moved" }}
      save={t("order_handover", { count: f.number(preview.data?.total ?? 0) })}
      submit={async (values, requestId) => {
        const { handover_id } = await post("/v1/handovers", { body: { ...values, once: Boolean(values.once), leaver_id: person.person_id }, requestId });
        void navigate(`/admin/handovers/${handover_id}`);
      }}
    >
      <Answered of={preview} rows={2}>
        {() => <p className="gap-below">{owned.length ? owned.map((each) => <span key={each.context + each.kind} className="tag" style={{ margin: "0 4px 4px 0" }}>{f.number(each.count)} {each.kind}</span>) : t("nothing_owned")}</p>}
      </Answered>
      <Form.Item name="to_person_id" label={t("handover_to")} rules={[{ required: true }]}><PersonSelect /></Form.Item>
      <Form.Item name="reason" label={t("reason")}><Select options={[{ value: "left", label: t("reason_left") }, { value: "moved", label: t("reason_moved") }, { value: "absent", label: t("reason_absent") }]} /></Form.Item>
      <Form.Item name="once" label={t("once")} valuePropName="checked"><Switch /></Form.Item>
    </CommandDialog>
  );
}
