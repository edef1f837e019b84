/** The stages of each sales pipeline: order, probability and the days a deal should stay. */
import { Button, Input, InputNumber, Select } from "antd";
import { useState } from "react";
import { post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { useGive } from "./do";
import { adminWords } from "./words";

type Pipeline = Answer<"/v1/pipelines">["pipelines"][number];
type Stage = Pipeline["stages"][number];
const KINDS = { STAGE_KIND_OPEN: "k_open", STAGE_KIND_WON: "k_won", STAGE_KIND_LOST: "k_lost" } as const;

export default function Pipelines() {
  const t = useWords(adminWords);
  const give = useGive("pipeline");
  const mayAdmin = useMay("pipeline.definition.admin");
  const [name, setName] = useState("");
  const pipelines = useAsk("/v1/pipelines", { query: { include_retired: true } }, { live: ["pipeline"] });
  return (
    <Answered of={pipelines} rows={8}>
      {(data) => (
        <div className="stack">
          {data.pipelines.map((each) => <Editor key={JSON.stringify(each)} pipeline={each} />)}
          {mayAdmin && (
            <form className="row" onSubmit={(event) => { event.preventDefault(); if (name.trim()) give(async () => { await post("/v1/pipelines", { body: { name: name.trim(), stages: [{ name: t("stage"), probability: 10, norm_days: 14, order: 1, kind: "STAGE_KIND_OPEN" }] } }); setName(""); }); }}>
              <Input value={name} onChange={(event) => setName(event.target.value)} placeholder={t("new_pipeline")} aria-label={t("new_pipeline")} style={{ width: 240 }} />
              <Button htmlType="submit" disabled={!name.trim()}>{t("add")}</Button>
            </form>
          )}
        </div>
      )}
    </Answered>
  );
}

function Editor({ pipeline }: { pipeline: Pipeline }) {
  const t = useWords(adminWords);
  const give = useGive("pipeline");
  const may = useMay("pipeline.definition.admin") && !pipeline.retired;
  const [name, setName] = useState(pipeline.name);
  const [stages, setStages] = useState<readonly Stage[]>(pipeline.stages);
  const changed = name !== pipeline.name || JSON.stringify(stages) !== JSON.stringify(pipeline.stages);
  const set = (at: number, change: Partial<Stage>) => setStages(stages.map((each, other) => (other === at ? { ...each, ...change } : each)));
  const move = (at: number, by: number) => {
    const next = [...stages];
    const [taken] = next.splice(at, 1);
    if (taken) next.splice(at + by, 0, taken);
    setStages(next);
  };
  const save = () => give(() => post("/v1/pipelines/{pipeline_id}:revise", { path: { pipeline_id: pipeline.pipeline_id }, body: { name, is_default: pipeline.is_default, stages: stages.map((each, at) => ({ ...each, order: at + 1 })) } }));
  return (
    <Section
      title={<>{pipeline.name} {pipeline.is_default && <span className="tag tag-brand">{t("default")}</span>}{pipeline.retired && <span className="tag tag-dull">{t("retired")}</span>}</>}
      extra={may && <span className="row row-tight">{!pipeline.is_default && <Button size="small" danger type="text" onClick={() => give(() => post("/v1/pipelines/{pipeline_id}:retire", { path: { pipeline_id: pipeline.pipeline_id } }), { sure: t("retire_pipeline") })}>{t("retire_pipeline")}</Button>}<Button size="small" type="primary" disabled={!changed} onClick={save}>{t("save")}</Button></span>}
    >
      {may && <Input className="gap-below" value={name} aria-label={t("name")} onChange={(event) => setName(event.target.value)} style={{ maxWidth: 280 }} />}
      <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("stages")}>
        <table className="conflict">
          <thead><tr><th scope="col">{t("stage")}</th><th scope="col">{t("kind")}</th><th scope="col">{t("probability")}</th><th scope="col">{t("norm_days")}</th>{may && <th scope="col">{t("actions")}</th>}</tr></thead>
          <tbody>
            {stages.map((each, at) => (
              <tr key={each.stage_id || at}>
                <td>{may ? <Input value={each.name} aria-label={t("stage")} onChange={(event) => set(at, { name: event.target.value })} style={{ minWidth: 130 }} /> : each.name}</td>
                <td>{may ? <Select value={each.kind} aria-label={t("kind")} onChange={(kind) => set(at, { kind })} options={(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((value) => ({ value, label: t(KINDS[value]) }))} style={{ width: 110 }} /> : t(KINDS[each.kind as keyof typeof KINDS] ?? "k_open")}</td>
                <td>{may ? <InputNumber min={0} max={100} value={each.probability} aria-label={t("probability")} onChange={(value) => set(at, { probability: value ?? 0 })} style={{ width: 80 }} /> : each.probability}</td>
                <td>{may ? <InputNumber min={0} max={999} value={each.norm_days} aria-label={t("norm_days")} onChange={(value) => set(at, { norm_days: value ?? 0 })} style={{ width: 80 }} /> : each.norm_days || "–"}</td>
                {may && (
                  <td style={{ whiteSpace: "nowrap" }}>
                    <Button size="small" type="text" disabled={at === 0} aria-label={`${t("up")} ${each.name}`} onClick={() => move(at, -1)}>↑</Button>
                    <Button size="small" type="text" disabled={at === stages.length - 1} aria-label={`${t("down")} ${each.name}`} onClick={() => move(at, 1)}>↓</Button>
                    <Button size="small" type="text" danger aria-label={`${t("remove")} ${each.name}`} onClick={() => setStages(stages.filter((_, other) => other !== at))}>×</Button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {may && <Button size="small" className="gap-above" onClick={() => setStages([...stages.filter((each) => each.kind === "STAGE_KIND_OPEN"), { stage_id: "", name: "", probability: 50, norm_days: 14, order: 0, kind: "STAGE_KIND_OPEN" }, ...stages.filter((each) => each.kind !== "STAGE_KIND_OPEN")])}>{t("add_stage")}</Button>}
    </Section>
  );
}
