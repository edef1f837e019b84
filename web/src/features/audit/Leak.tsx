/** A customer's data turned up elsewhere: who could have seen it then, and who did. */
import { Button, DatePicker } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { get } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { CustomerSelect } from "@/ui/CustomerSelect";
import { Section } from "@/ui/Page";
import { Actor, PersonName } from "@/ui/people";
import { Answered, Notice } from "@/ui/states";
import { ExportButton, useContextName } from "./parts";
import { useAuditFilters } from "./Trail";
import { auditWords } from "./words";

const REASONS = { owner: "r_owner", subordinates: "r_subordinates", team: "r_team", all: "r_all", guest: "r_guest", member: "r_member" } as const;

export default function Leak() {
  const t = useWords(auditWords);
  const f = useFormats();
  const part = useContextName();
  const { value, change } = useAuditFilters();
  const [customer, setCustomer] = useState(value("customer"));
  const [days, setDays] = useState<[dayjs.Dayjs, dayjs.Dayjs]>([value("from") ? dayjs(value("from")) : dayjs().subtract(30, "day").startOf("day"), value("to") ? dayjs(value("to")) : dayjs().endOf("day")]);
  const asked = { path: { customer_id: value("customer") }, query: { from_at: value("from"), to_at: value("to") } };
  const found = useAsk("/v1/audit/customers/{customer_id}:investigate", asked, { enabled: Boolean(value("customer") && value("from")), freshMs: 60_000 });
  return (
    <div className="stack">
      <Section>
        <p className="quiet gap-below">{t("leak_text")}</p>
        <form className="row" onSubmit={(event) => { event.preventDefault(); change({ customer, from: days[0].toISOString(), to: (days[1].isAfter(dayjs()) ? dayjs() : days[1]).toISOString() }); }}>
          <div style={{ width: 280, display: "grid" }}><CustomerSelect value={customer} onChange={setCustomer} placeholder={t("choose_customer")} label={t("choose_customer")} /></div>
          <DatePicker.RangePicker allowClear={false} value={days} onChange={(next) => next?.[0] && next[1] && setDays([next[0].startOf("day"), next[1].endOf("day")])} aria-label={t("period")} />
          <Button type="primary" htmlType="submit" disabled={!customer}>{t("investigate")}</Button>
          {found.data && <ExportButton name="investigation" page={async () => ({ csv: (await get("/v1/audit/customers/{customer_id}:exportInvestigation", asked)).csv })} />}
        </form>
      </Section>
      {value("customer") && (
        <Answered of={found} rows={6}>
          {(data) => (
            <>
              {data.unanswered.length > 0 && <p className="strip" role="status">{t("unanswered", { parts: data.unanswered.map(part).join(", ") })}</p>}
              {data.truncated && <p className="strip" role="status">{t("truncated")}</p>}
              <Section title={t("owners")}>
                <ul>{data.owners.map((each, at) => <li key={at} className="row"><strong><PersonName id={each.owner_id} /></strong> <span className="quiet">{f.moment(each.from_at)} – {each.to_at ? f.moment(each.to_at) : t("still")}</span></li>)}</ul>
              </Section>
              <Section title={t("suspects")}>
                {data.suspects.length ? (
                  <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("suspects")}>
                    <table className="conflict">
                      <thead><tr><th scope="col">{t("who")}</th><th scope="col">{t("times")}</th><th scope="col">{t("saw")}</th><th scope="col">{t("first_last")}</th><th scope="col">{t("could")}</th></tr></thead>
                      <tbody>
                        {data.suspects.map((each) => (
                          <tr key={each.actor}>
                            <td><strong><Actor actor={each.actor} /></strong></td>
                            <td>{each.reads === "0" ? <span className="quiet">{t("never")}</span> : <><strong>{f.number(each.reads)}</strong>{each.bulk_reads !== "0" && <span className="tag tag-warn" style={{ marginLeft: 6 }}>{f.number(each.bulk_reads)} {t("bulk")}</span>}</>}</td>
                            <td>{each.classes.map((c) => <span key={c} className="tag" style={{ marginRight: 4 }}>{c}</span>)}</td>
                            <td className="quiet">{each.first_read_at && <>{f.moment(each.first_read_at)} – {f.moment(each.last_read_at)}</>}</td>
                            <td>{each.could.length ? each.could.slice(0, 3).map((s, at) => <div key={at}>{s.reason in REASONS ? t(REASONS[s.reason as keyof typeof REASONS]) : s.reason} <span className="quiet">{f.day(s.from_at)} – {s.to_at ? f.day(s.to_at) : t("still")} · {s.roles.join(", ")}</span></div>) : <span className="tag tag-bad">{t("no_right")}</span>}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </div>
                ) : (
                  <Notice quiet title={t("nothing")} />
                )}
              </Section>
            </>
          )}
        </Answered>
      )}
    </div>
  );
}
