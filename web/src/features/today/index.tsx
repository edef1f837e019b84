import { feature } from "@/app/feature";
import { todayWords } from "./words";

export const today = feature({
  name: "today",
  words: todayWords,
  routes: [],
  menu: [],
  homeModules: [{ id: "today", title: "today", load: () => import("./Today"), size: "full", order: 8, permission: "customer.customer.read", roles: ["sales_rep", "sales_manager", "regional_manager"] }],
});
