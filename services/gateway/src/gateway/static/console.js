"use strict";
/* The console: no build step, no library. Everything shown goes through text nodes, never through markup. */

const app = document.getElementById("app");
const state = {
  language: localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en"),
  theme: localStorage.getItem("theme") || "",
  me: null,
  settings: { mail_page: "" },
  people: new Map(),
  live: "",
  shown: 0,
};
const w = (key) => WORDS[state.language][key] || key;

/* -- small tools ------------------------------------------------------------- */

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(4).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  return element;
}

class Refusal extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.problem = problem;
  }
}

async function ask(path, body, headers = {}) {
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { "Content-Type": "application/json", "Headwater-Csrf": "1", ...headers },
  });
  const tree = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401 && state.me) { state.me = null; closeLive(); signIn(); }
    throw new Refusal(tree, answer.status);
  }
  return tree;
}

const locale = () => (state.language === "zh" ? "zh-CN" : "en-GB");
const number = (n) => new Intl.NumberFormat(locale()).format(Number(n || 0));
const percent = (n) => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(n || 0);

function digits(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch { return 2; }
}

function shortMoney(minor, currency) {
  const value = Number(minor || 0) / 10 ** digits(currency || "CNY");
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency, notation: "compact", maximumFractionDigits: 1, currencyDisplay: "narrowSymbol" }).format(value);
  } catch { return `${number(value)} ${currency || ""}`; }
}

function money(amount) {
  if (!amount || !amount.currency_code) return "";
  const value = Number(amount.minor_units || 0) / 10 ** digits(amount.currency_code);
  return new Intl.NumberFormat(locale(), { style: "currency", currency: amount.currency_code, maximumFractionDigits: 0, currencyDisplay: "narrowSymbol" }).format(value);
}

const monies = (amounts) => (amounts || []).map(money).join(" · ") || "–";
const day = (t) => (t ? new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(new Date(t)) : "");
const moment = (t) => (t ? new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(t)) : "");

/* "CUSTOMER_STATUS_SILENT" -> "silent" / "沉默" */
function value(name, prefix) {
  const bare = String(name || "").replace(prefix, "").replace(/^_/, "");
  if (!bare || bare === "UNSPECIFIED") return "";
  return VALUES[state.language][bare] || bare.toLowerCase().replaceAll("_", " ");
}

function ago(t) {
  const seconds = (new Date(t) - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  return format.format(Math.round(seconds), "second");
}

async function nameThem(ids) {
  const unknown = [...new Set(ids)].filter((id) => id && !state.people.has(id)).slice(0, 400);
  if (!unknown.length) return;
  try {
    const found = await ask(`/v1/people:batchGet?${new URLSearchParams(unknown.map((id) => ["person_ids", id]))}`);
    for (const person of found.people || []) state.people.set(person.person_id, person.name);
  } catch { /* a name is nice to have */ }
  for (const id of unknown) if (!state.people.has(id)) state.people.set(id, "");
}
const who = (id) => state.people.get(id) || (id ? id.slice(0, 8) : "–");

/* -- frame --------------------------------------------------------------------- */

function applyTheme() {
  if (state.theme) document.documentElement.dataset.theme = state.theme;
  else delete document.documentElement.dataset.theme;
  document.documentElement.lang = state.language;
}

function switchLanguage() {
  state.language = state.language === "zh" ? "en" : "zh";
  localStorage.setItem("language", state.language);
  applyTheme();
  state.me ? frame() : signIn();
}

function switchTheme() {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  state.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", state.theme);
  applyTheme();
}

function brand() {
  return h("a", { href: "#/", class: "brand" }, h("img", { src: "/static/favicon.svg", alt: "", width: 28, height: 28 }), "Headwater");
}

function switches() {
  return [
    h("button", { class: "quiet", onclick: switchLanguage, "aria-label": "中文 / English" }, state.language === "zh" ? "EN" : "中文"),
    h("button", { class: "quiet", onclick: switchTheme, title: w("theme"), "aria-label": w("theme") }, "◐"),
  ];
}

function frame() {
  const links = [["#/", w("overview")], ["#/customers", w("customers")], ["#/tickets", w("tickets")]];
  app.replaceChildren(
    h("header", { class: "bar" },
      brand(),
      h("nav", {}, links.map(([href, text]) => h("a", { href, "data-nav": href }, text)),
        h("a", { href: "/docs", target: "_blank", rel: "noopener" }, w("api")),
        /^https?:/.test(state.settings.mail_page || "") && h("a", { href: state.settings.mail_page, target: "_blank", rel: "noopener" }, w("mail"))),
      searchBox(),
      h("span", { class: "live", id: "live" }),
      switches(),
      h("span", { class: "me", title: (state.me.person?.roles || []).join(", ") }, state.me.person?.name || state.me.actor),
      h("button", { class: "quiet", onclick: signOut }, w("sign_out"))),
    h("main", { id: "view" }));
  showLive();
  route();
}

function signIn(problem = "") {
  closeLive();
  const login = h("input", { name: "login", autocomplete: "username", required: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const code = h("input", { name: "code", autocomplete: "one-time-code" });
  const codeField = h("label", { hidden: true }, h("span", {}, w("code")), code);
  const others = h("p", {});
  const note = h("p", { class: "alarm", role: "alert" }, problem);
  const submit = async (event) => {
    event.preventDefault();
    note.textContent = "";
    try {
      const proof = { login: login.value, password: password.value, code: code.value };
      const answer = await ask("/v1/session", proof, { "Headwater-Session": "cookie" });
      if (answer.second_factor_required) { codeField.hidden = false; code.focus(); }
      else if (answer.must_change_password) choosePassword(password.value);
      else start();
    } catch (error) { note.textContent = error.message; }
  };
  app.replaceChildren(
    h("div", { class: "gate" },
      h("form", { class: "card", onsubmit: submit },
        h("div", { class: "gate-head" }, brand(), h("span", { class: "spread" }), switches()),
        h("p", { class: "tagline" }, w("tagline")),
        h("label", {}, h("span", {}, w("login")), login),
        h("label", {}, h("span", {}, w("password")), password),
        codeField,
        note,
        h("button", { class: "main" }, w("sign_in")),
        others)));
  login.focus();
  ask("/v1/session/providers").then((known) => others.replaceChildren(...(known.providers || []).map((it) =>
    h("a", { href: "/sign-in/" + encodeURIComponent(it.provider) }, w("sign_in_with") + " " + it.title)))).catch(() => {});
}

function choosePassword(current) {
  const fresh = h("input", { type: "password", autocomplete: "new-password", required: true, minlength: 10 });
  const note = h("p", { class: "alarm", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("/v1/me:changePassword", { current_password: current, new_password: fresh.value });
      location.reload();
    } catch (error) { note.textContent = error.message; }
  };
  app.replaceChildren(h("div", { class: "gate" }, h("form", { class: "card", onsubmit: submit },
    brand(), h("p", { class: "tagline" }, w("must_change")),
    h("label", {}, h("span", {}, w("new_password")), fresh), note, h("button", { class: "main" }, w("change")))));
  fresh.focus();
}

async function signOut() {
  try { await ask("/v1/session:close", {}); } catch { /* it is over either way */ }
  state.me = null;
  signIn();
}

/* -- search ---------------------------------------------------------------------- */

function searchBox() {
  const list = h("div", { class: "found", hidden: true });
  let timer = 0, asked = 0;
  const look = async (text) => {
    const mine = ++asked;
    if (!text) { list.hidden = true; return; }
    try {
      const found = await ask(`/v1/search?${new URLSearchParams({ q: text, limit: 6 })}`);
      if (mine === asked) showFound(list, found);
    } catch (error) { if (mine === asked) { list.replaceChildren(h("p", { class: "note" }, error.message)); list.hidden = false; } }
  };
  const input = h("input", {
    type: "search", placeholder: w("search"), "aria-label": w("search"), autocomplete: "off",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => look(input.value.trim()), 160); },
    onkeydown: (event) => {
      if (event.key === "Escape") { list.hidden = true; input.blur(); }
      if (event.key === "ArrowDown") { event.preventDefault(); list.querySelector("a")?.focus(); }
      if (event.key === "Enter") list.querySelector("a")?.click();
    },
  });
  list.addEventListener("click", () => { list.hidden = true; input.value = ""; });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...list.querySelectorAll("a")], next = all[all.indexOf(document.activeElement) + step];
    next ? next.focus() : input.focus();
  });
  document.addEventListener("click", (event) => { if (!box.contains(event.target)) list.hidden = true; });
  const box = h("div", { class: "search", role: "search" }, input, list);
  return box;
}

function showFound(list, found) {
  const hit = (href, title, note) => h("a", { href }, h("b", {}, title), h("span", {}, note));
  const groups = [
    ["customers", (found.customers?.customers || []).map((c) => hit(`#/customer/${c.customer_id}`, c.name, [c.primary_contact_name, c.phone, ...(c.tags || [])].filter(Boolean).join(" · ")))],
    ["leads", (found.leads?.leads || []).map((l) => hit(l.customer_id ? `#/customer/${l.customer_id}` : "#/", l.person_name || l.company, [l.company, l.phone, l.score && `${w("score")} ${l.score}`].filter(Boolean).join(" · ")))],
    ["opportunities", (found.opportunities?.opportunities || []).map((o) => hit(`#/customer/${o.customer_id}`, o.title, [o.stage_name, money(o.amount)].filter(Boolean).join(" · ")))],
    ["orders", (found.orders?.orders || []).map((o) => hit(`#/customer/${o.customer_id}`, o.number || o.external_ref, [o.placed_on, money(o.total)].filter(Boolean).join(" · ")))],
    ["tickets", (found.tickets?.tickets || []).map((t) => hit(t.customer_id ? `#/customer/${t.customer_id}` : "#/tickets", t.subject || t.external_ref, [value(t.status, /^(TICKET_)?STATUS/), t.category].filter(Boolean).join(" · ")))],
  ].filter(([, hits]) => hits.length);
  list.replaceChildren(
    ...groups.map(([name, hits]) => h("section", {}, h("h4", {}, w(name)), hits)),
    ...(groups.length ? [] : [h("p", { class: "note" }, w("nothing_found"))]),
    h("p", { class: "note foot" }, `${found.took_ms} ms`, missingNote(found.missing)));
  list.hidden = false;
}

const missingNote = (missing) =>
  (missing || []).length ? h("span", { class: "missing", title: missing.map((m) => m.detail).join("\n") }, ` · ${w("missing")}: ${missing.map((m) => w(m.part)).join(", ")}`) : "";

/* -- views ------------------------------------------------------------------------- */

const VIEWS = [
  [/^#\/customers(?:\?(.*))?$/, customersView, ["customer"]],
  [/^#\/customer\/([\w-]+)$/, customerView, ["customer", "pipeline", "ticketing", "marketing"]],
  [/^#\/tickets(?:\?(.*))?$/, ticketsView, ["ticketing"]],
  [/^/, overviewView, ["pipeline"]],
];
let refreshing = { contexts: [], run: null, timer: 0 };

async function route(quietly = false) {
  const view = document.getElementById("view");
  if (!view || !state.me) return;
  const hash = location.hash || "#/";
  const [pattern, show, contexts] = VIEWS.find(([p]) => p.test(hash));
  const mine = ++state.shown;
  for (const link of document.querySelectorAll("[data-nav]"))
    link.classList.toggle("here", link.dataset.nav === hash.split("?")[0]);
  if (!quietly) { view.replaceChildren(h("div", { class: "waiting" })); window.scrollTo(0, 0); }
  try {
    const content = await show(...(hash.match(pattern).slice(1)));
    if (mine === state.shown) view.replaceChildren(...[content].flat());
  } catch (error) {
    if (mine === state.shown && state.me)
      view.replaceChildren(h("section", { class: "card" }, h("h2", {}, w("error")), h("p", { class: "alarm" }, error.message), h("button", { class: "main", onclick: () => route() }, w("retry"))));
  }
  refreshing.contexts = contexts;
}

/* Each part may fail alone. */
async function part(title, work, attributes = {}) {
  let content;
  try { content = await work(); }
  catch (error) { content = h("p", { class: "alarm" }, error.message); }
  return h("section", { class: "card", ...attributes }, title && h("h2", {}, title), content);
}

function freshness(about) {
  const known = (about?.freshness || []).filter((f) => f.last_recorded_at);
  if (!known.length) return null;
  return h("p", { class: "note fresh" }, known.map((f) => {
    const late = Number(f.lag_events || 0);
    return h("span", { class: late ? "late" : "" }, `${f.context}: ${w("freshness")} ${moment(f.last_recorded_at)}`, late ? ` (${number(late)} ${w("events")} ${w("lag")})` : "");
  }));
}

function definitions(list) {
  if (!(list || []).length) return null;
  const zh = state.language === "zh";
  return h("details", {}, h("summary", {}, w("how")),
    h("dl", {}, list.map((d) => [h("dt", {}, zh ? d.label_zh : d.label_en), h("dd", {}, zh ? d.text_zh : d.text_en)])));
}

async function overviewView() {
  const funnelAnswer = ask("/v1/analytics/funnel");
  const parts = await Promise.all([
    part("", async () => tiles((await funnelAnswer).totals || {}), { class: "bare" }),
    part(w("funnel"), async () => funnel(await funnelAnswer, await ask("/v1/pipelines").catch(() => ({})))),
    part(w("forecast"), async () => forecast(await ask("/v1/analytics/forecast?months=6"))),
  ]);
  return parts;
}

function tile(label, text, note = "", tone = "") {
  return h("div", { class: `tile ${tone}` }, h("span", {}, label), h("b", {}, text), note && h("small", {}, note));
}

function tiles(t) {
  return h("div", { class: "tiles" },
    tile(w("won_value"), (t.won_value || []).map((m) => shortMoney(m.minor_units, m.currency_code)).join(" · ") || "–", `${number(t.won)} ${w("won")}`, "good"),
    tile(w("open_value"), (t.open_value || []).map((m) => shortMoney(m.minor_units, m.currency_code)).join(" · ") || "–", `${number(t.open)} ${w("open")}`),
    tile(w("win_rate"), percent(t.win_rate), `${number(t.won)} ${w("of")} ${number(Number(t.won || 0) + Number(t.lost || 0))}`),
    tile(w("days_to_win"), t.days_to_win?.sample > 0 ? number(Math.round(t.days_to_win.median)) : "–", `P90 ${Math.round(t.days_to_win?.p90 || 0)} ${w("days")}`));
}

function funnel(answer, pipelines) {
  const byPipeline = new Map();
  for (const stage of answer.stages || []) {
    if (!byPipeline.has(stage.pipeline_id)) byPipeline.set(stage.pipeline_id, []);
    byPipeline.get(stage.pipeline_id).push(stage);
  }
  if (!byPipeline.size) return h("p", { class: "note" }, w("empty"));
  const size = (id) => Number(byPipeline.get(id)[0].entered);
  const ids = [...byPipeline.keys()].sort((a, b) => size(b) - size(a));
  const names = new Map((pipelines.pipelines || []).map((p) => [p.pipeline_id, p.name]));
  const place = h("div", { class: "chart-place" });
  const show = (id) => place.replaceChildren(funnelChart(byPipeline.get(id), WORDS[state.language]));
  show(ids[0]);
  return [
    ids.length > 1 && h("select", { "aria-label": w("pipeline"), onchange: (e) => show(e.target.value) }, ids.map((id) => h("option", { value: id }, names.get(id) || id.slice(0, 8)))),
    place, freshness(answer.about), definitions(answer.about?.definitions)];
}

function forecast(answer) {
  const warning = state.language === "zh" ? answer.basis?.warning_zh : answer.basis?.warning_en;
  const method = state.language === "zh" ? answer.method_zh : answer.method_en;
  const currency = (answer.currencies || [])[0];
  if (!currency) return [h("p", { class: "note" }, warning || w("empty")), freshness(answer.about)];
  const place = h("div", { class: "chart-place" }), table = h("div", {});
  const show = (one) => {
    place.replaceChildren(forecastChart(one.months || [], one.currency_code, WORDS[state.language]));
    table.replaceChildren(scores(one));
  };
  show(currency);
  return [
    answer.currencies.length > 1 && h("select", { onchange: (e) => show(answer.currencies[e.target.selectedIndex]) }, answer.currencies.map((c) => h("option", {}, c.currency_code))),
    place,
    h("p", { class: "legend" }, h("i", { class: "k-band" }), `${w("band")}: ${w("p_range")}`, h("i", { class: "k-median" }), w("median"), h("i", { class: "k-already" }), w("already")),
    warning && h("p", { class: "warn" }, warning),
    table, freshness(answer.about),
    method && h("details", {}, h("summary", {}, w("how")), h("p", { class: "prose" }, method)),
  ];
}

function scores(currency) {
  const rows = (currency.scores || []).filter((s) => s.horizon === 1 && Number(s.sample) > 0);
  if (!rows.length) return h("span", {});
  const worst = Math.max(...rows.map((s) => s.wape), 0.01);
  return h("div", { class: "scores" }, h("h3", {}, w("error_past")), rows.map((s) =>
    h("div", { class: s.method === currency.best_method ? "score best" : "score" },
      h("span", {}, w(s.method)), h("meter", { min: 0, max: worst, value: s.wape }), h("b", {}, percent(s.wape)))));
}

async function customersView(query = "") {
  const wanted = new URLSearchParams(query);
  const answer = await ask(`/v1/customers?${new URLSearchParams({ page_size: 50, page_token: wanted.get("page") || "", query: wanted.get("q") || "" })}`);
  const rows = answer.customers || [];
  await nameThem(rows.map((c) => c.owner_id));
  return h("section", { class: "card" }, h("h2", {}, w("customers")),
    table([w("name"), w("status"), w("level"), w("owner"), w("ordered"), w("last_contact")],
      rows.map((c) => ({
        href: `#/customer/${c.customer_id}`,
        cells: [h("b", {}, c.name), status(c), badge(value(c.level, "CUSTOMER_LEVEL"), "level"), who(c.owner_id), monies(c.order_totals), c.last_contact_at ? ago(c.last_contact_at) : "–"],
      }))),
    answer.next_page_token && h("a", { class: "more", href: `#/customers?${new URLSearchParams({ page: answer.next_page_token, q: wanted.get("q") || "" })}` }, `${w("more")} →`));
}

const badge = (text, tone = "") => (text ? h("span", { class: `badge ${tone}` }, text) : "");
const status = (c) => badge(value(c.status, "CUSTOMER_STATUS"), c.silent ? "bad" : { CUSTOMER_STATUS_ACTIVE: "good", CUSTOMER_STATUS_LOST: "dull" }[c.status]);

function table(heads, rows) {
  if (!rows.length) return h("p", { class: "note" }, w("empty"));
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((t) => h("th", {}, t)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.cells.map((cell, i) =>
      h("td", {}, row.href && i === 0 ? h("a", { href: row.href }, cell) : cell)))))));
}

async function customerView(id) {
  const page = await ask(`/v1/customers/${encodeURIComponent(id)}/overview`);
  const card = page.card?.card || page.customer?.card || {};
  const deals = page.opportunities?.opportunities || [], orders = page.orders?.orders || [];
  const tickets = page.tickets?.tickets || [], touches = page.touches?.touches || [];
  const contacts = page.customer?.contacts || [], entries = page.timeline?.entries || [];
  const actors = entries.map((e) => (e.actor || "").startsWith("person:") && e.actor.slice(7));
  await nameThem([card.owner_id, ...deals.map((d) => d.owner_id), ...tickets.map((t) => t.assignee_id), ...actors]);
  const fact = (label, text) => text && h("div", { class: "fact" }, h("span", {}, label), text);
  return [
    h("section", { class: "card head" },
      h("div", { class: "title" }, h("h1", {}, card.name || id), status(card), badge(value(card.level, "CUSTOMER_LEVEL"), "level"), (card.tags || []).map((t) => badge(t))),
      h("div", { class: "facts" },
        fact(w("owner"), who(card.owner_id)), fact(w("industry"), card.industry_code), fact(w("region"), card.region_code),
        fact(w("source"), card.source), fact(w("phone"), card.phone), fact(w("email"), card.email), fact(w("registered"), day(card.registered_at))),
      h("p", { class: "note foot" }, `${page.took_ms} ms`, missingNote(page.missing))),
    h("div", { class: "tiles" },
      tile(w("ordered"), monies(card.order_totals), `${number(card.order_count)} ${w("orders")}`, "good"),
      tile(w("paid"), monies(card.paid_totals)),
      tile(w("open_tickets"), number(card.open_tickets), "", card.open_tickets > 0 ? "bad" : ""),
      tile(w("last_contact"), card.last_contact_at ? ago(card.last_contact_at) : "–", card.silent ? w("silent") : "", card.silent ? "bad" : "")),
    h("div", { class: "columns" },
      h("div", {},
        h("section", { class: "card" }, h("h2", {}, w("opportunities")), table([w("name"), w("stage"), w("amount"), w("close_on"), w("owner")],
          deals.map((d) => ({ cells: [h("b", {}, d.title), [d.stage_name, " ", badge(value(d.state, "OPPORTUNITY_STATE"), { OPPORTUNITY_STATE_WON: "good", OPPORTUNITY_STATE_LOST: "dull" }[d.state])], money(d.amount), d.expected_close_on, who(d.owner_id)] })))),
        h("section", { class: "card" }, h("h2", {}, w("orders")), table([w("number"), w("placed"), w("total"), w("status")],
          orders.map((o) => ({ cells: [h("b", {}, o.number || o.external_ref || o.order_id.slice(0, 8)), o.placed_on, money(o.total), badge(value(o.state, "ORDER_STATE"))] })))),
        h("section", { class: "card" }, h("h2", {}, w("tickets")), ticketTable(tickets)),
        h("section", { class: "card" }, h("h2", {}, w("contacts")), contacts.length ? h("ul", { class: "people" }, contacts.map((c) => h("li", {},
          h("b", {}, c.name), c.is_primary && badge("★", "level"), h("span", {}, [c.position, value(c.decision_role, "DECISION_ROLE")].filter(Boolean).join(" · ")),
          h("span", {}, [...(c.phones || []), ...(c.emails || [])].join(" · "))))) : h("p", { class: "note" }, w("empty")))),
      h("div", {},
        h("section", { class: "card" }, h("h2", {}, w("timeline")), timeline(entries)),
        h("section", { class: "card" }, h("h2", {}, w("touches")), touches.length ? h("ol", { class: "line" }, touches.slice(0, 12).map((t) =>
          h("li", {}, h("time", {}, moment(t.touched_at)), h("b", {}, t.kind.replaceAll("-", " ")), h("span", {}, t.channel)))) : h("p", { class: "note" }, w("empty"))))),
  ];
}

function timeline(entries) {
  if (!entries.length) return h("p", { class: "note" }, w("empty"));
  return h("ol", { class: "line" }, entries.map((e) => h("li", { class: `t-${e.type}` },
    h("time", { title: moment(e.recorded_at) }, moment(e.effective_at)),
    h("b", {}, e.title || e.type.replaceAll("_", " ")),
    e.content && h("span", {}, e.content),
    h("small", {}, e.actor?.startsWith("person:") ? who(e.actor.slice(7)) : e.actor))));
}

async function ticketsView(query = "") {
  const wanted = new URLSearchParams(query), overdue = wanted.get("overdue") === "true";
  const answer = await ask(`/v1/tickets?${new URLSearchParams({ page_size: 50, page_token: wanted.get("page") || "", overdue })}`);
  const rows = answer.tickets || [];
  await nameThem(rows.map((t) => t.assignee_id));
  return h("section", { class: "card" },
    h("div", { class: "title" }, h("h2", {}, w("tickets")), h("span", { class: "note" }, number(answer.total_size)), h("span", { class: "spread" }),
      h("a", { class: overdue ? "tab" : "tab here", href: "#/tickets" }, w("all")), h("a", { class: overdue ? "tab here" : "tab", href: "#/tickets?overdue=true" }, w("only_overdue"))),
    ticketTable(rows),
    answer.next_page_token && h("a", { class: "more", href: `#/tickets?${new URLSearchParams({ page: answer.next_page_token, overdue })}` }, `${w("more")} →`));
}

function ticketTable(rows) {
  return table([w("subject"), w("status"), w("priority"), "SLA", w("assignee"), w("opened")], rows.map((t) => ({
    href: t.customer_id ? `#/customer/${t.customer_id}` : "",
    cells: [h("b", {}, t.subject || t.category || t.external_ref || t.ticket_id.slice(0, 8)),
      badge(value(t.status, /^(TICKET_)?STATUS/), /(RESOLVED|CLOSED)$/.test(t.status) ? "good" : ""),
      badge(value(t.priority, "PRIORITY"), { PRIORITY_URGENT: "bad", PRIORITY_HIGH: "warn" }[t.priority]),
      h("div", { class: "clocks" }, (t.clocks || []).map(clock)), who(t.assignee_id), ago(t.opened_at)],
  })));
}

function clock(c) {
  const name = value(c.clock, "CLOCK");
  if (c.breached) return badge(`${name} · ${w("breached")}`, "bad");
  if (c.stopped) return badge(`${name} · ${c.met ? w("met") : "–"}`, c.met ? "good" : "dull");
  if (c.paused) return badge(`${name} · ${w("paused")}`, "dull");
  const late = c.due_at && new Date(c.due_at) < new Date();
  return badge(`${name} · ${c.due_at ? ago(c.due_at) : ""}`, late ? "bad" : c.warned ? "warn" : "run");
}

/* -- live ------------------------------------------------------------------------- */

let source = null;

function openLive() {
  closeLive();
  source = new EventSource("/v1/changes");
  source.addEventListener("hello", () => { state.live = "on"; showLive(); });
  source.addEventListener("change", (event) => {
    const change = JSON.parse(event.data);
    pulse();
    if (refreshing.contexts.includes(change.context)) refreshSoon();
  });
  source.addEventListener("reset", refreshSoon);
  source.onerror = () => {
    state.live = "off";
    showLive();
    // A browser tries again by itself, but not after a refusal.
    if (source?.readyState === EventSource.CLOSED) setTimeout(() => { if (state.me) openLive(); }, 10000);
  };
}

function closeLive() { source?.close(); source = null; }

function refreshSoon() {
  if (refreshing.timer) return;
  refreshing.timer = setTimeout(() => { refreshing.timer = 0; if (!document.hidden) route(true); }, 2500);
}

function showLive() {
  const place = document.getElementById("live");
  if (!place) return;
  place.className = `live ${state.live}`;
  place.title = state.live === "on" ? w("live") : w("reconnecting");
}

function pulse() {
  const place = document.getElementById("live");
  if (!place) return;
  place.classList.remove("pulse");
  void place.offsetWidth;
  place.classList.add("pulse");
}

/* -- start ------------------------------------------------------------------------- */

async function start() {
  try { state.me = await ask("/v1/me"); }
  catch (error) { return signIn(error.status === 401 ? "" : error.message); }
  try { state.settings = await ask("/console.json"); } catch { /* links only */ }
  openLive();
  frame();
}

window.addEventListener("hashchange", () => route());
window.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) {
    event.preventDefault();
    document.querySelector(".search input")?.focus();
  }
});
applyTheme();
start();
