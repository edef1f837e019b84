/** Take back what one cause did, after seeing what would happen. */
import { App, Button, DatePicker, Input, Select } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { Link } from "react-router";
import { useAsk, useTell } from "@/api/hooks";
import { explain, problemWords } from "@/api/problem";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Actor } from "@/ui/people";
import { PersonSelect } from "@/ui/PersonSelect";
import { Answered, Notice } from "@/ui/states";
import { CONTEXTS, Why, useContextName, useNames } from "./parts";
import { useAuditFilters } from "./Trail";
import { UndoImport } from "./UndoImport";
import { auditWords } from "./words";

const VERDICTS = {
  UNDO_VERDICT_TAKEN_BACK: ["v_taken", "tag-good"],
  UNDO_VERDICT_KEPT: ["v_kept", "tag-dull"],
  UNDO_VERDICT_PARTLY_KEPT: ["v_partly", "tag-warn"],
  UNDO_VERDICT_ALREADY_TAKEN_BACK: ["v_already", "tag-dull"],
  UNDO_VERDICT_GOES_ALONG: ["v_along", "tag-good"],
  UNDO_VERDICT_UNSPECIFIED: ["v_kept", "tag-dull"],
} as const;
type Kind = "person" | "correlation" | "request" | "import";
const PAGE = 50;

export default function Undo() {
  const t = useWords(auditWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const part = useContextName();
  const names = useNames();
  const { message, modal } = App.useApp();
  const { value, change } = useAuditFilters();
  const [kind, setKind] = useState<Kind>(value("import") ? "import" : value("cause") ? "correlation" : value("request") ? "request" : "person");
  const [context, setContext] = useState(value("part") || "customer");
  const [actor, setActor] = useState(value("actor"));
  const [day, setDay] = useState(value("day") || dayjs().format("YYYY-MM-DD"));
  const [cause, setCause] = useState(value("import") || value("cause") || value("request"));
  const [token, setToken] = useState("");
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const asked =
    value("import") ? undefined : value("cause") ? { correlation_id: value("cause") } : value("request") ? { of_request_id: value("request") } : value("actor") && value("day") ? { actor: value("actor"), day: value("day"), time_zone } : undefined;
  const where = value("part") || "customer";
  const preview = useAsk("/v1/audit/{context}/undo", { path: { context: where }, query: { ...asked, page_size: PAGE, page_token: token } }, { enabled: asked !== undefined, freshMs: 0 });
  const undo = useTell("/v1/audit/{context}:undo", {
    touches: ["customer", "pipeline", "ticketing", "marketing", "identity"],
    onDone: (answer) => {
      void message.success(t("undone", { count: answer.recorded }));
      void preview.refetch();
    },
  });
  const ready = kind === "person" ? actor && day : cause.trim();
  return (
    <div className="stack">
      <Section>
        <p className="quiet gap-below">{t("undo_text")}</p>
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            setToken("");
            change({ part: context, actor: kind === "person" ? actor : "", day: kind === "person" ? day : "", cause: kind === "correlation" ? cause.trim() : "", request: kind === "request" ? cause.trim() : "", import: kind === "import" ? cause.trim() : "" });
          }}
        >
          <Select<Kind> value={kind} onChange={setKind} aria-label={t("by")} style={{ width: 250 }} options={[{ value: "person", label: t("by_person") }, { value: "correlation", label: t("by_correlation") }, { value: "request", label: t("by_request") }, { value: "import", label: t("by_import") }]} />
          {kind !== "import" && <Select<string> value={context} onChange={setContext} aria-label={t("service")} style={{ width: 160 }} options={CONTEXTS.map((each) => ({ value: each, label: part(each) }))} />}
          {kind === "person" ? (
            <>
              <div style={{ width: 190, display: "grid" }}><PersonSelect value={actor} onChange={setActor} placeholder={t("person")} label={t("person")} /></div>
              <DatePicker value={dayjs(day)} allowClear={false} maxDate={dayjs()} onChange={(next) => next && setDay(next.format("YYYY-MM-DD"))} aria-label={t("day")} />
            </>
          ) : (
            <Input value={cause} onChange={(event) => setCause(event.target.value)} placeholder={t("cause_id")} aria-label={t("cause_id")} style={{ width: 320 }} />
          )}
          <Button type="primary" htmlType="submit" disabled={!ready}>{t("preview")}</Button>
        </form>
      </Section>
      {value("import") && <UndoImport key={value("import")} importId={value("import")} />}
      {asked && (
        <Answered of={preview} rows={6}>
          {(data) => {
            if (!data.records.length) return <Notice quiet title={t("nothing_to_undo")} />;
            const corrections = data.records.reduce((sum, each) => sum + each.compensating_events, 0);
            return (
              <Section
                title={t("preview")}
                extra={
                  <span className="row">
                    {data.next_page_token && <Button size="small" onClick={() => setToken(data.next_page_token)}>{t("next")}</Button>}
                    <Button
                      danger
                      type="primary"
                      disabled={!corrections}
                      loading={undo.isPending}
                      onClick={() =>
                        modal.confirm({
                          title: t("sure"),
                          content: <>{t("sure_text")} {data.next_page_token && t("undo_more")}</>,
                          okText: t("undo_now", { count: corrections }),
                          okButtonProps: { danger: true },
                          onOk: () => undo.mutateAsync({ path: { context: where }, body: { ...asked, page_size: PAGE, page_token: token, fingerprint: data.fingerprint } }).catch((error: unknown) => void message.error(`${explain(error, say).title} ${explain(error, say).detail}`)),
                        })
                      }
                    >
                      {corrections ? t("undo_now", { count: corrections }) : t("not_undoable")}
                    </Button>
                  </span>
                }
              >
                <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("preview")}>
                  <table className="conflict">
                    <thead><tr><th scope="col">{t("record")}</th><th scope="col">{t("what")}</th><th scope="col">{t("who")}</th><th scope="col" /><th scope="col">{t("fields")}</th></tr></thead>
                    <tbody>
                      {data.records.flatMap((record) =>
                        record.changes.map((each, at) => {
                          const [word, tone] = VERDICTS[each.verdict];
                          return (
                            <tr key={each.event_id}>
                              <td>{at === 0 && <Link to={`/audit/records/${record.record_id}`}>{record.kind || t("record")} {record.record_id.slice(0, 8)}</Link>}</td>
                              <td>{names.event(each.event)} <span className="quiet">{f.moment(each.recorded_at)}</span></td>
                              <td><Actor actor={each.actor} /></td>
                              <td><span className={`tag ${tone}`}>{t(word)}</span></td>
                              <td>{each.fields.map(names.field).join(", ")}{each.kept.map((kept) => <div key={kept.field} className="quiet">{kept.field !== "record" && `${names.field(kept.field)}: `}<Why {...kept} /></div>)}</td>
                            </tr>
                          );
                        }),
                      )}
                    </tbody>
                  </table>
                </div>
              </Section>
            );
          }}
        </Answered>
      )}
    </div>
  );
}
