import { expect, it } from "vitest";
import { byDay, daysOf, keyed, turned, type Item } from "./days";

it("shows whole weeks from Monday to Sunday", () => {
  expect(daysOf("week", "2026-11-22")).toEqual(["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]);
  const november = daysOf("month", "2026-11-22");
  expect([november[0], november.at(-1), november.length]).toEqual(["2026-10-26", "2026-12-06", 42]);
  const february = daysOf("month", "2027-02-10"); // begins on a Monday and has four weeks
  expect([february[0], february.at(-1), february.length]).toEqual(["2027-02-01", "2027-02-28", 28]);
});

it("goes where the keys lead, over the ends of months too", () => {
  expect(keyed("month", "2026-11-30", "ArrowRight")).toBe("2026-12-01");
  expect(keyed("month", "2026-11-03", "ArrowUp")).toBe("2026-10-27");
  expect(keyed("month", "2026-11-22", "Home")).toBe("2026-11-16");
  expect(keyed("week", "2026-11-22", "PageDown")).toBe("2026-11-29");
  expect(keyed("month", "2026-01-31", "PageDown")).toBe("2026-02-28");
  expect(keyed("month", "2026-11-22", "x")).toBeUndefined();
  expect(turned("month", "2026-12-15", 1)).toBe("2027-01-15");
});

it("puts whole days before hours, and hours in their order", () => {
  const item = (id: string, at: string): Item => ({ id, on: "2026-11-22", at, title: id, note: "", to: "", kind: "follow-up", done: false });
  const found = byDay([item("late", "2026-11-22T15:00:00Z"), item("early", "2026-11-22T08:00:00Z"), item("all-day", "")]);
  expect(found.get("2026-11-22")?.map((each) => each.id)).toEqual(["all-day", "early", "late"]);
});
