/** Search in everything and jump anywhere, without the mouse. */
import { SearchOutlined } from "@ant-design/icons";
import { Modal } from "antd";
import { useEffect, useState, type KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { say, useLanguage, useWords } from "@/i18n/words";
import { features } from "./features";
import { places } from "./places";
import { useSession } from "./session";
import { shellWords } from "./words";

interface Hit {
  id: string;
  to: string;
  title: string;
  note: string;
}
const PAUSE_MS = 140;

export default function Palette({ onClose }: { onClose: () => void }) {
  const t = useWords(shellWords);
  const { language } = useLanguage();
  const { may } = useSession();
  const f = useFormats();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setQuery(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useAsk("/v1/search", { query: { q: query, limit: 6 } }, { enabled: query.length > 0, keep: true });
  const data = query ? found.data : undefined;
  const notes = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(" · ");

  const commands: Hit[] = features
    .flatMap((each) => {
      const words = say(each.words, language);
      const english = say(each.words, "en");
      const known = [...(each.commands ?? []), ...each.menu.map((item) => ({ id: item.to, label: item.label, to: item.to, permission: item.permission }))];
      return known
        .filter((command) => !command.permission || may(command.permission))
        .map((command) => ({ id: `command:${command.id}`, to: command.to, title: words(command.label), note: "", other: english(command.label) }));
    })
    .filter((each) => `${each.title} ${each.other}`.toLowerCase().includes(text.trim().toLowerCase()))
    .slice(0, text ? 6 : 12);
  const groups: { name: keyof typeof shellWords.en; hits: Hit[] }[] = [
    { name: "customers" as const, hits: (data?.customers?.customers ?? []).map((c) => ({ id: c.customer_id, to: places.customer(c.customer_id), title: c.name, note: notes(c.primary_contact_name, c.phone) })) },
    { name: "leads" as const, hits: (data?.leads?.leads ?? []).map((l) => ({ id: l.lead_id, to: places.lead(l.lead_id), title: l.person_name || l.company, note: notes(l.company, l.phone) })) },
    { name: "opportunities" as const, hits: (data?.opportunities?.opportunities ?? []).map((o) => ({ id: o.opportunity_id, to: places.opportunity(o.opportunity_id), title: o.title, note: notes(o.stage_name, f.money(o.amount)) })) },
    { name: "orders" as const, hits: (data?.orders?.orders ?? []).map((o) => ({ id: o.order_id, to: places.order(o.order_id), title: o.number || o.external_ref, note: notes(f.day(o.placed_on), f.money(o.total)) })) },
    { name: "tickets" as const, hits: (data?.tickets?.tickets ?? []).map((k) => ({ id: k.ticket_id, to: places.ticket(k.ticket_id), title: k.subject || k.external_ref, note: notes(k.category) })) },
    { name: "commands" as const, hits: commands },
  ].filter((group) => group.hits.length);
  const hits = groups.flatMap((group) => group.hits);
  const at = Math.min(chosen, Math.max(0, hits.length - 1));
  const open = (hit: Hit | undefined) => {
    if (!hit) return;
    onClose();
    void navigate(hit.to);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return; // an input method chooses a character with the same keys
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setChosen((at + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(hits[at]);
    }
  };
  const missing = data?.missing ?? [];
  let number = -1;
  return (
    <Modal open onCancel={onClose} footer={null} closable={false} width={620} style={{ top: 80 }} className="palette" destroyOnHidden title={undefined} transitionName="">
      <div className="palette-field">
        <SearchOutlined />
        <input
          autoFocus
          value={text}
          placeholder={t("search")}
          aria-label={t("search")}
          role="combobox"
          aria-expanded
          aria-controls="palette-hits"
          aria-activedescendant={hits[at] ? `hit-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => (setText(event.target.value), setChosen(0))}
          onKeyDown={pressed}
        />
      </div>
      <div className="palette-hits" id="palette-hits" role="listbox" aria-label={t("search")}>
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={t(group.name)}>
            <p className="palette-group" aria-hidden>{t(group.name)}</p>
            {group.hits.map((hit) => {
              number += 1;
              const mine = number;
              return (
                <div
                  key={hit.id}
                  id={`hit-${mine}`}
                  role="option"
                  aria-selected={mine === at}
                  tabIndex={-1}
                  className={mine === at ? "hit hit-chosen" : "hit"}
                  ref={(element) => {
                    if (mine === at) element?.scrollIntoView({ block: "nearest" });
                  }}
                  onMouseMove={() => setChosen(mine)}
                  onClick={() => open(hit)}
                  onKeyDown={pressed}
                >
                  <span className="hit-title">{hit.title}</span>
                  <span className="hit-note">{hit.note}</span>
                </div>
              );
            })}
          </div>
        ))}
        {query && !hits.length && <p className="palette-none">{found.isFetching ? t("searching") : t("no_results", { query })}</p>}
      </div>
      <p className="palette-foot">
        <span>{t("hint")}</span>
        {data && <span>{missing.length ? t("partly", { parts: missing.map((m) => t(m.part as "leads")).join(", ") }) : `${data.took_ms} ms`}</span>}
      </p>
    </Modal>
  );
}
