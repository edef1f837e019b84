/** Where the steps of a journey stand on the page: by depth from the start, each under the middle of those before it. */
import type { Journey } from "./terms";

export type Step = Journey["steps"][number];
export interface Placed {
  id: string;
  /** Undefined: the end of a way. */
  step: Step | undefined;
  x: number;
  y: number;
}
export interface Way {
  from: string;
  to: string;
  label: "" | "yes" | "no";
}
export const STEP = { width: 196, height: 84, across: 36, down: 58, end: 30 } as const;

/** The ways on from a step; "" is the end. */
export function waysOn(step: Step): { to: string; label: Way["label"] }[] {
  if (step.kind === "STEP_KIND_EXIT") return [];
  if (step.kind === "STEP_KIND_CONDITION") return [{ to: step.yes_step_id, label: "yes" }, { to: step.no_step_id, label: "no" }];
  return [{ to: step.next_step_id, label: "" }];
}

/** Places of all steps and ends, the ways between them, and the size of the sheet. Steps that nothing leads to come last. */
export function layOut(steps: readonly Step[]): { placed: Placed[]; ways: Way[]; width: number; height: number } {
  const of = new Map(steps.map((each) => [each.step_id, each]));
  const depth = new Map<string, number>();
  const ways: Way[] = [];
  const visit = (id: string, at: number, above: readonly string[]) => {
    if (above.includes(id)) return; // the server refuses circles; while one edits there may be one
    if ((depth.get(id) ?? -1) >= at) return;
    depth.set(id, at);
    const step = of.get(id);
    if (step) for (const way of waysOn(step)) if (of.has(way.to)) visit(way.to, at + 1, [...above, id]);
  };
  if (steps[0]) visit(steps[0].step_id, 0, []);
  const deepest = Math.max(0, ...depth.values());
  for (const each of steps) if (!depth.has(each.step_id)) depth.set(each.step_id, deepest + 1);
  for (const each of steps)
    for (const way of waysOn(each)) {
      const ends = !of.has(way.to);
      const to = ends ? `${each.step_id}:${way.label}:end` : way.to;
      if (ends) depth.set(to, (depth.get(each.step_id) ?? 0) + 1);
      ways.push({ from: each.step_id, to, label: way.label });
    }
  const layers: string[][] = [];
  for (const [id, at] of depth) (layers[at] ??= []).push(id);
  const x = new Map<string, number>();
  const apart = STEP.width + STEP.across;
  for (const layer of layers.filter(Boolean)) {
    const wanted = new Map(layer.map((id) => {
      const into = ways.filter((way) => way.to === id).map((way) => (x.get(way.from) ?? 0) + (way.label === "yes" ? -apart / 2 : way.label === "no" ? apart / 2 : 0));
      return [id, into.length ? into.reduce((sum, each) => sum + each, 0) / into.length : 0] as const;
    }));
    const inOrder = [...layer].sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
    let free = Number.NEGATIVE_INFINITY;
    for (const id of inOrder) {
      const at = Math.max(wanted.get(id) ?? 0, free);
      x.set(id, at);
      free = at + apart;
    }
  }
  const left = Math.min(0, ...x.values());
  const right = Math.max(0, ...x.values());
  const placed = [...depth].map(([id, at]) => ({ id, step: of.get(id), x: (x.get(id) ?? 0) - left, y: at * (STEP.height + STEP.down) }));
  const height = Math.max(STEP.height, ...placed.map((each) => each.y + (each.step ? STEP.height : STEP.end)));
  return { placed, ways, width: right - left + STEP.width, height };
}

/** Put a step behind another, or behind one of its answers; it goes on to where that went. */
export function insertAfter(steps: readonly Step[], afterId: string, label: Way["label"], fresh: Step): Step[] {
  const after = steps.find((each) => each.step_id === afterId);
  if (!after) return [...steps, fresh];
  const key = label === "yes" ? "yes_step_id" : label === "no" ? "no_step_id" : "next_step_id";
  const going = fresh.kind === "STEP_KIND_CONDITION" ? { ...fresh, yes_step_id: after[key] } : { ...fresh, next_step_id: after[key] };
  return steps.flatMap((each) => (each.step_id === afterId ? [{ ...each, [key]: fresh.step_id }, going] : [each]));
}

/** Take a step out; what led to it leads to what came behind it. */
export function takeOut(steps: readonly Step[], id: string): Step[] {
  const gone = steps.find((each) => each.step_id === id);
  const behind = gone ? (gone.kind === "STEP_KIND_CONDITION" ? gone.yes_step_id : gone.next_step_id) : "";
  const around = (to: string) => (to === id ? behind : to);
  return steps.filter((each) => each.step_id !== id).map((each) => ({ ...each, next_step_id: around(each.next_step_id), yes_step_id: around(each.yes_step_id), no_step_id: around(each.no_step_id) }));
}
