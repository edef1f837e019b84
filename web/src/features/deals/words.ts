/** What the menu says of deals; the pages' own words are in dealWords.ts. */
import { words } from "@/i18n/words";

export const dealsMenuWords = words(
  { deals: "Deals", approvals: "Approvals", orders: "Orders", new_deal: "New deal", stuck_deals: "Stuck deals", deal_list: "Deals as a list", quotes: "Quotes", contracts: "Contracts", receivables: "Overdue receivables", waiting_for_me: "Waiting for my approval" },
  { deals: "商机", approvals: "审批", orders: "订单", new_deal: "新建商机", stuck_deals: "停滞的商机", deal_list: "商机列表", quotes: "报价", contracts: "合同", receivables: "逾期应收", waiting_for_me: "待我审批" },
);
