/** The service desk: how fast it answers and solves by priority, and which queue a ticket goes to. */
import { Button, InputNumber, Select } from "antd";
import { useState } from "react";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered } from "@/ui/states";
import { useGive } from "./do";
import { adminWords } from "./words";

type Policy = Answer<"/v1/sla-policies">["policies"][number];
type Routing = Answer<"/v1/ticket-assignment-rules">;
const PRIORITIES = { PRIORITY_LOW: "p_low", PRIORITY_NORMAL: "p_normal", PRIORITY_HIGH: "p_high", PRIORITY_URGENT: "p_urgent" } as const;
const HOUR_S = 3600;

export default function Desk() {
  const t = useWords(adminWords);
  const f = useFormats();
  const policies = useAsk("/v1/sla-policies", {}, { live: ["ticketing"] });
  const routing = useAsk("/v1/ticket-assignment-rules", {}, { live: ["ticketing"] });
  const queues = useAsk("/v1/queues", {}, { live: ["ticketing"] });
  const names = queues.data?.queues ?? [];
  return (
    <div className="stack">
      <Answered of={policies}>{(data) => <>{data.policies.map((each) => <PolicyEditor key={JSON.stringify(each)} policy={each} />)}</>}</Answered>
      <Answered of={routing}>{(data) => <RoutingEditor key={data.version} routing={data} queues={names.map((each) => ({ value: each.queue, label: each.name || each.queue }))} />}</Answered>
      <Section title={t("queue")}>
        <Answered of={queues}>
          {(data) => <ul>{data.queues.map((each) => <li key={each.queue} className="line"><strong>{each.name || each.queue}</strong><span className="quiet">{each.department}</span><span className="spread" /><span>{t("open_tickets")}: {f.number(each.open)}</span><span className="quiet">{t("supervisor")}: {each.supervisor_id ? <PersonName id={each.supervisor_id} /> : t("nobody")}</span></li>)}</ul>}
        </Answered>
      </Section>
    </div>
  );
}

function PolicyEditor({ policy }: { policy: Policy }) {
  const t = useWords(adminWords);
  const give = useGive("ticketing");
  const may = useMay("ticketing.desk.admin");
  const [targets, setTargets] = useState(policy.targets);
  const [warn, setWarn] = useState(policy.warn_at_percent);
  const changed = JSON.stringify([targets, warn]) !== JSON.stringify([policy.targets, policy.warn_at_percent]);
  const set = (at: number, change: Partial<(typeof targets)[number]>) => setTargets(targets.map((each, other) => (other === at ? { ...each, ...change } : each)));
  const hours = (seconds: string, label: string, change: (seconds: string) => void) => (may ? <InputNumber min={0} max={10_000} step={0.5} value={Number(seconds) / HOUR_S} aria-label={label} onChange={(value) => change(String(Math.round((value ?? 0) * HOUR_S)))} style={{ width: 90 }} /> : Number(seconds) / HOUR_S);
  const { policy_id, name, calendar_id, categories, escalation, close_resolved_after_s } = policy;
  return (
    <Section
      title={<>{t("sla")}: {policy.name} <span className="tag">{t("version", { n: policy.version })}</span></>}
      extra={may && <Button size="small" type="primary" disabled={!changed} onClick={() => give(() => post("/v1/sla-policies/{policy_id}:define", { path: { policy_id }, body: { name, calendar_id, categories, escalation, close_resolved_after_s, targets, warn_at_percent: warn } }))}>{t("put_in_force")}</Button>}
    >
      <table className="conflict">
        <thead><tr><th scope="col">{t("priority_of")}</th><th scope="col">{t("first_response")} ({t("hours")})</th><th scope="col">{t("resolution")} ({t("hours")})</th></tr></thead>
        <tbody>{targets.map((each, at) => <tr key={each.priority}><td><strong>{t(PRIORITIES[each.priority as keyof typeof PRIORITIES] ?? "p_normal")}</strong></td><td>{hours(each.first_response_s, t("first_response"), (first_response_s) => set(at, { first_response_s }))}</td><td>{hours(each.resolution_s, t("resolution"), (resolution_s) => set(at, { resolution_s }))}</td></tr>)}</tbody>
      </table>
      <p className="row gap-above">{t("warn_at")} {may ? <InputNumber size="small" min={1} max={100} value={warn} aria-label={t("warn_at")} onChange={(value) => setWarn(value ?? 75)} style={{ width: 76 }} /> : warn} % · {t("categories")}: {policy.categories.join(", ") || t("all")} · {t("escalation")}: {policy.escalation.length ? policy.escalation.map((each) => <PersonName key={each.to_person_id} id={each.to_person_id} />) : t("none")}</p>
    </Section>
  );
}

function RoutingEditor({ routing, queues }: { routing: Routing; queues: { value: string; label: string }[] }) {
  const t = useWords(adminWords);
  const give = useGive("ticketing");
  const may = useMay("ticketing.desk.admin");
  const [rules, setRules] = useState(routing.rules);
  const [fallback, setFallback] = useState(routing.fallback_queue);
  const changed = JSON.stringify([rules, fallback]) !== JSON.stringify([routing.rules, routing.fallback_queue]);
  const queue = (value: string, change: (queue: string) => void, label: string) => <Select size="small" value={value} aria-label={label} disabled={!may} onChange={change} options={queues} style={{ width: 180 }} />;
  return (
    <Section title={<>{t("routing")} <span className="tag">{t("version", { n: routing.version })}</span></>} extra={may && <Button size="small" type="primary" disabled={!changed} onClick={() => give(() => post("/v1/ticket-assignment-rules:define", { body: { rules, fallback_queue: fallback } }))}>{t("put_in_force")}</Button>}>
      {rules.map((each, at) => (
        <div key={each.rule_id} className="editor-row">
          <strong style={{ minWidth: 120 }}>{each.name}</strong>
          <span className="quiet spread">{[each.complaints_only ? t("complaints_only") : "", each.categories.join(", "), each.channels.map((c) => c.replace("CHANNEL_", "").toLowerCase()).join(", "), each.skills.join(", ")].filter(Boolean).join(" · ") || t("always")}</span>
          → {queue(each.queue, (next) => setRules(rules.map((other, i) => (i === at ? { ...other, queue: next } : other))), each.name)}
        </div>
      ))}
      <div className="editor-row"><strong className="spread">{t("fallback_queue")}</strong> → {queue(fallback, setFallback, t("fallback_queue"))}</div>
    </Section>
  );
}
