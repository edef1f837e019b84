"use strict";
/* Keeps the UI's files and the answers that were seen, so that both are there off-line. Commands are not its
   business: the page queues them. What was seen belongs to one person: it is forgotten at sign-out, and after MOST_DAYS. */

const SHELL = "shell-1";
const SEEN = "seen-1";
const MOST_SEEN = 600;
const MOST_DAYS = 7;
const SEEN_AT = "Headwater-Seen-At";
const CLEAN_EVERY_MS = 3_600_000;
const NOT_KEPT = /^\/v1\/(changes|session|audit)|:export$|\/export$/;

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(SHELL);
      const files = await (await fetch("/asset-list.json", { cache: "no-store" })).json();
      await cache.addAll(["/", "/icon.svg", "/manifest.webmanifest"]);
      await Promise.all(files.map(async (file) => (await cache.match(file)) || cache.add(file)));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      await Promise.all(names.filter((name) => name !== SHELL && name !== SEEN).map((name) => caches.delete(name)));
      await dropOld();
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "forget") event.waitUntil(caches.delete(SEEN));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (/^\/(v1|docs|f|s|u|t|sign-in|static|openapi\.json)(\/|$)/.test(url.pathname)) return;
    event.respondWith(page(request));
  } else if (url.pathname.startsWith("/assets/") || /^\/(icon|manifest)/.test(url.pathname)) {
    event.respondWith(file(request));
  } else if (url.pathname.startsWith("/v1/") && !NOT_KEPT.test(url.pathname) && !request.headers.has("headwater-as-of")) {
    event.respondWith(answer(event, request));
  }
});

async function page(request) {
  const cache = await caches.open(SHELL);
  try {
    const fresh = await fetch(request);
    if (fresh.ok && (fresh.headers.get("content-type") || "").startsWith("text/html")) await cache.put("/", fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match("/");
    if (kept) return kept;
    throw error;
  }
}

async function file(request) {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok) await cache.put(request, fresh.clone());
  return fresh;
}

async function answer(event, request) {
  try {
    const fresh = await fetch(request);
    if (fresh.ok && !request.headers.has("authorization")) event.waitUntil(keep(request, fresh.clone()));
    return fresh;
  } catch (error) {
    if (request.signal.aborted) throw error;
    const cache = await caches.open(SEEN);
    const kept = await cache.match(request.url);
    if (kept && !isOld(kept)) return kept;
    if (kept) await cache.delete(request.url);
    throw error;
  }
}

async function keep(request, fresh) {
  const headers = new Headers(fresh.headers);
  headers.set(SEEN_AT, new Date().toISOString());
  const cache = await caches.open(SEEN);
  await cache.put(request.url, new Response(await fresh.blob(), { status: fresh.status, headers }));
  const keys = await cache.keys();
  for (const old of keys.slice(0, Math.max(0, keys.length - MOST_SEEN))) await cache.delete(old);
  await dropOld();
}

function isOld(kept) {
  return !(Date.now() - Date.parse(kept.headers.get(SEEN_AT)) < MOST_DAYS * 86_400_000);
}

/* Also what nobody asks for any more goes, whenever the worker is awake; at most once an hour. */
let cleanedAt = 0;
async function dropOld() {
  if (Date.now() - cleanedAt < CLEAN_EVERY_MS) return;
  cleanedAt = Date.now();
  const cache = await caches.open(SEEN);
  for (const request of await cache.keys()) {
    const kept = await cache.match(request);
    if (kept && isOld(kept)) await cache.delete(request);
  }
}
