import { BarChartOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { words } from "@/i18n/words";

const analyticsWords = words({ analytics: "Analytics", key_figures: "Key figures" }, { analytics: "数据分析", key_figures: "关键指标" });
const permission = "analytics.figure.read";

export const analytics = feature({
  name: "analytics",
  words: analyticsWords,
  routes: [
    { path: "/analytics", load: () => import("./Analytics"), permission },
    { path: "/analytics/:view", load: () => import("./Analytics"), permission },
    { path: "/analytics/records/:figure", load: () => import("./Records"), permission },
  ],
  menu: [{ to: "/analytics", label: "analytics", icon: <BarChartOutlined />, section: "insight", order: 10, permission }],
  commands: [{ id: "analytics", label: "analytics", to: "/analytics", permission }],
  shortcuts: [{ keys: "g a", label: "analytics", to: "/analytics", permission }],
  homeModules: [{ id: "key-figures", title: "key_figures", load: () => import("./KeyFigures"), size: "full", order: 5, permission, roles: ["leader", "sales_manager", "regional_manager", "executive"] }],
});
