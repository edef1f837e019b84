/** Pieces that the pages of marketing share. */
import { NavLink } from "react-router";
import { useAsk } from "@/api/hooks";
import { useSession } from "@/app/session";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { Tag } from "@/ui/Tag";
import { isTerm, stateTone, terms } from "./terms";
import { marketingMenuWords } from "./words";
import "./marketing.css";

const parts = [
  ["campaigns", "marketing.campaign.read"],
  ["segments", "marketing.segment.read"],
  ["journeys", "marketing.journey.read"],
  ["forms", "marketing.form.read"],
  ["templates", "marketing.template.read"],
  ["coupons", "marketing.coupon.read"],
] as const;

/** The parts of marketing, on top of each of their lists. */
export function Parts() {
  const t = useWords(marketingMenuWords);
  const { may } = useSession();
  return (
    <nav className="parts" aria-label={t("marketing")}>
      {parts.filter(([, permission]) => may(permission)).map(([key]) => (
        <NavLink key={key} to={`/${key}`} className="part">
          {t(key)}
        </NavLink>
      ))}
    </nav>
  );
}

export function State({ of }: { of: string }) {
  const say = useWords(terms);
  return <Tag tone={stateTone[of]}>{isTerm(of) ? say(of) : of}</Tag>;
}

/** "0.2119" -> "+21 %"; empty: there was no cost. */
export function Roi({ of }: { of: string | undefined }) {
  const f = useFormats();
  if (!of) return <span className="quiet">–</span>;
  const value = Number(of);
  return <span className={`num ${value < 0 ? "bad" : "good"}`}>{value > 0 ? "+" : ""}{f.percent(value, Math.abs(value) < 1 ? 1 : 0)}</span>;
}

/** How much of a whole, as a bar under the words. */
export function Share({ part, whole }: { part: number; whole: number }) {
  const width = whole > 0 ? Math.min(100, (part / whole) * 100) : 0;
  return (
    <span className="share" aria-hidden="true">
      <span className={part > whole ? "share-over" : ""} style={{ width: `${width}%` }} />
    </span>
  );
}

export function useNames(what: "campaigns" | "segments" | "forms" | "templates", enabled = true): ReadonlyMap<string, string> {
  const { may } = useSession();
  const on = (each: typeof what, permission: string) => ({ enabled: enabled && what === each && may(permission), freshMs: 60_000, live: ["marketing"] as const });
  const page = { query: { page_size: 500 } };
  const campaigns = useAsk("/v1/campaigns", page, on("campaigns", "marketing.campaign.read"));
  const segments = useAsk("/v1/segments", page, on("segments", "marketing.segment.read"));
  const forms = useAsk("/v1/forms", page, on("forms", "marketing.form.read"));
  const templates = useAsk("/v1/message-templates", page, on("templates", "marketing.template.read"));
  // A question that is not asked still answers from what others asked before: take only the one that is meant.
  const found = {
    campaigns: (campaigns.data?.campaigns ?? []).map((each) => [each.campaign_id, each.name] as const),
    segments: (segments.data?.segments ?? []).map((each) => [each.segment_id, each.name] as const),
    forms: (forms.data?.forms ?? []).map((each) => [each.form_id, each.title] as const),
    templates: (templates.data?.templates ?? []).map((each) => [each.template_id, each.name] as const),
  };
  return new Map(found[what]);
}
