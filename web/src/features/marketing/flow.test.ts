import { describe, expect, it } from "vitest";
import { insertAfter, layOut, takeOut, type Step } from "./flow";

const step = (id: string, more: Partial<Step> = {}): Step => ({ step_id: id, name: id, kind: "STEP_KIND_WAIT", next_step_id: "", template_id: "", wait_s: "60", yes_step_id: "", no_step_id: "", tag: "", coupon_valid_days: 0, ...more });

describe("the drawing of a journey", () => {
  it("puts a step that two ways lead to below both, and nothing on top of another", () => {
    const steps = [step("ask", { kind: "STEP_KIND_CONDITION", yes_step_id: "a", no_step_id: "b" }), step("a", { next_step_id: "c" }), step("b", { next_step_id: "c" }), step("c")];
    const { placed, ways } = layOut(steps);
    const at = (id: string) => placed.find((each) => each.id === id) as { x: number; y: number };
    expect(at("a").y).toBe(at("b").y);
    expect(at("c").y).toBeGreaterThan(at("a").y);
    expect(at("a").x).toBeLessThan(at("b").x);
    expect(new Set(placed.map((each) => `${each.x},${each.y}`)).size).toBe(placed.length);
    expect(ways).toContainEqual({ from: "ask", to: "b", label: "no" });
  });
  it("draws a circle without end while one edits", () => {
    expect(layOut([step("a", { next_step_id: "b" }), step("b", { next_step_id: "a" })]).placed).toHaveLength(2);
  });
  it("keeps the way on when a step is put in or taken out", () => {
    const steps = [step("a", { next_step_id: "b" }), step("b")];
    const more = insertAfter(steps, "a", "", step("x"));
    expect(more.map((each) => [each.step_id, each.next_step_id])).toEqual([["a", "x"], ["x", "b"], ["b", ""]]);
    expect(takeOut(more, "x").map((each) => [each.step_id, each.next_step_id])).toEqual([["a", "b"], ["b", ""]]);
  });
});
