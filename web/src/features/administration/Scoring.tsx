/** How leads are scored; a change can be tried on past leads before it is in force. */
import { Button, Input, InputNumber } from "antd";
import { useState } from "react";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { ConditionsEditor, Conditions } from "./conditions";
import { useGive } from "./do";
import { Trial } from "./Trial";
import { adminWords } from "./words";

type Rules = NonNullable<Answer<"/v1/scoring-rules">["rules"]>;

export default function Scoring() {
  const found = useAsk("/v1/scoring-rules", {}, { live: ["pipeline"] });
  return <Answered of={found} rows={8}>{({ rules }) => <Editor key={rules?.version ?? 0} rules={rules} />}</Answered>;
}

function Editor({ rules }: { rules: Rules | undefined }) {
  const t = useWords(adminWords);
  const give = useGive("pipeline");
  const may = useMay("pipeline.lead-rules.admin");
  const [list, setList] = useState(rules?.rules ?? []);
  const [threshold, setThreshold] = useState(rules?.high_intent_threshold ?? 60);
  const changed = JSON.stringify([list, threshold]) !== JSON.stringify([rules?.rules ?? [], rules?.high_intent_threshold ?? 60]);
  const set = (at: number, change: Partial<(typeof list)[number]>) => setList(list.map((each, other) => (other === at ? { ...each, ...change } : each)));
  return (
    <Section
      title={<>{rules?.name || t("scoring")} <span className="tag">{t("version", { n: rules?.version ?? 0 })}</span></>}
      extra={may && <Button size="small" type="primary" disabled={!changed} onClick={() => give(() => post("/v1/scoring-rules", { body: { name: rules?.name ?? "", rules: list, high_intent_threshold: threshold } }))}>{t("put_in_force")}</Button>}
    >
      <p className="row gap-below">{t("threshold")} {may ? <InputNumber size="small" value={threshold} onChange={(value) => setThreshold(value ?? 0)} aria-label={t("threshold")} style={{ width: 80 }} /> : threshold} {t("points_unit")}</p>
      {list.map((each, at) => (
        <div key={each.rule_id || at} className="editor-row">
          {may ? (
            <>
              <InputNumber size="small" value={each.points} aria-label={t("points")} onChange={(value) => set(at, { points: value ?? 0 })} style={{ width: 76 }} />
              <Input size="small" value={each.reason} aria-label={t("rule")} onChange={(event) => set(at, { reason: event.target.value })} style={{ width: 180 }} />
              <div className="spread"><ConditionsEditor value={each.conditions} onChange={(conditions) => set(at, { conditions })} /></div>
              <Button size="small" type="text" danger aria-label={`${t("remove")} ${each.reason}`} onClick={() => setList(list.filter((_, other) => other !== at))}>×</Button>
            </>
          ) : (
            <><strong style={{ width: 48 }}>{each.points > 0 ? "+" : ""}{each.points}</strong><span style={{ width: 180 }}>{each.reason}</span><Conditions of={each.conditions} /></>
          )}
        </div>
      ))}
      {may && <Button size="small" className="gap-above" onClick={() => setList([...list, { rule_id: `rule-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? ""}`, reason: "", points: 10, conditions: [] }])}>{t("add_rule")}</Button>}
      {may && <Trial rules={{ scoring_rules: list, high_intent_threshold: threshold }} />}
    </Section>
  );
}
