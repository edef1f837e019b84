/** People and teams, best first by the figure chosen. */
import "./analytics.css";
import { Segmented, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { useAsk } from "@/api/hooks";
import { major, useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered, Notice } from "@/ui/states";
import { PersonName } from "@/ui/people";
import { Definitions } from "./Figure";
import { PlainTable } from "./Chart";
import { useSlice } from "./slice";
import { analyticsWords } from "./words";

const ORDERS = ["won_value", "won", "revenue", "win_rate", "leads_converted", "opened"] as const;

export default function Ranking() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const { query, search } = useSlice();
  const [by, setBy] = useState<"DIMENSION_OWNER" | "DIMENSION_TEAM">("DIMENSION_OWNER");
  const [order, setOrder] = useState<(typeof ORDERS)[number]>("won_value");
  const ranking = useAsk("/v1/analytics/ranking", { query: { ...query, by, figure: order } }, { live: ["pipeline", "analytics"], keep: true });
  const orderName = { won_value: t("won_value"), won: t("won"), revenue: t("revenue"), win_rate: t("win_rate"), leads_converted: t("leads_converted"), opened: t("opened_deals") };
  const behind = (figure: string, id: string) => {
    const next = new URLSearchParams(search);
    next.set(by === "DIMENSION_OWNER" ? "owner" : "team", id);
    return `/analytics/records/${figure}?${next.toString()}`;
  };
  const link = (figure: string, id: string, text: string) => (id ? <Link to={behind(figure, id)}>{text}</Link> : text);
  return (
    <Section
      title={t("team")}
      extra={
        <span className="row">
          <Definitions about={ranking.data?.about} />
          <Segmented size="small" value={by} onChange={setBy} options={[{ value: "DIMENSION_OWNER", label: t("people") }, { value: "DIMENSION_TEAM", label: t("teams") }]} />
          <Select size="small" value={order} onChange={setOrder} aria-label={t("order_by")} options={ORDERS.map((each) => ({ value: each, label: orderName[each] }))} style={{ width: 130 }} />
        </span>
      }
    >
      <Answered of={ranking}>
        {({ performers }) => {
          if (!performers.length) return <Notice quiet title={t("no_data")} text={t("no_data_text")} />;
          const worth = (row: (typeof performers)[number]) => (row.won_value[0] ? major(row.won_value[0]) : 0);
          const most = Math.max(1, ...performers.map(worth));
          const money = (amounts: { minor_units: string; currency_code: string }[]) => amounts.map((each) => f.money(each, true)).join(" + ") || "–";
          return (
            <PlainTable
              label={t("team")}
              head={[t("name"), t("won_value"), t("won"), t("lost_deals"), t("win_rate"), t("revenue"), t("opened_deals"), t("leads_converted"), t("days_to_win")]}
              rows={performers.map((each) => [
                <span key="n" className="row" style={{ flexWrap: "nowrap" }}><span className={each.rank === 1 ? "rank-1 num" : "quiet num"} style={{ width: 20 }}>{each.rank}</span> {each.label || (by === "DIMENSION_OWNER" && each.id ? <PersonName id={each.id} /> : t("no_team"))}</span>,
                <span key="v" className="row" style={{ justifyContent: "flex-end", flexWrap: "nowrap" }}><span className="spark" style={{ width: `${(worth(each) / most) * 90}px` }} aria-hidden />{link("won_value", each.id, money(each.won_value))}</span>,
                link("won", each.id, f.number(each.won)), link("lost", each.id, f.number(each.lost)), each.win_rate === undefined ? "–" : f.percent(each.win_rate, 0), link("revenue", each.id, money(each.revenue)), link("opportunities", each.id, f.number(each.opened)), f.number(each.leads_converted), each.median_days_to_win === undefined ? "–" : f.number(each.median_days_to_win, 0),
              ])}
            />
          );
        }}
      </Answered>
    </Section>
  );
}
