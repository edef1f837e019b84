import { words } from "@/i18n/words";

export const customerWords = words({ customers: "Customers", new_customer: "New customer" }, { customers: "客户", new_customer: "新建客户" });
