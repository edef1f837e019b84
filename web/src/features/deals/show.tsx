/** How deals, quotes, contracts, orders and approvals show. */
import { App } from "antd";
import { useRef } from "react";
import type { Answer } from "@/api/client";
import { postOrKeep } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Tag, type Tone } from "@/ui/Tag";
import { dealWords } from "./dealWords";

export type Deal = Answer<"/v1/opportunities">["opportunities"][number];
export type Pipeline = Answer<"/v1/pipelines">["pipelines"][number];
export type Stage = Pipeline["stages"][number];
export type Quote = Answer<"/v1/quotes">["quotes"][number];
export type QuoteLine = Quote["lines"][number];
export type Contract = Answer<"/v1/contracts">["contracts"][number];
export type Order = Answer<"/v1/orders">["orders"][number];
export type Approval = Answer<"/v1/approvals">["approvals"][number];
type State = Deal["state"] | Quote["state"] | Contract["state"] | Order["state"] | Approval["state"];

const tones: Partial<Record<State, Tone>> = {
  OPPORTUNITY_STATE_WON: "good", OPPORTUNITY_STATE_LOST: "dull", OPPORTUNITY_STATE_TAKEN_BACK: "dull", OPPORTUNITY_STATE_OPEN: "brand",
  QUOTE_STATE_PENDING: "warn", QUOTE_STATE_READY: "brand", QUOTE_STATE_SENT: "brand", QUOTE_STATE_ACCEPTED: "good", QUOTE_STATE_DECLINED: "dull", QUOTE_STATE_EXPIRED: "bad",
  CONTRACT_STATE_PENDING: "warn", CONTRACT_STATE_APPROVED: "brand", CONTRACT_STATE_SIGNED: "good", CONTRACT_STATE_TERMINATED: "dull",
  ORDER_STATE_PENDING: "warn", ORDER_STATE_CONFIRMED: "brand", ORDER_STATE_SHIPPED: "brand", ORDER_STATE_DELIVERED: "good", ORDER_STATE_CANCELLED: "dull",
  APPROVAL_STATE_PENDING: "warn", APPROVAL_STATE_GRANTED: "good", APPROVAL_STATE_REJECTED: "bad", APPROVAL_STATE_RETURNED: "warn", APPROVAL_STATE_WITHDRAWN: "dull",
};

export function StateTag({ state }: { state: State }) {
  const t = useWords(dealWords);
  return <Tag tone={tones[state]}>{t(state)}</Tag>;
}

/** 1500 -> 15 %. */
export const percentOf = (basisPoints: number): number => basisPoints / 10_000;

/** "12 d" in its stage; marked when that is longer than the norm. */
export function DaysInStage({ deal }: { deal: Deal }) {
  const t = useWords(dealWords);
  const text = t("days", { days: deal.days_in_stage });
  if (!deal.stuck) return <span className="quiet num">{text}</span>;
  return <span className="tag tag-bad" title={t("stuck_why", { days: deal.days_in_stage, norm: deal.norm_days })}>{t("stuck")} · {text}</span>;
}

export function StepLine({ step, on, open }: { step: string; on: string; open: boolean }) {
  const t = useWords(dealWords);
  const f = useFormats();
  if (!step) return <span className={open ? "warn" : "quiet"}>{open ? t("no_step") : "–"}</span>;
  return (
    <span>
      {step} <span className={open && on < today() ? "bad" : "quiet"}>{f.day(on)}</span>
    </span>
  );
}

const dayOf = (date: Date): string => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
/** Days where the reader is, ISO 8601. */
export const today = (): string => dayOf(new Date());
export const inDays = (count: number): string => dayOf(new Date(Date.now() + count * 86_400_000));

/**
 * Moves a deal to a stage, each move on the version that the one before made: whoever moves one twice before the page
 * was asked again is not in conflict with himself. Throws Problem.
 */
export function useAdvance(): (deal: Deal, stage: Stage) => Promise<void> {
  const last = useRef(new Map<string, Promise<string>>());
  return async (deal, stage) => {
    const { opportunity_id, title } = deal;
    const before = last.current.get(opportunity_id) ?? Promise.resolve("0");
    const mine = before.then(async (made) => {
      const expected_version = BigInt(made) > BigInt(deal.version) ? made : deal.version;
      return (await postOrKeep("/v1/opportunities/{opportunity_id}:advance", { path: { opportunity_id }, body: { to_stage_id: stage.stage_id, expected_version } }, `${title} → ${stage.name}`)).version;
    });
    last.current.set(opportunity_id, mine.catch(() => "0"));
    await mine;
  };
}

/** Say that a command was refused, in the server's words. */
export function useRefused(): (problem: Problem) => void {
  const { message } = App.useApp();
  const say = useWords(problemWords);
  return (problem) => {
    const { title, detail } = explain(problem, say);
    void message[problem.kind === "queued" ? "info" : "error"](detail || title);
  };
}
