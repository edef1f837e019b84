/** What an import brought, and taking it back: every part that keeps rows of it is asked, and first only looks. */
import { App, Button } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LONG_MS, post } from "@/api/client";
import { askAgain } from "@/api/hooks";
import { Problem, explain, problemWords } from "@/api/problem";
import { useSession } from "@/app/session";
import { useLanguage, useWords } from "@/i18n/words";
import { CustomerName } from "@/ui/customers";
import { Figure } from "@/ui/Figure";
import { Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { eventName, eventsInChinese, fieldName, reasonText } from "./names";
import { useContextName } from "./parts";
import { auditWords } from "./words";
import { useState } from "react";

const MOST_CALLS = 1000;
const MOST_SHOWN = 200;
const PARTS = { ticketing: "ticketing.ticket.import", pipeline: "pipeline.import.admin", customer: "customer.customer.import" } as const;
type Part = keyof typeof PARTS;
const ALL = Object.keys(PARTS) as Part[];

interface Kept {
  readonly part: Part;
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly fields: readonly string[];
  readonly code: string;
  readonly words: string;
}
interface Taken {
  /** Records that one call takes back, or would. */
  readonly back: number;
  readonly kept: readonly Kept[];
  readonly remaining: number;
}

async function ask(part: Part, import_id: string, preview: boolean): Promise<Taken> {
  const telling = { path: { import_id }, body: { preview }, limitMs: LONG_MS };
  if (part === "ticketing") {
    const { withdrawn, changed_ticket_ids, remaining } = await post("/v1/ticket-imports/{import_id}:revert", telling);
    return { back: withdrawn, remaining, kept: changed_ticket_ids.map((id) => ({ part, id, kind: "ticket", name: "", fields: [], code: "import_changed_since", words: "changed since the import" })) };
  }
  if (part === "pipeline") {
    const { taken_back, kept, remaining } = await post("/v1/pipeline-imports/{import_id}:revert", telling);
    return { back: taken_back, remaining, kept: kept.map((each) => ({ part, id: each.id, kind: each.kind, name: each.external_ref, fields: [], code: each.code, words: each.message })) };
  }
  const { archived, restored, changed_since, remaining } = await post("/v1/customer-imports/{import_id}:revert", telling);
  return { back: archived + restored, remaining, kept: changed_since.map((each) => ({ part, id: each.customer_id, kind: "customer", name: "", fields: each.fields, code: each.code, words: each.fields.join(", ") })) };
}

/** Nothing of an import in a part is no mistake: most imports bring one kind of thing only. */
async function askOrNothing(part: Part, importId: string, preview: boolean): Promise<Taken> {
  try {
    return await ask(part, importId, preview);
  } catch (error) {
    if (error instanceof Problem && error.kind === "not-found") return { back: 0, kept: [], remaining: 0 };
    throw error;
  }
}

export function UndoImport({ importId }: { importId: string }) {
  const t = useWords(auditWords);
  const say = useWords(problemWords);
  const part = useContextName();
  const { language } = useLanguage();
  const { may } = useSession();
  const client = useQueryClient();
  const { message, modal } = App.useApp();
  const [busy, setBusy] = useState(false);
  const mine = ALL.filter((each) => may(PARTS[each]));
  const others = ALL.filter((each) => !may(PARTS[each]));
  const preview = useQuery<readonly [Part, Taken][], Problem>({
    queryKey: ["undo-import", importId, mine.join()],
    queryFn: () => Promise.all(mine.map(async (each) => [each, await askOrNothing(each, importId, true)] as const)).then((found) => found.map(([each, taken]) => [each, taken] as [Part, Taken])),
    staleTime: 0,
    retry: false,
  });
  const takeBack = async () => {
    setBusy(true);
    let back = 0;
    try {
      for (const each of mine) {
        let left = true;
        for (let call = 0; left && call < MOST_CALLS; call += 1) {
          const done = await askOrNothing(each, importId, false);
          back += done.back;
          left = done.remaining > 0;
        }
      }
      void message.success(t("import_undone", { count: back }));
    } catch (error) {
      const { title, detail } = explain(error, say);
      void message.error(`${title} ${detail} ${t("import_undone", { count: back })}`);
    } finally {
      setBusy(false);
      askAgain(client, ALL);
      void preview.refetch();
    }
  };
  /** "Status already changed", or which fields were. */
  const why = (kept: Kept) => {
    if (kept.code) return reasonText({ reason: kept.words, because: [{ code: kept.code, values: { rule: kept.words } }] }, language);
    const fields = kept.fields.map((each) => (eventsInChinese[each] ? eventName(each, language) : fieldName(each, language)));
    return `${t("import_changed")} ${fields.join(", ")}`;
  };
  return (
    <Answered of={preview} rows={6}>
      {(found) => {
        const count = found.reduce((sum, [, taken]) => sum + taken.back + taken.remaining, 0);
        const kept = found.flatMap(([, taken]) => taken.kept);
        return (
          <>
            {others.length > 0 && <Notice quiet title={t("import_not_looked", { parts: others.map(part).join(", ") })} />}
            {!count && !kept.length ? (
              <Notice quiet title={t("nothing_to_undo")} />
            ) : (
              <Section
                title={t("preview")}
                extra={
                  <Button danger type="primary" disabled={!count} loading={busy} onClick={() => modal.confirm({ title: t("sure"), content: t("import_sure"), okText: t("undo_now", { count }), okButtonProps: { danger: true }, onOk: takeBack })}>
                    {count ? t("undo_now", { count }) : t("not_undoable")}
                  </Button>
                }
              >
                <div className="figures">{found.map(([each, taken]) => <Figure key={each} label={part(each)} value={taken.back + taken.remaining} />)}</div>
                {kept.length > 0 && (
                  <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("v_kept")} className="gap-above">
                    <table className="conflict">
                      <thead><tr><th scope="col">{t("service")}</th><th scope="col">{t("record")}</th><th scope="col">{t("v_kept")}</th></tr></thead>
                      <tbody>
                        {kept.slice(0, MOST_SHOWN).map((each) => (
                          <tr key={`${each.kind} ${each.id}`}>
                            <td>{part(each.part)}</td>
                            <td>{each.kind === "customer" ? <CustomerName id={each.id} /> : each.name || each.id.slice(0, 8)}</td>
                            <td className="quiet">{why(each)}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                    {kept.length > MOST_SHOWN && <p className="quiet">{t("and_more", { count: kept.length - MOST_SHOWN })}</p>}
                  </div>
                )}
              </Section>
            )}
          </>
        );
      }}
    </Answered>
  );
}
