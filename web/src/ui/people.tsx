/** Names of people by id: asked for in one go, kept for the session, and only where the person may read them. */
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { Select } from "antd";
import { useState } from "react";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useMay, useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";

const dictionary = words({ automatic: "automatically", me: "Me", nobody: "Nobody", choose: "Choose a person" }, { automatic: "自动", me: "我", nobody: "无", choose: "选择人员" });

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

/** Choose one of the people; types to filter. Works as a control of a form. */
export function PersonSelect({ value, onChange, placeholder, id, label }: { value?: string; onChange?: (id: string) => void; placeholder?: string; id?: string; label?: string }) {
  const t = useWords(dictionary);
  const { personId, name } = useSession();
  const may = useMay("identity.person.read");
  const [open, setOpen] = useState(false);
  const people = useAsk("/v1/people", { query: { page_size: 200 } }, { enabled: may && (open || Boolean(value)), freshMs: 300_000 });
  const others = (people.data?.people ?? []).filter((person) => !person.left && person.person_id !== personId);
  return (
    <Select
      {...(id ? { id } : { "aria-label": placeholder ?? t("choose") })}
      {...(label ? { "aria-label": label } : {})}
      value={value || null}
      onChange={(chosen) => onChange?.(chosen ?? "")}
      onOpenChange={setOpen}
      allowClear
      showSearch={{ optionFilterProp: "label" }}
      loading={people.isFetching}
      placeholder={placeholder ?? t("choose")}
      options={[{ value: personId, label: `${name} (${t("me")})` }, ...others.map((person) => ({ value: person.person_id, label: person.name }))]}
    />
  );
}
