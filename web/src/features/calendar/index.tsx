import { CalendarOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { calendarWords } from "./words";

const permission = "customer.customer.read";

export const calendar = feature({
  name: "calendar",
  words: calendarWords,
  routes: [{ path: "/calendar", load: () => import("./Calendar"), permission }],
  menu: [{ to: "/calendar", label: "calendar", icon: <CalendarOutlined />, section: "work", order: 70, permission }],
  shortcuts: [{ keys: "g k", label: "calendar", to: "/calendar", permission }],
});
