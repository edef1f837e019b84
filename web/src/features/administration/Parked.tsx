/** What could not be handled, of every part: what, since when and why; try it again in order, or leave it out for good. */
import { useQueryClient } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { LONG_MS, post, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useMay } from "@/app/session";
import { CONTEXTS, useContextName, useNames } from "@/features/audit/parts";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { adminWords } from "./words";

type Parked = Answer<"/v1/parked">;
type Retried = Answer<"/v1/audit/{context}/parked:retry", "post">;
const PARTS = [...CONTEXTS, "analytics"] as const;
type Part = (typeof PARTS)[number];
/** What to try again or to leave out; nothing named is everything. */
interface Target { consumer?: string; stream_id?: string; position?: string; timer_key?: string }

export default function Parked() {
  const t = useWords(adminWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const part = useContextName();
  const names = useNames();
  const client = useQueryClient();
  const { message, modal } = App.useApp();
  const found = useAsk("/v1/parked", {}, { freshMs: 2_000 });
  const [told, setTold] = useState<string[]>([]);
  const [busy, setBusy] = useState("");

  const outcome = (context: Part, { streams, timers, more }: Retried): string[] => [
    ...streams.map((each) => {
      const what = t("of_part", { part: part(each.of_context) });
      return `${part(context)}: ${each.failure ? t("r_stopped", { count: each.handled, what, why: each.failure }) : t("r_all", { count: each.handled, what })}`;
    }),
    ...(timers ? [`${part(context)}: ${t("r_timers", { count: timers })}`] : []),
    ...(more ? [`${part(context)}: ${t("r_more")}`] : []),
  ];
  const run = async (key: string, work: () => Promise<string[]>) => {
    setBusy(key);
    setTold([]);
    try {
      const lines = await work();
      setTold(lines.length ? lines : [t("r_none")]);
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error(detail ? `${title}: ${detail}` : title, 6);
    } finally {
      setBusy("");
      await client.invalidateQueries({ queryKey: ["/v1/parked"] });
    }
  };
  const retry = async (context: Part, target: Target): Promise<string[]> => outcome(context, await post("/v1/audit/{context}/parked:retry", { path: { context }, body: target, limitMs: LONG_MS }));
  const setAside = (context: Part, key: string, target: Target) =>
    void modal.confirm({
      title: t("set_aside_sure"),
      content: t("set_aside_text"),
      okText: t("set_aside"),
      okButtonProps: { danger: true },
      onOk: () => run(key, async () => {
        const { events } = await post("/v1/audit/{context}/parked:setAside", { path: { context }, body: target });
        return [`${part(context)}: ${t("done")}${Number(events) ? ` · ${t("waiting", { count: events })}` : ""}`];
      }),
    });
  const actions = (context: Part, key: string, again: Target, aside: Target) => (
    <span className="row row-tight">
      <Button size="small" loading={busy === key} disabled={Boolean(busy)} onClick={() => void run(key, () => retry(context, again))}>{t("retry")}</Button>
      <Button size="small" type="text" danger disabled={Boolean(busy)} onClick={() => setAside(context, key, aside)}>{t("set_aside")}</Button>
    </span>
  );
  const filled = (data: Parked): Part[] => PARTS.filter((each) => data[each]?.streams.length || data[each]?.timers.length);

  return (
    <Answered of={found} rows={6}>
      {(data) => (
        <div className="stack">
          <Section
            title={t("parked")}
            extra={filled(data).length > 0 && (
              <Button type="primary" size="small" loading={busy === "all"} disabled={Boolean(busy)} onClick={() => void run("all", async () => (await Promise.all(filled(data).map((each) => retry(each, {})))).flat())}>
                {t(busy === "all" ? "trying" : "retry_all")}
              </Button>
            )}
          >
            <p className="quiet">{t("parked_intro")}</p>
            {data.missing.length > 0 && <p className="strip gap-above" role="status">{t("unanswered", { parts: data.missing.map((each) => part(each.part ?? "")).join(", ") })}</p>}
            <div role="status" aria-label={t("results")}>{told.length > 0 && <ul className="gap-above">{told.map((line, at) => <li key={at}>{line}</li>)}</ul>}</div>
            {!filled(data).length && !data.missing.length && <Notice title={t("nothing_parked")} text={t("nothing_parked_text")} />}
          </Section>
          {filled(data).map((context) => {
            const { streams, timers, more } = data[context] as NonNullable<Parked[Part]>;
            return (
              <Section key={context} title={part(context)}>
                <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={part(context)}>
                  <table className="conflict">
                    <thead><tr><th scope="col">{t("what")}</th><th scope="col">{t("waits_for")}</th><th scope="col">{t("since")}</th><th scope="col">{t("attempts")}</th><th scope="col">{t("reason")}</th><th scope="col">{t("actions")}</th></tr></thead>
                    <tbody>
                      {streams.map((each) => (
                        <tr key={each.consumer + each.stream_id}>
                          <td><Link to={`/audit/records/${each.stream_id}`}>{names.event(each.event_type)}</Link> <span className="quiet">{t("of_part", { part: part(each.of_context) })} · {t("waiting", { count: f.number(each.events) })}</span></td>
                          <td>{t(each.consumer === "views" ? "c_views" : "c_reactions")}</td>
                          <td title={f.moment(each.parked_at)}>{f.ago(each.parked_at)}</td>
                          <td className="num">{f.number(each.attempts)}</td>
                          <td><code style={{ overflowWrap: "anywhere" }}>{each.reason}</code></td>
                          <td>{actions(context, each.consumer + each.stream_id, { consumer: each.consumer, stream_id: each.stream_id }, { consumer: each.consumer, stream_id: each.stream_id, position: each.position })}</td>
                        </tr>
                      ))}
                      {timers.map((each) => (
                        <tr key={each.key}>
                          <td><strong>{each.kind}</strong> <span className="quiet" style={{ overflowWrap: "anywhere" }}>{t("due")} {f.moment(each.due_at)}</span></td>
                          <td>{t("timers_parked")}</td>
                          <td title={f.moment(each.failed_at)}>{f.ago(each.failed_at)}</td>
                          <td className="num">{f.number(each.attempts)}</td>
                          <td><code style={{ overflowWrap: "anywhere" }}>{each.reason}</code></td>
                          <td>{actions(context, each.key, { timer_key: each.key }, { timer_key: each.key })}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                {more && <p className="quiet gap-above">{t("more_parked")}</p>}
              </Section>
            );
          })}
          <Undelivered />
        </div>
      )}
    </Answered>
  );
}

/** Messages to people and to partners that failed for good; trying again sends each once. */
function Undelivered() {
  const t = useWords(adminWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay("notification.message.admin");
  const [busy, setBusy] = useState("");
  const failed = useAsk("/v1/messages", { query: { state: "DELIVERY_STATE_FAILED", page_size: 100 } }, { live: ["notification"], enabled: may });
  if (!failed.data?.messages.length) return null;
  const again = async (id: string) => {
    setBusy(id);
    try {
      await post("/v1/messages/{message_id}:retry", { path: { message_id: id } });
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error(detail || title);
    } finally {
      setBusy("");
      await client.invalidateQueries({ queryKey: ["/v1/messages"] });
    }
  };
  return (
    <Section title={t("undelivered")}>
      <p className="quiet gap-below">{t("undelivered_text")}</p>
      <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("undelivered")}>
        <table className="conflict">
          <thead><tr><th scope="col">{t("what")}</th><th scope="col">{t("recipient")}</th><th scope="col">{t("channel")}</th><th scope="col">{t("since")}</th><th scope="col">{t("attempts")}</th><th scope="col">{t("reason")}</th><th scope="col">{t("actions")}</th></tr></thead>
          <tbody>
            {failed.data.messages.map((each) => (
              <tr key={each.message_id}>
                <td><strong>{each.kind}</strong></td>
                <td>{each.recipient_kind === "RECIPIENT_KIND_PERSON" ? <PersonName id={each.recipient_id} /> : <code>{each.recipient_id.slice(0, 8)}</code>}</td>
                <td>{each.channel.replace("CHANNEL_", "").toLowerCase()}</td>
                <td title={f.moment(each.queued_at)}>{f.ago(each.queued_at)}</td>
                <td className="num">{f.number(each.attempts)}</td>
                <td><code style={{ overflowWrap: "anywhere" }}>{each.last_failure}</code></td>
                <td><Button size="small" loading={busy === each.message_id} onClick={() => void again(each.message_id)}>{t("retry")}</Button></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
