/** Which days a calendar shows, what falls on them, and where a key leads. Days are "2026-11-22", weeks begin on Monday. */
import dayjs from "dayjs";

export type View = "month" | "week";
export interface Item {
  id: string;
  /** The day it falls on, where the reader is. */
  on: string;
  /** "2026-11-22T09:30:00Z"; empty: some time that day. */
  at: string;
  title: string;
  note: string;
  to: string;
  kind: "follow-up" | "step";
  done: boolean;
}

const MOST_DAYS = 42;
const written = (day: dayjs.Dayjs) => day.format("YYYY-MM-DD");
export const today = (): string => written(dayjs());
export const dayOf = (moment: string): string => written(dayjs(moment));
/** A day as the address names it; what is no day is today. */
export const dayNamed = (text: string | null): string => (/^\d{4}-\d\d-\d\d$/.test(text ?? "") && dayjs(text).isValid() ? written(dayjs(text)) : today());
export const monthOf = (day: string): string => day.slice(0, 7);
const monday = (day: dayjs.Dayjs) => day.subtract((day.day() + 6) % 7, "day");

/** Whole weeks: the one around `at`, or those that hold a day of its month. */
export function daysOf(view: View, at: string): string[] {
  const day = dayjs(at);
  const first = monday(view === "week" ? day : day.startOf("month"));
  const last = view === "week" ? day : day.endOf("month");
  const days: string[] = [];
  for (let next = first; days.length < MOST_DAYS && (days.length % 7 || !next.isAfter(last, "day")); next = next.add(1, "day")) days.push(written(next));
  return days;
}

/** The next or previous month or week. */
export const turned = (view: View, at: string, by: -1 | 1): string => written(dayjs(at).add(by, view));

/** Where a key leads from a day; undefined for keys that mean nothing here. */
export function keyed(view: View, at: string, key: string): string | undefined {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  if (key in steps) return written(dayjs(at).add(steps[key] ?? 0, "day"));
  if (key === "PageUp" || key === "PageDown") return turned(view, at, key === "PageUp" ? -1 : 1);
  if (key === "Home") return written(monday(dayjs(at)));
  if (key === "End") return written(monday(dayjs(at)).add(6, "day"));
  return undefined;
}

/** What falls on each day: whole days first, then by the clock. */
export function byDay(items: readonly Item[]): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of [...items].sort((a, b) => a.at.localeCompare(b.at) || a.title.localeCompare(b.title))) found.set(item.on, [...(found.get(item.on) ?? []), item]);
  return found;
}
