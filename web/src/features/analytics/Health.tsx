/** How healthy the pipeline is: coverage, ageing, slippage, stages over their norm. */
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { PlainTable } from "./Chart";
import { Definitions, Figure } from "./Figure";
import { useSlice } from "./slice";
import { analyticsWords } from "./words";

export default function Health() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { query, search } = useSlice();
  const health = useAsk("/v1/analytics/pipeline-health", { query }, { live: ["pipeline", "analytics"], keep: true });
  const money = (amounts: { minor_units: string; currency_code: string }[]) => amounts.map((each) => f.money(each, true)).join(" + ") || "–";
  return (
    <Answered of={health} rows={6}>
      {(data) => (
        <div className="stack">
          <Section title={t("health")} extra={<Definitions about={data.about} />}>
            <div className="figures">{data.figures.map((each) => <Figure key={each.key} figure={each} search={search} />)}</div>
          </Section>
          <div className="grid">
            <div className="grid-half">
              <Section title={t("stages")}>
                <PlainTable
                  label={t("stages")}
                  head={[t("stage"), t("deals"), t("open_amount"), t("norm"), t("days"), t("over_norm")]}
                  rows={data.stages.map((each) => [each.name, f.number(each.opportunities), money(each.amount), each.norm_days || "–", f.number(each.median_days, 0), each.over_norm === "0" ? "0" : <span key="o" className="tag tag-warn">{each.over_norm}</span>])}
                />
              </Section>
            </div>
            <div className="grid-half">
              <Section title={t("ageing")}>
                <PlainTable label={t("ageing")} head={[t("ageing"), t("deals"), t("open_amount")]} rows={data.ageing.map((each) => [each.to_days ? t("from_days", { from: each.from_days, to: each.to_days }) : t("over_days", { from: each.from_days }), f.number(each.opportunities), money(each.amount)])} />
              </Section>
            </div>
          </div>
        </div>
      )}
    </Answered>
  );
}
