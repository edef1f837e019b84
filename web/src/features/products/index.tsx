import { TagsOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { productsMenuWords } from "./words";

export const products = feature({
  name: "products",
  words: productsMenuWords,
  routes: [
    { path: "/products", load: () => import("./ProductList"), permission: "pipeline.product.read" },
    { path: "/price-lists", load: () => import("./PriceLists"), permission: "pipeline.product.read" },
  ],
  menu: [{ to: "/products", label: "products", icon: <TagsOutlined />, section: "work", order: 70, permission: "pipeline.product.read", also: ["/price-lists"] }],
  commands: [{ id: "price-lists", label: "price_lists", to: "/price-lists", permission: "pipeline.product.read" }],
  shortcuts: [{ keys: "g p", label: "products", to: "/products", permission: "pipeline.product.read" }],
});
