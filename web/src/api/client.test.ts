import { describe, expect, it } from "vitest";
import { addressOf } from "./client";
import { covers } from "./permissions";
import { formats, minor } from "@/i18n/format";
import { placeOf } from "@/app/places";

describe("addresses", () => {
  it("fill names in, repeat lists and leave empty values out", () => {
    expect(addressOf("/v1/customers/{customer_id}:revise", { customer_id: "a/b" })).toBe("/v1/customers/a%2Fb:revise");
    expect(addressOf("/v1/x", undefined, { tags: ["a", "b c"], query: "", page: undefined })).toBe("/v1/x?tags=a&tags=b+c");
  });
});

describe("permissions", () => {
  it("cover as the services say: write reads, admin does all, a star is any part", () => {
    expect(covers(["customer.*.write"], "customer.customer.read")).toBe(true);
    expect(covers(["customer.customer.read"], "customer.customer.write")).toBe(false);
    expect(covers(["pipeline.lead.write"], "pipeline.lead.edit")).toBe(true);
    expect(covers(["pipeline.lead.create"], "pipeline.lead.edit")).toBe(false);
    expect(covers(["pipeline.lead.write"], "pipeline.lead.import")).toBe(false);
    expect(covers(["*"], "pipeline.quote.admin")).toBe(true);
    expect(covers(["customer.group.read"], "customer.customer.read")).toBe(false);
  });
});

describe("money", () => {
  it("knows the places of each currency", () => {
    expect(minor(12.34, "CNY")).toEqual({ minor_units: "1234", currency_code: "CNY" });
    expect(minor(500, "JPY").minor_units).toBe("500");
    expect(formats("en").money({ minor_units: "123450", currency_code: "CNY" })).toBe("¥1,234.50");
  });
});

describe("links of notices", () => {
  it("lead to the same place in their old and new form", () => {
    expect(placeOf("https://crm.example/#/customer/1-2")).toBe("/customers/1-2");
    expect(placeOf("/#/tickets?ticket=9")).toBe("/tickets/9");
    expect(placeOf("/opportunities/7")).toBe("/deals/7");
  });
});
