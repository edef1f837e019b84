import { expect, it } from "vitest";
import { conditions, narrowed } from "./savedViews";

it("saves what the list is filtered by, in the service's words", () => {
  const made = conditions({ status: ["CUSTOMER_STATUS_SILENT", "CUSTOMER_STATUS_LOST"], level: ["CUSTOMER_LEVEL_VIP"], mine: ["true"], group: ["g"], industry: [] }, "me");
  expect(made.map((each) => each.condition)).toEqual([
    { field: "status", operator: "OPERATOR_IS_ANY_OF", values: ["silent", "lost"] },
    { field: "level", operator: "OPERATOR_IS_ANY_OF", values: ["vip"] },
    { field: "owner", operator: "OPERATOR_IS_ANY_OF", values: ["me"] },
  ]);
});

it("keeps what an open view asks for beside what narrows it", () => {
  const open = { group_id: "g", name: "Open", owner_id: "", shared: true, member_count: "0", filter: { all_of: { filters: conditions({ mine: ["true"] }, "me") } } };
  expect(narrowed(open as never, conditions({ level: ["CUSTOMER_LEVEL_A"] }, "me")).all_of?.filters).toHaveLength(2);
});
