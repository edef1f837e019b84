/** A chart, and the same as a table for whoever reads better that way. Loaded only with the pages that draw. */
import "./analytics.css";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use as draws, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { Button } from "antd";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { usePreferences } from "@/app/preferences";
import { useWords } from "@/i18n/words";
import { analyticsWords } from "./words";

draws([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);

export interface Series {
  name: string;
  kind: "bar" | "line" | "dashed" | "dots" | "band-floor" | "band";
  values: readonly (number | null)[];
  /** Right-hand axis. */
  right?: boolean;
}
interface Props {
  /** What a screen reader says of it. */
  label: string;
  axis: readonly string[];
  series: readonly Series[];
  format: (value: number) => string;
  formatRight?: (value: number) => string;
  /** Same values as rows: first cell names the row. */
  table: { head: readonly string[]; rows: readonly (readonly ReactNode[])[] };
  height?: number;
}

export default function Chart({ label, axis, series, format, formatRight = format, table, height = 280 }: Props) {
  const t = useWords(analyticsWords);
  const { isDark } = usePreferences();
  const [asTable, setAsTable] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const question = JSON.stringify([axis, series, isDark, asTable]);
  useEffect(() => {
    if (!place.current) return;
    const chart = init(place.current, null, { renderer: "svg" });
    chart.setOption(optionOf(axis, series, format, formatRight));
    const sized = new ResizeObserver(() => chart.resize());
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      chart.dispose();
    };
    // The formats are new at every render; what they draw changes with the question only.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [question]);
  return (
    <figure style={{ margin: 0 }}>
      {asTable ? <PlainTable label={label} {...table} /> : <div ref={place} className="chart" role="img" aria-label={label} style={{ height }} />}
      <div style={{ textAlign: "right" }}>
        <Button size="small" type="text" onClick={() => setAsTable(!asTable)}>{t(asTable ? "as_chart" : "as_table")}</Button>
      </div>
    </figure>
  );
}

export function PlainTable({ label, head, rows }: { label: string; head: readonly string[]; rows: readonly (readonly ReactNode[])[] }) {
  return (
    <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={label}>
      <table className="plain">
        <thead><tr>{head.map((each, at) => <th key={each} scope="col" className={at ? "num" : ""}>{each}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>{row.map((cell, column) => (column ? <td key={column} className="num">{cell}</td> : <th key={column} scope="row" style={{ color: "var(--ink)" }}>{cell}</th>))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function optionOf(axis: readonly string[], series: readonly Series[], format: (value: number) => string, formatRight: (value: number) => string): EChartsCoreOption {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const palette = [colour("--brand"), colour("--warn"), colour("--good"), colour("--mute"), colour("--bad")];
  const named = series.filter((each) => each.kind !== "band-floor");
  const axisLook = { axisLine: { lineStyle: { color: colour("--line-strong") } }, axisTick: { show: false }, axisLabel: { color: colour("--mute"), fontSize: 11 }, splitLine: { lineStyle: { color: colour("--line") } } };
  return {
    animation: false,
    color: palette,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 4, right: series.some((each) => each.right) ? 8 : 14, top: 38, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 8, textStyle: { color: colour("--ink"), fontSize: 12 }, data: named.map((each) => each.name) },
    tooltip: {
      trigger: "axis", backgroundColor: colour("--card"), borderColor: colour("--line-strong"), textStyle: { color: colour("--ink"), fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === "number" ? format(value) : "–"),
    },
    xAxis: { type: "category", data: axis, ...axisLook, splitLine: { show: false } },
    yAxis: [
      { type: "value", ...axisLook, axisLine: { show: false }, axisLabel: { ...axisLook.axisLabel, formatter: format } },
      ...(series.some((each) => each.right) ? [{ type: "value", minInterval: 1, ...axisLook, axisLine: { show: false }, splitLine: { show: false }, axisLabel: { ...axisLook.axisLabel, formatter: formatRight } }] : []),
    ],
    series: series.map((each) => {
      const shared = { name: each.name, data: each.values, yAxisIndex: each.right ? 1 : 0, ...(each.right ? { tooltip: { valueFormatter: (value: unknown) => (typeof value === "number" ? formatRight(value) : "–") } } : {}) };
      if (each.kind === "bar") return { ...shared, type: "bar", barMaxWidth: 26, itemStyle: { borderRadius: [3, 3, 0, 0] } };
      if (each.kind === "band-floor") return { ...shared, type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, tooltip: { show: false } };
      if (each.kind === "band") return { ...shared, type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, areaStyle: { color: colour("--brand"), opacity: 0.18 }, itemStyle: { color: colour("--brand"), opacity: 0.35 }, tooltip: { show: false } };
      if (each.kind === "dots") return { ...shared, type: "line", symbolSize: 8, lineStyle: { opacity: 0 } };
      return { ...shared, type: "line", symbolSize: 6, smooth: false, lineStyle: { width: 2, type: each.kind === "dashed" ? "dashed" : "solid" } };
    }),
  };
}
