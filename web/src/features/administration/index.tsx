import { SettingOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { words } from "@/i18n/words";

const adminWords = words({ administration: "Administration", people: "People", roles: "Roles" }, { administration: "系统管理", people: "人员", roles: "角色" });
const permission = "identity.role.read";

export const administration = feature({
  name: "administration",
  words: adminWords,
  routes: [
    { path: "/admin", load: () => import("./Console"), permission: "identity.grant.read" },
    { path: "/admin/:view", load: () => import("./Console"), permission: "identity.grant.read" },
    { path: "/admin/people/:personId", load: () => import("./Person"), permission: "identity.person.read" },
    { path: "/admin/roles/:role", load: () => import("./Role"), permission },
    { path: "/admin/handovers/:handoverId", load: () => import("./Handover"), permission: "customer.handover.admin" },
    { path: "/admin/erasures/:erasureId", load: () => import("./Erasure"), permission: "customer.person.admin" },
  ],
  menu: [{ to: "/admin", label: "administration", icon: <SettingOutlined />, section: "manage", order: 90, permission: "identity.grant.read" }],
  commands: [
    { id: "admin-people", label: "people", to: "/admin/people", permission: "identity.grant.read" },
    { id: "admin-roles", label: "roles", to: "/admin/roles", permission: "identity.grant.read" },
  ],
  shortcuts: [{ keys: "g s", label: "administration", to: "/admin", permission: "identity.grant.read" }],
});
