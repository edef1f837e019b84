/** Where each kind of record lives. One table for search, notices, timelines and links behind figures. */
export const places = {
  customer: (id: string) => `/customers/${id}`,
  lead: (id: string) => `/leads/${id}`,
  opportunity: (id: string) => `/deals/${id}`,
  quote: (id: string) => `/quotes/${id}`,
  order: (id: string) => `/orders/${id}`,
  contract: (id: string) => `/contracts/${id}`,
  approval: (id: string) => `/approvals/${id}`,
  ticket: (id: string) => `/tickets/${id}`,
  campaign: (id: string) => `/campaigns/${id}`,
  segment: (id: string) => `/segments/${id}`,
  journey: (id: string) => `/journeys/${id}`,
  form: (id: string) => `/forms/${id}`,
  person: (id: string) => `/admin/people/${id}`,
} as const;
export type RecordKind = keyof typeof places;

export const isRecordKind = (kind: string): kind is RecordKind => kind in places;

/** The page of the record that a path names: "/customers/1/activities", "/opportunities/1:advance". */
export function recordAt(path: string): string | undefined {
  const [, kind = "", id = ""] = /^\/([\w-]+)\/([\w-]+)/.exec(path) ?? [];
  const single = kind.replace(/ies$/, "y").replace(/s$/, "");
  return id && isRecordKind(single) ? places[single](id) : undefined;
}

/** The place that a link of the server names: "/#/customer/1" and "/customers/1" are the same. */
export function placeOf(link: string): string {
  const path = link.replace(/^https?:\/\/[^/]+/, "").replace(/^\/?#/, "");
  const ticket = /[?&]ticket=([^&]+)/.exec(path)?.[1];
  if (ticket) return places.ticket(ticket);
  return recordAt(path) ?? (path.startsWith("/") ? path : "/");
}
