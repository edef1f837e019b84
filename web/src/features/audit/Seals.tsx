/** Whether the log is whole: each part's chain of signed checkpoints, followed from the first to the last. */
import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useState } from "react";
import { get, type Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Refused } from "@/ui/states";
import { CONTEXTS, useContextName } from "./parts";
import { auditWords } from "./words";

type Checkpoint = Answer<"/v1/audit/{context}/checkpoints">["checkpoints"][number];
const CHAINS = ["events", "reads"] as const;
const MOST_PAGES = 60;
interface Followed {
  count: number;
  last: Checkpoint | undefined;
  brokenAt: string;
  more: boolean;
}

/** What the next checkpoint calls this one: SHA-256 over what was signed and the signature. */
async function digest(point: Checkpoint): Promise<string> {
  const body = new TextEncoder().encode(point.body);
  const signature = Uint8Array.from(atob(point.signature), (c) => c.charCodeAt(0));
  const both = new Uint8Array(body.length + signature.length);
  both.set(body);
  both.set(signature, body.length);
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", both)), (b) => b.toString(16).padStart(2, "0")).join("");
}

async function follow(context: string, chain: string, signal: AbortSignal): Promise<Followed> {
  let last: Checkpoint | undefined;
  let token = "";
  let count = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const found = await get("/v1/audit/{context}/checkpoints", { path: { context }, query: { chain, page_size: 100, page_token: token }, signal });
    for (const each of found.checkpoints) {
      const said = JSON.parse(each.body) as { previous: string; number: number; position: number };
      const follows = last ? said.previous === (await digest(last)) && said.number === Number(last.number) + 1 && said.position > Number(last.position) : said.number === 1;
      if (!follows || said.number !== Number(each.number) || said.position !== Number(each.position)) return { count, last, brokenAt: each.number, more: false };
      last = each;
      count += 1;
    }
    token = found.next_page_token;
    if (!token) return { count, last, brokenAt: "", more: false };
  }
  return { count, last, brokenAt: "", more: true };
}

export default function Seals() {
  const t = useWords(auditWords);
  const part = useContextName();
  const f = useFormats();
  const [run, setRun] = useState(1);
  const freshness = useAsk("/v1/analytics/freshness", {}, { live: ["customer", "pipeline"] });
  const question = useQuery({
    queryKey: ["seals", run],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const rows: { context: string; chain: (typeof CHAINS)[number]; found: Followed }[] = [];
      for (const context of CONTEXTS) for (const chain of CHAINS) rows.push({ context, chain, found: await follow(context, chain, signal) });
      return rows;
    },
  });
  return (
    <Section title={t("seals")} extra={<Button loading={question.isFetching} onClick={() => setRun(run + 1)}>{question.isFetching ? t("checking") : t("check")}</Button>}>
      <p className="quiet gap-below">{t("seals_text")}</p>
      {question.error && <Refused error={question.error} retry={() => void question.refetch()} />}
      <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("seals")}>
        <table className="conflict">
          <thead><tr><th scope="col">{t("service")}</th><th scope="col">{t("chain")}</th><th scope="col" /><th scope="col">{t("checkpoints")}</th><th scope="col">{t("sealed_to")}</th><th scope="col">{t("last_sealed")}</th></tr></thead>
          <tbody aria-busy={question.isFetching}>
            {CONTEXTS.flatMap((context) =>
              CHAINS.map((chain) => {
                const found = question.data?.find((each) => each.context === context && each.chain === chain)?.found;
                const head = freshness.data?.contexts.find((each) => each.context === context)?.head_position;
                return (
                  <tr key={context + chain}>
                    <td><strong>{part(context)}</strong></td>
                    <td>{t(chain)}</td>
                    <td>
                      {!found && <span className="tag tag-dull">{t(question.isFetching ? "checking" : "not_checked")}</span>}
                      {found?.brokenAt && <span className="tag tag-bad">{t("broken", { number: found.brokenAt })}</span>}
                      {found && !found.brokenAt && (found.count ? <span className="tag tag-good">{t("unbroken")}</span> : <span className="tag tag-dull">{t("none_yet")}</span>)}
                      {found?.more && <span className="quiet"> {t("partly", { count: found.count })}</span>}
                    </td>
                    <td className="num">{found && f.number(found.count)}</td>
                    <td className="num">{found?.last && f.number(found.last.position)} {chain === "events" && head && <span className="quiet">{t("of_log", { head: f.number(head) })}</span>}</td>
                    <td>{found?.last && <span title={f.moment(found.last.sealed_at)}>{f.ago(found.last.sealed_at)}</span>}</td>
                  </tr>
                );
              }),
            )}
          </tbody>
        </table>
      </div>
      <p className="quiet gap-above">{t("outside")} <code>headwater audit verify</code></p>
    </Section>
  );
}
