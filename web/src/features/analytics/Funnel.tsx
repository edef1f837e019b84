/** The funnel: how many deals reached each stage, went on, dropped off; and the win cycle. */
import "./analytics.css";
import { Select } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { PlainTable } from "./Chart";
import { Definitions } from "./Figure";
import { useDimensionNames, type Dimension } from "./names";
import { useSlice } from "./slice";
import { analyticsWords, type AnalyticsWord } from "./words";

const GROUPS: readonly [Dimension, AnalyticsWord][] = [["DIMENSION_SOURCE", "d_source"], ["DIMENSION_OWNER", "d_owner"], ["DIMENSION_TEAM", "d_team"], ["DIMENSION_INDUSTRY", "d_industry"], ["DIMENSION_REGION", "d_region"], ["DIMENSION_MONTH", "d_month"]];
const LIVE = { live: ["pipeline", "analytics"] as const, keep: true };

export default function Funnel() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { query, search } = useSlice();
  const [group, setGroup] = useState<Dimension>("DIMENSION_SOURCE");
  const funnel = useAsk("/v1/analytics/funnel", { query: { ...query, group_by: group } }, LIVE);
  const name = useDimensionNames(group);
  const money = (amounts: { minor_units: string; currency_code: string }[]) => amounts.map((each) => f.money(each, true)).join(" + ") || "–";
  return (
    <div className="stack">
      <Section title={t("funnel")} extra={<Definitions about={funnel.data?.about} />}>
        <Answered of={funnel}>
          {({ stages, totals }) => {
            if (!Number(totals?.opportunities ?? 0)) return <Notice quiet title={t("no_data")} text={t("no_data_text")} />;
            const most = Math.max(1, ...stages.map((each) => Number(each.entered)));
            return (
              <>
                <div className="bars">
                  {stages.map((each) => (
                    <div key={each.stage_id} className="funnel-row">
                      <div className="clip strong">{each.name || t("unknown")}</div>
                      <div className="funnel-bar">
                        <Link to={`/analytics/records/opportunities?${withStage(search, each.stage_id)}`} style={{ width: `${(Number(each.entered) / most) * 100}%` }} aria-label={t("stage_deals", { name: each.name, count: each.entered })} />
                        <b>{f.number(each.entered)}</b>
                      </div>
                      <div className="funnel-side">
                        <span className="strong" style={{ color: "var(--ink)" }}>{each.conversion === undefined ? "–" : f.percent(each.conversion, 0)}</span> {t("converted")} · <span className={(each.drop_off ?? 0) > 0.2 ? "bad" : ""}>{f.percent(each.drop_off ?? 0, 0)}</span> {t("dropped")}
                      </div>
                    </div>
                  ))}
                  <div className="funnel-row">
                    <div className="strong good">{t("won")}</div>
                    <div className="funnel-bar">
                      <Link to={`/analytics/records/won?${search}`} style={{ width: `${(Number(totals?.won ?? 0) / most) * 100}%`, background: "var(--good)" }} aria-label={t("stage_deals", { name: t("won"), count: totals?.won ?? 0 })} />
                      <b>{f.number(totals?.won)}</b>
                    </div>
                    <div className="funnel-side">{t("win_rate")} <span className="strong" style={{ color: "var(--ink)" }}>{f.percent(totals?.win_rate)}</span> · {money(totals?.won_value ?? [])}</div>
                  </div>
                </div>
                <div className="gap-above">
                  <PlainTable
                    label={t("funnel")}
                    head={[t("stage"), t("entered"), t("converted"), t("dropped"), t("in_stage"), t("open_amount"), t("days")]}
                    rows={stages.map((each) => [each.name, f.number(each.entered), `${f.number(each.converted)} · ${f.percent(each.conversion ?? 0, 0)}`, `${f.number(each.dropped_off)} · ${f.percent(each.drop_off ?? 0, 0)}`, f.number(each.now_in_stage), money(each.open_amount), each.days_in_stage?.median === undefined ? "–" : f.number(each.days_in_stage.median, 1)])}
                  />
                </div>
              </>
            );
          }}
        </Answered>
      </Section>
      <div className="grid">
        <div className="grid-half">
          <Section title={t("group_by")} extra={<Select<Dimension> size="small" value={group} onChange={setGroup} aria-label={t("group_by")} options={GROUPS.map(([value, label]) => ({ value, label: t(label) }))} style={{ width: 120 }} />}>
            <Answered of={funnel}>
              {({ groups }) => (
                <PlainTable
                  label={t("group_by")}
                  head={[t(GROUPS.find(([key]) => key === group)?.[1] ?? "d_source"), t("deals"), t("won"), t("win_rate"), t("won_value")]}
                  rows={groups.map((each) => [group === "DIMENSION_OWNER" && each.key ? <PersonName key="p" id={each.key} /> : name(each.key, each.label) || t("unknown"), f.number(each.totals?.opportunities), f.number(each.totals?.won), each.totals?.win_rate === undefined ? "–" : f.percent(each.totals.win_rate, 0), money(each.totals?.won_value ?? [])])}
                />
              )}
            </Answered>
          </Section>
        </div>
        <div className="grid-half"><WinCycle /></div>
      </div>
    </div>
  );
}

function withStage(search: string, stage: string): string {
  const next = new URLSearchParams(search);
  next.set("stage", stage);
  return next.toString();
}

function WinCycle() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { query } = useSlice();
  const cycle = useAsk("/v1/analytics/win-cycle", { query: { ...query, by: "DIMENSION_INDUSTRY" } }, LIVE);
  const name = useDimensionNames("DIMENSION_INDUSTRY");
  return (
    <Section title={t("win_cycle")} extra={<Definitions about={cycle.data?.about} />}>
      <Answered of={cycle}>
        {({ overall, cycles }) => {
          if (!Number(overall?.sample ?? 0)) return <Notice quiet title={t("no_data")} text={t("no_data_text")} />;
          const longest = Math.max(1, ...cycles.map((each) => each.days?.p90 ?? 0));
          const row = (label: string, days: typeof overall) => [label, <span key="m" className="row" style={{ justifyContent: "flex-end", flexWrap: "nowrap" }}><span className="spark" style={{ width: `${((days?.median ?? 0) / longest) * 90}px` }} aria-hidden />{f.number(days?.median, 0)}</span>, f.number(days?.p90, 0), f.number(days?.sample)];
          return (
            <>
              <PlainTable label={t("win_cycle")} head={[t("industry"), t("days"), t("p90_days"), t("wins")]} rows={[row(t("overall"), overall), ...cycles.map((each) => row(name(each.key, each.label) || t("unknown"), each.days))]} />
              <p className="figure-note gap-above">{t("cycle_text")}</p>
            </>
          );
        }}
      </Answered>
    </Section>
  );
}
