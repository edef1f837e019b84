import { TeamOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { customerWords } from "./words";

export const customers = feature({
  name: "customers",
  words: customerWords,
  routes: [{ path: "/customers", load: () => import("./List"), permission: "customer.customer.read" }],
  menu: [{ to: "/customers", label: "customers", icon: <TeamOutlined />, section: "work", order: 10, permission: "customer.customer.read" }],
  commands: [],
  shortcuts: [{ keys: "g c", label: "customers", to: "/customers", permission: "customer.customer.read" }],
});
