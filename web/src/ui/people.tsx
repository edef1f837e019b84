/** Names of people by id: asked for in one go, kept for the session, and only where the person may read them. */
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import { useMay, useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";

const dictionary = words({ automatic: "automatically", nobody: "Nobody" }, { automatic: "自动", nobody: "无" });

const GATHER_MS = 15;
const MOST_AT_ONCE = 100;
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
    const found = await get("/v1/people:batchGet", { query: { person_ids: part.map(([id]) => id) } }).catch(() => ({ people: [] }));
    const names = new Map(found.people.map((person) => [person.person_id, person.name]));
    for (const [id, waiters] of part) for (const done of waiters) done(names.get(id) ?? "");
  }
}

/** The name; empty while it is asked for, when there is none or it may not be read. */
export function usePersonName(id: string | undefined): string {
  const { personId, name } = useSession();
  const may = useMay("identity.person.read");
  const mine = id === personId;
  const asked = useQuery({ queryKey: ["person-name", id], queryFn: () => nameOf(id ?? ""), enabled: Boolean(id) && !mine && may, staleTime: Infinity });
  return mine ? name : (asked.data ?? "");
}

export function PersonName({ id }: { id: string | undefined }) {
  const t = useWords(dictionary);
  const name = usePersonName(id);
  const asking = useIsFetching({ queryKey: ["person-name", id], exact: true }) > 0;
  if (!id) return <span className="quiet">{t("nobody")}</span>;
  return <span>{name || (asking ? "…" : id.slice(0, 8))}</span>;
}

/** "person:…", "service:…" as people read it. */
export function Actor({ actor }: { actor: string | undefined }) {
  const t = useWords(dictionary);
  const [kind, id] = (actor ?? "").split(":");
  if (kind === "person" && id) return <PersonName id={id} />;
  if (kind === "service") return <span title={id}>{t("automatic")}</span>;
  return <span>{actor}</span>;
}
