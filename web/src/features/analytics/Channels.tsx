/** Channels: what they cost and bring, how leads become customers, and who earned the revenue. */
import { Select } from "antd";
import { lazy, Suspense, useState } from "react";
import { useAsk } from "@/api/hooks";
import { useChannelName } from "@/features/leads/show";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Section } from "@/ui/Page";
import { Answered, Notice, Waiting } from "@/ui/states";
import { PlainTable } from "./Chart";
import { Definitions, Figure } from "./Figure";
import { useSlice } from "./slice";
import { analyticsWords } from "./words";

const Chart = lazy(() => import("./Chart"));
const MODELS = ["ATTRIBUTION_MODEL_LINEAR", "ATTRIBUTION_MODEL_FIRST_TOUCH", "ATTRIBUTION_MODEL_LAST_TOUCH", "ATTRIBUTION_MODEL_POSITION_BASED"] as const;

export default function Channels() {
  const t = useWords(analyticsWords);
  const f = useFormats();
  const channelName = useChannelName();
  const { query, from, to, search } = useSlice();
  const [model, setModel] = useState<(typeof MODELS)[number]>("ATTRIBUTION_MODEL_LINEAR");
  const days = { ...(from ? { from_on: from } : {}), ...(to ? { to_on: to } : {}) };
  const ranks = useAsk("/v1/channel-ranks", { query: days }, { live: ["marketing", "pipeline"], keep: true });
  const leads = useAsk("/v1/analytics/lead-conversion", { query }, { live: ["pipeline", "analytics"], keep: true });
  const attribution = useAsk("/v1/attribution", { query: { ...days, model } }, { live: ["marketing", "pipeline"], keep: true });
  const modelName = { ATTRIBUTION_MODEL_LINEAR: t("m_linear"), ATTRIBUTION_MODEL_FIRST_TOUCH: t("m_first"), ATTRIBUTION_MODEL_LAST_TOUCH: t("m_last"), ATTRIBUTION_MODEL_POSITION_BASED: t("m_position") };
  const money = (amount: { minor_units: string; currency_code: string } | undefined) => (amount ? f.money(amount, true) : "–");
  return (
    <div className="stack">
      <Section title={t("channel_ranking")}>
        <Answered of={ranks}>
          {({ channels }) =>
            channels.length ? (
              <PlainTable
                label={t("channel_ranking")}
                head={[t("channel"), t("leads"), t("deals"), t("won"), t("rate"), t("won_value"), t("cost"), t("per_lead"), t("per_deal")]}
                rows={channels.map((each) => [channelName(each.channel), f.number(each.leads), f.number(each.deals), f.number(each.won_deals), each.conversion_rate ? f.percent(Number(each.conversion_rate)) : "–", money(each.won_amount), money(each.cost), money(each.cost_per_lead), money(each.cost_per_deal)])}
              />
            ) : (
              <Notice quiet title={t("no_data")} text={t("no_data_text")} />
            )
          }
        </Answered>
      </Section>
      <div className="grid">
        <div className="grid-half">
          <Section title={t("lead_conversion")} extra={<Definitions about={leads.data?.about} />}>
            <Answered of={leads}>
              {(data) => (
                <>
                  <div className="figures gap-below">{data.figures.map((each) => <Figure key={each.key} figure={each} search={search} />)}</div>
                  {data.trend.length > 1 && (
                    <Suspense fallback={<Waiting />}>
                      <Chart
                        label={t("lead_conversion")}
                        axis={data.trend.map((each) => f.month(each.month))}
                        format={(value) => f.number(value)}
                        formatRight={(value) => f.number(value)}
                        height={220}
                        series={[
                          { name: t("leads"), kind: "bar", values: data.trend.map((each) => Number(each.started)) },
                          { name: t("converted"), kind: "bar", values: data.trend.map((each) => Number(each.converted)) },
                        ]}
                        table={{ head: [t("month"), t("leads"), t("converted"), t("conversion"), t("days")], rows: data.trend.map((each) => [f.month(each.month), each.started, each.converted, f.percent(each.conversion), each.median_days === undefined ? "–" : f.number(each.median_days, 0)]) }}
                      />
                    </Suspense>
                  )}
                </>
              )}
            </Answered>
          </Section>
        </div>
        <div className="grid-half">
          <Section title={t("attribution")} extra={<Select size="small" value={model} onChange={setModel} aria-label={t("a_model")} options={MODELS.map((each) => ({ value: each, label: modelName[each] }))} style={{ width: 150 }} />}>
            <Answered of={attribution}>
              {(data) => {
                const total = new Map(data.total.map((each) => [each.currency_code, Number(each.minor_units)]));
                return (
                  <>
                    <p className="quiet gap-below">{t("attribution_text")}</p>
                    <PlainTable
                      label={t("attribution")}
                      head={[t("channel"), t("revenue"), t("share"), t("deals")]}
                      rows={data.rows.map((each) => [each.key ? channelName(each.key) : t("unknown"), money(each.revenue), f.percent(Number(each.revenue?.minor_units ?? 0) / (total.get(each.revenue?.currency_code ?? "") || 1), 0), f.number(each.deals, 1)])}
                    />
                    <p className="figure-note gap-above">{t("sourced")}: {data.sourced.map((each) => f.money(each, true)).join(" + ") || "–"} · {t("influenced")}: {data.influenced.map((each) => f.money(each, true)).join(" + ") || "–"}</p>
                  </>
                );
              }}
            </Answered>
          </Section>
        </div>
      </div>
    </div>
  );
}
