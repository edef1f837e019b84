import { expect, test } from "vitest";
import { say, words } from "./words";

const dictionary = words({ orders: "{count} {count|order|orders} of {who}", plain: "{missing} stays" }, { orders: "{who}的{count}个订单", plain: "{missing}" });

test("one is one, and everything else is many", () => {
  const t = say(dictionary, "en");
  expect(t("orders", { count: 1, who: "Ada" })).toBe("1 order of Ada");
  expect(t("orders", { count: "1", who: "Ada" })).toBe("1 order of Ada");
  expect(t("orders", { count: 0, who: "Ada" })).toBe("0 orders of Ada");
  expect(t("orders", { count: 12, who: "Ada" })).toBe("12 orders of Ada");
  expect(say(dictionary, "zh")("orders", { count: 1, who: "小王" })).toBe("小王的1个订单");
});

test("a value that nobody gave stays visible", () => expect(say(dictionary, "en")("plain", {})).toBe("{missing} stays"));
