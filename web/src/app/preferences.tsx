/** Language, theme and density of this browser; switching one keeps the page, and what is typed in it. */
import { ConfigProvider, theme as antdTheme, App as AntdApp } from "antd";
import enUS from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { LanguageContext, type Language } from "@/i18n/words";
import { dark, light } from "./theme";

export type Theme = "light" | "dark" | "system";
interface Preferences {
  theme: Theme;
  setTheme: (to: Theme) => void;
  isDark: boolean;
}
const PreferencesContext = createContext<Preferences>({ theme: "system", setTheme: () => undefined, isDark: false });
export const usePreferences = () => useContext(PreferencesContext);

const darkWanted = matchMedia("(prefers-color-scheme: dark)");

function firstLanguage(): Language {
  const kept = localStorage.getItem("language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [language, keepLanguage] = useState<Language>(firstLanguage);
  const [theme, keepTheme] = useState<Theme>(() => (localStorage.getItem("theme") as Theme | null) ?? "system");
  const [systemDark, setSystemDark] = useState(darkWanted.matches);
  useEffect(() => {
    const changed = () => setSystemDark(darkWanted.matches);
    darkWanted.addEventListener("change", changed);
    return () => darkWanted.removeEventListener("change", changed);
  }, []);
  const isDark = theme === "dark" || (theme === "system" && systemDark);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  }, [language, isDark]);
  const setLanguage = useCallback((to: Language) => {
    localStorage.setItem("language", to);
    keepLanguage(to);
  }, []);
  const setTheme = useCallback((to: Theme) => {
    localStorage.setItem("theme", to);
    keepTheme(to);
  }, []);
  const languages = useMemo(() => ({ language, setLanguage }), [language, setLanguage]);
  const preferences = useMemo(() => ({ theme, setTheme, isDark }), [theme, setTheme, isDark]);
  const look = isDark ? dark : light;
  return (
    <LanguageContext value={languages}>
      <PreferencesContext value={preferences}>
        <ConfigProvider
          locale={language === "zh" ? zhCN : enUS}
          theme={{ ...look, algorithm: isDark ? antdTheme.darkAlgorithm : antdTheme.defaultAlgorithm }}
          button={{ autoInsertSpace: false }}
        >
          <AntdApp component={false}>{children}</AntdApp>
        </ConfigProvider>
      </PreferencesContext>
    </LanguageContext>
  );
}
