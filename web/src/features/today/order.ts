/** What comes first today: what is late, then what others wait for, the rest of the day, new leads, and who fell silent. */
export const KINDS = ["follow-up", "approval", "lead", "silent"] as const;
export type Kind = (typeof KINDS)[number];

export interface Item {
  kind: Kind;
  id: string;
  to: string;
  title: string;
  detail: string;
  /** ISO time since when it waits, or when it is due. */
  at: string;
  phone?: string;
}

export const isLate = (item: Item, now: Date): boolean => item.kind === "follow-up" && item.at !== "" && new Date(item.at) < now;

function place(item: Item, now: Date): number {
  if (item.kind === "follow-up") return isLate(item, now) ? 0 : 2;
  return { approval: 1, lead: 3, silent: 4 }[item.kind];
}

/** The most urgent first; within a kind what waits longest. */
export function inOrder(items: readonly Item[], now: Date): Item[] {
  return [...items].sort((a, b) => place(a, now) - place(b, now) || a.at.localeCompare(b.at) || a.id.localeCompare(b.id));
}

export function counted(items: readonly Item[]): Record<Kind, number> {
  const found = { "follow-up": 0, approval: 0, lead: 0, silent: 0 };
  for (const item of items) found[item.kind] += 1;
  return found;
}
