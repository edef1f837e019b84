/** What marketing's codes are called. */
import type { Answer } from "@/api/client";
import { words } from "@/i18n/words";
import type { Tone } from "@/ui/Tag";

export type Campaign = Answer<"/v1/campaigns">["campaigns"][number];
export type Results = Answer<"/v1/campaign-results">["results"][number];
export type Segment = Answer<"/v1/segments">["segments"][number];
export type Journey = Answer<"/v1/journeys">["journeys"][number];
export type Form = Answer<"/v1/forms">["forms"][number];
export type Template = Answer<"/v1/message-templates">["templates"][number];
export type CampaignKind = Campaign["kind"];

export const terms = words(
  {
    CAMPAIGN_KIND_UNSPECIFIED: "–", CAMPAIGN_KIND_EMAIL: "E-mail", CAMPAIGN_KIND_EVENT: "Event", CAMPAIGN_KIND_WEBINAR: "Webinar", CAMPAIGN_KIND_EXHIBITION: "Trade fair", CAMPAIGN_KIND_ADVERTISING: "Advertising", CAMPAIGN_KIND_CONTENT: "Content", CAMPAIGN_KIND_SOCIAL: "Social media", CAMPAIGN_KIND_REFERRAL: "Referral", CAMPAIGN_KIND_OTHER: "Other",
    planned: "Planned", running: "Running", ended: "Ended", draft: "Draft", published: "Public", withdrawn: "Withdrawn", active: "Active", paused: "Paused", retired: "Not used any more", launched: "Starting", queued: "Sent", cancelled: "Cancelled",
    MESSAGE_CHANNEL_UNSPECIFIED: "–", MESSAGE_CHANNEL_EMAIL: "E-mail", MESSAGE_CHANNEL_SMS: "SMS", MESSAGE_CHANNEL_WECOM: "WeCom",
    ATTRIBUTION_MODEL_UNSPECIFIED: "–", ATTRIBUTION_MODEL_FIRST_TOUCH: "First touch", ATTRIBUTION_MODEL_LAST_TOUCH: "Last touch", ATTRIBUTION_MODEL_LINEAR: "Every touch alike", ATTRIBUTION_MODEL_POSITION_BASED: "First and last most",
    REVENUE_BASIS_UNSPECIFIED: "–", REVENUE_BASIS_WON: "Won amount", REVENUE_BASIS_ORDERED: "Orders", REVENUE_BASIS_PAID: "Payments",
  },
  {
    CAMPAIGN_KIND_UNSPECIFIED: "–", CAMPAIGN_KIND_EMAIL: "邮件", CAMPAIGN_KIND_EVENT: "线下活动", CAMPAIGN_KIND_WEBINAR: "线上研讨会", CAMPAIGN_KIND_EXHIBITION: "展会", CAMPAIGN_KIND_ADVERTISING: "广告", CAMPAIGN_KIND_CONTENT: "内容", CAMPAIGN_KIND_SOCIAL: "社交媒体", CAMPAIGN_KIND_REFERRAL: "老客推荐", CAMPAIGN_KIND_OTHER: "其他",
    planned: "已计划", running: "进行中", ended: "已结束", draft: "草稿", published: "已发布", withdrawn: "已下线", active: "运行中", paused: "已暂停", retired: "已停用", launched: "启动中", queued: "已发送", cancelled: "已取消",
    MESSAGE_CHANNEL_UNSPECIFIED: "–", MESSAGE_CHANNEL_EMAIL: "邮件", MESSAGE_CHANNEL_SMS: "短信", MESSAGE_CHANNEL_WECOM: "企业微信",
    ATTRIBUTION_MODEL_UNSPECIFIED: "–", ATTRIBUTION_MODEL_FIRST_TOUCH: "首次触点", ATTRIBUTION_MODEL_LAST_TOUCH: "末次触点", ATTRIBUTION_MODEL_LINEAR: "平均分配", ATTRIBUTION_MODEL_POSITION_BASED: "首末为主",
    REVENUE_BASIS_UNSPECIFIED: "–", REVENUE_BASIS_WON: "成交金额", REVENUE_BASIS_ORDERED: "订单金额", REVENUE_BASIS_PAID: "回款金额",
  },
);
export type Term = keyof typeof terms.en;
export const isTerm = (word: string): word is Term => word in terms.en;
export const kinds: readonly CampaignKind[] = ["CAMPAIGN_KIND_EMAIL", "CAMPAIGN_KIND_EVENT", "CAMPAIGN_KIND_WEBINAR", "CAMPAIGN_KIND_EXHIBITION", "CAMPAIGN_KIND_ADVERTISING", "CAMPAIGN_KIND_CONTENT", "CAMPAIGN_KIND_SOCIAL", "CAMPAIGN_KIND_REFERRAL", "CAMPAIGN_KIND_OTHER"];
export const models = ["ATTRIBUTION_MODEL_LINEAR", "ATTRIBUTION_MODEL_FIRST_TOUCH", "ATTRIBUTION_MODEL_LAST_TOUCH", "ATTRIBUTION_MODEL_POSITION_BASED"] as const;
export const bases = ["REVENUE_BASIS_WON", "REVENUE_BASIS_ORDERED", "REVENUE_BASIS_PAID"] as const;
export const stateTone: Readonly<Record<string, Tone>> = { running: "good", active: "good", published: "good", planned: "brand", draft: "brand", queued: "good", launched: "brand", paused: "warn", ended: "dull", withdrawn: "dull", retired: "dull", cancelled: "dull" };
