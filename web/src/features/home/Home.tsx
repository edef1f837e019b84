/** The start page: the modules that features offer to the person's roles, in the order and choice he made of them. */
import { ArrowDownOutlined, ArrowUpOutlined, EyeInvisibleOutlined, PlusOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { lazy, Suspense, useState, type ComponentType } from "react";
import { features } from "@/app/features";
import { useKept } from "@/app/kept";
import { useSession } from "@/app/session";
import { useTour } from "@/app/touring";
import { useFormats } from "@/i18n/format";
import { say, useLanguage, useWords } from "@/i18n/words";
import { Page, Section } from "@/ui/Page";
import { Notice, Waiting } from "@/ui/states";
import { arranged, moved, readLayout } from "./layout";
import { homeWords } from "./words";

const modules = features.flatMap((f) => (f.homeModules ?? []).map((each) => ({ ...each, words: f.words, Content: lazy(each.load) as ComponentType })));

export default function Home() {
  const t = useWords(homeWords);
  const f = useFormats();
  const { language } = useLanguage();
  const { name, may, roles } = useSession();
  const tour = useTour();
  const { value: layout, keep } = useKept("home", readLayout);
  const [arranging, setArranging] = useState(false);
  const hour = new Date().getHours();
  const greeting = hour < 11 ? "good_morning" : hour < 18 ? "good_day" : "good_evening";
  const allowed = modules.filter((each) => !each.permission || may(each.permission));
  const { shown, hidden } = arranged(allowed, roles, layout);
  return (
    <Page
      title={t("home")}
      heading={t(greeting, { name })}
      note={f.day(new Date())}
      actions={<Button type={arranging ? "primary" : "text"} onClick={() => setArranging(!arranging)}>{t(arranging ? "arranged" : "arrange")}</Button>}
    >
      {tour.known && !tour.progress.over && !tour.running && (
        <section className="offer row gap-below" aria-label={t("tour")}>
          <span><strong>{t(tour.progress.at ? "tour_left" : "tour_new")}</strong> <span className="quiet">{t("tour_text")}</span></span>
          <span className="spread" />
          <Button size="small" type="primary" onClick={tour.start}>{t(tour.progress.at ? "tour_on" : "tour_start")}</Button>
          <Button size="small" type="text" onClick={tour.dismiss}>{t("tour_not")}</Button>
        </section>
      )}
      {arranging && (
        <div className="arrange row gap-below">
          <span className="quiet">{t(hidden.length ? "add_modules" : "all_shown")}</span>
          {hidden.map((each) => (
            <Button key={each.id} size="small" icon={<PlusOutlined />} onClick={() => keep({ order: [...shown.map((one) => one.id), each.id], hidden: layout.hidden.filter((id) => id !== each.id) })}>
              {say(each.words, language)(each.title)}
            </Button>
          ))}
          <span className="spread" />
          <Button size="small" type="text" onClick={() => keep({ order: [], hidden: [] })}>{t("as_it_was")}</Button>
        </div>
      )}
      {shown.length ? (
        <div className="home">
          {shown.map((each, i) => {
            const title = say(each.words, language)(each.title);
            return (
              <div key={each.id} className={each.size === "full" ? "home-full" : "home-half"}>
                <Section
                  title={title}
                  extra={
                    arranging && (
                      <span className="row row-tight">
                        <Button size="small" type="text" icon={<ArrowUpOutlined />} aria-label={t("up", { title })} disabled={i === 0} onClick={() => keep({ ...layout, order: moved(shown.map((one) => one.id), i, -1) })} />
                        <Button size="small" type="text" icon={<ArrowDownOutlined />} aria-label={t("down", { title })} disabled={i === shown.length - 1} onClick={() => keep({ ...layout, order: moved(shown.map((one) => one.id), i, 1) })} />
                        <Button size="small" type="text" icon={<EyeInvisibleOutlined />} aria-label={t("hide", { title })} onClick={() => keep({ order: shown.map((one) => one.id).filter((id) => id !== each.id), hidden: [...layout.hidden, each.id] })} />
                      </span>
                    )
                  }
                >
                  <Suspense fallback={<Waiting />}>
                    <each.Content />
                  </Suspense>
                </Section>
              </div>
            );
          })}
        </div>
      ) : (
        <Notice title={t("nothing")} text={t(hidden.length ? "nothing_chosen" : "nothing_text")} />
      )}
    </Page>
  );
}
