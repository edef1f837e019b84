/** The history of one record: a slider over its changes, what each one changed, why, and who was shown it. */
import { LeftOutlined, QuestionCircleOutlined, RightOutlined } from "@ant-design/icons";
import { Button, Drawer, Slider } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import { type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { LinkButton } from "@/ui/LinkButton";
import { Page, Section } from "@/ui/Page";
import { Actor } from "@/ui/people";
import { Answered, Notice, Waiting } from "@/ui/states";
import { Timeline } from "@/ui/Timeline";
import { isLate, Sentence, useContextName, useNames, Value } from "./parts";
import { placeOfRecord } from "./places";
import { auditWords } from "./words";

const Reads = lazy(() => import("./Reads"));
type Change = Answer<"/v1/audit/records/{record_id}">["changes"][number];
const MOST = 500;

/** Every field's value after each change, in order. */
export function statesOf(changes: readonly Change[]): Map<string, string>[] {
  const states: Map<string, string>[] = [];
  for (const change of changes) {
    const state = new Map(states.at(-1));
    for (const { field, after } of change.fields) if (after) state.set(field, after); else state.delete(field);
    states.push(state);
  }
  return states;
}

export default function History() {
  const t = useWords(auditWords);
  const { recordId = "" } = useParams();
  const mayReads = useMay("analytics.reads.admin");
  const history = useAsk("/v1/audit/records/{record_id}", { path: { record_id: recordId }, query: { page_size: MOST } }, { live: ["customer", "pipeline", "ticketing", "marketing", "identity"] });
  return (
    <Page title={t("history")} above={{ to: "/audit", label: t("audit") }} note={<code>{recordId}</code>} actions={history.data?.changes[0] && placeOfRecord(history.data.changes[0].event) && <LinkButton to={placeOfRecord(history.data.changes[0].event) ?? ""}>{t("open_record")}</LinkButton>}>
      <Answered of={history} rows={8}>
        {(data) => (data.changes.length ? <Replay recordId={recordId} changes={data.changes} /> : <Notice title={t("no_history")} />)}
      </Answered>
      {mayReads && (
        <div className="gap-above">
          <h2 className="gap-below" style={{ fontSize: 15, fontWeight: 600, marginTop: 20 }}>{t("reads_of")}</h2>
          <Suspense fallback={<Waiting />}><Reads subject={recordId} /></Suspense>
        </div>
      )}
    </Page>
  );
}

function Replay({ recordId, changes }: { recordId: string; changes: readonly Change[] }) {
  const t = useWords(auditWords);
  const f = useFormats();
  const part = useContextName();
  const { event: name, field: fieldName } = useNames();
  const mayUndo = useMay("audit.undo.admin");
  const [chosen, setChosen] = useState<number>();
  const [why, setWhy] = useState<string>();
  const states = useMemo(() => statesOf(changes), [changes]);
  const at = Math.min(chosen ?? changes.length - 1, changes.length - 1);
  const change = changes[at];
  const state = states[at] ?? new Map<string, string>();
  if (!change) return null;
  const touched = new Map(change.fields.map((each) => [each.field, each]));
  return (
    <div className="stack">
      <Section>
        <div className="row">
          <Button icon={<LeftOutlined />} aria-label={t("one_back")} disabled={at === 0} onClick={() => setChosen(at - 1)} />
          <div style={{ flex: 1, minWidth: 140, padding: "0 10px" }}>
            <Slider min={0} max={Math.max(1, changes.length - 1)} disabled={changes.length < 2} value={at} onChange={setChosen} ariaLabelForHandle={t("slider")} tooltip={{ formatter: (value) => { const each = changes[value ?? 0]; return each ? `${f.moment(each.event?.recorded_at)} · ${name(each.event?.event_type ?? "")}` : ""; } }} />
          </div>
          <Button icon={<RightOutlined />} aria-label={t("one_on")} disabled={at >= changes.length - 1} onClick={() => setChosen(at + 1)} />
        </div>
        <p role="status"><strong>{name(change.event?.event_type ?? "")}</strong> · <Actor actor={change.event?.actor} /> <span className="quiet">· {t("step", { at: at + 1, count: changes.length, when: f.moment(change.event?.recorded_at) })}{change.event && isLate(change.event) && ` · ${t("late", { when: f.moment(change.event.effective_at) })}`}</span></p>
        <p className="row row-tight" style={{ marginTop: 6 }}>
          <Link to={`/audit?cause=${change.event?.correlation_id ?? ""}`}>{t("follow")}</Link>
          {mayUndo && <> · <Link to={`/audit/undo?part=${change.event?.context ?? ""}&cause=${change.event?.correlation_id ?? ""}`}>{t("undo_this")}</Link></>}
        </p>
      </Section>
      <div className="grid">
        <div className="grid-main">
          <Section title={t("state")} extra={<span className="tag">{part(change.event?.context ?? "")}</span>}>
            <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("state")}>
              <table className="conflict">
                <thead><tr><th scope="col">{t("field")}</th><th scope="col">{t("before")}</th><th scope="col">{t("after")}</th><th scope="col"><span className="quiet">{t("why")}</span></th></tr></thead>
                <tbody>
                  {[...new Set([...touched.keys(), ...state.keys()])].map((field) => {
                    const now = touched.get(field);
                    return (
                      <tr key={field} style={now ? { background: "var(--brand-soft)" } : undefined}>
                        <th scope="row">{fieldName(field)}</th>
                        <td className="quiet">{now ? <Value field={field} value={now.before} /> : ""}</td>
                        <td>{now ? <strong><Value field={field} value={now.after} /></strong> : <Value field={field} value={state.get(field) ?? ""} />}</td>
                        <td><Button size="small" type="text" icon={<QuestionCircleOutlined />} aria-label={`${t("why")} ${fieldName(field)}`} onClick={() => setWhy(field)} /></td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          </Section>
        </div>
        <div className="grid-side">
          <Section title={t("changes")}>
            <div style={{ maxHeight: 520, overflowY: "auto" }} tabIndex={0} role="region" aria-label={t("changes")}>
              <Timeline
                items={[...changes].reverse().map((each) => {
                  const index = changes.indexOf(each);
                  return { id: each.event?.event_id ?? String(index), at: each.event?.recorded_at, title: <Button type="link" size="small" style={{ padding: 0, height: "auto", fontWeight: index === at ? 700 : 500, whiteSpace: "normal", textAlign: "left" }} onClick={() => setChosen(index)}>{name(each.event?.event_type ?? "")}</Button>, who: <Actor actor={each.event?.actor} />, text: each.fields.slice(0, 4).map((x) => fieldName(x.field)).join(", ") };
                })}
              />
            </div>
          </Section>
        </div>
      </div>
      <Drawer open={why !== undefined} onClose={() => setWhy(undefined)} size={520} title={why !== undefined && t("why_title", { field: fieldName(why), value: t("why_now") })}>
        {why !== undefined && <Why recordId={recordId} field={why} asOf={change.event?.recorded_at} />}
      </Drawer>
    </div>
  );
}

/** The chain from the first request to the event that set the value, with the rules that decided. */
export function Why({ recordId, field, asOf }: { recordId: string; field: string; asOf?: string | undefined }) {
  const t = useWords(auditWords);
  const { language } = useLanguage();
  const { event: eventName, field: fieldName } = useNames();
  const found = useAsk("/v1/audit/records/{record_id}:why", { path: { record_id: recordId }, query: { field, ...(asOf ? { as_of: asOf } : {}) } });
  return (
    <Answered of={found}>
      {(data) => (
        <>
          <p className="gap-below" style={{ fontSize: 16 }}><strong>{fieldName(data.field)}</strong>: <Value field={data.field} value={data.value} /></p>
          {data.cut_short && <p className="strip gap-below">{t("cut_short")}</p>}
          <Timeline
            items={data.steps.map((step, at) => ({
              id: step.event?.event_id ?? String(at),
              at: step.event?.recorded_at,
              title: eventName(step.event?.event_type ?? ""),
              who: <Actor actor={step.event?.actor} />,
              text: step.withheld ? t("withheld") : <Sentence text={language === "zh" ? step.sentence_zh : step.sentence} />,
              extra: step.rules.length > 0 && <ul>{step.rules.map((rule) => <li key={rule.rule_id + rule.name}><span className="tag tag-brand">{t("rule", { name: rule.name || rule.rule_id, version: rule.rule_set_version })}</span> {rule.reason}</li>)}</ul>,
            }))}
          />
        </>
      )}
    </Answered>
  );
}
