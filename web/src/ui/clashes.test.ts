import { expect, it } from "vitest";
import { changesOf, merge } from "./clashes";

const labels = { name: "Name", phone: "Phone", tags: "Tags" };
const before = { name: "A", phone: "1", tags: ["x"], version: 1 };

it("keeps what only one of two changed, and asks for what both changed", () => {
  const { merged, open } = merge(labels, before, { ...before, name: "B", tags: ["x", "y"] }, { ...before, name: "C", phone: "2", version: 2 });
  expect(merged).toEqual({ name: "B", phone: "2", tags: ["x", "y"], version: 2 });
  expect(open).toEqual([{ key: "name", label: "Name", mine: "B", theirs: "C" }]);
});

it("asks nothing when both came to the same value", () => {
  expect(merge(labels, before, { ...before, name: "B" }, { ...before, name: "B" }).open).toEqual([]);
});

it("sends only what was changed, so that a masked value is never written back", () => {
  expect(changesOf(labels, { ...before, phone: "", version: 7 }, before)).toEqual({ phone: "" });
});
