/** What is planned, by day: follow-ups, and the next steps of open deals. A month or a week; on a phone the days below each other. */
import "./calendar.css";
import { LeftOutlined, RightOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button, Segmented } from "antd";
import dayjs from "dayjs";
import { useEffect, useMemo, useRef, type KeyboardEvent, type ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import type { Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useMay, useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords, words } from "@/i18n/words";
import { Page, Section } from "@/ui/Page";
import { PersonSelect } from "@/ui/PersonSelect";
import { usePhone } from "@/ui/phone";
import { Answered, Notice } from "@/ui/states";
import { byDay, dayNamed, dayOf, daysOf, keyed, monthOf, today, turned, type Item, type View } from "./days";
import { calendarWords } from "./words";

const dictionary = words(
  { month: "Month", week: "Week", now: "Today", previous: "Earlier", next: "Later", whose: "Whose", step: "Next step", more: "{count} more", none: "Nothing planned", none_text: "Plan a follow-up on a customer, or a next step on a deal, and it shows up here.", cut: "There is more than fits; choose one person or a week.", working: "working day", keys: "Arrow keys move by day, Page Up and Page Down by {view}.", planned: "{count} planned" },
  { month: "月", week: "周", now: "今天", previous: "更早", next: "更晚", whose: "查看谁的日程", step: "下一步", more: "还有 {count} 项", none: "暂无安排", none_text: "在客户页计划跟进，或在商机上填写下一步，即会显示在这里。", cut: "内容过多，未全部显示；请选择某个人或按周查看。", working: "调休上班", keys: "方向键按天移动，Page Up/Page Down 按{view}翻页。", planned: "{count} 项安排" },
);
const EVERYBODY = "all";
const MOST = 500;
const IN_A_CELL = { month: 3, week: 20 } as const;
interface Found {
  items: Item[];
  cut: boolean;
}

/** Follow-ups and next steps of the days; `owner` empty: of everybody whose records one may see. */
function usePlanned(days: readonly string[], owner: string, stepWord: string) {
  const deals = useMay("pipeline.opportunity.read");
  const first = days[0] ?? "";
  const last = days.at(-1) ?? "";
  return useQuery<Found, Problem>({
    queryKey: ["calendar", first, last, owner, deals, stepWord],
    meta: { live: ["customer", "pipeline"] },
    staleTime: 10_000,
    queryFn: async ({ signal }) => {
      const asked = { owner_id: owner, due_from: dayjs(first).toISOString(), due_before: dayjs(last).add(1, "day").toISOString(), page_size: MOST };
      const [open, done, steps] = await Promise.all([
        get("/v1/follow-ups", { query: asked, signal }),
        get("/v1/follow-ups", { query: { ...asked, state: "FOLLOW_UP_STATE_DONE" }, signal }),
        deals ? get("/v1/opportunities", { query: { owner_id: owner, state: "OPPORTUNITY_STATE_OPEN", page_size: MOST }, signal }) : undefined,
      ]);
      const items: Item[] = [
        ...[...open.follow_ups, ...done.follow_ups].map((each): Item => ({ id: each.follow_up_id, on: dayOf(each.due_at ?? ""), at: each.due_at ?? "", title: each.subject || each.customer_name, note: each.customer_name, to: places.customer(each.customer_id), kind: "follow-up", done: each.state === "FOLLOW_UP_STATE_DONE" })),
        ...(steps?.opportunities ?? [])
          .filter((each) => each.next_step_on >= first && each.next_step_on <= last)
          .map((each): Item => ({ id: each.opportunity_id, on: each.next_step_on, at: "", title: each.next_step || stepWord, note: each.title, to: places.opportunity(each.opportunity_id), kind: "step", done: false })),
      ];
      return { items, cut: Boolean(open.next_page_token || done.next_page_token || steps?.next_page_token) };
    },
  });
}

/** Holidays and made-up working days of the desk's calendar, by day. */
function useSpecialDays() {
  const may = useMay("ticketing.ticket.read");
  const policies = useAsk("/v1/sla-policies", {}, { enabled: may, freshMs: 3_600_000 });
  const id = policies.data?.policies[0]?.calendar_id ?? "";
  const asked = useAsk("/v1/calendars/{calendar_id}", { path: { calendar_id: id } }, { enabled: may && id !== "", freshMs: 3_600_000 });
  return useMemo(() => new Map((asked.data?.calendar?.special_days ?? []).map((each) => [each.on, each] as const)), [asked.data]);
}

export default function Calendar() {
  const t = useWords(dictionary);
  const c = useWords(calendarWords);
  const f = useFormats();
  const { language } = useLanguage();
  const { me, personId } = useSession();
  const phone = usePhone();
  const [address, setAddress] = useSearchParams();
  const at = dayNamed(address.get("at"));
  const view: View = phone || address.get("view") === "week" ? "week" : "month";
  const whose = address.get("of") ?? personId;
  const days = useMemo(() => daysOf(view, at), [view, at]);
  const planned = usePlanned(days, whose === EVERYBODY ? "" : whose, t("step"));
  const special = useSpecialDays();
  const change = (changes: Record<string, string>) =>
    setAddress((now) => {
      const next = new URLSearchParams(now);
      for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value); else next.delete(key);
      return next;
    }, { replace: true });

  const weekday = useMemo(() => new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { weekday: "short" }), [language]);
  const title = view === "month" ? f.month(monthOf(at)) : `${f.day(days[0])} – ${f.day(days.at(-1))}`;
  const holiday = (day: string) => {
    const found = special.get(day);
    return found && [found.name, found.working ? t("working") : ""].filter(Boolean).join(" · ");
  };
  const isOff = (day: string) => (special.has(day) ? !special.get(day)?.working : [0, 6].includes(dayjs(day).day()));
  const drawn = (item: Item) => (
    <Link key={`${item.kind}:${item.id}`} to={item.to} className={item.done ? "cal-item cal-item-done" : "cal-item"} title={[f.time(item.at), item.title, item.note].filter(Boolean).join(" · ")}>
      {item.at && <span className="num">{f.time(item.at)} </span>}
      {item.title} {view === "week" && <span className="quiet">{item.note}</span>}
    </Link>
  );
  return (
    <Page
      title={c("calendar")}
      wide
      note={<span aria-live="polite">{title}</span>}
      actions={
        <>
          {me.data_scope !== "DATA_SCOPE_OWN" && (
            <div style={{ width: 190 }}>
              <PersonSelect value={whose === EVERYBODY ? "" : whose} label={t("whose")} placeholder={t("whose")} onChange={(id) => change({ of: id === personId ? "" : id || EVERYBODY })} />
            </div>
          )}
          {!phone && <Segmented<View> value={view} onChange={(next) => change({ view: next === "month" ? "" : next })} options={(["month", "week"] as const).map((value) => ({ value, label: t(value) }))} />}
          <Button icon={<LeftOutlined />} aria-label={t("previous")} onClick={() => change({ at: turned(view, at, -1) })} />
          <Button onClick={() => change({ at: "" })}>{t("now")}</Button>
          <Button icon={<RightOutlined />} aria-label={t("next")} onClick={() => change({ at: turned(view, at, 1) })} />
        </>
      }
    >
      <Section flush>
        <Answered of={planned} rows={8}>
          {({ items, cut }) => {
            const on = byDay(items);
            return (
              <>
                {cut && <p className="strip" role="note">{t("cut")}</p>}
                {phone ? (
                  items.length ? (
                    <ul className="agenda" aria-label={c("calendar")}>
                      {days.filter((day) => on.has(day) || holiday(day)).map((day) => (
                        <li key={day}>
                          <p className="agenda-day">{weekday.format(dayjs(day).toDate())} {f.day(day)} <span className="cal-holiday">{holiday(day)}</span></p>
                          <ul className="cards">
                            {(on.get(day) ?? []).map((item) => (
                              <li key={`${item.kind}:${item.id}`} className="card-row">
                                <Link to={item.to}>
                                  <div className={item.done ? "card-title cal-item-done" : "card-title"}>{item.title}</div>
                                  <div className="card-meta">{[f.time(item.at) || t("step"), item.note].filter(Boolean).join(" · ")}</div>
                                </Link>
                              </li>
                            ))}
                          </ul>
                        </li>
                      ))}
                    </ul>
                  ) : (
                    <Notice title={t("none")} text={t("none_text")} />
                  )
                ) : (
                  <Grid
                    days={days}
                    view={view}
                    at={at}
                    label={`${c("calendar")}: ${title}. ${t("keys", { view: t(view) })}`}
                    onMove={(day) => change({ at: day })}
                    head={(day) => weekday.format(dayjs(day).toDate())}
                    cell={(day) => {
                      const mine = on.get(day) ?? [];
                      const rest = mine.length - IN_A_CELL[view];
                      return {
                        className: ["cal-day", isOff(day) || (view === "month" && monthOf(day) !== monthOf(at)) ? "cal-off" : "", day === today() ? "cal-today" : ""].join(" "),
                        content: (
                          <>
                            <span className="cal-number" aria-hidden>{Number(day.slice(8))}</span>
                            <span className="cal-unseen">{f.day(day)}, {t("planned", { count: mine.length })}</span>
                            {holiday(day) && <span className="cal-holiday">{holiday(day)}</span>}
                            {mine.slice(0, IN_A_CELL[view]).map(drawn)}
                            {rest > 0 && <Button type="text" size="small" className="cal-more" onClick={() => change({ at: day, view: "week" })}>{t("more", { count: rest })}</Button>}
                          </>
                        ),
                      };
                    }}
                  />
                )}
              </>
            );
          }}
        </Answered>
      </Section>
    </Page>
  );
}

interface GridProps {
  days: readonly string[];
  view: View;
  at: string;
  label: string;
  onMove: (day: string) => void;
  head: (day: string) => string;
  cell: (day: string) => { className: string; content: ReactNode };
}

/** Days as a grid that keys move in: one day can be reached by Tab, the others by arrows (WAI-ARIA's date grid). */
function Grid({ days, view, at, label, onMove, head, cell }: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const moving = useRef(false);
  useEffect(() => {
    if (moving.current) grid.current?.querySelector<HTMLElement>(`[data-day="${at}"]`)?.focus();
    moving.current = false;
  }, [at, days]);
  const pressed = (event: KeyboardEvent) => {
    const to = (event.target as HTMLElement).dataset.day && keyed(view, at, event.key);
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moving.current = true;
    onMove(to);
  };
  const weeks = Array.from({ length: days.length / 7 }, (_, week) => days.slice(week * 7, week * 7 + 7));
  return (
    <div ref={grid} className={`cal cal-${view}`} role="grid" aria-label={label} onKeyDown={pressed}>
      <div className="cal-row" role="row">
        {(weeks[0] ?? []).map((day) => <div key={day} className="cal-head" role="columnheader">{head(day)}</div>)}
      </div>
      {weeks.map((week) => (
        <div key={week[0]} className="cal-row" role="row">
          {week.map((day) => {
            const { className, content } = cell(day);
            return (
              <div key={day} className={className} role="gridcell" data-day={day} tabIndex={day === at ? 0 : -1} aria-selected={day === at}>
                {content}
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}
