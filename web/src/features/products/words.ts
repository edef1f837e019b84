import { words } from "@/i18n/words";

export const productsMenuWords = words({ products: "Products", price_lists: "Price lists" }, { products: "产品", price_lists: "价格表" });

export const productWords = words(
  {
    products: "Products", product: "Product", new_product: "New product", sku: "Article number", name: "Name", category: "Category", list_price: "List price", unit: "Unit", tax: "Tax", cost: "Unit cost", set_cost: "Set unit cost", cost_text: "Orders placed from that day on carry it; those before keep theirs.", from_day: "From", edit: "Edit", withdraw: "Withdraw from sale", withdraw_text: "It stays in quotes and orders that have it; new ones cannot.", withdrawn: "Not sold any more", reason: "Reason", say_why: "Say why in a few words", more: "More", with_withdrawn: "Withdrawn too", no_products: "No products yet", no_products_text: "Quotes and orders are made of products.", price_lists: "Price lists",
    new_list: "New price list", kind: "For", PRICE_LIST_KIND_STANDARD: "Everybody", PRICE_LIST_KIND_DEALER: "Chosen dealers", PRICE_LIST_KIND_UNSPECIFIED: "Unknown", dealers: "Dealers", currency: "Currency", valid: "Holds", valid_from: "First day", valid_until: "Last day", always: "without end", entries: "Prices", add_entry: "Add a price", remove: "Remove", price: "Price", version: "version {version}", no_lists: "No price lists yet", no_lists_text: "Without one the catalogue's prices hold for everybody.", holds_for: "Prices of this list come before the catalogue's; of two lists the dealer's own wins.", dealer: "Dealer", piece: "piece",
  },
  {
    products: "产品", product: "产品", new_product: "新建产品", sku: "货号", name: "名称", category: "类别", list_price: "目录价", unit: "单位", tax: "税率", cost: "单位成本", set_cost: "设置单位成本", cost_text: "自该日起的订单采用此成本，之前的订单不变。", from_day: "生效日", edit: "编辑", withdraw: "停止销售", withdraw_text: "已有的报价和订单保留该产品，新的不再可选。", withdrawn: "已停售", reason: "原因", say_why: "请简要说明原因", more: "更多", with_withdrawn: "含已停售", no_products: "暂无产品", no_products_text: "报价和订单由产品组成。", price_lists: "价格表",
    new_list: "新建价格表", kind: "适用", PRICE_LIST_KIND_STANDARD: "所有客户", PRICE_LIST_KIND_DEALER: "指定经销商", PRICE_LIST_KIND_UNSPECIFIED: "未知", dealers: "经销商", currency: "币种", valid: "有效期", valid_from: "起始日", valid_until: "截止日", always: "长期有效", entries: "价格", add_entry: "添加价格", remove: "移除", price: "价格", version: "第 {version} 版", no_lists: "暂无价格表", no_lists_text: "没有价格表时，所有客户按目录价。", holds_for: "价格表优先于目录价；同时适用时以经销商专属价格表为准。", dealer: "经销商", piece: "件",
  },
);
