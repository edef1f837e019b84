/** What was done off-line: how much waits, and what became of it. */
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Drawer } from "antd";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useLocation } from "react-router";
import { outbox, type Kept } from "@/api/outbox";
import { problemWords } from "@/api/problem";
import { useFormats } from "@/i18n/format";
import { useWords } from "@/i18n/words";
import { LinkButton } from "@/ui/LinkButton";
import { recordAt } from "./places";
import { shellWords } from "./words";

const subscribe = (changed: () => void) => {
  window.addEventListener("online", changed);
  window.addEventListener("offline", changed);
  return () => {
    window.removeEventListener("online", changed);
    window.removeEventListener("offline", changed);
  };
};
export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => navigator.onLine);

const placeFor = (kept: Kept) => recordAt(kept.address.replace(/^\/v1/, ""));

export function Outgoing() {
  const t = useWords(shellWords);
  const say = useWords(problemWords);
  const f = useFormats();
  const online = useOnline();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [kept, setKept] = useState<readonly Kept[]>([]);
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  useEffect(() => setOpen(false), [pathname]);
  useEffect(() => outbox.subscribe(setKept), []);
  const flush = useCallback(
    async (work: () => Promise<number>) => {
      const taken = await work();
      if (taken) {
        void message.success(t("sent", { count: taken }));
        await client.invalidateQueries();
      }
    },
    [client, message, t],
  );
  useEffect(() => {
    if (online) void flush(() => outbox.flush());
  }, [online, flush]);
  if (!kept.length) return null;
  const refused = kept.some((each) => each.refusal);
  return (
    <>
      <Button size="small" danger={refused} onClick={() => setOpen(true)}>
        {t("waiting_one", { count: kept.length })}
      </Button>
      <Drawer open={open} onClose={() => setOpen(false)} title={t("outbox")}>
        <p className="quiet">{t("outbox_text")}</p>
        <ol className="outbox">
          {kept.map((each) => (
            <li key={each.id}>
              <strong>{each.label}</strong>
              <small className="quiet">{f.moment(each.at)}</small>
              {each.refusal && (
                <div className="outbox-refusal" role="alert">
                  <p>
                    {t("refused")}: {say(each.refusal.kind)}
                  </p>
                  {each.refusal.detail && <p className="quiet">{each.refusal.detail}</p>}
                  {each.refusal.kind === "stale" && <p className="quiet">{t("stale_text")}</p>}
                  <Button size="small" onClick={() => void flush(() => outbox.again(each, each.refusal?.kind === "stale"))}>
                    {t(each.refusal.kind === "stale" ? "send_on_top" : "send_again")}
                  </Button>{" "}
                  {placeFor(each) && (
                    <LinkButton size="small" to={placeFor(each) ?? ""}>
                      {t("open_record")}
                    </LinkButton>
                  )}{" "}
                  <Button size="small" type="text" onClick={() => void outbox.drop(each.id)}>
                    {t("discard")}
                  </Button>
                </div>
              )}
            </li>
          ))}
        </ol>
      </Drawer>
    </>
  );
}
