/**
 * The one way to the API. Paths, parameters, bodies and answers are typed by the gateway's own description.
 *
 * A command carries a request id, the same on every attempt, so that it happens once. A session that ended asks for
 * the password over the page, and then goes on with what was asked. Nothing here waits longer than its limit.
 */
import type { paths } from "./schema";
import { asOf, hasPast, isHarmless, remember } from "./asOf";
import { Problem, problemOf } from "./problem";

type Verb = "get" | "post" | "put";
export type PathOf<V extends Verb> = {
  [P in keyof paths]: paths[P] extends Record<V, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, V extends Verb> = paths[P] extends Record<V, infer O> ? O : never;
export type Answer<P extends keyof paths, V extends Verb = "get"> =
  Operation<P, V> extends { responses: { 200: { content: { "application/json": infer A } } } } ? A : never;
/** Everything may be left out of a request; the server says what is missing. */
export type Loose<T> = T extends readonly (infer E)[] ? Loose<E>[] : T extends object ? { [K in keyof T]?: Loose<T[K]> } : T;
export type Body<P extends keyof paths, V extends Verb = "post"> =
  Operation<P, V> extends { requestBody: { content: { "application/json": infer B } } } ? Loose<B> : never;
export type Query<P extends keyof paths> = Operation<P, "get"> extends { parameters: { query?: infer Q } } ? Loose<NonNullable<Q>> : never;
type Names<P> = P extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never;
type InPath<P> = [Names<P>] extends [never] ? { path?: undefined } : { path: Record<Names<P>, string> };

interface Limits {
  signal?: AbortSignal;
  /** Milliseconds for all attempts together. */
  limitMs?: number;
  headers?: Record<string, string>;
}
export type Asking<P extends PathOf<"get">> = InPath<P> & { query?: Query<P> } & Limits;
export type Telling<P extends keyof paths, V extends Verb = "post"> = InPath<P> & { body?: Body<P, V>; requestId?: string } & Limits;

export const LIMIT_MS = 15_000;
export const LONG_MS = 60_000;
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 4_000;

/** Set by the page that can ask for the password; resolves when somebody signed in again, or rejects. */
let signInAgain: () => Promise<void> = () => Promise.reject(new Problem("not-signed-in", ""));
export const onSignedOut = (ask: () => Promise<void>): void => {
  signInAgain = ask;
};

export function get<P extends PathOf<"get">>(path: P, asking: Asking<P>): Promise<Answer<P, "get">> {
  const address = addressOf(path, asking.path, asking.query as Record<string, unknown> | undefined);
  return send("GET", address, undefined, { ...asking }) as Promise<Answer<P, "get">>;
}

export function post<P extends PathOf<"post">>(path: P, telling: Telling<P>): Promise<Answer<P, "post">> {
  return send("POST", addressOf(path, telling.path), telling.body ?? {}, telling) as Promise<Answer<P, "post">>;
}

export function put<P extends PathOf<"put">>(path: P, telling: Telling<P, "put">): Promise<Answer<P, "put">> {
  return send("PUT", addressOf(path, telling.path), telling.body ?? {}, telling) as Promise<Answer<P, "put">>;
}

/** Fill the names of a path in and append the query; lists repeat their name, empty values are left out. */
export function addressOf(path: string, names?: Record<string, string>, query?: Record<string, unknown>): string {
  const filled = path.replace(/\{([\w.]+)\}/g, (_, name: string) => encodeURIComponent(names?.[name] ?? ""));
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") found.append(name, String(each));
    }
  }
  const text = found.toString();
  return text ? `${filled}?${text}` : filled;
}

/** Ask until there is an answer, a refusal, or no time left. Throws Problem. */
export async function send(
  method: "GET" | "POST" | "PUT",
  address: string,
  body: unknown,
  { signal, limitMs = LIMIT_MS, headers = {}, requestId }: Limits & { requestId?: string } = {},
): Promise<unknown> {
  const isCommand = method !== "GET";
  const sent: Record<string, string> = { Accept: "application/json", ...headers };
  if (isCommand) {
    sent["Content-Type"] = "application/json";
    sent["Headwater-Csrf"] = "1";
    sent["Idempotency-Key"] = requestId ?? newId();
  }
  const past = asOf();
  if (past.at && isCommand && !isHarmless(address)) throw new Problem("past", "");
  const ofPast = past.at !== "" && !isCommand && hasPast(address);
  if (ofPast) {
    sent["Headwater-As-Of"] = past.at;
    sent["Headwater-As-Of-Clock"] = past.clock;
  }
  let askedForPassword = false;
  for (let attempt = 1; ; attempt += 1) {
    const limit = AbortSignal.timeout(limitMs);
    try {
      const answer = await fetch(address, {
        method,
        headers: sent,
        body: isCommand ? JSON.stringify(body) : null,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      if (answer.ok) return await answer.json();
      throw await problemOf(answer);
    } catch (error) {
      const problem = asProblem(error, signal, limit);
      if (problem.kind === "not-signed-in" && !askedForPassword && !address.startsWith("/v1/session")) {
        askedForPassword = true;
        await signInAgain();
        continue;
      }
      if (ofPast && sent["Headwater-As-Of"] && problem.violations.some((each) => each.field === "as_of")) {
        remember(address);
        delete sent["Headwater-As-Of"];
        delete sent["Headwater-As-Of-Clock"];
        continue;
      }
      const again = isCommand && problem.passes && problem.kind !== "offline" && attempt < ATTEMPTS;
      if (!again || signal?.aborted) throw problem;
      await pause(Math.min(FIRST_PAUSE_MS * 3 ** (attempt - 1), LONGEST_PAUSE_MS), signal);
    }
  }
}

function asProblem(error: unknown, signal: AbortSignal | undefined, limit: AbortSignal): Problem {
  if (error instanceof Problem) return error;
  if (signal?.aborted) return new Problem("cancelled", "");
  if (limit.aborted) return new Problem("too-late", "");
  return new Problem("offline", "");
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}

/** A request id. `randomUUID` is there on https and loopback only. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
