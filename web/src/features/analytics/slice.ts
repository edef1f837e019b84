/** What the figures are of: period, team, owner and the moment they were known. It lives in the address: a view is a link. */
import dayjs from "dayjs";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import type { Query } from "@/api/client";
import { useAsOf } from "@/api/asOf";

export const PERIODS = ["this_month", "last_month", "this_quarter", "last_quarter", "last_90", "this_year", "all_time", "custom"] as const;
export type Period = (typeof PERIODS)[number];
export const FIRST: Period = "last_90";
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
