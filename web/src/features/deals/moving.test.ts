import { describe, expect, it } from "vitest";
import { moved, plus, type BoardAnswer } from "./moving";
import type { Deal, Stage } from "./show";

const stage = (stage_id: string): Stage => ({ stage_id, name: stage_id, probability: 10, norm_days: 5, order: 1, kind: "STAGE_KIND_OPEN" });
const deal = (opportunity_id: string, minor_units: string, stuck = false) => ({ opportunity_id, stage_id: "a", stuck, days_in_stage: 9, amount: { minor_units, currency_code: "CNY" } }) as Deal;

describe("a card that is moved", () => {
  const stuck = deal("1", "9007199254740993", true);
  const board = {
    columns: [
      { stage: stage("a"), deals: 2, stuck: 1, sums: [{ minor_units: "9007199254741093", currency_code: "CNY" }], weighted: [], cards: [stuck, deal("2", "100")] },
      { stage: stage("b"), deals: 1, stuck: 0, sums: [{ minor_units: "5", currency_code: "EUR" }], weighted: [], cards: [] },
    ],
  } as BoardAnswer;

  it("takes its count and its exact sum along, and starts anew in its stage", () => {
    const [from, to] = moved(board, stuck, stage("b")).columns;
    expect([from?.deals, from?.stuck, from?.sums]).toEqual([1, 0, [{ minor_units: "100", currency_code: "CNY" }]]);
    expect([to?.deals, to?.stuck]).toEqual([2, 0]);
    expect(to?.sums).toEqual([{ minor_units: "5", currency_code: "EUR" }, { minor_units: "9007199254740993", currency_code: "CNY" }]);
    expect(to?.cards.map((card) => [card.opportunity_id, card.stage_id, card.days_in_stage, card.stuck])).toEqual([["1", "b", 0, false]]);
  });

  it("adds amounts of one currency only", () => {
    expect(plus([{ minor_units: "1", currency_code: "EUR" }], { minor_units: "2", currency_code: "CNY" }, 1n)).toHaveLength(2);
    expect(plus([{ minor_units: "3", currency_code: "CNY" }], { minor_units: "2", currency_code: "CNY" }, -1n)).toEqual([{ minor_units: "1", currency_code: "CNY" }]);
  });
});
