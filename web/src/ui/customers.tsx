/** Names of customers by id: asked for in one go, kept for the session, and only where the person may read them. */
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { post } from "@/api/client";
import { places } from "@/app/places";
import { useMay } from "@/app/session";
import { useWords, words } from "@/i18n/words";

const dictionary = words({ none: "No customer" }, { none: "无客户" });

const GATHER_MS = 15;
const MOST_AT_ONCE = 200;
let gathered = new Map<string, ((name: string) => void)[]>();
let timer = 0;

function nameOf(id: string): Promise<string> {
  return new Promise((done) => {
    gathered.set(id, [...(gathered.get(id) ?? []), done]);
    timer ||= window.setTimeout(() => void askNames(), GATHER_MS);
  });
}

async function askNames(): Promise<void> {
  const waiting = [...gathered];
  gathered = new Map();
  timer = 0;
  for (let from = 0; from < waiting.length; from += MOST_AT_ONCE) {
    const part = waiting.slice(from, from + MOST_AT_ONCE);
    const found = await post("/v1/customers:batchGet", { body: { customer_ids: part.map(([id]) => id) } }).catch(() => ({ cards: [] }));
    // Whoever asked by the id of a customer that was merged away gets the survivor's name.
    const names = new Map(found.cards.flatMap((card) => [[card.customer_id, card.name], [card.asked_id || card.customer_id, card.name]]));
    for (const [id, waiters] of part) for (const done of waiters) done(names.get(id) ?? "");
  }
}

/** The name; empty while it is asked for, when there is none or it may not be read. */
export function useCustomerName(id: string | undefined): string {
  const may = useMay("customer.customer.read");
  const asked = useQuery({ queryKey: ["customer-name", id], queryFn: () => nameOf(id ?? ""), enabled: Boolean(id) && may, staleTime: 300_000 });
  return asked.data ?? "";
}

export function CustomerName({ id, link = false }: { id: string | undefined; link?: boolean }) {
  const t = useWords(dictionary);
  const name = useCustomerName(id);
  const asking = useIsFetching({ queryKey: ["customer-name", id], exact: true }) > 0;
  if (!id) return <span className="quiet">{t("none")}</span>;
  const shown = name || (asking ? "…" : id.slice(0, 8));
  return link ? <Link to={places.customer(id)}>{shown}</Link> : <span>{shown}</span>;
}
