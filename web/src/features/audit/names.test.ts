import { expect, it } from "vitest";
import { eventName, fieldName } from "./names";

it("says what happened in the language of the page", () => {
  expect(eventName("crm.pipeline.v1.OpportunityStageSetBack", "zh")).toBe("商机阶段已退回");
  expect(eventName("crm.pipeline.v1.OpportunityStageSetBack", "en")).toBe("Opportunity stage set back");
  expect(eventName("SomethingNew", "zh")).toBe("Something new");
});

it("says to which field, of which part", () => {
  const field = "contact[0196d6f0-1111-7222-8333-444455556666].decision_role";
  expect(fieldName(field, "zh")).toBe("联系人：决策角色");
  expect(fieldName(field, "en")).toBe("contact: decision role");
  expect(fieldName("owner_id", "zh")).toBe("负责人");
});
