import { describe, expect, it } from "vitest";
import { idOf, rowsOf } from "./csv";

describe("a CSV file", () => {
  it("has quoted cells with separators, quotes and line ends", () => {
    expect(rowsOf('﻿id,name\r\n1,"A, ""B""\nC"\r\n\r\n2,D')).toEqual({ header: ["id", "name"], rows: [["1", 'A, "B"\nC'], ["2", "D"]] });
  });
  it("may be written with semicolons or tabs", () => {
    expect(rowsOf("编号;姓名\n1;王\n").rows).toEqual([["1", "王"]]);
    expect(rowsOf("a\tb\n1\t2,5").rows).toEqual([["1", "2,5"]]);
  });
  it("names its import by what it says", async () => {
    expect(await idOf("a")).toBe(await idOf("a"));
    expect(await idOf("a")).not.toBe(await idOf("b"));
    expect(await idOf("a")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
