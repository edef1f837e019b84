/** Questions and commands as React hooks: cached, cancelled with the page, refreshed by live changes. */
import { keepPreviousData, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { addressOf, get, newId, post, type Answer, type Asking, type PathOf, type Telling } from "./client";
import { give, outbox, type First } from "./outbox";
import { Problem } from "./problem";

export type Context = "customer" | "pipeline" | "ticketing" | "marketing" | "analytics" | "identity" | "notification";

interface AskOptions<P extends PathOf<"get">, S> {
  /** Contexts whose changes make the answer old. */
  live?: readonly Context[];
  enabled?: boolean;
  /** Keep showing the last answer while the next one is asked: for lists that are paged or filtered. */
  keep?: boolean;
  /** Milliseconds an answer is good without asking again. */
  freshMs?: number;
  select?: (answer: Answer<P, "get">) => S;
}

/** The answer to a GET. `asking` is part of the key: another question, another answer. */
export function useAsk<P extends PathOf<"get">, S = Answer<P, "get">>(
  path: P,
  asking: Omit<Asking<P>, "signal">,
  { live = [], enabled = true, keep = false, freshMs = 10_000, select }: AskOptions<P, S> = {},
) {
  return useQuery<Answer<P, "get">, Problem, S>({
    queryKey: [path, asking],
    queryFn: ({ signal }) => get(path, { ...asking, signal } as Asking<P>),
    enabled,
    staleTime: freshMs,
    meta: { live },
    ...(keep ? { placeholderData: keepPreviousData } : {}),
    ...(select ? { select } : {}),
  });
}

interface TellOptions<A> {
  /** Contexts whose questions are asked again afterwards. */
  touches?: readonly Context[];
  onDone?: (answer: A) => void;
  /** Off-line it is kept under these words, and sent later; the mutation then fails with a Problem "queued". */
  keepAs?: string;
}

/** Give a command; off-line it is kept under `label` and sent later, and then a Problem "queued" is thrown. */
export async function postOrKeep<P extends PathOf<"post">>(path: P, telling: Telling<P>, label: string, first?: First): Promise<Answer<P, "post">> {
  const id = telling.requestId ?? newId();
  const address = addressOf(path, telling.path);
  const body = telling.body ?? {};
  try {
    return (await give({ id, address, body, ...(first ? { first } : {}) })) as Answer<P, "post">;
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== "offline") throw error;
    await outbox.keep(address, body, label, id, first);
    throw new Problem("queued", "");
  }
}

/** A command. The request id stays the same until it succeeded, so that pressing twice does it once. */
export function useTell<P extends PathOf<"post">>(path: P, { touches = [], onDone, keepAs }: TellOptions<Answer<P, "post">> = {}) {
  const client = useQueryClient();
  const id = useRef({ for: "", is: "" });
  return useMutation<Answer<P, "post">, Problem, Telling<P>>({
    mutationFn: (telling) => {
      const what = JSON.stringify([telling.path, telling.body]);
      if (id.current.for !== what) id.current = { for: what, is: newId() };
      const whole = { requestId: id.current.is, ...telling };
      return keepAs === undefined ? post(path, whole) : postOrKeep(path, whole, keepAs);
    },
    onSuccess: (answer) => {
      id.current = { for: "", is: "" };
      askAgain(client, touches);
      onDone?.(answer);
    },
  });
}

const SOON_MS = 60;
const PROJECTED_MS = 900;

/** Ask again what is on show of these contexts: at once, and when read models surely followed. */
export function askAgain(client: QueryClient, contexts: readonly Context[]): void {
  if (!contexts.length) return;
  const refresh = () => void client.invalidateQueries({ predicate: (query) => concerns(query.meta?.live, contexts) });
  setTimeout(refresh, SOON_MS);
  setTimeout(refresh, PROJECTED_MS);
}

export function concerns(live: unknown, contexts: readonly Context[]): boolean {
  return Array.isArray(live) && live.some((each: Context) => contexts.includes(each));
}

interface Optimistic<P extends PathOf<"post">, A> extends TellOptions<Answer<P, "post">> {
  /** The question whose answer is changed before the server agrees. */
  question: readonly unknown[];
  change: (answer: A, telling: Telling<P>) => A;
}

/** A command that shows its effect at once and takes it back when it is refused. */
export function useOptimisticTell<P extends PathOf<"post">, A>(path: P, options: Optimistic<P, A>) {
  const client = useQueryClient();
  const { question, change, touches = [], onDone, keepAs } = options;
  return useMutation<Answer<P, "post">, Problem, Telling<P>, { before: A | undefined }>({
    mutationFn: (telling) => (keepAs === undefined ? post(path, telling) : postOrKeep(path, telling, keepAs)),
    onMutate: async (telling) => {
      await client.cancelQueries({ queryKey: question });
      const before = client.getQueryData<A>(question);
      if (before !== undefined) client.setQueryData<A>(question, change(before, telling));
      return { before };
    },
    onError: (problem, __, kept) => {
      if (problem.kind !== "queued" && kept?.before !== undefined) client.setQueryData(question, kept.before);
    },
    onSuccess: (answer) => onDone?.(answer),
    onSettled: (_, problem) => {
      if (problem?.kind !== "queued") askAgain(client, touches); // off-line it would only show what was before
    },
  });
}
