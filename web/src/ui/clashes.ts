/** What two people changed at once in one record, field by field. */

export interface Clash {
  key: string;
  label: string;
  mine: unknown;
  theirs: unknown;
}

/** Fields that differ between what one wants to save and what is there now. */
export function clashes(labels: Readonly<Record<string, string>>, mine: object, theirs: object): Clash[] {
  const [ours, others] = [mine as Record<string, unknown>, theirs as Record<string, unknown>];
  return Object.entries(labels)
    .filter(([key]) => JSON.stringify(ours[key] ?? "") !== JSON.stringify(others[key] ?? ""))
    .map(([key, label]) => ({ key, label, mine: ours[key], theirs: others[key] }));
}

/** The fields, among those that have a label, in which one differs from the other. */
export function changesOf<V extends object>(labels: Readonly<Record<string, string>>, mine: V, than: V): Partial<V> {
  return Object.fromEntries(clashes(labels, mine, than).map((each) => [each.key, each.mine])) as Partial<V>;
}

/** What only they changed is theirs, what only I changed is mine; what both changed, to another value each, is left to choose. */
export function merge<V extends object>(labels: Readonly<Record<string, string>>, before: V, mine: V, theirs: V): { merged: V; open: Clash[] } {
  const ours = changesOf(labels, mine, before);
  const others = changesOf(labels, theirs, before);
  return { merged: { ...theirs, ...ours }, open: clashes(labels, mine, theirs).filter(({ key }) => key in ours && key in others) };
}
