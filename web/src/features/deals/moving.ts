/** What a move does to the board before the server has agreed. */
import type { Answer } from "@/api/client";
import type { Amount } from "@/i18n/format";
import type { Deal, Stage } from "./show";

export type BoardAnswer = Answer<"/v1/pipelines/{pipeline_id}/board">;

/** The sums with an amount more or less; amounts of other currencies are never added. */
export const plus = (sums: readonly Amount[], amount: Amount | undefined, sign: 1n | -1n): Amount[] => {
  if (!amount) return [...sums];
  const changed = sums.map((each) => (each.currency_code === amount.currency_code ? { ...each, minor_units: String(BigInt(each.minor_units) + sign * BigInt(amount.minor_units)) } : each));
  return changed.some((each) => each.currency_code === amount.currency_code) ? changed : [...changed, amount];
};

/** The board as it will be: the card in its new column, counts and sums with it. */
export function moved(board: BoardAnswer, deal: Deal, to: Stage): BoardAnswer {
  return {
    ...board,
    columns: board.columns.map((column) => {
      if (column.stage?.stage_id === deal.stage_id)
        return { ...column, deals: column.deals - 1, stuck: column.stuck - Number(deal.stuck), sums: plus(column.sums, deal.amount, -1n), cards: column.cards.filter((card) => card.opportunity_id !== deal.opportunity_id) };
      if (column.stage?.stage_id === to.stage_id)
        return { ...column, deals: column.deals + 1, sums: plus(column.sums, deal.amount, 1n), cards: [...column.cards, { ...deal, stage_id: to.stage_id, stage_name: to.name, days_in_stage: 0, stuck: false }] };
      return column;
    }),
  };
}
