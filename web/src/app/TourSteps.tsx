/** The tour itself: goes to the page of each stop, waits until it shows what the stop is about, and points at it. */
import { Tour } from "antd";
import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { useWords } from "@/i18n/words";
import { useSession } from "./session";
import { stopsFor, tourWords } from "./tourStops";

/** After this a stop is shown in the middle, pointing at nothing. */
const FIND_MS = 5_000;

interface Props {
  at: number;
  onMove: (at: number) => void;
  onClose: (finished: boolean) => void;
}

export default function TourSteps({ at, onMove, onClose }: Props) {
  const t = useWords(tourWords);
  const { roles, may } = useSession();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [stops] = useState(() => stopsFor(roles, may));
  const here = Math.min(at, stops.length - 1);
  const stop = stops[here];
  const [found, setFound] = useState<{ of: number; element: HTMLElement | null }>();
  useEffect(() => {
    if (stop?.to && stop.to !== pathname) void navigate(stop.to);
    // only when the stop changes: whoever walks away during the tour is let go
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [stop]);
  useEffect(() => {
    if (!stop) return;
    return whenSeen(stop.target, stop.to, (element) => setFound({ of: here, element }));
  }, [stop, here]);
  const shown = found?.of === here;
  useEffect(() => {
    if (!shown) return;
    const next = requestAnimationFrame(() => document.querySelector<HTMLElement>(".ant-tour .ant-tour-next-btn")?.focus());
    return () => cancelAnimationFrame(next);
  }, [shown, here]);
  return (
    <Tour
      open={shown}
      current={here}
      zIndex={1100}
      mask={{ style: { zIndex: 1099 } }} // it comes anew with each stop, and would lie over the words
      closable={{ "aria-label": t("close") }}
      onChange={onMove}
      onClose={() => onClose(here === stops.length - 1)}
      indicatorsRender={(current, total) => <span className="quiet">{t("step", { at: current + 1, count: total })}</span>}
      steps={stops.map((each) => ({
        title: t(each.name),
        description: t(`${each.name}_text` as typeof each.name),
        target: () => found?.element as HTMLElement,
      }))}
    />
  );
}

/** Tell the first element that can be seen, once the page is the right one; null after a while. Returns what stops it. */
function whenSeen(selector: string, page: string | undefined, tell: (element: HTMLElement | null) => void): () => void {
  const find = () =>
    page && location.pathname !== page ? undefined : [...document.querySelectorAll<HTMLElement>(selector)].find((each) => each.getClientRects().length > 0);
  let over = false;
  const end = (element: HTMLElement | null) => {
    if (over) return;
    stop();
    tell(element);
  };
  const watcher = new MutationObserver(() => {
    const element = find();
    if (element) end(element);
  });
  const limit = setTimeout(() => end(find() ?? null), FIND_MS);
  const first = requestAnimationFrame(() => {
    const element = find();
    if (element) end(element);
  });
  const stop = () => {
    over = true;
    watcher.disconnect();
    clearTimeout(limit);
    cancelAnimationFrame(first);
  };
  watcher.observe(document.body, { childList: true, subtree: true });
  return stop;
}
