import { NotificationOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { marketingMenuWords } from "./words";

const may = { campaigns: "marketing.campaign.read", segments: "marketing.segment.read", journeys: "marketing.journey.read", forms: "marketing.form.read", templates: "marketing.template.read" } as const;

export const marketing = feature({
  name: "marketing",
  words: marketingMenuWords,
  routes: [
    { path: "/campaigns", load: () => import("./Campaigns"), permission: may.campaigns },
    { path: "/campaigns/:campaignId", load: () => import("./CampaignPage"), permission: may.campaigns },
    { path: "/segments", load: () => import("./Segments"), permission: may.segments },
    { path: "/segments/:segmentId", load: () => import("./SegmentPage"), permission: may.segments },
    { path: "/journeys", load: () => import("./Journeys"), permission: may.journeys },
    { path: "/journeys/:journeyId", load: () => import("./JourneyPage"), permission: may.journeys },
    { path: "/forms", load: () => import("./Forms"), permission: may.forms },
    { path: "/forms/:formId", load: () => import("./FormPage"), permission: may.forms },
    { path: "/templates", load: () => import("./Templates"), permission: may.templates },
    { path: "/templates/:templateId", load: () => import("./TemplatePage"), permission: may.templates },
    { path: "/coupons", load: () => import("./Coupons"), permission: "marketing.coupon.read" },
  ],
  menu: [{ to: "/campaigns", label: "marketing", icon: <NotificationOutlined />, section: "work", order: 60, permission: may.campaigns, also: ["/segments", "/journeys", "/forms", "/templates", "/coupons"] }],
  commands: [
    { id: "campaign.new", label: "plan_campaign", to: "/campaigns?new=1", permission: "marketing.campaign.create" },
    { id: "segment.new", label: "define_segment", to: "/segments/new", permission: "marketing.segment.create" },
    { id: "segments", label: "segments", to: "/segments", permission: may.segments },
    { id: "journeys", label: "journeys", to: "/journeys", permission: may.journeys },
    { id: "forms", label: "forms", to: "/forms", permission: may.forms },
    { id: "templates", label: "templates", to: "/templates", permission: may.templates },
  ],
  shortcuts: [{ keys: "g m", label: "marketing", to: "/campaigns", permission: may.campaigns }],
  homeModules: [{ id: "running-campaigns", title: "running", load: () => import("./Running"), size: "full", order: 10, permission: may.campaigns, roles: ["marketer"] }],
});
