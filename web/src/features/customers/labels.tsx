/** Codes of customers as people read them. */
import { useCallback } from "react";
import type { Answer } from "@/api/client";
import { useAsk } from "@/api/hooks";
import { useLanguage, useWords } from "@/i18n/words";
import { Tag, type Tone } from "@/ui/Tag";
import { pageWords } from "./pageWords";

export type Card = Answer<"/v1/customers">["customers"][number];
type Dictionary = "industries" | "regions" | "sizes" | "intents";

const tones: Partial<Record<Card["status"], Tone>> = { CUSTOMER_STATUS_ACTIVE: "good", CUSTOMER_STATUS_SILENT: "warn", CUSTOMER_STATUS_LOST: "bad", CUSTOMER_STATUS_ARCHIVED: "dull" };

export function StatusTag({ of }: { of: Pick<Card, "status" | "silent"> }) {
  const t = useWords(pageWords);
  return (
    <>
      <Tag tone={tones[of.status]}>{t(of.status)}</Tag>
      {of.silent && of.status !== "CUSTOMER_STATUS_SILENT" && <Tag tone="warn">{t("silent_note")}</Tag>}
    </>
  );
}

export function LevelTag({ level }: { level: Card["level"] }) {
  const t = useWords(pageWords);
  const text = t(level);
  return text ? <Tag tone="brand">{text}</Tag> : null;
}

/** The entries of a dictionary as options, and the label of a code. */
export function useDictionary(name: Dictionary) {
  const { language } = useLanguage();
  const entries = useAsk("/v1/customer-dictionaries/{dictionary}", { path: { dictionary: name } }, { freshMs: 3_600_000 }).data?.entries;
  const label = useCallback(
    (code: string | undefined) => {
      const found = entries?.find((each) => each.code === code);
      return found ? (language === "zh" ? found.label_zh : found.label_en) : (code ?? "");
    },
    [entries, language],
  );
  const options = (entries ?? []).map((each) => ({ value: each.code, label: language === "zh" ? each.label_zh : each.label_en }));
  return { label, options };
}
