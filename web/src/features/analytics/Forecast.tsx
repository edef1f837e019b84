/** The forecast with its band, what it is made of, and how wrong it was in the past. */
import { Segmented, Select } from "antd";
import { lazy, Suspense, useState } from "react";
import type { Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { decimals, useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered, Notice, Waiting } from "@/ui/states";
import { Definitions } from "./Figure";
import { useSlice } from "./slice";
import { analyticsWords } from "./words";

const Chart = lazy(() => import("./Chart"));
type Data = Answer<"/v1/analytics/forecast">;
type Month = Data["deals"][number];
type Score = Data["deal_scores"][number];
type Point = Data["deal_points"][number];
const COUNT = "count";

export default function Forecast() {
  const t = useWords(analyticsWords);
  const { language } = useLanguage();
  const f = useFormats();
  const { query } = useSlice();
  const [months, setMonths] = useState(3);
  const [chosen, setChosen] = useState("");
  const forecast = useAsk("/v1/analytics/forecast", { query: { "slice.team_id": query["slice.team_id"] ?? "", "slice.owner_id": query["slice.owner_id"] ?? "", "slice.as_of": query["slice.as_of"] ?? "", "slice.effective_until": query["slice.effective_until"] ?? "", "slice.time_zone": query["slice.time_zone"] ?? "", months } }, { live: ["pipeline", "analytics"], keep: true, freshMs: 60_000 });
  return (
    <Answered of={forecast} rows={8}>
      {(data) => {
        const of = chosen || data.currencies[0]?.currency_code || COUNT;
        const currency = data.currencies.find((each) => each.currency_code === of);
        const shown: { months: readonly Month[]; scores: readonly Score[]; points: readonly Point[]; best: string } = currency
          ? { months: currency.months, scores: currency.scores, points: currency.points, best: currency.best_method }
          : { months: data.deals, scores: data.deal_scores, points: data.deal_points, best: data.best_deal_method };
        const unit = currency ? 10 ** decimals(currency.currency_code) : 1;
        const say = (value: number) => (currency ? f.money({ minor_units: String(Math.round(value)), currency_code: currency.currency_code }, true) : f.number(value, 1));
        const draw = (value: number) => say(value * unit);
        const scaled = (value: number | undefined) => (value === undefined ? null : value / unit);
        const warning = language === "zh" ? data.basis?.warning_zh : data.basis?.warning_en;
        const month = (value: string) => f.month(value);
        return (
          <div className="stack">
            {warning && <div className="strip" style={{ borderRadius: 8 }} role="status">{warning}</div>}
            <Section
              title={t("forecast_title")}
              extra={
                <span className="row">
                  <Definitions about={data.about} />
                  <Segmented size="small" value={of} onChange={setChosen} options={[...data.currencies.map((each) => ({ value: each.currency_code, label: each.currency_code })), { value: COUNT, label: t("count") }]} />
                  <Select<number> size="small" value={months} onChange={setMonths} aria-label={t("months_ahead")} options={[1, 3, 6, 12].map((each) => ({ value: each, label: `${t("months_ahead")}: ${each}` }))} style={{ width: 160 }} />
                </span>
              }
            >
              <div className="figures gap-below">
                {shown.months.slice(0, 3).map((each) => (
                  <div key={each.month} className="figure">
                    <div className="figure-label">{month(each.month)}</div>
                    <div className="figure-value">{say(each.p50)}</div>
                    <div className="figure-note">{say(each.p10)} – {say(each.p90)}{each.already ? ` · ${t("already")} ${say(each.already)}` : ""}</div>
                  </div>
                ))}
              </div>
              <Suspense fallback={<Waiting />}>
                <Chart
                  label={t("forecast_title")}
                  axis={shown.months.map((each) => month(each.month))}
                  format={draw}
                  series={[
                    { name: "floor", kind: "band-floor", values: shown.months.map((each) => scaled(each.p10)) },
                    { name: t("band"), kind: "band", values: shown.months.map((each) => scaled(each.p90 - each.p10)) },
                    { name: t("p50"), kind: "line", values: shown.months.map((each) => scaled(each.p50)) },
                    { name: t("already"), kind: "bar", values: shown.months.map((each) => scaled(each.already)) },
                    { name: t("weighted"), kind: "dashed", values: shown.months.map((each) => scaled(each.weighted_pipeline)) },
                  ]}
                  table={{ head: [t("month"), t("p10"), t("p50"), t("p90"), t("already"), t("from_open"), t("from_new"), t("weighted"), t("naive")], rows: shown.months.map((each) => [month(each.month), say(each.p10), say(each.p50), say(each.p90), say(each.already), say(each.from_open), say(each.from_new), say(each.weighted_pipeline), say(each.naive_mean)]) }}
                />
              </Suspense>
            </Section>
            <Section title={t("past_error")}>
              <p className="quiet gap-below">{t("past_text")} {data.basis && t("basis_text", { months: data.basis.months, opportunities: f.number(data.basis.opportunities), won: f.number(data.basis.won) })}</p>
              <Past scores={shown.scores} points={shown.points} best={shown.best} draw={draw} unit={unit} />
              <details className="gap-above"><summary>{t("how")}</summary><p className="quiet">{language === "zh" ? data.method_zh : data.method_en}</p></details>
            </Section>
          </div>
        );
      }}
    </Answered>
  );
}

function Past({ scores, points, best, draw, unit }: { scores: readonly Score[]; points: readonly Point[]; best: string; draw: (value: number) => string; unit: number }) {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const names: Record<string, string> = { model: t("model"), naive_mean: t("naive"), same_month_last_year: t("last_year"), weighted_pipeline: t("weighted") };
  const next = scores.filter((each) => each.horizon === 1);
  const ahead = points.filter((each) => each.horizon === 1);
  if (!next.length) return <Notice quiet title={t("too_little")} />;
  return (
    <>
      <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("method")}>
        <table className="plain">
          <thead><tr><th scope="col">{t("method")}</th><th scope="col" className="num">{t("error")}</th><th scope="col" className="num">{t("bias")}</th><th scope="col" className="num">{t("hits")}</th><th scope="col" className="num">{t("tested")}</th></tr></thead>
          <tbody>
            {next.map((each) => (
              <tr key={each.method}>
                <td>{names[each.method] ?? each.method} {each.method === best && <span className="tag tag-good">{t("best")}</span>}</td>
                <td className="num">{f.percent(each.wape)}</td>
                <td className="num">{each.bias > 0 ? "+" : ""}{f.percent(each.bias)}</td>
                <td className="num">{each.coverage === undefined ? "–" : f.percent(each.coverage, 0)}</td>
                <td className="num">{f.number(each.sample)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ahead.length > 1 && (
        <div className="gap-above">
          <Suspense fallback={<Waiting />}>
            <Chart
              label={t("backtest")}
              axis={ahead.map((each) => f.month(each.month))}
              format={draw}
              height={220}
              series={[
                { name: "floor", kind: "band-floor", values: ahead.map((each) => each.p10 / unit) },
                { name: t("band"), kind: "band", values: ahead.map((each) => (each.p90 - each.p10) / unit) },
                { name: t("p50"), kind: "dashed", values: ahead.map((each) => each.p50 / unit) },
                { name: t("actual"), kind: "dots", values: ahead.map((each) => each.actual / unit) },
              ]}
              table={{ head: [t("month"), t("p10"), t("p50"), t("p90"), t("actual")], rows: ahead.map((each) => [f.month(each.month), draw(each.p10 / unit), draw(each.p50 / unit), draw(each.p90 / unit), draw(each.actual / unit)]) }}
            />
          </Suspense>
        </div>
      )}
    </>
  );
}
