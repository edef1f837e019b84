import { words } from "@/i18n/words";

export const todayWords = words(
  {
    today: "Today", all: "All", "follow-up": "Follow-up", approval: "Approval", lead: "New lead", silent: "No reply", overdue: "overdue", done: "Done", call: "Call", more: "{count} more",
    nothing: "Nothing waits for you", nothing_text: "Follow-ups due, new leads, customers who have not been spoken to and decisions of yours come together here.",
    unasked: "Not all of it could be asked: {kinds}.", retry: "Try again", nobody: "Lead without a name", many: "at least {count}",
  },
  {
    today: "今日工作", all: "全部", "follow-up": "跟进", approval: "审批", lead: "新线索", silent: "未回应", overdue: "已逾期", done: "完成", call: "拨打", more: "还有 {count} 项",
    nothing: "当前没有待办", nothing_text: "到期跟进、新线索、久未联系的客户与待您审批的事项会集中显示在这里。",
    unasked: "部分内容未能获取：{kinds}。", retry: "重试", nobody: "未署名线索", many: "至少 {count}",
  },
);
