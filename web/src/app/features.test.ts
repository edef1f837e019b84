import { expect, it } from "vitest";
import { features } from "./features";

it("gives each sequence of keys one meaning, and none that begins another", () => {
  const keys = features.flatMap((each) => (each.shortcuts ?? []).map((shortcut) => shortcut.keys));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.filter((one) => keys.some((other) => other !== one && other.startsWith(`${one} `)))).toEqual([]);
});
