/** Words in both languages, typed: a key that one language lacks does not compile. */
import { createContext, useContext, useMemo } from "react";

export type Language = "zh" | "en";
export interface Words<K extends string = string> {
  readonly en: Readonly<Record<K, string>>;
  readonly zh: Readonly<Record<K, string>>;
}
export type Say<K extends string> = (key: K, values?: Record<string, string | number>) => string;

/** Declare a dictionary: English decides which keys there are. `{name}` is filled in by the caller; `{count|order|orders}` chooses by it. */
export function words<const E extends Record<string, string>>(en: E, zh: Record<keyof E, string>): Words<keyof E & string> {
  return { en, zh };
}

export function say<K extends string>(dictionary: Words<K>, language: Language): Say<K> {
  return (key, values) => {
    const text = dictionary[language][key];
    return values ? text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => (one === undefined || many === undefined ? String(values[name] ?? whole) : String(values[name]) === "1" ? one : many)) : text;
  };
}

export const LanguageContext = createContext<{ language: Language; setLanguage: (to: Language) => void }>({
  language: "en",
  setLanguage: () => undefined,
});

export const useLanguage = () => useContext(LanguageContext);

/** The words of one dictionary in the language of the page. */
export function useWords<K extends string>(dictionary: Words<K>): Say<K> {
  const { language } = useLanguage();
  return useMemo(() => say(dictionary, language), [dictionary, language]);
}
