/** Start page: all that waits for somebody today, in one list: follow-ups due, decisions, new leads, customers who fell silent. */
import "./today.css";
import { CheckOutlined, PhoneOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Button, Segmented } from "antd";
import dayjs from "dayjs";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { post } from "@/api/client";
import { useAsk, useTell } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { places } from "@/app/places";
import { useMay, useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Notice, Refused, Waiting } from "@/ui/states";
import { Tag, type Tone } from "@/ui/Tag";
import { counted, inOrder, isLate, KINDS, type Item, type Kind } from "./order";
import { todayWords } from "./words";

const MOST = 50;
const SHOWN = 10;
const TONES: Record<Kind, Tone> = { "follow-up": "brand", approval: "warn", lead: "good", silent: "dull" };

interface Source {
  kind: Kind;
  items: readonly Item[];
  more: boolean;
  waits: boolean;
  error: Problem | null;
  again: () => unknown;
}

/** What waits, by kind; what the person may not see is not asked for. */
function useSources(nameless: string): Source[] {
  const { personId } = useSession();
  const leads = useMay("pipeline.lead.edit");
  const decides = useMay("pipeline.approval.approve");
  const until = useMemo(() => dayjs().endOf("day").toISOString(), []);
  const mine = { owner_id: personId, page_size: MOST };
  const planned = useAsk("/v1/follow-ups", { query: { ...mine, due_before: until, state: "FOLLOW_UP_STATE_PLANNED" } }, { live: ["customer"] });
  const due = useAsk("/v1/follow-ups", { query: { ...mine, due_before: until, state: "FOLLOW_UP_STATE_DUE" } }, { live: ["customer"] });
  const open = useAsk("/v1/leads", { query: { ...mine, state: "LEAD_STATE_OPEN" } }, { live: ["pipeline"], enabled: leads });
  const decisions = useAsk("/v1/approvals", { query: { waiting_for: "me", state: "APPROVAL_STATE_PENDING", page_size: MOST } }, { live: ["pipeline"], enabled: decides });
  const silent = useQuery({
    queryKey: ["today-silent", personId],
    queryFn: ({ signal }) =>
      post("/v1/customers:search", {
        body: {
          filter: {
            all_of: {
              filters: [
                { condition: { field: "owner", operator: "OPERATOR_IS_ANY_OF", values: [personId] } },
                { condition: { field: "status", operator: "OPERATOR_IS_ANY_OF", values: ["silent"] } },
              ],
            },
          },
          order_by: "last_contact_at",
          page_size: MOST,
        },
        signal,
      }),
    staleTime: 60_000,
    meta: { live: ["customer"] },
  });
  const state = (of: { isPending: boolean; error: unknown; refetch: () => unknown }) => ({ waits: of.isPending, error: of.error as Problem | null, again: of.refetch });
  const followUp = (each: NonNullable<typeof due.data>["follow_ups"][number]): Item => ({ kind: "follow-up", id: each.follow_up_id, to: places.customer(each.customer_id), title: each.subject || each.customer_name, detail: each.customer_name, at: each.due_at ?? "" });
  return [
    ...[due, planned].map((asked): Source => ({ ...state(asked), kind: "follow-up", items: (asked.data?.follow_ups ?? []).map(followUp), more: Boolean(asked.data?.next_page_token) })),
    ...(decides
      ? [{ ...state(decisions), kind: "approval" as const, more: Boolean(decisions.data?.next_page_token), items: (decisions.data?.approvals ?? []).map((each): Item => ({ kind: "approval", id: each.approval_id, to: places.approval(each.approval_id), title: each.title, detail: "", at: each.requested_at ?? "" })) }]
      : []),
    ...(leads
      ? [{ ...state(open), kind: "lead" as const, more: Boolean(open.data?.next_page_token), items: (open.data?.leads ?? []).map((each): Item => ({ kind: "lead", id: each.lead_id, to: places.lead(each.lead_id), title: each.person_name || each.company || nameless, detail: each.person_name ? each.company : "", at: each.captured_at ?? "", phone: each.phone })) }]
      : []),
    { ...state(silent), kind: "silent", more: Boolean(silent.data?.next_page_token), items: (silent.data?.customers ?? []).map((each): Item => ({ kind: "silent", id: each.customer_id, to: places.customer(each.customer_id), title: each.name, detail: each.primary_contact_name, at: each.last_contact_at ?? "", phone: each.phone })) },
  ];
}

export default function Today() {
  const t = useWords(todayWords);
  const f = useFormats();
  const say = useWords(problemWords);
  const { message } = App.useApp();
  const edits = useMay("customer.customer.edit");
  const done = useTell("/v1/follow-ups/{follow_up_id}:complete", { touches: ["customer"] });
  const sources = useSources(t("nobody"));
  const [only, setOnly] = useState<Kind | "all">("all");
  const [whole, setWhole] = useState(false);
  const now = new Date();
  const items = inOrder(sources.flatMap((each) => each.items), now);
  const failed = sources.filter((each) => each.error);
  const again = () => failed.forEach((each) => void each.again());
  if (!items.length && sources.some((each) => each.waits)) return <Waiting />;
  if (!items.length && failed.length) return <Refused error={failed[0]?.error} retry={again} />;
  const counts = counted(items);
  const kinds = KINDS.filter((kind) => sources.some((each) => each.kind === kind));
  const much = (kind: Kind) => (sources.some((each) => each.kind === kind && each.more) ? t("many", { count: f.number(counts[kind]) }) : f.number(counts[kind]));
  const chosen = items.filter((each) => only === "all" || each.kind === only);
  const shown = whole ? chosen : chosen.slice(0, SHOWN);
  return (
    <>
      {failed.length > 0 && (
        <p className="quiet" role="alert">
          {t("unasked", { kinds: [...new Set(failed.map((each) => t(each.kind)))].join(", ") })} <Button size="small" type="link" onClick={again}>{t("retry")}</Button>
        </p>
      )}
      {items.length > 0 ? (
        <>
          <div className="scroll-x gap-below">
            <Segmented<Kind | "all">
              size="small"
              value={only}
              onChange={setOnly}
              options={[{ value: "all", label: t("all") }, ...kinds.map((kind) => ({ value: kind, label: `${t(kind)} ${much(kind)}` }))]}
            />
          </div>
          <ul className="todo">
            {shown.map((each) => (
              <li key={`${each.kind}:${each.id}`}>
                <span className="today-kind"><Tag tone={isLate(each, now) ? "bad" : TONES[each.kind]}>{isLate(each, now) ? t("overdue") : t(each.kind)}</Tag></span>
                <div className="todo-what">
                  <Link className="clip" to={each.to}>{each.title}</Link>
                  <div className="quiet clip">{[each.detail === each.title ? "" : each.detail, each.at && f.ago(each.at)].filter(Boolean).join(" · ")}</div>
                </div>
                {each.kind === "follow-up" && edits && (
                  <Button
                    shape="circle"
                    size="small"
                    icon={<CheckOutlined />}
                    aria-label={`${t("done")}: ${each.title}`}
                    loading={done.isPending && done.variables?.path.follow_up_id === each.id}
                    onClick={() => done.mutate({ path: { follow_up_id: each.id } }, { onError: (error: Error) => void message.error(explain(error, say).title) })}
                  />
                )}
                {each.phone && !each.phone.includes("*") && <Button size="small" type="text" icon={<PhoneOutlined />} href={`tel:${each.phone}`} aria-label={`${t("call")} ${each.title}`} />}
              </li>
            ))}
          </ul>
          {chosen.length > shown.length && <Button type="link" onClick={() => setWhole(true)}>{t("more", { count: f.number(chosen.length - shown.length) })}</Button>}
        </>
      ) : (
        !failed.length && <Notice quiet title={t("nothing")} text={t("nothing_text")} />
      )}
    </>
  );
}
