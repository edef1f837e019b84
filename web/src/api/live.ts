/** Live changes: one stream for the whole page; what is on show and concerned is asked again, within two seconds. */
import type { QueryClient } from "@tanstack/react-query";
import { askAgain, type Context } from "./hooks";

export type LiveState = "on" | "off";
interface Change {
  context: Context;
  event: string;
  stream_id?: string;
  version?: number;
}

const QUIET_MS = 350;
const RETRY_MS = 5_000;
const ALL: readonly Context[] = ["customer", "pipeline", "ticketing", "marketing", "analytics", "identity", "notification"];

/** Listen until the returned function is called. */
export function follow(client: QueryClient, tell: (state: LiveState) => void): () => void {
  let source: EventSource | undefined;
  let retry = 0;
  let ended = false;
  let waiting = 0;
  const changed = new Set<Context>();

  const later = (contexts: readonly Context[]) => {
    for (const each of contexts) changed.add(each);
    if (waiting || document.hidden) return;
    waiting = window.setTimeout(() => {
      waiting = 0;
      askAgain(client, [...changed]);
      changed.clear();
    }, QUIET_MS);
  };
  const seen = () => {
    if (!document.hidden && changed.size) later([]);
  };
  const open = () => {
    if (ended) return;
    source = new EventSource("/v1/changes");
    source.addEventListener("hello", () => tell("on"));
    source.addEventListener("change", (event: MessageEvent<string>) => {
      const change = JSON.parse(event.data) as Change;
      // Figures and notices follow from what happened elsewhere.
      later([change.context, "analytics", "notification"]);
    });
    source.addEventListener("reset", () => later(ALL));
    source.onerror = () => {
      tell("off");
      // A browser tries again by itself, but not after a refusal.
      if (source?.readyState === EventSource.CLOSED && !ended) retry = window.setTimeout(open, RETRY_MS);
    };
  };
  open();
  document.addEventListener("visibilitychange", seen);
  return () => {
    ended = true;
    source?.close();
    clearTimeout(retry);
    clearTimeout(waiting);
    document.removeEventListener("visibilitychange", seen);
  };
}
