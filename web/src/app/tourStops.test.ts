import { expect, it } from "vitest";
import { features } from "./features";
import { FEWEST_STOPS, MOST_STOPS, readProgress, stops, stopsFor, type Stop } from "./tourStops";

const all = () => true;
const names = (roles: string[], may: (permission: string) => boolean = all) => stopsFor(roles, may).map((each) => each.name);

it.each(["sales_rep", "sales_manager", "regional_manager", "agent", "agent_supervisor", "marketer", "leader", "finance", "admin", "auditor"])("leads a %s to four to six stops", (role) => {
  const found = names([role]);
  expect(found.length).toBeGreaterThanOrEqual(FEWEST_STOPS);
  expect(found.length).toBeLessThanOrEqual(MOST_STOPS);
  expect(new Set(found).size).toBe(found.length);
});

it("shows a newcomer in sales how to add a customer, plan a step and read a report", () => {
  expect(names(["sales_rep"])).toEqual(["day", "add_customer", "plan", "deals", "report", "search"]);
});

it("leaves out what a person may not see, and fills up with what everybody has", () => {
  expect(names(["marketer"], () => false)).toEqual(["search", "day", "notices", "account"]);
});

it("goes only to places that there are, with the permission that they ask for", () => {
  const routes = new Map(features.flatMap((each) => each.routes.map((route) => [route.path, route] as const)));
  for (const each of Object.values(stops) as Stop[]) {
    if (!each.to) continue;
    const route = routes.get(each.to) ?? routes.get(each.to.replace(/[^/]+$/, ":view"));
    expect(route, each.to).toBeDefined();
    expect(!route?.permission || Boolean(each.permission), each.name).toBe(true);
  }
});

it("begins at the first stop when what was kept makes no sense", () => {
  expect(readProgress(null)).toEqual({ at: 0, over: false });
  expect(readProgress({ at: -3, over: "yes" })).toEqual({ at: 0, over: false });
  expect(readProgress({ at: 2, over: true })).toEqual({ at: 2, over: true });
});
