import { describe, expect, it } from "vitest";
import { counted, inOrder, isLate, type Item, type Kind } from "./order";

const NOW = new Date("2026-03-02T10:00:00Z");
const item = (kind: Kind, at: string): Item => ({ kind, id: `${kind}@${at}`, to: "/", title: "", detail: "", at });

describe("today", () => {
  it("puts late follow-ups first, then decisions, the rest of the day, leads and who fell silent", () => {
    const silent = item("silent", "2025-10-01T00:00:00Z");
    const later = item("follow-up", "2026-03-02T16:00:00Z");
    const lead = item("lead", "2026-03-02T09:00:00Z");
    const approval = item("approval", "2026-03-02T09:30:00Z");
    const late = item("follow-up", "2026-03-01T09:00:00Z");
    const later_late = item("follow-up", "2026-03-02T09:59:00Z");
    expect(inOrder([silent, later, later_late, lead, approval, late], NOW)).toEqual([late, later_late, approval, later, lead, silent]);
  });

  it("puts what waits longest first, and does not change what it is given", () => {
    const given = [item("lead", "2026-03-02T09:00:00Z"), item("lead", "2026-02-27T09:00:00Z")];
    expect(inOrder(given, NOW).map((each) => each.at)).toEqual(["2026-02-27T09:00:00Z", "2026-03-02T09:00:00Z"]);
    expect(given[0]?.at).toBe("2026-03-02T09:00:00Z");
  });

  it("calls only follow-ups late, from their minute on", () => {
    expect(isLate(item("follow-up", "2026-03-02T10:00:00Z"), NOW)).toBe(false);
    expect(isLate(item("follow-up", "2026-03-02T09:59:59Z"), NOW)).toBe(true);
    expect(isLate(item("lead", "2020-01-01T00:00:00Z"), NOW)).toBe(false);
    expect(isLate(item("follow-up", ""), NOW)).toBe(false);
  });

  it("counts each kind", () => {
    expect(counted([item("lead", ""), item("lead", ""), item("silent", "")])).toEqual({ "follow-up": 0, approval: 0, lead: 2, silent: 1 });
  });
});
