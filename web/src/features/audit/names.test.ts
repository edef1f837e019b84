import { expect, it } from "vitest";
import { eventName, fieldName, reasonText } from "./names";

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

it("says why something stays, and the reason of the reason", () => {
  const consent = { code: "consent_is_his", values: {} };
  const told = { reason: "a later change of it stays: only he gives and withdraws his consents: ask him", because: [{ code: "later_stays", values: {} }, consent] };
  expect(reasonText(told, "zh")).toBe("之后的变更需要保留：同意只能由本人给出或撤回：请征询本人");
  expect(reasonText(told, "en")).toBe(told.reason);
  const since = { reason: "changed since by person:1 at 9:30", because: [{ code: "changed_since", values: { who: "person:1", at: "9:30" } }] };
  expect(reasonText(since, "zh", (name, value) => (name === "who" ? "王芳" : value))).toBe("之后又被 王芳 在 9:30 修改");
  expect(reasonText({ reason: "something new", because: [{ code: "not_known_here" }] }, "zh")).toBe("something new");
});
