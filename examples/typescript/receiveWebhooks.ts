/**
 * Receives webhooks: verify, do what the event means once, answer. Node 22.18 or newer runs it as it is:
 *
 *     WEBHOOK_SECRET=whsec_… node receiveWebhooks.ts 8080 seen.txt
 *
 * Behind a proxy that speaks https. The signature is Standard Webhooks': https://www.standardwebhooks.com
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";

const OLDEST_S = 300;
const LARGEST = 1024 * 1024;

export interface CloudEvent {
  id: string;
  source: string;
  type: string;
  subject: string;
  sequence: string;
  recordversion: number;
  data: Record<string, unknown>;
}

/** Whether somebody who knows the secret sent exactly this, not long ago. */
export function isGenuine(secret: string, headers: IncomingHttpHeaders, body: Buffer, nowS: number): boolean {
  const id = String(headers["webhook-id"] ?? "");
  const at = String(headers["webhook-timestamp"] ?? "");
  if (!id || !/^\d+$/.test(at) || Math.abs(nowS - Number(at)) > OLDEST_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64")}`);
  return String(headers["webhook-signature"] ?? "")
    .split(" ")
    .map((one) => Buffer.from(one))
    .some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}

/** Ids of the events that took effect. Yours belong into the transaction of what you do with an event. */
class Seen {
  readonly #path: string;
  readonly #ids: Set<string>;
  constructor(path: string) {
    this.#path = path;
    this.#ids = new Set(existsSync(path) ? readFileSync(path, "utf8").split("\n") : []);
  }
  once(event: CloudEvent, effect: (event: CloudEvent) => void): void {
    if (this.#ids.has(event.id)) return;
    effect(event);
    appendFileSync(this.#path, `${event.id}\n`);
    this.#ids.add(event.id);
  }
}

const [, , port = "8080", path = "seen.txt"] = process.argv;
const secret = process.env["WEBHOOK_SECRET"] ?? "";
const seen = new Seen(path);

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  let size = 0;
  request.on("data", (piece: Buffer) => {
    size += piece.length;
    if (size > LARGEST) request.destroy();
    else pieces.push(piece);
  });
  request.on("end", () => {
    const body = Buffer.concat(pieces);
    if (!secret || !isGenuine(secret, request.headers, body, Date.now() / 1000)) {
      response.writeHead(401).end();
      return;
    }
    seen.once(JSON.parse(body.toString("utf8")) as CloudEvent, (event) => console.log(event.type, event.subject));
    response.writeHead(204).end();
  });
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening on ${typeof address === "object" ? address?.port : port}`);
});
