import { TeamOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { customerWords } from "./words";

const read = "customer.customer.read";

export const customers = feature({
  name: "customers",
  words: customerWords,
  routes: [
    { path: "/customers", load: () => import("./List"), permission: read },
    { path: "/customers/new", load: () => import("./New"), permission: "customer.customer.create" },
    { path: "/customers/import", load: () => import("./Import"), permission: "customer.customer.import" },
    { path: "/customers/:customerId", load: () => import("./Customer"), permission: read },
    { path: "/customers/:customerId/duplicates", load: () => import("./Duplicates"), permission: read },
  ],
  menu: [{ to: "/customers", label: "customers", icon: <TeamOutlined />, section: "work", order: 10, permission: read }],
  commands: [
    { id: "new-customer", label: "new_customer", to: "/customers/new", permission: "customer.customer.create" },
    { id: "import-customers", label: "import", to: "/customers/import", permission: "customer.customer.import" },
  ],
  shortcuts: [
    { keys: "g c", label: "customers", to: "/customers", permission: read },
    { keys: "n c", label: "new_customer", to: "/customers/new", permission: "customer.customer.create" },
  ],
  homeModules: [
    { id: "follow-ups", title: "due", load: () => import("./DueModule"), size: "half", order: 10, permission: read, roles: ["admin"] },
    { id: "silent-customers", title: "silent", load: () => import("./SilentModule"), size: "half", order: 30, permission: read, roles: ["admin"] },
  ],
});
