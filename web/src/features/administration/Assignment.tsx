/** Who gets a new lead; a change can be tried on past leads before it is in force. */
import { Button, Input, Select } from "antd";
import { useState } from "react";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Answered } from "@/ui/states";
import { Conditions, ConditionsEditor } from "./conditions";
import { useGive } from "./do";
import { Trial } from "./Trial";
import { adminWords } from "./words";

type Rules = NonNullable<Answer<"/v1/assignment-rules">["rules"]>;
type Rule = Rules["rules"][number];
const STRATEGIES = { ASSIGNMENT_STRATEGY_FIXED: "st_fixed", ASSIGNMENT_STRATEGY_ROUND_ROBIN: "st_round", ASSIGNMENT_STRATEGY_BALANCED: "st_balanced", ASSIGNMENT_STRATEGY_SKILL: "st_skill" } as const;

export default function Assignment() {
  const found = useAsk("/v1/assignment-rules", {}, { live: ["pipeline"] });
  return <Answered of={found} rows={8}>{({ rules }) => <Editor key={rules?.version ?? 0} rules={rules} />}</Answered>;
}

function Editor({ rules }: { rules: Rules | undefined }) {
  const t = useWords(adminWords);
  const give = useGive("pipeline");
  const may = useMay("pipeline.lead-rules.admin");
  const [list, setList] = useState<Rule[]>(rules?.rules ?? []);
  const [priority, setPriority] = useState<Rule[]>(rules?.priority_rules ?? []);
  const [fallback, setFallback] = useState(rules?.fallback_owner_id ?? "");
  const changed = JSON.stringify([list, priority, fallback]) !== JSON.stringify([rules?.rules ?? [], rules?.priority_rules ?? [], rules?.fallback_owner_id ?? ""]);
  return (
    <Section
      title={<>{rules?.name || t("assignment")} <span className="tag">{t("version", { n: rules?.version ?? 0 })}</span></>}
      extra={may && <Button size="small" type="primary" disabled={!changed} onClick={() => give(() => post("/v1/assignment-rules", { body: { name: rules?.name ?? "", rules: list, priority_rules: priority, fallback_owner_id: fallback } }))}>{t("put_in_force")}</Button>}
    >
      <h3 style={{ fontSize: 13 }}>{t("priority")}</h3>
      <List value={priority} onChange={setPriority} may={may} />
      <h3 style={{ fontSize: 13, marginTop: 16 }}>{t("rule")}</h3>
      <List value={list} onChange={setList} may={may} />
      <div className="row gap-above">{t("fallback")} {may ? <div style={{ width: 220, display: "grid" }}><PersonSelect value={fallback} onChange={setFallback} placeholder={t("pool")} label={t("fallback")} /></div> : fallback ? <PersonName id={fallback} /> : t("pool")}</div>
      {may && <Trial rules={{ assignment_rules: list, priority_rules: priority, fallback_owner_id: fallback }} />}
    </Section>
  );
}

function List({ value, onChange, may }: { value: Rule[]; onChange: (next: Rule[]) => void; may: boolean }) {
  const t = useWords(adminWords);
  const set = (at: number, change: Partial<Rule>) => onChange(value.map((each, other) => (other === at ? { ...each, ...change } : each)));
  return (
    <>
      {value.map((each, at) => (
        <div key={each.rule_id || at} className="editor-row" style={{ alignItems: "flex-start" }}>
          <span className="quiet" style={{ width: 18 }}>{at + 1}</span>
          {may ? (
            <>
              <Input size="small" value={each.name} aria-label={t("rule")} onChange={(event) => set(at, { name: event.target.value })} style={{ width: 140 }} />
              <div style={{ minWidth: 260, flex: 1 }}><ConditionsEditor value={each.conditions} onChange={(conditions) => set(at, { conditions })} /></div>
              <Select size="small" value={each.strategy} aria-label={t("strategy")} onChange={(strategy) => set(at, { strategy })} options={(Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[]).map((s) => ({ value: s, label: t(STRATEGIES[s]) }))} style={{ width: 120 }} />
              <div style={{ width: 200 }}>
                {each.candidates.map((c) => <span key={c.person_id} className="tag" style={{ margin: "0 4px 4px 0" }}><PersonName id={c.person_id} /> <button type="button" aria-label={t("remove")} style={{ border: 0, background: "none", cursor: "pointer", minWidth: 24, minHeight: 24 }} onClick={() => set(at, { candidates: each.candidates.filter((other) => other.person_id !== c.person_id) })}>×</button></span>)}
                <div style={{ display: "grid" }}><PersonSelect value="" onChange={(id) => id && !each.candidates.some((c) => c.person_id === id) && set(at, { candidates: [...each.candidates, { person_id: id, skills: [] }] })} placeholder={`+ ${t("candidates")}`} label={t("candidates")} /></div>
              </div>
              <Button size="small" type="text" danger aria-label={`${t("remove")} ${each.name}`} onClick={() => onChange(value.filter((_, other) => other !== at))}>×</Button>
            </>
          ) : (
            <><strong style={{ width: 130 }}>{each.name}</strong><Conditions of={each.conditions} /><span className="tag tag-brand">{t(STRATEGIES[each.strategy as keyof typeof STRATEGIES] ?? "st_fixed")}</span>{each.candidates.map((c) => <PersonName key={c.person_id} id={c.person_id} />)}</>
          )}
        </div>
      ))}
      {may && <Button size="small" className="gap-above" onClick={() => onChange([...value, { rule_id: `rule-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? ""}`, name: "", conditions: [], strategy: "ASSIGNMENT_STRATEGY_ROUND_ROBIN", candidates: [] }])}>{t("add_rule")}</Button>}
    </>
  );
}
