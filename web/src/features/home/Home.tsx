/** The start page: the modules that features offer to the person's roles. */
import { lazy, Suspense, type ComponentType } from "react";
import { features } from "@/app/features";
import { useSession } from "@/app/session";
import { say, useLanguage, useWords } from "@/i18n/words";
import { useFormats } from "@/i18n/format";
import { Page, Section } from "@/ui/Page";
import { Notice, Waiting } from "@/ui/states";
import { homeWords } from "./words";

const modules = features.flatMap((f) => (f.homeModules ?? []).map((each) => ({ ...each, words: f.words, Content: lazy(each.load) as ComponentType })));

export default function Home() {
  const t = useWords(homeWords);
  const f = useFormats();
  const { language } = useLanguage();
  const { name, may, roles } = useSession();
  const hour = new Date().getHours();
  const greeting = hour < 11 ? "good_morning" : hour < 18 ? "good_day" : "good_evening";
  const shown = modules
    .filter((each) => (!each.permission || may(each.permission)) && (!each.roles?.length || each.roles.some((role) => roles.includes(role))))
    .sort((a, b) => a.order - b.order);
  return (
    <Page title={t("home")} heading={t(greeting, { name })} note={f.day(new Date())}>
      {shown.length ? (
        <div className="grid">
          {shown.map((each) => (
            <div key={each.id} className={`grid-${each.size}`}>
              <Section title={say(each.words, language)(each.title)}>
                <Suspense fallback={<Waiting />}>
                  <each.Content />
                </Suspense>
              </Section>
            </div>
          ))}
        </div>
      ) : (
        <Notice title={t("nothing")} text={t("nothing_text")} />
      )}
    </Page>
  );
}
