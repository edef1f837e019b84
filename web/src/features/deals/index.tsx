import { AuditOutlined, FundProjectionScreenOutlined, ShoppingOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { dealsMenuWords } from "./words";

export const deals = feature({
  name: "deals",
  words: dealsMenuWords,
  routes: [
    { path: "/deals", load: () => import("./Board"), permission: "pipeline.opportunity.read" },
    { path: "/deals/list", load: () => import("./DealList"), permission: "pipeline.opportunity.read" },
    { path: "/deals/:dealId", load: () => import("./DealPage"), permission: "pipeline.opportunity.read" },
    { path: "/quotes", load: () => import("./QuoteList"), permission: "pipeline.quote.read" },
    { path: "/quotes/new", load: () => import("./QuoteEditor"), permission: "pipeline.quote.create" },
    { path: "/quotes/:quoteId", load: () => import("./QuotePage"), permission: "pipeline.quote.read" },
    { path: "/quotes/:quoteId/edit", load: () => import("./QuoteEditor"), permission: "pipeline.quote.edit" },
    { path: "/approvals", load: () => import("./ApprovalList"), permission: "pipeline.approval.read" },
    { path: "/approvals/:approvalId", load: () => import("./ApprovalPage"), permission: "pipeline.approval.read" },
    { path: "/contracts", load: () => import("./ContractList"), permission: "pipeline.contract.read" },
    { path: "/contracts/:contractId", load: () => import("./ContractPage"), permission: "pipeline.contract.read" },
    { path: "/orders", load: () => import("./OrderList"), permission: "pipeline.order.read" },
    { path: "/orders/:orderId", load: () => import("./OrderPage"), permission: "pipeline.order.read" },
    { path: "/receivables", load: () => import("./ReceivableList"), permission: "pipeline.receivable.read" },
  ],
  menu: [
    { to: "/deals", label: "deals", icon: <FundProjectionScreenOutlined />, section: "work", order: 30, permission: "pipeline.opportunity.read", also: ["/quotes"] },
    { to: "/approvals", label: "approvals", icon: <AuditOutlined />, section: "work", order: 60, permission: "pipeline.approval.read" },
    { to: "/orders", label: "orders", icon: <ShoppingOutlined />, section: "work", order: 65, permission: "pipeline.order.read", also: ["/contracts", "/receivables"] },
  ],
  commands: [
    { id: "deal.new", label: "new_deal", to: "/deals?new=1", permission: "pipeline.opportunity.create" },
    { id: "deal.stuck", label: "stuck_deals", to: "/deals/list?only=stuck", permission: "pipeline.opportunity.read" },
    { id: "deal.list", label: "deal_list", to: "/deals/list", permission: "pipeline.opportunity.read" },
    { id: "quote.list", label: "quotes", to: "/quotes", permission: "pipeline.quote.read" },
    { id: "contract.list", label: "contracts", to: "/contracts", permission: "pipeline.contract.read" },
    { id: "receivable.list", label: "receivables", to: "/receivables?only=overdue", permission: "pipeline.receivable.read" },
  ],
  shortcuts: [
    { keys: "g d", label: "deals", to: "/deals", permission: "pipeline.opportunity.read" },
    { keys: "g v", label: "approvals", to: "/approvals", permission: "pipeline.approval.read" },
    { keys: "g o", label: "orders", to: "/orders", permission: "pipeline.order.read" },
  ],
  homeModules: [
    { id: "deals.approvals", title: "waiting_for_me", load: () => import("./ApprovalModule"), size: "half", order: 15, permission: "pipeline.approval.approve" },
    { id: "deals.stuck", title: "stuck_deals", load: () => import("./StuckModule"), size: "half", order: 30, permission: "pipeline.opportunity.read", roles: ["sales_rep", "sales_manager", "leader"] },
  ],
});
