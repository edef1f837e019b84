import { expect, it } from "vitest";
import { isAt } from "./feature";
import { features } from "./features";

const menu = features.flatMap((each) => each.menu);
const marked = (path: string) => menu.filter((item) => isAt(item, path)).map((item) => item.to);

it("marks one menu item at every page", () => {
  const pages = features.flatMap((each) => each.routes.map((route) => route.path.replace(/:\w+/g, "1")));
  for (const page of pages) expect(marked(page), page).toHaveLength(1);
});

it("marks the item that a page belongs to, not one whose name begins alike", () => {
  expect(marked("/segments/1")).toEqual(["/campaigns"]);
  expect(marked("/quotes/1")).toEqual(["/deals"]);
  expect(isAt({ to: "/deals" }, "/deals-of-old")).toBe(false);
});
