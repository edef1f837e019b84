/** The controls of what the figures are of. */
import "./analytics.css";
import { HistoryOutlined } from "@ant-design/icons";
import { Button, DatePicker, Select } from "antd";
import dayjs from "dayjs";
import { useAsk } from "@/api/hooks";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { PersonSelect } from "@/ui/PersonSelect";
import { FIRST, PERIODS, useSlice, type Period } from "./slice";
import { analyticsWords } from "./words";

export function SliceBar() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { change, period, from, to, team, owner, asOf } = useSlice();
  const mayTeams = useMay("identity.team.read");
  const mayPeople = useMay("identity.person.read");
  const teams = useAsk("/v1/teams", { query: { page_size: 500 } }, { live: ["identity"], enabled: mayTeams, freshMs: 300_000 });
  const changed = period !== FIRST || team || owner || asOf;
  return (
    <>
      <div className="row gap-below slice-bar" role="group" aria-label={t("period")}>
        <Select<Period> value={period} aria-label={t("period")} style={{ width: 140 }} onChange={(next) => change({ period: next, from: next === "custom" ? from : "", to: next === "custom" ? to : "" })} options={PERIODS.map((each) => ({ value: each, label: t(each) }))} />
        {period === "custom" && (
          <DatePicker.RangePicker
            allowEmpty={[true, true]}
            value={[from ? dayjs(from) : null, to ? dayjs(to) : null]}
            onChange={(days) => change({ from: days?.[0]?.format("YYYY-MM-DD") ?? "", to: days?.[1]?.format("YYYY-MM-DD") ?? "" })}
            aria-label={t("period")}
          />
        )}
        {mayTeams && (
          <Select<string> value={team} aria-label={t("all_teams")} style={{ width: 150 }} onChange={(next) => change({ team: next })} options={[{ value: "", label: t("all_teams") }, ...(teams.data?.teams ?? []).map((each) => ({ value: each.team_id, label: each.name }))]} />
        )}
        {mayPeople && <div className="slice-owner"><PersonSelect value={owner} onChange={(id) => change({ owner: id })} placeholder={t("owner")} label={t("owner")} /></div>}
        <DatePicker
          showTime={{ format: "HH:mm" }}
          value={asOf ? dayjs(asOf) : null}
          onChange={(moment) => change({ as_of: moment ? moment.toISOString() : "" })}
          maxDate={dayjs()}
          format="YYYY-MM-DD HH:mm"
          placeholder={`${t("as_of")}: ${t("now")}`}
          aria-label={t("as_of")}
          style={{ width: 190 }}
        />
        {changed && <Button type="text" onClick={() => change({ period: "", from: "", to: "", team: "", owner: "", as_of: "" })}>{t("reset")}</Button>}
      </div>
      {asOf && (
        <div className="strip gap-below" style={{ borderRadius: 8 }} role="status">
          <span className="row"><HistoryOutlined aria-hidden /> {t("as_of_note", { when: f.moment(asOf) })} <Button size="small" type="link" onClick={() => change({ as_of: "" })}>{t("back_to_now")}</Button></span>
        </div>
      )}
    </>
  );
}
