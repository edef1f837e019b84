/**
 * Commands given off-line: kept in IndexedDB with their request ids, sent in their order when the network is back.
 * One that is refused then stays, with the reason, until the person sends it again or throws it away.
 *
 * Whoever changes one record twice off-line names the version that he saw both times; the second is then sent with the
 * version that the first one made, so that nobody is in conflict with himself.
 */
import { newId, send } from "./client";
import { Problem, type Kind } from "./problem";

export interface Kept {
  id: string;
  number: number;
  address: string;
  body: unknown;
  /** What the person did, in his words. */
  label: string;
  at: string;
  first?: First;
  refusal?: { kind: Kind; detail: string };
}

/** What must be sent before: a photo, whose `answer` goes `into` a list of the command. */
export interface First {
  address: string;
  body: unknown;
  answer: string;
  into: string;
}

export const MOST_KEPT = 200;
/** Those with something before them, as a photo is large. */
export const MOST_WITH_FIRST = 20;
const DATABASE = "headwater";
const STORE = "outbox";

function database(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    opening.onsuccess = () => done(opening.result);
    opening.onerror = () => failed(opening.error ?? new Error("IndexedDB is not there"));
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const open = await database();
  try {
    return await new Promise<T>((done, failed) => {
      const asked = work(open.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error ?? new Error("IndexedDB refused"));
    });
  } finally {
    open.close();
  }
}

/** Send a command, and first what it needs. Both keep their request ids, so that each happens once. */
export async function give({ id, address, body, first }: Pick<Kept, "id" | "address" | "body" | "first">): Promise<unknown> {
  if (!first) return send("POST", address, body, { requestId: id });
  const answer = (await send("POST", first.address, first.body, { requestId: `${id}-first` })) as Record<string, unknown>;
  return send("POST", address, { ...(body as object), [first.into]: [answer[first.answer]] }, { requestId: id });
}

interface Versioned {
  expected_version?: string;
  version?: string;
}
/** The record that a command is for: its address up to the verb. */
const recordOf = (address: string): string => address.replace(/:\w+$/, "");

type Listener = (kept: readonly Kept[]) => void;

class Outbox {
  private readonly listeners = new Set<Listener>();
  private sending = false;

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    void this.all().then(listener);
    return () => this.listeners.delete(listener);
  }

  async all(): Promise<Kept[]> {
    const found = await within<Kept[]>("readonly", (store) => store.getAll() as IDBRequest<Kept[]>).catch(() => []);
    return found.sort((a, b) => a.number - b.number);
  }

  /** Keep a command for later. Throws Problem when there are too many. */
  async keep(address: string, body: unknown, label: string, requestId: string = newId(), first?: First): Promise<void> {
    const all = await this.all();
    if (all.length >= MOST_KEPT) throw new Problem("too-many", `${MOST_KEPT}`);
    if (first && all.filter((each) => each.first).length >= MOST_WITH_FIRST) throw new Problem("too-many", `${MOST_WITH_FIRST}`);
    const number = (all.at(-1)?.number ?? 0) + 1;
    const kept: Kept = { id: requestId, number, address, body, label, at: new Date().toISOString(), ...(first ? { first } : {}) };
    await within("readwrite", (store) => store.put(kept));
    await this.tell();
  }

  async drop(id: string): Promise<void> {
    await within("readwrite", (store) => store.delete(id));
    await this.tell();
  }

  /** Send a refused one again, with the next round; `onTop` of what somebody else did meanwhile, if he was in conflict. */
  async again(kept: Kept, onTop = false): Promise<number> {
    const rest = { ...kept };
    delete rest.refusal;
    if (onTop) {
      rest.body = { ...(kept.body as object), expected_version: "0" };
      rest.id = newId(); // the same request id is for the same request
      await within("readwrite", (store) => store.delete(kept.id));
    }
    await within("readwrite", (store) => store.put(rest));
    return this.flush();
  }

  async clear(): Promise<void> {
    await within("readwrite", (store) => store.clear()).catch(() => undefined);
    await this.tell();
  }

  /** Send what waits, in order, until the network goes again. Returns how many were taken. */
  async flush(): Promise<number> {
    if (this.sending) return 0;
    this.sending = true;
    let taken = 0;
    const made = new Map<string, { was: string; now: string }>();
    try {
      for (const kept of (await this.all()).filter((each) => !each.refusal)) {
        try {
          const record = recordOf(kept.address);
          const seen = (kept.body as Versioned).expected_version;
          const own = made.get(record);
          const body = own && seen === own.was ? { ...(kept.body as object), expected_version: own.now } : kept.body;
          const { version } = (await give({ ...kept, body })) as Versioned;
          if (seen && version) made.set(record, { was: seen, now: version });
          await within("readwrite", (store) => store.delete(kept.id));
          taken += 1;
        } catch (error) {
          const problem = error instanceof Problem ? error : new Problem("other", String(error));
          if (problem.passes || problem.kind === "not-signed-in") break; // later, all of the rest
          await within("readwrite", (store) => store.put({ ...kept, refusal: { kind: problem.kind, detail: problem.detail } }));
        }
        await this.tell();
      }
    } finally {
      this.sending = false;
      await this.tell();
    }
    return taken;
  }

  private async tell(): Promise<void> {
    const all = await this.all();
    for (const listener of this.listeners) listener(all);
  }
}

export const outbox = new Outbox();
