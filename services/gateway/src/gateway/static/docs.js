"use strict";
/* Shows /openapi.json. Everything is written as text, never as markup. */
const place = document.getElementById("docs"), filter = document.getElementById("filter");
let spec = null;

function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.flat().filter(Boolean));
  return element;
}

/* A schema as an example with its comments, references followed a few levels down. */
function sketch(schema, depth = 0, seen = []) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name) || depth > 4) return `{ … ${name} }`;
    return sketch(spec.components.schemas[name], depth, [...seen, name]);
  }
  const pad = "  ".repeat(depth + 1);
  if (schema.properties) {
    const lines = Object.entries(schema.properties).map(([key, value]) => {
      const words = (value.description || "").split("\n")[0];
      return `${pad}"${key}": ${sketch(value, depth + 1, seen)},${words ? `  // ${words}` : ""}`;
    });
    return lines.length ? `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}` : "{}";
  }
  if (schema.items) return `[${sketch(schema.items, depth, seen)}]`;
  if (schema.additionalProperties && typeof schema.additionalProperties === "object") return `{ "…": ${sketch(schema.additionalProperties, depth, seen)} }`;
  if (schema.enum) return schema.enum.filter((v) => !v.endsWith("_UNSPECIFIED")).map((v) => `"${v}"`).join(" | ");
  return schema.format || [schema.type].flat().join(" | ");
}

function operation(path, verb, op) {
  const details = el("details", "op");
  details.append(el("summary", "", el("span", "verb", verb.toUpperCase()), el("code", "", path), el("span", "note", op.summary)));
  details.addEventListener("toggle", () => {
    if (!details.open || details.dataset.full) return;
    details.dataset.full = "1";
    details.append(el("p", "prose", op.description || ""));
    const parameters = (op.parameters || []).filter((p) => !p.$ref);
    if (parameters.length) {
      const list = el("dl", "");
      for (const p of parameters) list.append(el("dt", "", el("code", "", `${p.name}`)), el("dd", "", `${p.in} · ${sketch(p.schema, 4)} — ${p.description || ""}`));
      details.append(list);
    }
    const body = op.requestBody?.content?.["application/json"]?.schema;
    if (body) details.append(el("h3", "", "Request"), el("pre", "", sketch(body)));
    const answer = op.responses["200"].content?.["application/json"]?.schema;
    if (answer) details.append(el("h3", "", "Answer"), el("pre", "", sketch(answer)));
  });
  return details;
}

function show() {
  const wanted = filter.value.trim().toLowerCase(), groups = new Map();
  for (const [path, item] of Object.entries(spec.paths))
    for (const [verb, op] of Object.entries(item)) {
      if (wanted && !`${path} ${op.operationId} ${op.summary} ${op.description}`.toLowerCase().includes(wanted)) continue;
      const tag = op.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, verb, op));
    }
  const about = Object.fromEntries((spec.tags || []).map((t) => [t.name, t.description]));
  place.replaceChildren(
    el("section", "card", el("h1", "", "Headwater API"), el("p", "prose", spec.info.description)),
    ...[...groups].sort(([a], [b]) => a.localeCompare(b)).map(([tag, operations]) => el("section", "card", el("h2", "", `${tag} · ${operations.length}`), el("p", "note", about[tag] || ""), operations)));
}

fetch("/openapi.json").then((answer) => answer.json()).then((tree) => { spec = tree; show(); filter.addEventListener("input", show); })
  .catch((error) => place.replaceChildren(el("p", "alarm", String(error))));
