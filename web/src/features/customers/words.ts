import { words } from "@/i18n/words";

/** What the menu, the palette and the start page say of customers. */
export const customerWords = words(
  { customers: "Customers", new_customer: "New customer", import: "Import customers", due: "Follow-ups", silent: "Silent customers" },
  { customers: "客户", new_customer: "新建客户", import: "导入客户", due: "待跟进", silent: "沉默客户" },
);
