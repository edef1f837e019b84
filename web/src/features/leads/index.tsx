import { UserAddOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { leadsMenuWords } from "./words";

export const leads = feature({
  name: "leads",
  words: leadsMenuWords,
  routes: [
    { path: "/leads", load: () => import("./LeadList"), permission: "pipeline.lead.read" },
    { path: "/leads/import", load: () => import("./ImportLeads"), permission: "pipeline.lead.import" },
    { path: "/leads/:leadId", load: () => import("./LeadPage"), permission: "pipeline.lead.read" },
  ],
  menu: [{ to: "/leads", label: "leads", icon: <UserAddOutlined />, section: "work", order: 20, permission: "pipeline.lead.read" }],
  commands: [
    { id: "lead.new", label: "new_lead", to: "/leads?new=1", permission: "pipeline.lead.create" },
    { id: "lead.pool", label: "pool", to: "/leads?only=pool", permission: "pipeline.lead.read" },
    { id: "lead.import", label: "import_leads", to: "/leads/import", permission: "pipeline.lead.import" },
  ],
  shortcuts: [{ keys: "g l", label: "leads", to: "/leads", permission: "pipeline.lead.read" }],
  homeModules: [
    { id: "leads.new", title: "my_new_leads", load: () => import("./NewLeads"), size: "half", order: 20, permission: "pipeline.lead.edit", roles: ["admin"] },
  ],
});
