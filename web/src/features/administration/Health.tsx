/** Whether the figures follow the logs, and what is set aside. */
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { useContextName } from "@/features/audit/parts";
import { Section } from "@/ui/Page";
import { Answered } from "@/ui/states";
import { Backups } from "./Backups";
import { adminWords } from "./words";

export default function Health() {
  const t = useWords(adminWords);
  const f = useFormats();
  const part = useContextName();
  const mayMend = useMay("audit.parking.admin");
  const mayKeep = useMay("audit.backup.export");
  const found = useAsk("/v1/analytics/freshness", {}, { live: ["customer", "pipeline", "ticketing", "marketing", "identity", "notification"], freshMs: 2_000 });
  return (
    <div className="stack">
    <Section title={t("health")} extra={<Link to="/audit/seals">{t("sealed_link")}</Link>}>
      <p className="quiet gap-below">{t("health_text")}</p>
      <Answered of={found}>
        {({ contexts }) => (
          <>
            <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("health")}>
              <table className="conflict">
                <thead><tr><th scope="col">{t("context")}</th><th scope="col">{t("state")}</th><th scope="col">{t("head")}</th><th scope="col">{t("folded")}</th><th scope="col">{t("lag")}</th><th scope="col">{t("parked")}</th><th scope="col">{t("last_event")}</th></tr></thead>
                <tbody>
                  {contexts.map((each) => {
                    const behind = Number(each.lag_events ?? 0) > 0;
                    return (
                      <tr key={each.context}>
                        <td><strong>{part(each.context)}</strong></td>
                        <td>{each.lag_events === undefined ? <span className="tag tag-dull">?</span> : <span className={behind ? "tag tag-warn" : "tag tag-good"}>{t(behind ? "behind" : "ok")}</span>}</td>
                        <td>{each.head_position === undefined ? "–" : f.number(each.head_position)}</td>
                        <td>{f.number(each.last_position)}</td>
                        <td>{behind ? <>{t("events", { count: f.number(each.lag_events) })} · {t("seconds", { count: f.number(each.lag_seconds, 0) })}</> : "–"}</td>
                        <td>{each.parked_events === "0" ? "0" : <span className="tag tag-bad">{each.parked_events}</span>}</td>
                        <td title={f.moment(each.last_recorded_at)}>{f.ago(each.last_recorded_at)}</td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
            {contexts.some((each) => each.parked_events !== "0") && <p className="quiet gap-above">{t("parked_text")} {mayMend ? <Link to="/admin/parked">{t("parked")}</Link> : <code>headwater parked list</code>}</p>}
          </>
        )}
      </Answered>
    </Section>
    {mayKeep && <Backups />}
    </div>
  );
}
