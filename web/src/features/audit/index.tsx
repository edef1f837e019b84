import { AuditOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { words } from "@/i18n/words";

const auditWords = words({ audit: "Audit" }, { audit: "审计" });
const permission = "analytics.audit.read";

export const audit = feature({
  name: "audit",
  words: auditWords,
  routes: [
    { path: "/audit", load: () => import("./Audit"), permission },
    { path: "/audit/:view", load: () => import("./Audit"), permission },
    { path: "/audit/records/:recordId", load: () => import("./History"), permission: "analytics.history.read" },
  ],
  menu: [{ to: "/audit", label: "audit", icon: <AuditOutlined />, section: "insight", order: 30, permission }],
  commands: [{ id: "audit", label: "audit", to: "/audit", permission }],
  shortcuts: [{ keys: "g u", label: "audit", to: "/audit", permission }],
});
