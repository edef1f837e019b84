/** What the figures are of: period, team, owner and the moment they were known. It lives in the address: a view is a link. */
import "./analytics.css";
import { HistoryOutlined } from "@ant-design/icons";
import { Button, DatePicker, Select } from "antd";
import dayjs from "dayjs";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import type { Query } from "@/api/client";
import { useAsOf } from "@/api/asOf";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { PersonSelect } from "@/ui/people";
import { analyticsWords } from "./words";

const PERIODS = ["this_month", "last_month", "this_quarter", "last_quarter", "last_90", "this_year", "all_time", "custom"] as const;
type Period = (typeof PERIODS)[number];
const FIRST: Period = "last_90";
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** First and last day of a named period; empty for no bound. */
export function daysOf(period: Period, today: dayjs.Dayjs): { from: string; to: string } {
  const written = (from: dayjs.Dayjs, to: dayjs.Dayjs) => ({ from: from.format("YYYY-MM-DD"), to: to.format("YYYY-MM-DD") });
  const month = today.startOf("month");
  const quarter = month.subtract(month.month() % 3, "month");
  switch (period) {
    case "this_month": return written(month, today);
    case "last_month": return written(month.subtract(1, "month"), month.subtract(1, "day"));
    case "this_quarter": return written(quarter, today);
    case "last_quarter": return written(quarter.subtract(3, "month"), quarter.subtract(1, "day"));
    case "last_90": return written(today.subtract(89, "day"), today);
    case "this_year": return written(today.startOf("year"), today);
    default: return { from: "", to: "" };
  }
}

/** The names of a slice in a question. */
export type SliceQuery = Pick<Query<"/v1/analytics/funnel">, "slice.from_on" | "slice.to_on" | "slice.team_id" | "slice.owner_id" | "slice.as_of" | "slice.effective_until" | "slice.time_zone">;

export function useSlice() {
  const [address, setAddress] = useSearchParams();
  const period = (PERIODS.find((each) => each === address.get("period")) ?? FIRST) as Period;
  const custom = { from: address.get("from") ?? "", to: address.get("to") ?? "" };
  const { from, to } = period === "custom" ? custom : daysOf(period, dayjs());
  const team = address.get("team") ?? "";
  const owner = address.get("owner") ?? "";
  const everywhere = useAsOf();
  const chosen = address.get("as_of") ?? "";
  const asOf = chosen || (everywhere.clock === "recorded" ? everywhere.at : "");
  const trueThen = !chosen && everywhere.clock === "effective" ? everywhere.at : "";
  const query = useMemo<SliceQuery>(() => {
    const known: SliceQuery = { "slice.time_zone": ZONE };
    if (from) known["slice.from_on"] = from;
    if (to) known["slice.to_on"] = to;
    if (team) known["slice.team_id"] = team;
    if (owner) known["slice.owner_id"] = owner;
    if (asOf) known["slice.as_of"] = asOf;
    if (trueThen) known["slice.effective_until"] = trueThen;
    return known;
  }, [from, to, team, owner, asOf, trueThen]);
  const change = (changes: Record<string, string>) =>
    setAddress((now) => {
      const next = new URLSearchParams(now);
      for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value); else next.delete(key);
      return next;
    }, { replace: true });
  return { query, change, period, from, to, team, owner, asOf: chosen, search: address.toString() };
}

export function SliceBar() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { change, period, from, to, team, owner, asOf } = useSlice();
  const mayTeams = useMay("identity.team.read");
  const mayPeople = useMay("identity.person.read");
  const teams = useAsk("/v1/teams", { query: { page_size: 500 } }, { live: ["identity"], enabled: mayTeams, freshMs: 300_000 });
  const changed = period !== FIRST || team || owner || asOf;
  return (
    <>
      <div className="row gap-below slice-bar" role="group" aria-label={t("period")}>
        <Select<Period> value={period} aria-label={t("period")} style={{ width: 140 }} onChange={(next) => change({ period: next, from: next === "custom" ? from : "", to: next === "custom" ? to : "" })} options={PERIODS.map((each) => ({ value: each, label: t(each) }))} />
        {period === "custom" && (
          <DatePicker.RangePicker
            allowEmpty={[true, true]}
            value={[from ? dayjs(from) : null, to ? dayjs(to) : null]}
            onChange={(days) => change({ from: days?.[0]?.format("YYYY-MM-DD") ?? "", to: days?.[1]?.format("YYYY-MM-DD") ?? "" })}
            aria-label={t("period")}
          />
        )}
        {mayTeams && (
          <Select<string> value={team} aria-label={t("all_teams")} style={{ width: 150 }} onChange={(next) => change({ team: next })} options={[{ value: "", label: t("all_teams") }, ...(teams.data?.teams ?? []).map((each) => ({ value: each.team_id, label: each.name }))]} />
        )}
        {mayPeople && <div className="slice-owner"><PersonSelect value={owner} onChange={(id) => change({ owner: id })} placeholder={t("owner")} label={t("owner")} /></div>}
        <DatePicker
          showTime={{ format: "HH:mm" }}
          value={asOf ? dayjs(asOf) : null}
          onChange={(moment) => change({ as_of: moment ? moment.toISOString() : "" })}
          maxDate={dayjs()}
          format="YYYY-MM-DD HH:mm"
          placeholder={`${t("as_of")}: ${t("now")}`}
          aria-label={t("as_of")}
          style={{ width: 190 }}
        />
        {changed && <Button type="text" onClick={() => change({ period: "", from: "", to: "", team: "", owner: "", as_of: "" })}>{t("reset")}</Button>}
      </div>
      {asOf && (
        <div className="strip gap-below" style={{ borderRadius: 8 }} role="status">
          <span className="row"><HistoryOutlined aria-hidden /> {t("as_of_note", { when: f.moment(asOf) })} <Button size="small" type="link" onClick={() => change({ as_of: "" })}>{t("back_to_now")}</Button></span>
        </div>
      )}
    </>
  );
}
