import { expect, it } from "vitest";
import { arranged, moved, readLayout } from "./layout";

const modules = [
  { id: "late", order: 30 },
  { id: "early", order: 10, roles: ["sales_rep"] },
  { id: "desk", order: 20, roles: ["agent"] },
];
const ids = (list: { id: string }[]) => list.map((each) => each.id);

it("shows what the roles suggest, in its own order", () => {
  const { shown, hidden } = arranged(modules, ["sales_rep"], readLayout(null));
  expect(ids(shown)).toEqual(["early", "late"]);
  expect(ids(hidden)).toEqual(["desk"]);
});

it("follows the person: what he moved, hid and added", () => {
  const { shown, hidden } = arranged(modules, ["sales_rep"], { order: ["desk", "late"], hidden: ["early"] });
  expect(ids(shown)).toEqual(["desk", "late"]);
  expect(ids(hidden)).toEqual(["early"]);
  expect(moved(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
});

it("starts over when what was kept cannot be read", () => {
  expect(readLayout("{")).toEqual({ order: [], hidden: [] });
});
