/** Which modules the start page shows, and in what order: what the roles suggest, until the person chose. */
export interface Layout {
  /** Ids from top to bottom; what is not named keeps its own order, behind. */
  order: readonly string[];
  hidden: readonly string[];
}
interface Module {
  id: string;
  order: number;
  roles?: readonly string[];
}

export function readLayout(kept: unknown): Layout {
  const { order, hidden } = (kept && typeof kept === "object" ? kept : {}) as Partial<Layout>;
  return { order: Array.isArray(order) ? order.map(String) : [], hidden: Array.isArray(hidden) ? hidden.map(String) : [] };
}

export function arranged<M extends Module>(modules: readonly M[], roles: readonly string[], { order, hidden }: Layout): { shown: M[]; hidden: M[] } {
  const place = (each: M) => (order.includes(each.id) ? order.indexOf(each.id) : order.length + each.order);
  const suggested = (each: M) => !each.roles?.length || each.roles.some((role) => roles.includes(role));
  const isShown = (each: M) => !hidden.includes(each.id) && (order.includes(each.id) || suggested(each));
  return {
    shown: modules.filter(isShown).sort((a, b) => place(a) - place(b)),
    hidden: modules.filter((each) => !isShown(each)),
  };
}

export function moved(ids: readonly string[], from: number, by: -1 | 1): string[] {
  const next = [...ids];
  const [taken] = next.splice(from, 1);
  if (taken !== undefined) next.splice(from + by, 0, taken);
  return next;
}
