/** Key figures against the period before, sales trend and customer growth. */
import { Select } from "antd";
import { lazy, Suspense, useState } from "react";
import { useAsk } from "@/api/hooks";
import { major, useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered, Notice, Waiting } from "@/ui/states";
import { Definitions, Figure } from "./Figure";
import { useSlice } from "./slice";
import { analyticsWords } from "./words";

const Chart = lazy(() => import("./Chart"));
const INTERVALS = ["day", "week", "month", "quarter"] as const;
const wire = { day: "INTERVAL_DAY", week: "INTERVAL_WEEK", month: "INTERVAL_MONTH", quarter: "INTERVAL_QUARTER" } as const;
/** Before anything that is kept. */
const FIRST_DAY = "2000-01-01";
interface Amounts { minor_units: string; currency_code: string }

/** The amount of one currency; 0 when there is none. */
export const inCurrency = (amounts: readonly Amounts[], currency: string): number => {
  const found = amounts.find((each) => each.currency_code === currency);
  return found ? major(found) : 0;
};
/** The currency in which most is; what is in others is told in the tables. */
export function mainCurrency(all: readonly (readonly Amounts[])[]): string {
  const sums = new Map<string, number>();
  for (const each of all.flat()) sums.set(each.currency_code, (sums.get(each.currency_code) ?? 0) + Math.abs(Number(each.minor_units)));
  return [...sums].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "CNY";
}

export default function Overview() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { query, search, period } = useSlice();
  const [interval, setInterval] = useState<(typeof INTERVALS)[number]>();
  const width = interval ?? (period === "all_time" || period === "this_year" ? "month" : "week");
  const live = { live: ["pipeline", "customer", "analytics"] as const, keep: true };
  const whole = period === "all_time"; // without a period the server takes its own, to compare it with the one before
  const kpis = useAsk("/v1/analytics/executive-kpis", { query: whole ? { ...query, "slice.from_on": FIRST_DAY } : query }, live);
  const trend = useAsk("/v1/analytics/sales-trend", { query: { ...query, interval: wire[width] } }, live);
  const growth = useAsk("/v1/analytics/customer-growth", { query: { ...query, interval: wire[width] } }, live);
  const chooser = <Select size="small" value={width} onChange={setInterval} aria-label={t("by")} options={INTERVALS.map((each) => ({ value: each, label: `${t("by")} ${t(each)}` }))} style={{ width: 116 }} />;
  return (
    <div className="stack">
      <Section title={t("kpis")}>
        <Answered of={kpis} rows={2}>
          {(data) => <div className="figures">{data.figures.map((each) => <Figure key={each.key} figure={each} before={whole ? undefined : data.before.find((b) => b.key === each.key)} search={search} />)}</div>}
        </Answered>
      </Section>
      <div className="grid">
        <div className="grid-half">
          <Section title={t("trend")} extra={<span className="row"><Definitions about={trend.data?.about} />{chooser}</span>}>
            <Answered of={trend}>
              {({ points }) => {
                if (!points.length) return <Notice quiet title={t("no_data")} text={t("no_data_text")} />;
                const currency = mainCurrency(points.flatMap((each) => [each.won_value, each.revenue]));
                const money = (value: number) => f.money({ minor_units: String(Math.round(value * 100)), currency_code: currency }, true);
                const all = (amounts: readonly Amounts[]) => amounts.map((each) => f.money(each)).join(" + ");
                return (
                  <Suspense fallback={<Waiting />}>
                    <Chart
                      label={t("trend")}
                      axis={points.map((each) => f.day(each.starts_on))}
                      format={money}
                      series={[
                        { name: t("won_value"), kind: "bar", values: points.map((each) => inCurrency(each.won_value, currency)) },
                        { name: t("revenue"), kind: "line", values: points.map((each) => inCurrency(each.revenue, currency)) },
                        { name: t("paid"), kind: "dashed", values: points.map((each) => inCurrency(each.paid, currency)) },
                      ]}
                      table={{ head: [t("period"), t("deals"), t("won_value"), t("revenue"), t("paid")], rows: points.map((each) => [f.day(each.starts_on), each.won, all(each.won_value), all(each.revenue), all(each.paid)]) }}
                    />
                  </Suspense>
                );
              }}
            </Answered>
          </Section>
        </div>
        <div className="grid-half">
          <Section title={t("growth")} extra={<span className="row"><Definitions about={growth.data?.about} />{chooser}</span>}>
            <Answered of={growth}>
              {({ points }) =>
                points.length ? (
                  <Suspense fallback={<Waiting />}>
                    <Chart
                      label={t("growth")}
                      axis={points.map((each) => f.day(each.starts_on))}
                      format={(value) => f.number(value)}
                      series={[
                        { name: t("total"), kind: "line", values: points.map((each) => Number(each.total)) },
                        { name: t("gained"), kind: "bar", values: points.map((each) => Number(each.gained)), right: true },
                        { name: t("lost"), kind: "bar", values: points.map((each) => Number(each.lost)), right: true },
                      ]}
                      table={{ head: [t("period"), t("total"), t("gained"), t("lost")], rows: points.map((each) => [f.day(each.starts_on), f.number(each.total), each.gained, each.lost]) }}
                    />
                  </Suspense>
                ) : (
                  <Notice quiet title={t("no_data")} text={t("no_data_text")} />
                )
              }
            </Answered>
          </Section>
        </div>
      </div>
    </div>
  );
}
