/**
 * Follows one service's published events over HTTP: what was, then what happens. Node 22.18 or newer runs it as it is:
 *
 *     CLIENT_SECRET=… node followFeed.ts https://crm.example.org <client id> pipeline kept.json
 *
 * It keeps its position in a file, written with what it does, so it may be killed at any time and goes on where it was.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

interface FeedEvent {
  position: string;
  event: { id: string; type: string; subject: string; data: Record<string, unknown> };
}
interface Told {
  events: FeedEvent[];
  position: string;
  more?: boolean;
}
/** The effect here is a count of events by record; yours is whatever you do. Both stand in one file, replaced as a whole. */
interface Kept {
  position: string;
  records: Record<string, number>;
}

const [, , url = "", clientId = "", service = "", path = "kept.json", mode = ""] = process.argv;
const kept: Kept = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Kept) : { position: "0", records: {} };

function apply(told: Told): void {
  for (const { position, event } of told.events) {
    if (BigInt(position) <= BigInt(kept.position)) continue; // it was here before
    kept.records[event.subject] = (kept.records[event.subject] ?? 0) + 1;
    kept.position = position;
    console.log(event.type, event.subject);
  }
  kept.position = told.position;
  writeFileSync(`${path}.new`, JSON.stringify(kept));
  renameSync(`${path}.new`, path);
}

async function ask(where: string, token = "", body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(`${url}${where}`, {
    method: body ? "POST" : "GET",
    headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${where}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** A token lives for a minute, and so does a stream: take a fresh one for each. */
async function freshToken(): Promise<string> {
  const body = { client_id: clientId, client_secret: process.env["CLIENT_SECRET"] ?? "" };
  return ((await (await ask("/v1/client-token", "", body)).json()) as { access_token: string }).access_token;
}

async function catchUp(token: string): Promise<void> {
  let more = true;
  while (more) {
    const told = (await (await ask(`/v1/events/${service}?after_position=${kept.position}&page_size=500`, token)).json()) as Told;
    apply(told);
    more = told.more ?? false;
  }
}

/** Live, until the stream ends with its token. */
async function follow(token: string): Promise<void> {
  const answer = await ask(`/v1/events/${service}:stream`, token, undefined, { "Last-Event-ID": kept.position });
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data: ")) apply(JSON.parse(line.slice(6)) as Told);
  }
}

for (;;) {
  try {
    const token = await freshToken();
    await catchUp(token);
    if (mode === "once") break;
    await follow(token);
  } catch (error) {
    if (mode === "once") throw error;
    console.log("away:", String(error));
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
