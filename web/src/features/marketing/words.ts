import { words } from "@/i18n/words";

export const marketingMenuWords = words(
  { marketing: "Marketing", campaigns: "Campaigns", segments: "Segments", journeys: "Journeys", forms: "Forms", templates: "Templates", coupons: "Coupons", plan_campaign: "Plan a campaign", define_segment: "Define a segment", running: "Running campaigns" },
  { marketing: "营销", campaigns: "营销活动", segments: "客户分群", journeys: "营销旅程", forms: "表单", templates: "消息模板", coupons: "优惠券", plan_campaign: "策划活动", define_segment: "新建分群", running: "进行中的活动" },
);
