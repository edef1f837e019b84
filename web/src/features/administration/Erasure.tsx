/** One erasure: what was done in which part, what was searched, and the certificate. */
import { Button } from "antd";
import { useParams } from "react-router";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { save, useContextName } from "@/features/audit/parts";
import { Page, Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import "./console.css";
import { useGive } from "./do";
import { StateTag } from "./Handovers";
import { adminWords } from "./words";

export default function Erasure() {
  const t = useWords(adminWords);
  const f = useFormats();
  const part = useContextName();
  const give = useGive();
  const { erasureId = "" } = useParams();
  const path = { erasure_id: erasureId };
  const found = useAsk("/v1/erasures/{erasure_id}", { path }, { live: ["customer", "pipeline", "ticketing", "marketing"] });
  return (
    <Answered of={found} rows={8}>
      {({ erasure, steps }) => (
        <Page
          title={t("forget")}
          heading={<>{t("erasures")}: {erasure?.request_ref || erasureId.slice(0, 8)} <StateTag state={erasure?.state ?? ""} /></>}
          above={{ to: "/admin/privacy", label: t("privacy") }}
          note={<>{f.moment(erasure?.requested_at)}{erasure?.waiting_for.length ? ` · ${t("waiting_for", { parts: erasure.waiting_for.map(part).join(", ") })}` : ""}</>}
          actions={<Button type="primary" disabled={erasure?.state !== "complete"} onClick={() => give(async () => save(`certificate-${erasureId.slice(0, 8)}.json`, JSON.stringify(await get("/v1/erasures/{erasure_id}/certificate", { path }), null, 2), "application/json"))}>{t("certificate")}</Button>}
        >
          <Section title={t("step")}>
            <ul>
              {steps.map((each) => (
                <li key={each.context + each.round} className="line" style={{ alignItems: "flex-start" }}>
                  <strong style={{ minWidth: 120 }}>{part(each.context)}</strong>
                  <span className="tag">{t("keys", { count: f.number(each.keys_destroyed) })}</span>
                  <span className="quiet">{t("round", { n: each.round })} · {f.moment(each.done_at)}</span>
                  <details style={{ flexBasis: "100%" }}><summary>{t("searched")}: {each.searched.length}</summary><p className="quiet">{each.searched.map((s) => `${s.table} (${t("rows", { count: f.number(s.rows) })})`).join(" · ")}</p></details>
                  {each.kept.map((it) => <span key={it.kind} className="quiet" style={{ flexBasis: "100%" }}>{t("kept", { count: f.number(it.records), kind: it.kind, when: f.day(it.free_on) })} · {it.basis}</span>)}
                </li>
              ))}
            </ul>
          </Section>
        </Page>
      )}
    </Answered>
  );
}
