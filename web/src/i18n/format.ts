/** Dates, numbers and money as the reader's language writes them. Times are shown in the browser's zone. */
import { useMemo } from "react";
import { useLanguage, type Language } from "./words";

export interface Amount {
  minor_units: string;
  currency_code: string;
}

const locales: Record<Language, string> = { zh: "zh-CN", en: "en-GB" };

/** Decimal places of a currency: 2 for CNY, 0 for JPY. */
export function decimals(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** "12345" of CNY -> 123.45; exact up to 2^53 minor units, which is far above any deal. */
export const major = (amount: Amount): number => Number(amount.minor_units) / 10 ** decimals(amount.currency_code);

/** 123.45 CNY -> {"12345", CNY}. */
export const minor = (value: number, currency: string): Amount => ({
  minor_units: String(Math.round(value * 10 ** decimals(currency))),
  currency_code: currency,
});

export function formats(language: Language) {
  const locale = locales[language];
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const dayFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
  const monthFormat = new Intl.DateTimeFormat(locale, { year: "numeric", month: "short" });
  const momentFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const timeFormat = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const parsed = (value: string | Date | undefined): Date | undefined => {
    if (!value) return undefined;
    // A day without a time is that day here, not midnight in Greenwich.
    const date = typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) ? new Date(`${value}T00:00:00`) : new Date(value);
    return Number.isNaN(date.getTime()) ? undefined : date;
  };
  const written = (format: Intl.DateTimeFormat) => (value: string | Date | undefined) => {
    const date = parsed(value);
    return date ? format.format(date) : "";
  };
  const money = (amount: Amount | undefined, short = false): string => {
    if (!amount?.currency_code) return "";
    const value = major(amount);
    const places = short || Number.isInteger(value) ? 0 : decimals(amount.currency_code);
    try {
      return new Intl.NumberFormat(locale, {
        style: "currency",
        currency: amount.currency_code,
        currencyDisplay: "narrowSymbol",
        notation: short ? "compact" : "standard",
        minimumFractionDigits: places,
        maximumFractionDigits: short ? 1 : places,
      }).format(value);
    } catch {
      return `${value} ${amount.currency_code}`;
    }
  };
  return {
    day: written(dayFormat),
    /** "2026-11" -> "Nov 2026". */
    month: (value: string) => written(monthFormat)(`${value}-01`),
    moment: written(momentFormat),
    time: written(timeFormat),
    /** "in 3 hours", "昨天". */
    ago(value: string | Date | undefined, now: Date = new Date()): string {
      const date = parsed(value);
      if (!date) return "";
      const seconds = (date.getTime() - now.getTime()) / 1000;
      const steps = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;
      for (const [unit, size] of steps) if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
      return relative.format(Math.round(seconds), "second");
    },
    number: (value: number | string | undefined, digits = 0) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(Number(value ?? 0)),
    percent: (value: number | undefined, digits = 1) =>
      new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(value ?? 0),
    money,
    /** "+8613703271414" -> "+86 137 0327 1414"; other countries' numbers as they are. */
    phone: (number: string | undefined) => (number ?? "").replace(/^(\+86)(1\d{2})(\d{4})(\d{4})$/, "$1 $2 $3 $4"),
    list: (parts: string[]) => new Intl.ListFormat(locale, { type: "conjunction" }).format(parts),
  };
}

export type Formats = ReturnType<typeof formats>;

export function useFormats(): Formats {
  const { language } = useLanguage();
  return useMemo(() => formats(language), [language]);
}
