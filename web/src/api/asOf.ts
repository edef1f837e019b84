/**
 * The moment that is looked at: now, or an earlier one. While it is an earlier one, every question asks for that moment
 * and no command leaves, whatever page is open. Kept by tab.
 */
import { useSyncExternalStore } from "react";

export interface Moment {
  /** ISO 8601; empty: now. */
  at: string;
  /** What was known then, or what had happened by then as known now. */
  clock: "recorded" | "effective";
}
const KEY = "as-of";
const NOW: Moment = { at: "", clock: "recorded" };
const listeners = new Set<() => void>();
let moment: Moment = kept();

function kept(): Moment {
  try {
    const value = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Moment | null;
    return value?.at && !Number.isNaN(Date.parse(value.at)) ? value : NOW;
  } catch {
    return NOW;
  }
}

export const asOf = (): Moment => moment;

export function lookAt(next: Moment): void {
  moment = next.at ? next : NOW;
  if (moment.at) sessionStorage.setItem(KEY, JSON.stringify(moment));
  else sessionStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
export const useAsOf = (): Moment => useSyncExternalStore(subscribe, asOf);

// What the person is, is told and may do is of now; analytics and the audit trail have a moment of their own in the question.
const OF_NOW = /^\/v1\/(me|session|notifications|notification-preferences|messages|search|analytics|audit|changes|customer-dictionaries|sign-ins|shared-accounts|erasures|handovers|api-clients|approval-flows)\b/;
/** Questions that turned out to have no past: learnt from the server's refusal. */
const withoutPast = new Set<string>();

export const hasPast = (address: string): boolean => !OF_NOW.test(address) && !withoutPast.has(address.split("?")[0] ?? "");
export const remember = (address: string): void => void withoutPast.add(address.split("?")[0] ?? "");

/** Commands that change nothing, or nothing of the business. */
export const isHarmless = (address: string): boolean =>
  /^\/v1\/(session|me|notifications)\b/.test(address) || /:(batchGet|try|preview|test|whoCouldSee|check)$/.test(address.split("?")[0] ?? "");
