/** The frame around every page: menu, search, notices, the person, and the keys that reach all of it. */
import { BellOutlined, BulbOutlined, MenuOutlined, MoonOutlined, QuestionCircleOutlined, SearchOutlined, SunOutlined, TranslationOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Badge, Button, Drawer, Dropdown } from "antd";
import { Component, lazy, Suspense, useEffect, useMemo, useRef, useState, type ComponentType, type ErrorInfo, type ReactNode } from "react";
import { Link, Route, Routes, useLocation, useNavigate } from "react-router";
import { useAsOf } from "@/api/asOf";
import { useAsk } from "@/api/hooks";
import { follow, type LiveState } from "@/api/live";
import { post } from "@/api/client";
import { say, useLanguage, useWords } from "@/i18n/words";
import { Mark } from "@/ui/Mark";
import { Gone, NoPermission, Refused, Waiting } from "@/ui/states";
import { usePhone } from "@/ui/phone";
import { features } from "./features";
import { isAt, type FeatureRoute } from "./feature";
import { Outgoing, useOnline } from "./Outgoing";
import Palette from "./Palette"; // not loaded later: what is typed right behind Ctrl K would be lost
import { usePreferences } from "./preferences";
import { useSession } from "./session";
import { TimeButton } from "./TimeButton";
import { useTour } from "./touring";
import { shellWords } from "./words";

const Keys = lazy(() => import("./Keys"));
const Notices = lazy(() => import("./Notices"));
const TimeStrip = lazy(() => import("./TimeStrip"));

const pages = new Map<FeatureRoute, ComponentType>(features.flatMap((f) => f.routes.map((route) => [route, lazy(route.load)] as const)));
const inField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
const NEXT_KEY_MS = 900;

export function Shell() {
  const t = useWords(shellWords);
  const { language } = useLanguage();
  const { may, me } = useSession();
  const phone = usePhone();
  const navigate = useNavigate();
  const location = useLocation();
  const client = useQueryClient();
  const online = useOnline();
  const { at } = useAsOf();
  const [live, setLive] = useState<LiveState>("off");
  const [open, setOpen] = useState<"" | "palette" | "keys" | "menu" | "notices">("");
  const main = useRef<HTMLElement>(null);

  useEffect(() => follow(client, setLive), [client]);
  useEffect(() => setOpen(""), [location.pathname]);
  useEffect(() => {
    main.current?.scrollTo(0, 0); // returns a promise in newer browsers, which an effect must not
  }, [location.pathname]);

  const goTo = useMemo(
    () => new Map(features.flatMap((f) => f.shortcuts ?? []).filter((s) => !s.permission || may(s.permission)).map((s) => [s.keys, s.to] as const)),
    [may],
  );
  useEffect(() => {
    let before = "";
    let since = 0;
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen((was) => (was === "palette" ? "" : "palette"));
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target) || document.querySelector(".ant-modal-wrap:not([style*='display: none'])")) return;
      if (event.key === "?") setOpen("keys");
      else if (event.key === "/") {
        event.preventDefault();
        setOpen("palette");
      } else {
        const sequence = event.timeStamp - since < NEXT_KEY_MS ? `${before} ${event.key}` : event.key;
        const to = goTo.get(sequence);
        if (to) {
          event.preventDefault();
          void navigate(to);
        }
        before = to ? "" : event.key;
        since = event.timeStamp;
        return;
      }
      before = "";
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [goTo, navigate]);

  const menu = features.flatMap((f) =>
    f.menu.filter((item) => !item.permission || may(item.permission)).map((item) => ({ ...item, text: say(f.words, language)(item.label) })),
  );
  const sections = (["work", "insight", "manage"] as const)
    .map((name) => ({ name, items: menu.filter((item) => item.section === name).sort((a, b) => a.order - b.order) }))
    .filter((section) => section.items.length);
  const marked = (item: (typeof menu)[number], name: string) => (isAt(item, location.pathname) ? { className: `${name} active`, "aria-current": "page" as const } : { className: name });
  const links = (
    <nav className="menu" aria-label={t("menu")}>
      {sections.map((section) => (
        <div key={section.name} className="menu-section">
          {section.name !== "work" && <p className="menu-title">{t(section.name)}</p>}
          {section.items.map((item) => (
            <Link key={item.to} to={item.to} {...marked(item, "menu-item")}>
              <span aria-hidden>{item.icon}</span>
              <span>{item.text}</span>
            </Link>
          ))}
        </div>
      ))}
    </nav>
  );
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      {!phone && (
        <aside className="side">
          <Link to="/" className="side-mark">
            <Mark small />
          </Link>
          {links}
          <div className="side-foot">
            <span className={`live live-${online ? live : "off"}`} role="status">
              {online ? (live === "on" ? t("live") : t("connecting")) : t("offline")}
            </span>
          </div>
        </aside>
      )}
      <div className="body">
        <header className="bar">
          {phone && (
            <Link to="/" aria-label="Headwater" className="bar-mark">
              <img src="/icon.svg" alt="" width={26} height={26} />
            </Link>
          )}
          <button type="button" className="bar-search" onClick={() => setOpen("palette")} aria-keyshortcuts="Control+K Meta+K">
            <SearchOutlined />
            <span>{t("search")}</span>
            {!phone && <kbd>{/Mac/.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</kbd>}
          </button>
          <Outgoing />
          <Tools onKeys={() => setOpen("keys")} onNotices={() => setOpen("notices")} phone={phone} />
        </header>
        <main id="main" className="main" ref={main} tabIndex={-1}>
          {me.sandbox && (
            <p className="strip" role="note">
              {t("sandbox_strip")}
            </p>
          )}
          {!online && (
            <p className="strip" role="status">
              {t("offline_strip")}
            </p>
          )}
          {at && (
            <Suspense fallback={null}>
              <TimeStrip />
            </Suspense>
          )}
          <Guard key={location.pathname}>
            <Suspense fallback={<div className="page"><Waiting rows={6} /></div>}>
              <Routes>
                {features.flatMap((f) => f.routes.map((route) => <Route key={route.path} path={route.path} element={<Allowed route={route} />} />))}
                <Route path="*" element={<Gone />} />
              </Routes>
            </Suspense>
          </Guard>
        </main>
      </div>
      {phone && (
        <nav className="bottom" aria-label={t("menu")}>
          {menu.filter((item) => item.section === "work").sort((a, b) => a.order - b.order).slice(0, 4).map((item) => (
            <Link key={item.to} to={item.to} {...marked(item, "bottom-item")}>
              <span aria-hidden>{item.icon}</span>
              <span>{item.text}</span>
            </Link>
          ))}
          <button type="button" className="bottom-item" onClick={() => setOpen("menu")}>
            <MenuOutlined />
            <span>{t("more")}</span>
          </button>
        </nav>
      )}
      <Drawer open={open === "menu"} onClose={() => setOpen("")} placement="bottom" size="70vh" title={t("menu")}>
        {links}
      </Drawer>
      <Suspense fallback={null}>
        {open === "palette" && <Palette onClose={() => setOpen("")} />}
        {open === "keys" && <Keys onClose={() => setOpen("")} />}
        {open === "notices" && <Notices onClose={() => setOpen("")} />}
      </Suspense>
    </div>
  );
}

function Allowed({ route }: { route: FeatureRoute }) {
  const { may } = useSession();
  const Content = pages.get(route);
  if (route.permission && !may(route.permission)) return <NoPermission />;
  return Content ? <Content /> : <Gone />;
}

function Tools({ onKeys, onNotices, phone }: { onKeys: () => void; onNotices: () => void; phone: boolean }) {
  const t = useWords(shellWords);
  const { language, setLanguage } = useLanguage();
  const { theme, setTheme, isDark } = usePreferences();
  const { name, roles, signOut, changed } = useSession();
  const { again } = useTour();
  const unread = useAsk("/v1/notifications:countUnread", {}, { live: ["notification"] });
  const identities = useAsk("/v1/me/identities", {}, { freshMs: 300_000 });
  const held = identities.data?.identities ?? [];
  const wear = async (role: string) => {
    await post("/v1/me:switchIdentity", { body: { role } });
    await changed();
  };
  const count = Number(unread.data?.unread ?? 0);
  const language_ = { key: "language", icon: <TranslationOutlined />, label: language === "zh" ? "English" : "中文", onClick: () => setLanguage(language === "zh" ? "en" : "zh") };
  return (
    <div className="tools">
      <TimeButton />
      {!phone && (
        <>
          <Dropdown
            trigger={["click"]}
            menu={{ items: [{ key: "keys", label: t("keys"), extra: <kbd>?</kbd>, onClick: onKeys }, { key: "tour", label: t("tour"), onClick: again }, { key: "docs", label: <a href="/docs">{t("api")}</a> }] }}
          >
            <Button type="text" icon={<QuestionCircleOutlined />} aria-label={t("help")} />
          </Dropdown>
          <Button type="text" onClick={language_.onClick} aria-label={`${language === "zh" ? "EN" : "中"} · ${t("language")}`}>
            {language === "zh" ? "EN" : "中"}
          </Button>
        </>
      )}
      <Badge count={count} size="small" offset={[-6, 6]} overflowCount={99}>
        <Button type="text" icon={<BellOutlined />} aria-label={`${t("notices")} ${count || ""}`} onClick={onNotices} />
      </Badge>
      <Dropdown
        trigger={["click"]}
        menu={{
          selectedKeys: [`theme-${theme}`, ...(roles.length === 1 ? [`role-${roles[0]}`] : ["role-"])],
          items: [
            { key: "who", type: "group", label: `${name} · ${roles.join(", ")}` },
            ...(held.length > 1
              ? [
                  {
                    key: "identities",
                    type: "group" as const,
                    label: t("act_as"),
                    children: [
                      { key: "role-", label: t("all_roles"), onClick: () => void wear("") },
                      ...held.map((each) => ({
                        key: `role-${each.role}`,
                        label: [each.title || each.role, each.team_name].filter(Boolean).join(" · "),
                        onClick: () => void wear(each.role),
                      })),
                    ],
                  },
                ]
              : []),
            { type: "divider" },
            language_,
            {
              key: "theme",
              type: "group",
              label: t("look"),
              children: [
                { key: "theme-light", icon: <SunOutlined />, label: t("light"), onClick: () => setTheme("light") },
                { key: "theme-dark", icon: <MoonOutlined />, label: t("dark"), onClick: () => setTheme("dark") },
                { key: "theme-system", icon: <BulbOutlined />, label: t("system"), onClick: () => setTheme("system") },
              ],
            },
            { type: "divider" },
            ...(phone ? [{ key: "tour", label: t("tour"), onClick: again }] : []),
            { key: "docs", label: <a href="/docs">{t("api")}</a> },
            { key: "out", label: t("sign_out"), onClick: () => void signOut() },
          ],
        }}
      >
        <button type="button" className={isDark ? "me me-dark" : "me"} aria-label={`${name}: ${t("account")}`}>
          <span aria-hidden data-initials={initials(name)} />
        </button>
      </Dropdown>
    </div>
  );
}

/** "Wang Fang" -> "WF", "王芳" -> "王芳". */
function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  return parts.length > 1 ? parts.slice(0, 2).map((p) => p.charAt(0).toUpperCase()).join("") : /^[\x20-\x7e]+$/.test(name) ? name.slice(0, 2).toUpperCase() : name.slice(-2);
}

/** A page that breaks leaves the frame standing. */
class Guard extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }
  override render() {
    if (this.state.error) return <Refused error={this.state.error} retry={() => location.reload()} />;
    return this.props.children;
  }
}
