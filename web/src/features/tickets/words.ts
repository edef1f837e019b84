import { words } from "@/i18n/words";

export const ticketMenuWords = words(
  { tickets: "Tickets", new_ticket: "Open a ticket", pop: "Caller by phone number", my_queue: "My queue" },
  { tickets: "工单", new_ticket: "新建工单", pop: "来电号码查询", my_queue: "我的工单" },
);
