/** SLA clocks that run on the page. The deadline is the server's; here only the time until it is counted. */
import { useSyncExternalStore } from "react";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, type Language } from "@/i18n/words";
import { terms, type Clock, type Ticket } from "./terms";

const listeners = new Set<() => void>();
let ticking = 0;
let now = Date.now();
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ||= window.setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    clearInterval(ticking);
    ticking = 0;
  };
}
/** Milliseconds since 1970, once a second for everybody who asks. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now);

const units: Record<Language, readonly [string, string, string, string]> = { en: ["d", "h", "min", "s"], zh: ["天", "小时", "分", "秒"] };

/** 93784 s -> "1 d 2 h"; under ten minutes with seconds. */
export function duration(seconds: number, language: Language): string {
  const [d, h, m, s] = units[language];
  const whole = Math.max(0, Math.round(seconds));
  const gap = language === "en" ? " " : "";
  const write = (...parts: [number, string][]) => parts.filter(([n], i) => n || i === parts.length - 1 && parts.every(([each]) => !each) ).map(([n, unit]) => `${n}${gap}${unit}`).join(" ");
  if (whole >= 86_400) return write([Math.floor(whole / 86_400), d], [Math.floor((whole % 86_400) / 3600), h]);
  if (whole >= 3600) return write([Math.floor(whole / 3600), h], [Math.floor((whole % 3600) / 60), m]);
  if (whole >= 600) return write([Math.floor(whole / 60), m]);
  return write([Math.floor(whole / 60), m], [whole % 60, s]);
}

type Tone = "good" | "warn" | "bad" | "quiet" | "";
function read(clock: Clock, at: number): { key: "met" | "late" | "paused" | "left" | "over"; seconds: number; tone: Tone } {
  if (clock.stopped) return clock.met ? { key: "met", seconds: 0, tone: "good" } : { key: "late", seconds: 0, tone: "bad" };
  if (clock.paused || !clock.due_at) return { key: "paused", seconds: Number(clock.remaining_s), tone: clock.breached ? "bad" : "quiet" };
  const seconds = (new Date(clock.due_at).getTime() - at) / 1000;
  if (seconds < 0) return { key: "over", seconds: -seconds, tone: "bad" };
  return { key: "left", seconds, tone: clock.breached ? "bad" : clock.warned || seconds < 1800 ? "warn" : "" };
}

export function ClockText({ of, named = false }: { of: Clock; named?: boolean }) {
  const t = useWords(terms);
  const f = useFormats();
  const { language } = useLanguage();
  const { key, seconds, tone } = read(of, useNow());
  return (
    <span className={`clock ${tone}`} title={of.due_at ? f.moment(of.due_at) : undefined}>
      {named && <span className="quiet">{t(of.clock)} </span>}
      {t(key, { left: duration(seconds, language) })}
    </span>
  );
}

/** The clock that matters next: the one that runs, else the last one. */
export function NextClock({ of }: { of: Ticket }) {
  const t = useWords(terms);
  const open = of.clocks.filter((clock) => !clock.stopped);
  const next = open.find((clock) => clock.due_at && clock.due_at === of.next_due_at) ?? open[0] ?? of.clocks.at(-1);
  if (!next) return <span className="quiet">{t("no_clock")}</span>;
  return (
    <span className="clock-cell">
      <ClockText of={next} />
      {!next.stopped && <small className="quiet">{t(next.clock)}</small>}
    </span>
  );
}
