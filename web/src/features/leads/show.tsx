/** How leads show: states, sources, scores, names of codes. */
import { FireFilled } from "@ant-design/icons";
import { Popover } from "antd";
import { useAsk } from "@/api/hooks";
import type { Answer } from "@/api/client";
import { useMay } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useLanguage, useWords } from "@/i18n/words";
import { Tag, type Tone } from "@/ui/Tag";
import { leadWords } from "./leadWords";

export type Lead = Answer<"/v1/leads">["leads"][number];

const tones: Partial<Record<Lead["state"], Tone>> = { LEAD_STATE_QUALIFIED: "brand", LEAD_STATE_NURTURING: "dull", LEAD_STATE_DISQUALIFIED: "dull", LEAD_STATE_CONVERTED: "good" };

export function LeadState({ state }: { state: Lead["state"] }) {
  const t = useWords(leadWords);
  return <Tag tone={tones[state]}>{t(state)}</Tag>;
}

const channels = ["web_form", "qr", "ads", "exhibition", "social", "api", "referral", "wechat", "website", "event"] as const;
/** What campaigns bring in besides. */
const ofCampaigns = ["search-ads", "content", "webinar"] as const;
export const CHANNELS = [...channels, "phone", "import"] as const;

/** "web_form" as people say it; channels of somebody's own are shown as they are. */
export function useChannelName(): (channel: string) => string {
  const t = useWords(leadWords);
  return (channel) => {
    if (channel === "phone") return t("phone_call");
    if (channel === "import") return t("imported");
    const known = [...channels, ...ofCampaigns].find((each) => each === channel);
    return known ? t(known) : channel;
  };
}

/** Labels of a dictionary of the customer service: "regions", "industries". Codes without one stay as they are. */
export function useCodes(dictionary: string): (code: string) => string {
  const { language } = useLanguage();
  const may = useMay("customer.customer.read");
  const asked = useAsk("/v1/customer-dictionaries/{dictionary}", { path: { dictionary } }, { enabled: may, freshMs: 3_600_000 });
  return (code) => {
    const found = asked.data?.entries.find((each) => each.code === code);
    return (language === "zh" ? found?.label_zh : found?.label_en) || code;
  };
}

export function Score({ lead }: { lead: Pick<Lead, "score" | "high_intent" | "score_reasons"> }) {
  const t = useWords(leadWords);
  const shown = (
    <span className={lead.high_intent ? "score score-high" : "score"}>
      {lead.high_intent && <FireFilled aria-label={t("high_intent")} />}
      {lead.score}
    </span>
  );
  if (!lead.score_reasons.length) return shown;
  return (
    <Popover title={t("score_why")} content={<ScoreReasons reasons={lead.score_reasons} />}>
      {shown}
    </Popover>
  );
}

export function ScoreReasons({ reasons }: { reasons: Lead["score_reasons"] }) {
  const t = useWords(leadWords);
  if (!reasons.length) return <p className="quiet">{t("no_score")}</p>;
  return (
    <ul className="score-list">
      {reasons.map((each) => (
        <li key={each.rule_id}>
          <span>{each.reason || each.rule_id}</span>
          <strong className={each.points < 0 ? "num bad" : "num"}>{each.points > 0 ? `+${each.points}` : each.points}</strong>
        </li>
      ))}
    </ul>
  );
}

/** The next step, and whether its day has passed. */
export function NextStep({ step, on, open }: { step: string; on: string; open: boolean }) {
  const t = useWords(leadWords);
  const f = useFormats();
  if (!step) return open ? <span className="warn">{t("no_next_step")}</span> : <span className="quiet">–</span>;
  const late = open && on < today();
  return (
    <span>
      {step} <span className={late ? "bad" : "quiet"}>{f.day(on)}</span>
    </span>
  );
}

/** Today where the reader is, ISO 8601. */
export const today = (): string => dayOf(new Date());
export const dayOf = (date: Date): string => `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
export const inDays = (count: number): string => dayOf(new Date(Date.now() + count * 86_400_000));

export const isOpen = (lead: Pick<Lead, "state">): boolean => lead.state === "LEAD_STATE_OPEN" || lead.state === "LEAD_STATE_QUALIFIED";
/** The name, else the company, else that there is none. */
export function useLeadName(): (lead: Lead) => string {
  const t = useWords(leadWords);
  return (lead) => (lead.erased ? t("erased") : lead.person_name || lead.company || t("unnamed"));
}
