import { HomeOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { homeWords } from "./words";

export const home = feature({
  name: "home",
  words: homeWords,
  routes: [{ path: "/", load: () => import("./Home") }],
  menu: [{ to: "/", label: "home", icon: <HomeOutlined />, section: "work", order: 0 }],
  shortcuts: [{ keys: "g h", label: "home", to: "/" }],
});
