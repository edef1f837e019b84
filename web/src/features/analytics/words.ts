/** Words of the analytics pages; figures bring their own from the server. */
import { words } from "@/i18n/words";

export const analyticsWords = words(
  {
    analytics: "Analytics", overview: "Overview", funnel: "Funnel", forecast: "Forecast", team: "Ranking", channels: "Channels", health: "Pipeline",
    period: "Period", this_month: "This month", last_month: "Last month", this_quarter: "This quarter", last_quarter: "Last quarter", this_year: "This year", last_90: "Last 90 days", all_time: "All time", custom: "Custom…",
    from: "From", to: "To", all_teams: "All teams", owner: "Owner", as_of: "As known on", now: "Now", basis: "Count by", opened: "Day opened", closed: "Day closed", reset: "Reset",
    as_of_note: "These are the figures as they were known on {when}.", back_to_now: "Back to now",
    kpis: "Key figures", before: "{value} before", same: "as before", no_value: "not known", sample: "from {count} records", see_records: "See the {count} records behind it", definition: "What it means", fresh: "Everything up to {when} is included.", behind: "{count} events are not included yet.", parked: "{count} events are set aside because they could not be read; see Administration → Health.",
    trend: "Sales trend", growth: "Customer growth", won_value: "Won", revenue: "Revenue", paid: "Paid", gained: "Gained", lost: "Lost", total: "Total", by: "per", day: "day", week: "week", month: "month", quarter: "quarter",
    as_table: "As a table", as_chart: "As a chart", no_data: "Nothing in this period", no_data_text: "Choose a longer period or fewer filters.",
    stage: "Stage", entered: "Entered", converted: "Went on", dropped: "Dropped off", still_open: "Still open", conversion: "Conversion", drop_off: "Drop-off", days: "Days (median)", open_amount: "Open amount", deals: "Deals", win_rate: "Win rate", days_to_win: "Days to win", stage_deals: "{name}: see the {count} deals",
    group_by: "Also by", none: "Nothing", d_owner: "Owner", d_team: "Team", d_source: "Source", d_industry: "Industry", d_region: "Region", d_month: "Month", d_product: "Product", unknown: "Not known",
    forecast_title: "Deals won, by month", months_ahead: "Months ahead", band: "8 of 10 outcomes lie in the band", p10: "Low (P10)", p50: "Middle (P50)", p90: "High (P90)", already: "Won already", from_open: "From open deals", from_new: "From deals to come", weighted: "Weighted pipeline", naive: "Mean of last 3 months", last_year: "Same month last year",
    past_error: "How wrong it was in the past", past_text: "The forecast is made again for past months with only what was known then, and compared with what came true.", method: "Method", model: "This model", error: "Mean error", hits: "In the band", tested: "Forecasts judged", bias: "Too high / too low", best: "best", basis_text: "Learnt from {months} months, {opportunities} deals and {won} wins.", how: "How it works", too_little: "There is not enough history for a back-test yet.",
    count: "Number of deals", actual: "What came true", backtest: "Forecast one month ahead against what came true",
    win_cycle: "Win cycle", cycle_text: "Half of the wins took no longer than the median, nine of ten no longer than P90.", overall: "All together", median: "Median", p90_days: "P90", wins: "Wins", industry: "Industry",
    people: "People", teams: "Teams", rank: "Rank", name: "Name", won: "Won", lost_deals: "Lost", opened_deals: "Opened", leads_converted: "Leads converted", order_by: "Order by", no_team: "No team",
    channel: "Channel", leads: "Leads", cost: "Cost", per_lead: "Cost per lead", per_deal: "Cost per deal won", rate: "Leads to wins", channel_ranking: "Channels, best first", lead_conversion: "Leads to customers", attribution: "Who earned the revenue", attribution_text: "Revenue of deals won, shared among what the customer touched.", a_model: "Shared", m_first: "First touch", m_last: "Last touch", m_linear: "Evenly", m_position: "More to first and last", share: "Share", sourced: "First touched by marketing", influenced: "Touched by marketing",
    ageing: "Days since the last move", stages: "Stages against their norm", norm: "Norm (days)", over_norm: "Over the norm", in_stage: "In the stage",
    records: "Records behind “{figure}”", record: "Record", amount: "Amount", status: "Status", counted: "Counted on", customer: "Customer", open: "Open", untitled: "without a title", k_opportunity: "Deal", k_order: "Order", k_customer: "Customer", k_lead: "Lead", k_ticket: "Ticket", k_payment: "Payment", all_figures: "All figures", from_days: "{from}–{to} days", over_days: "over {from} days",
  },
  {
    analytics: "数据分析", overview: "总览", funnel: "漏斗", forecast: "预测", team: "排名", channels: "渠道", health: "管道",
    period: "期间", this_month: "本月", last_month: "上月", this_quarter: "本季度", last_quarter: "上季度", this_year: "今年", last_90: "近 90 天", all_time: "全部时间", custom: "自定义…",
    from: "从", to: "至", all_teams: "全部团队", owner: "负责人", as_of: "截至当时", now: "现在", basis: "统计依据", opened: "开启日", closed: "结束日", reset: "重置",
    as_of_note: "以下是 {when} 当时所知的数据。", back_to_now: "回到现在",
    kpis: "关键指标", before: "此前 {value}", same: "与此前相同", no_value: "未知", sample: "依据 {count} 条记录", see_records: "查看背后的 {count} 条记录", definition: "指标口径", fresh: "已包含截至 {when} 的全部数据。", behind: "还有 {count} 个事件尚未计入。", parked: "有 {count} 个事件因无法读取而暂存，请见“系统管理 → 运行状况”。",
    trend: "销售趋势", growth: "客户增长", won_value: "赢单", revenue: "收入", paid: "回款", gained: "新增", lost: "流失", total: "总数", by: "按", day: "天", week: "周", month: "月", quarter: "季度",
    as_table: "表格", as_chart: "图表", no_data: "该期间没有数据", no_data_text: "请选择更长的期间或减少筛选。",
    stage: "阶段", entered: "进入", converted: "推进", dropped: "流失", still_open: "仍在进行", conversion: "转化率", drop_off: "流失率", days: "天数（中位）", open_amount: "在途金额", deals: "商机", win_rate: "赢单率", days_to_win: "成交天数", stage_deals: "{name}：查看 {count} 个商机",
    group_by: "同时按", none: "不分组", d_owner: "负责人", d_team: "团队", d_source: "来源", d_industry: "行业", d_region: "地区", d_month: "月份", d_product: "产品", unknown: "未知",
    forecast_title: "每月赢单金额", months_ahead: "预测月数", band: "十次中有八次落在区间内", p10: "偏低（P10）", p50: "居中（P50）", p90: "偏高（P90）", already: "已赢单", from_open: "来自在途商机", from_new: "来自未来商机", weighted: "加权管道", naive: "近三月均值", last_year: "去年同月",
    past_error: "过去的误差", past_text: "仅用当时已知的数据重新预测过去的月份，再与实际结果比较。", method: "方法", model: "本模型", error: "平均误差", hits: "落在区间内", tested: "检验次数", bias: "偏高／偏低", best: "最佳", basis_text: "依据 {months} 个月、{opportunities} 个商机、{won} 个赢单。", how: "预测方法", too_little: "历史数据不足，暂无法回测。",
    count: "成交单数", actual: "实际结果", backtest: "提前一个月的预测与实际结果",
    win_cycle: "成交周期", cycle_text: "一半赢单不超过中位数，九成不超过 P90。", overall: "全部", median: "中位数", p90_days: "P90", wins: "赢单数", industry: "行业",
    people: "个人", teams: "团队", rank: "名次", name: "姓名", won: "赢单", lost_deals: "输单", opened_deals: "新开", leads_converted: "线索转化", order_by: "排序", no_team: "未分团队",
    channel: "渠道", leads: "线索", cost: "费用", per_lead: "每线索成本", per_deal: "每赢单成本", rate: "线索到赢单", channel_ranking: "渠道排名", lead_conversion: "线索转化", attribution: "收入归因", attribution_text: "将赢单收入分摊到客户接触过的渠道。", a_model: "分摊方式", m_first: "首次接触", m_last: "末次接触", m_linear: "平均分摊", m_position: "首末优先", share: "占比", sourced: "市场首触", influenced: "市场触达",
    ageing: "距上次推进天数", stages: "各阶段与标准时长", norm: "标准（天）", over_norm: "超出标准", in_stage: "在该阶段",
    records: "“{figure}”背后的记录", record: "记录", amount: "金额", status: "状态", counted: "计入日期", customer: "客户", open: "打开", untitled: "无标题", k_opportunity: "商机", k_order: "订单", k_customer: "客户", k_lead: "线索", k_ticket: "工单", k_payment: "回款", all_figures: "全部指标", from_days: "{from}–{to} 天", over_days: "{from} 天以上",
  },
);
export type AnalyticsWord = keyof typeof analyticsWords.en & string;
