/** What is written on a ticket: to the customer, for the colleagues, or what the customer said. Kept until it was taken. */
import { Alert, App, Button, Input, Segmented, Select } from "antd";
import { useEffect, useRef, useState } from "react";
import type { TextAreaRef } from "antd/es/input/TextArea";
import type { Answer as Given } from "@/api/client";
import { useOptimisticTell } from "@/api/hooks";
import { explain, problemWords, type Problem } from "@/api/problem";
import { useSession } from "@/app/session";
import { useWords, words } from "@/i18n/words";
import { usePhone } from "@/ui/phone";
import { channels, terms, type Channel, type Ticket } from "./terms";

const dictionary = words(
  { response: "Answer", note: "Note", reply: "Customer’s words", to_customer: "What the customer is told", to_us: "For the colleagues; the customer does not see it", from_customer: "What the customer wrote or said", send: "Send answer", keep: "Save note", record: "Record", by: "Channel", hint: "Ctrl + Enter" },
  { response: "答复", note: "备注", reply: "客户反馈", to_customer: "答复客户的内容", to_us: "仅同事可见，客户看不到", from_customer: "客户所写或所说", send: "发送答复", keep: "保存备注", record: "记录", by: "渠道", hint: "Ctrl + Enter" },
);

type Kind = "response" | "note" | "reply";
type Whole = Given<"/v1/tickets/{ticket_id}">;

export function AnswerBox({ ticket }: { ticket: Ticket }) {
  const t = useWords(dictionary);
  const say = useWords(terms);
  const explained = useWords(problemWords);
  const { personId, me } = useSession();
  const { message } = App.useApp();
  const phone = usePhone();
  const draft = `draft:${personId}:ticket.answer:${ticket.ticket_id}`;
  const [kind, setKind] = useState<Kind>("response");
  const [text, setText] = useState(() => localStorage.getItem(draft) ?? "");
  const [channel, setChannel] = useState<Channel>(ticket.channel);
  const [problem, setProblem] = useState<Problem>();
  const field = useRef<TextAreaRef>(null);
  const keep = (to: string) => {
    setText(to);
    if (to) localStorage.setItem(draft, to);
    else localStorage.removeItem(draft);
  };
  const path = { ticket_id: ticket.ticket_id };
  const question = ["/v1/tickets/{ticket_id}", { path }];
  const shown = (entryKind: Kind) => (whole: Whole, telling: { body?: unknown }): Whole => ({
    ...whole,
    entries: [...whole.entries, { kind: entryKind, at: new Date().toISOString(), by: me.actor, channel, text: String((telling.body as { text?: string } | undefined)?.text ?? "") }],
  });
  const respond = useOptimisticTell<"/v1/tickets/{ticket_id}:respond", Whole>("/v1/tickets/{ticket_id}:respond", { question, change: shown("response"), touches: ["ticketing"], keepAs: `${ticket.subject}: ${t("response")}` });
  const note = useOptimisticTell<"/v1/tickets/{ticket_id}:addNote", Whole>("/v1/tickets/{ticket_id}:addNote", { question, change: shown("note"), touches: ["ticketing"], keepAs: `${ticket.subject}: ${t("note")}` });
  const reply = useOptimisticTell<"/v1/tickets/{ticket_id}:recordReply", Whole>("/v1/tickets/{ticket_id}:recordReply", { question, change: shown("reply"), touches: ["ticketing"], keepAs: `${ticket.subject}: ${t("reply")}` });
  const busy = respond.isPending || note.isPending || reply.isPending;
  const send = () => {
    const said = text.trim();
    if (!said || busy) return;
    setProblem(undefined);
    keep("");
    const back = { onError: (refused: Problem) => (refused.kind === "queued" ? void message.info(explained("queued")) : (keep(said), setProblem(refused), void message.error(explain(refused, explained).title))) };
    if (kind === "response") respond.mutate({ path, body: { text: said, channel } }, back);
    else if (kind === "note") note.mutate({ path, body: { text: said } }, back);
    else reply.mutate({ path, body: { text: said, channel } }, back);
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "r" || event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).closest("input,textarea,select,[contenteditable],.ant-modal")) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
  const [label, button] = kind === "response" ? ([t("to_customer"), t("send")] as const) : kind === "note" ? ([t("to_us"), t("keep")] as const) : ([t("from_customer"), t("record")] as const);
  return (
    <form className="answer" onSubmit={(event) => (event.preventDefault(), send())}>
      {problem && <Alert type="error" showIcon role="alert" title={explain(problem, explained).title} description={problem.detail} />}
      <div className="row">
        <Segmented<Kind> value={kind} onChange={setKind} options={[{ value: "response", label: t("response") }, { value: "note", label: t("note") }, { value: "reply", label: t("reply") }]} />
        <span className="spread" />
        {kind !== "note" && <Select<Channel> aria-label={t("by")} value={channel} onChange={setChannel} options={channels.map((value) => ({ value, label: say(value) }))} style={{ minWidth: 110 }} />}
      </div>
      <Input.TextArea
        ref={field}
        value={text}
        aria-label={label}
        placeholder={label}
        maxLength={10_000}
        autoSize={{ minRows: 3, maxRows: 12 }}
        onChange={(event) => keep(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
        }}
      />
      <div className="row">
        <Button type="primary" htmlType="submit" loading={busy} disabled={!text.trim()}>{button}</Button>
        {!phone && <kbd>{t("hint")}</kbd>}
      </div>
    </form>
  );
}
