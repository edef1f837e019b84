/** The first-use tour: which stops there are, and which of them a person is led to. */
import { words } from "@/i18n/words";

export const tourWords = words(
  {
    close: "Close the tour", step: "{at} of {count}",
    day: "Your day", day_text: "What is due, new and waiting for you comes together here. “Arrange” moves and hides the modules.",
    add_customer: "Add a customer", add_customer_text: "A name is enough to begin. What may be a duplicate is shown before you save.",
    plan: "Plan the next step", plan_text: "Open a customer and plan a follow-up in one form. It comes back to your start page on the day.",
    deals: "Move deals on", deals_text: "Drag a deal to its next stage, or use the keys. Every stage shows its sum, and what is stuck is marked.",
    approvals: "Decide", approvals_text: "Quotes and discounts that need you wait here, with their history.",
    report: "Read a report", report_text: "Every figure says what it means and how fresh it is, and opens the records behind it.",
    forecast: "Look ahead", forecast_text: "The forecast shows its band, and how wrong it was before.",
    ranking: "See how teams do", ranking_text: "Choose people, teams or regions; a row opens the deals behind it.",
    queue: "Your queue", queue_text: "What is due first stands first. The clock shows how long there is still.",
    new_ticket: "Open a ticket", new_ticket_text: "Write down what the customer wants. Who works on it and by when is decided by the rules.",
    pop: "Who is calling?", pop_text: "Type the number: the customer, his tickets and his orders appear side by side.",
    campaigns: "Campaigns", campaigns_text: "Costs, answers and the return of each campaign, as they happen.",
    segments: "Segments", segments_text: "Describe whom you mean; the count follows while you do.",
    journeys: "Journeys", journeys_text: "A journey is drawn as a flow, with how many people stand at each step.",
    forms: "Forms", forms_text: "Publish a form; what people send becomes leads that are scored and assigned.",
    orders: "Orders", orders_text: "Every order with its contract, what was shipped and what was paid.",
    receivables: "Receivables", receivables_text: "What is due and what is overdue; enter a payment when it arrives.",
    history: "Who changed what", history_text: "Every change since day one, why it happened, and who was shown what.",
    people: "People", people_text: "Add people, grant them roles for a time, and hand over what they leave behind.",
    roles: "Roles", roles_text: "What each role may do and see, field by field.",
    health: "Is all well?", health_text: "How far the figures follow, and what is set aside and waits for you.",
    search: "Find anything", search_text: "A name, a number, two characters: from anywhere, with Ctrl K or ⌘ K.",
    notices: "What is new", notices_text: "Reminders, assignments and approvals arrive here the moment they happen.",
    account: "Your own way", account_text: "Language, appearance and your roles. This tour starts again from here, too.",
  },
  {
    close: "关闭引导", step: "第 {at}/{count} 步",
    day: "今天的工作", day_text: "到期、新增和等您处理的事项都汇集在这里。点击“调整”可移动或隐藏模块。",
    add_customer: "添加客户", add_customer_text: "填写名称即可开始；保存前会提示可能重复的客户。",
    plan: "安排下一步", plan_text: "打开一个客户，用一张表单安排跟进；到期那天会出现在首页。",
    deals: "推进商机", deals_text: "拖动商机到下一阶段，也可用键盘操作。每个阶段显示合计，停滞的商机有标记。",
    approvals: "处理审批", approvals_text: "需要您审批的报价与折扣在这里，附有完整记录。",
    report: "查看报表", report_text: "每个数字都说明口径与更新时间，并可打开背后的记录。",
    forecast: "看看未来", forecast_text: "预测给出区间，也给出以往的误差。",
    ranking: "团队表现", ranking_text: "可按人员、团队或地区查看；点击一行即可打开背后的商机。",
    queue: "您的队列", queue_text: "最先到期的排在最前，计时显示剩余时间。",
    new_ticket: "新建工单", new_ticket_text: "写下客户的诉求，由规则决定谁来处理、何时完成。",
    pop: "谁来电？", pop_text: "输入号码，客户、工单和订单并排显示。",
    campaigns: "营销活动", campaigns_text: "每个活动的费用、响应和回报实时可见。",
    segments: "客户分群", segments_text: "描述目标人群，人数随条件实时变化。",
    journeys: "客户旅程", journeys_text: "旅程以流程图展示，并显示每一步的人数。",
    forms: "表单", forms_text: "发布表单，提交内容会成为线索，自动评分并分配。",
    orders: "订单", orders_text: "每个订单的合同、发货与回款情况。",
    receivables: "应收款", receivables_text: "查看到期与逾期款项，到账时登记回款。",
    history: "谁改了什么", history_text: "自第一天起的全部变更、原因以及谁看过什么。",
    people: "人员", people_text: "添加人员、按期限授予角色，并交接其名下的记录。",
    roles: "角色", roles_text: "每个角色能做什么、能看什么，细到字段。",
    health: "运行是否正常", health_text: "查看统计是否跟上，以及搁置待处理的内容。",
    search: "全局搜索", search_text: "姓名、号码或两个字即可，任何页面按 Ctrl K 或 ⌘ K。",
    notices: "最新动态", notices_text: "提醒、分配和审批会即时出现在这里。",
    account: "个人设置", account_text: "语言、外观和角色都在这里，也可以从这里重新开始引导。",
  },
);
type Word = keyof typeof tourWords.en & string;

export interface Stop {
  name: Word;
  /** The page to be on; none for what the frame shows everywhere. */
  to?: string;
  /** What it is about; the first of these that can be seen. */
  target: string;
  permission?: string;
}
const stop = (name: Word, to: string, target: string, permission?: string): Stop => ({ name, ...(to ? { to } : {}), target, ...(permission ? { permission } : {}) });

const CONTENT = ".page .section, .page .notice";
const ACTION = ".page-actions .ant-btn-primary";
export const stops = {
  day: stop("day", "/", ".home .section, .page .notice"),
  add_customer: stop("add_customer", "/customers", ACTION, "customer.customer.create"),
  plan: stop("plan", "/customers", ".list .ant-table-row, .cards > li, .page .notice", "customer.customer.read"),
  deals: stop("deals", "/deals", ".board-column", "pipeline.opportunity.read"),
  approvals: stop("approvals", "/approvals", CONTENT, "pipeline.approval.approve"),
  report: stop("report", "/analytics", ".figures", "analytics.figure.read"),
  forecast: stop("forecast", "/analytics/forecast", CONTENT, "analytics.figure.read"),
  ranking: stop("ranking", "/analytics/ranking", CONTENT, "analytics.figure.read"),
  queue: stop("queue", "/tickets", ".list .ant-table-row, .cards > li, .page .notice", "ticketing.ticket.read"),
  new_ticket: stop("new_ticket", "/tickets", ACTION, "ticketing.ticket.create"),
  pop: stop("pop", "/pop", ".page form", "customer.customer.read"),
  campaigns: stop("campaigns", "/campaigns", CONTENT, "marketing.campaign.read"),
  segments: stop("segments", "/segments", CONTENT, "marketing.segment.read"),
  journeys: stop("journeys", "/journeys", CONTENT, "marketing.journey.read"),
  forms: stop("forms", "/forms", CONTENT, "marketing.form.read"),
  orders: stop("orders", "/orders", CONTENT, "pipeline.order.read"),
  receivables: stop("receivables", "/receivables", CONTENT, "pipeline.receivable.read"),
  history: stop("history", "/audit", CONTENT, "analytics.audit.read"),
  people: stop("people", "/admin/people", CONTENT, "identity.grant.read"),
  roles: stop("roles", "/admin/roles", CONTENT, "identity.grant.read"),
  health: stop("health", "/admin/health", CONTENT, "identity.grant.read"),
  search: stop("search", "", ".bar-search"),
  notices: stop("notices", "", ".tools .ant-badge"),
  account: stop("account", "", ".me"),
} as const satisfies Record<string, Stop>;
type Name = keyof typeof stops;

/** The first of these that one of the person's roles matches. */
const TOURS: readonly [readonly string[], readonly Name[]][] = [
  [["admin"], ["people", "roles", "health", "history", "search", "account"]],
  [["leader", "executive"], ["day", "report", "forecast", "approvals", "history", "search"]],
  [["sales_manager", "regional_manager"], ["day", "deals", "approvals", "report", "ranking", "search"]],
  [["agent", "agent_supervisor"], ["day", "queue", "new_ticket", "pop", "search"]],
  [["marketer"], ["campaigns", "segments", "journeys", "forms", "report", "search"]],
  [["finance"], ["orders", "receivables", "approvals", "report", "search"]],
  [["sales_rep"], ["day", "add_customer", "plan", "deals", "report", "search"]],
];
const ANYBODY: readonly Name[] = ["day", "search", "notices", "account"];
export const MOST_STOPS = 6;
export const FEWEST_STOPS = 4;

/** Four to six stops: what the role's tour has and the person may see, filled up with what everybody has. */
export function stopsFor(roles: readonly string[], may: (permission: string) => boolean): Stop[] {
  const [, own] = TOURS.find(([names]) => names.some((name) => roles.includes(name))) ?? [[], []];
  const allowed = own.filter((name) => { const { permission } = stops[name] as Stop; return !permission || may(permission); });
  const rest = ANYBODY.filter((name) => !allowed.includes(name));
  const names = [...allowed, ...rest.slice(0, Math.max(0, FEWEST_STOPS - allowed.length))];
  return names.slice(0, MOST_STOPS).map((name) => stops[name]);
}

export interface Progress {
  /** The stop to go on at. */
  at: number;
  over: boolean;
}
export function readProgress(kept: unknown): Progress {
  const { at, over } = (kept && typeof kept === "object" ? kept : {}) as Partial<Progress>;
  return { at: Number.isInteger(at) && (at as number) > 0 ? (at as number) : 0, over: over === true };
}
