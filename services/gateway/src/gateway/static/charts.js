"use strict";
/* Charts as SVG elements, coloured by CSS classes so that themes reach them. */
const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const child of children) element.append(child);
  return element;
}

/* The funnel: one river narrowing from stage to stage. */
function funnelChart(stages, words) {
  const rowHeight = 62, width = 760, left = 170, right = 170, middle = left + (width - left - right) / 2;
  const most = Math.max(1, ...stages.map((s) => Number(s.entered)));
  const breadth = (n) => Math.max(6, (Number(n) / most) * (width - left - right));
  const height = stages.length * rowHeight + 6;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart funnel", role: "img" });
  stages.forEach((stage, i) => {
    const y = i * rowHeight + 4, next = stages[i + 1];
    const top = breadth(stage.entered), bottom = next ? breadth(next.entered) : breadth(stage.converted);
    const body = 34, gap = rowHeight - body;
    const group = svg("g", { class: `stage s${i % 6}` });
    group.append(svg("title", {}, `${stage.name}: ${number(stage.entered)} ${words.entered}`));
    group.append(svg("rect", { x: middle - top / 2, y, width: top, height: body, rx: 5, class: "flow" }));
    if (next) {
      group.append(svg("path", {
        class: "neck",
        d: `M${middle - top / 2 + 4} ${y + body} C${middle - top / 2 + 4} ${y + body + gap * 0.6} ${middle - bottom / 2 + 4} ${y + body + gap * 0.4} ${middle - bottom / 2 + 4} ${y + rowHeight}`
          + `L${middle + bottom / 2 - 4} ${y + rowHeight} C${middle + bottom / 2 - 4} ${y + body + gap * 0.4} ${middle + top / 2 - 4} ${y + body + gap * 0.6} ${middle + top / 2 - 4} ${y + body}Z`,
      }));
    }
    group.append(svg("text", { x: left - 16, y: y + 15, class: "label", "text-anchor": "end" }, clipped(stage.name || stage.stage_id, 18)));
    group.append(svg("text", { x: left - 16, y: y + 31, class: "note", "text-anchor": "end" },
      `${number(stage.now_in_stage)} ${words.now_here}`));
    group.append(svg("text", { x: middle, y: y + 23, class: "count", "text-anchor": "middle" }, number(stage.entered)));
    group.append(svg("text", { x: width - right + 16, y: y + 15, class: "label" }, `${percent(stage.conversion)} →`));
    const days = stage.days_in_stage && Number(stage.days_in_stage.sample) ? `${Math.round(stage.days_in_stage.median)} ${words.days}` : "";
    group.append(svg("text", { x: width - right + 16, y: y + 31, class: "note" },
      [`−${percent(stage.drop_off)}`, days].filter(Boolean).join(" · ")));
    root.append(group);
  });
  return root;
}

/* The forecast: a band from P10 to P90 around P50, and what is won already. */
function forecastChart(months, currency, words) {
  const width = 760, height = 300, left = 78, bottom = 34, top = 14, right = 20;
  const most = niceCeiling(Math.max(1, ...months.map((m) => m.p90)));
  const x = (i) => left + ((width - left - right) * (i + 0.5)) / months.length;
  const y = (v) => top + (height - top - bottom) * (1 - v / most);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart forecast", role: "img" });
  for (let step = 0; step <= 4; step++) {
    const value = (most * step) / 4;
    root.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }));
    root.append(svg("text", { x: left - 10, y: y(value) + 4, class: "note", "text-anchor": "end" }, shortMoney(value, currency)));
  }
  const upper = months.map((m, i) => `${x(i)},${y(m.p90)}`);
  const lower = months.map((m, i) => `${x(i)},${y(m.p10)}`).reverse();
  if (months.length > 1) root.append(svg("polygon", { points: [...upper, ...lower].join(" "), class: "band" }));
  months.forEach((m, i) => {
    const half = Math.min(26, (width - left - right) / months.length / 3);
    const group = svg("g", { class: "month" });
    group.append(svg("title", {}, `${m.month}\n${words.median} ${shortMoney(m.p50, currency)}\n${words.band} ${shortMoney(m.p10, currency)} – ${shortMoney(m.p90, currency)}`));
    group.append(svg("rect", { x: x(i) - half, width: half * 2, y: y(m.p90), height: Math.max(2, y(m.p10) - y(m.p90)), rx: 5, class: "range" }));
    if (m.already > 0) group.append(svg("rect", { x: x(i) - half, width: half * 2, y: y(m.already), height: y(0) - y(m.already), rx: 3, class: "already" }));
    group.append(svg("line", { x1: x(i) - half - 4, x2: x(i) + half + 4, y1: y(m.p50), y2: y(m.p50), class: "median" }));
    group.append(svg("text", { x: x(i), y: y(m.p50) - 8, class: "value", "text-anchor": "middle" }, shortMoney(m.p50, currency)));
    group.append(svg("text", { x: x(i), y: height - 10, class: "note", "text-anchor": "middle" }, m.month));
    root.append(group);
  });
  return root;
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= value) || value;
}

function clipped(text, most) {
  return [...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text;
}
