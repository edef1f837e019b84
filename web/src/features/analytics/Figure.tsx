/** One number with what it means, how fresh it is, what it was before, and the way to the records behind it. */
import "./analytics.css";
import { InfoCircleOutlined } from "@ant-design/icons";
import { Popover } from "antd";
import { Link } from "react-router";
import type { Answer } from "@/api/client";
import { major, useFormats, type Formats } from "@/i18n/format";
import { useLanguage, useWords, type Language } from "@/i18n/words";
import { analyticsWords } from "./words";

export type FigureData = Answer<"/v1/analytics/executive-kpis">["figures"][number];
export type About = Answer<"/v1/analytics/funnel">["about"];
type Freshness = FigureData["freshness"];

/** The value as a person reads it; empty when nothing is known. */
export function valueOf(figure: FigureData | undefined, f: Formats): string {
  if (!figure) return "";
  if (figure.definition?.unit === "UNIT_MONEY") return figure.amounts.map((each) => f.money(each, true)).join(" + ");
  if (figure.number === undefined) return figure.shares.map((each) => `${each.currency_code} ${f.percent(each.share)}`).join(" · ");
  if (figure.definition?.unit === "UNIT_RATIO") return f.percent(figure.number);
  return f.number(figure.number, figure.definition?.unit === "UNIT_COUNT" ? 0 : 1);
}

/** One number to compare with the same figure of another period. */
function comparable(figure: FigureData | undefined): number | undefined {
  if (!figure) return undefined;
  if (figure.number !== undefined) return figure.number;
  return figure.amounts.length === 1 && figure.amounts[0] ? major(figure.amounts[0]) : undefined;
}

/** The question of the records: the days that the figure really covers, which the server filled in where none were asked for. */
function covered(figure: FigureData, search: string): string {
  const next = new URLSearchParams(search);
  const { from_on = "", to_on = "" } = figure.slice ?? {};
  if (from_on || to_on) {
    next.set("period", "custom");
    next.set("from", from_on);
    next.set("to", to_on);
  } else next.set("period", "all_time");
  return next.toString();
}

// More of these is worse.
const WORSE = new Set(["churn", "lost_customers", "overdue", "slipped", "stale", "lost"]);

export function Figure({ figure, before, search }: { figure: FigureData; before?: FigureData | undefined; search: string }) {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { language } = useLanguage();
  const label = labelOf(figure.definition, language) || figure.key;
  const value = valueOf(figure, f);
  const remark = language === "zh" ? figure.remark_zh : figure.remark_en;
  const [now, then] = [comparable(figure), comparable(before)];
  const change = now !== undefined && then !== undefined && then !== 0 ? (now - then) / Math.abs(then) : undefined;
  const good = change === undefined || Math.abs(change) < 0.005 ? "" : change > 0 !== WORSE.has(figure.key) ? "good" : "bad";
  const count = f.number(figure.sample);
  return (
    <div className="figure">
      <div className="figure-label">
        {label} <Explained definition={figure.definition} freshness={figure.freshness} label={label} remark={remark} />
      </div>
      <div className="figure-value">{figure.definition?.record_kind && value ? <Link to={`/analytics/records/${figure.key}?${covered(figure, search)}`} style={{ color: "inherit" }} aria-label={`${label} ${value}: ${t("see_records", { count })}`}>{value}</Link> : value || "–"}</div>
      <div className="figure-note">
        {!value && (remark || t("no_value"))}
        {value && change !== undefined && <><span className={good}>{change > 0 ? "▲" : change < 0 ? "▼" : ""} {f.percent(Math.abs(change), 0)}</span> {t("before", { value: valueOf(before, f) })}</>}
        {value && change === undefined && t("sample", { count })}
      </div>
    </div>
  );
}

export const labelOf = (definition: { label_zh: string; label_en: string } | undefined, language: Language): string =>
  (language === "zh" ? definition?.label_zh : definition?.label_en) ?? "";

/** The small "i": definition and freshness. */
export function Explained({ definition, freshness, label, remark }: { definition?: { text_zh: string; text_en: string } | undefined; freshness: Freshness; label: string; remark?: string }) {
  const t = useWords(analyticsWords);
  const { language } = useLanguage();
  return (
    <Popover
      trigger={["click", "hover", "focus"]}
      title={label}
      content={
        <div style={{ maxWidth: 340 }} className="stack">
          {definition && <p>{language === "zh" ? definition.text_zh : definition.text_en}</p>}
          {remark && <p className="warn">{remark}</p>}
          <Fresh of={freshness} />
        </div>
      }
    >
      <button type="button" aria-label={`${label}: ${t("definition")}`}><InfoCircleOutlined aria-hidden /></button>
    </Popover>
  );
}

/** Up to when the figures are complete, and what is missing. */
export function Fresh({ of }: { of: Freshness }) {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const behind = of.reduce((sum, each) => sum + Number(each.lag_events ?? 0), 0);
  const parked = of.reduce((sum, each) => sum + Number(each.parked_events ?? 0), 0);
  const last = of.map((each) => each.last_recorded_at ?? "").sort().at(-1);
  return (
    <p className="figure-note">
      {t("fresh", { when: f.moment(last) })} {behind > 0 && <span className="warn">{t("behind", { count: f.number(behind) })}</span>} {parked > 0 && <span className="bad">{t("parked", { count: f.number(parked) })}</span>}
    </p>
  );
}

/** A heading's "i": the definitions of all numbers of an answer. */
export function Definitions({ about }: { about: About | undefined }) {
  const t = useWords(analyticsWords);
  const { language } = useLanguage();
  if (!about) return null;
  return (
    <Popover
      trigger={["click", "hover", "focus"]}
      placement="bottomRight"
      content={
        <dl style={{ maxWidth: 380, maxHeight: 420, overflow: "auto" }} className="stack">
          {about.definitions.map((each) => (
            <div key={each.key}><dt className="strong">{labelOf(each, language)}</dt><dd>{language === "zh" ? each.text_zh : each.text_en}</dd></div>
          ))}
          <Fresh of={about.freshness} />
        </dl>
      }
    >
      <button type="button" className="quiet" style={{ border: 0, background: "none", padding: 0, cursor: "help" }} aria-label={t("definition")}><InfoCircleOutlined aria-hidden /> {t("definition")}</button>
    </Popover>
  );
}
