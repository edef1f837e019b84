/** What rules not yet in force would have done with past leads. */
import { Button } from "antd";
import { useTell } from "@/api/hooks";
import type { Body } from "@/api/client";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { PersonName } from "@/ui/people";
import { Refused } from "@/ui/states";
import { adminWords } from "./words";

const LEADS = 2_000;

export function Trial({ rules }: { rules: Body<"/v1/lead-rules:try"> }) {
  const t = useWords(adminWords);
  const f = useFormats();
  const trial = useTell("/v1/lead-rules:try");
  const found = trial.data;
  return (
    <div className="gap-above">
      <div className="row"><Button loading={trial.isPending} onClick={() => trial.mutate({ body: { ...rules, limit: LEADS } })}>{t("try")}</Button><span className="quiet">{t("try_text", { count: f.number(LEADS) })}</span></div>
      {trial.error && <Refused error={trial.error} />}
      {found && (
        <div className="gap-above" role="status">
          <p className="strong">{t("tried", { moved: f.number(found.moved), leads: f.number(found.leads), before: f.number(found.high_intent), now: f.number(found.tried_high_intent) })}</p>
          {found.owners.length > 0 && (
            <table className="conflict" style={{ maxWidth: 480 }}>
              <thead><tr><th scope="col">{t("person")}</th><th scope="col">{t("had")}</th><th scope="col">{t("would_have")}</th></tr></thead>
              <tbody>{found.owners.map((each) => <tr key={each.owner_id}><td>{each.owner_id ? <PersonName id={each.owner_id} /> : t("pool")}</td><td>{f.number(each.had)}</td><td className={each.would_have > each.had ? "good" : each.would_have < each.had ? "bad" : ""}>{f.number(each.would_have)}</td></tr>)}</tbody>
            </table>
          )}
        </div>
      )}
    </div>
  );
}
