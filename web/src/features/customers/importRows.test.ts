import { expect, it } from "vitest";
import { rowOf, suggest } from "./importRows";

const fields = [
  { field: "external_ref", label_en: "ID", label_zh: "编号", required: true },
  { field: "profile.name", label_en: "Company", label_zh: "公司名称", required: true },
  { field: "contacts[0].phones[0]", label_en: "Phone", label_zh: "电话", required: false },
];

it("knows a column by its heading in one language or both", () => {
  expect(suggest("编号 / ID *", fields)).toBe("external_ref");
  expect(suggest("公司名称", fields)).toBe("profile.name");
  expect(suggest("phone", fields)).toBe("contacts[0].phones[0]");
  expect(suggest("Colour", fields)).toBe("");
});

it("puts cells where the server names them and leaves empty ones out", () => {
  const mapping = ["profile.name", "contacts[0].phones[0]", "", "tags", "registered_at", "profile.custom_fields.Seg.ment"];
  expect(rowOf(["云杉", "138", "x", "a；b", "2025/3/1", "半导体"], mapping, "row-1")).toEqual({
    external_ref: "row-1",
    profile: { name: "云杉", custom_fields: { "Seg.ment": "半导体" } },
    contacts: [{ phones: ["138"] }],
    tags: ["a", "b"],
    registered_at: "2025-03-01T00:00:00.000Z",
  });
  expect(rowOf(["云杉", " "], mapping, "row-2")).toEqual({ external_ref: "row-2", profile: { name: "云杉" } });
});
