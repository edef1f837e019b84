/** What the values of a dimension are called: industries and regions are known by code only. */
import { useAsk } from "@/api/hooks";
import { useLanguage } from "@/i18n/words";

export type Dimension = "DIMENSION_OWNER" | "DIMENSION_TEAM" | "DIMENSION_SOURCE" | "DIMENSION_INDUSTRY" | "DIMENSION_REGION" | "DIMENSION_MONTH" | "DIMENSION_PRODUCT";

export function useDimensionNames(dimension: Dimension): (key: string, label: string) => string {
  const { language } = useLanguage();
  const dictionary = dimension === "DIMENSION_INDUSTRY" ? "industries" : dimension === "DIMENSION_REGION" ? "regions" : "";
  const entries = useAsk("/v1/customer-dictionaries/{dictionary}", { path: { dictionary } }, { enabled: dictionary !== "", freshMs: 3_600_000 });
  return (key, label) => {
    if (label) return label;
    const entry = dictionary ? entries.data?.entries.find((each) => each.code === key) : undefined;
    return (language === "zh" ? entry?.label_zh : entry?.label_en) || key;
  };
}
