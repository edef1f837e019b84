/** The words of the frame. */
import { words } from "@/i18n/words";

export const shellWords = words(
  {
    menu: "Menu", skip: "Skip to the content", insight: "Insight", manage: "Manage", more: "More",
    search: "Search or jump to…", keys: "Keyboard shortcuts", help: "Help", tour: "Take the tour", notices: "Notifications", account: "account and settings",
    language: "切换到中文", act_as: "Act as", all_roles: "All my roles", look: "Appearance", light: "Light", dark: "Dark", system: "As the system",
    api: "API documentation", sign_out: "Sign out",
    sandbox_strip: "Sandbox: the data is invented, API keys made here work only here, and no message goes out.", live: "Live", connecting: "Connecting…", offline: "Off-line", offline_strip: "You are off-line. What you have seen is readable; what you do is kept and sent when you are back.",
    no_results: "Nothing found for “{query}”", searching: "Searching…", customers: "Customers", leads: "Leads", opportunities: "Deals", orders: "Orders", tickets: "Tickets", commands: "Commands",
    partly: "{parts} did not answer", hint: "↑ ↓ choose · Enter opens · Esc closes",
    anywhere: "Anywhere", go_to: "Go to", in_lists: "In lists", open_search: "Search everything", show_keys: "This overview", next_row: "Next row", previous_row: "Previous row", open_row: "Open", select_row: "Select", filter_list: "Search in the list", then: "then",
    mark_all: "Mark all as read", no_notices: "Nothing new", no_notices_text: "Reminders, assignments and approvals will show up here.",
    waiting_one: "{count} kept", outbox: "Kept for later", outbox_text: "Done while you were off-line; sent in this order when you are back.", send_again: "Send again", send_on_top: "Save mine on top", open_record: "Look at it", stale_text: "Somebody changed the same record while you were off-line. Look at it first; then save yours on top, or discard it.", discard: "Discard", refused: "Refused", sent: "{count} sent", close: "Close",
  },
  {
    menu: "菜单", skip: "跳到内容", insight: "洞察", manage: "管理", more: "更多",
    search: "搜索或跳转…", keys: "键盘快捷键", help: "帮助", tour: "新手引导", notices: "通知", account: "账号与设置",
    language: "Switch to English", act_as: "切换身份", all_roles: "我的全部角色", look: "外观", light: "浅色", dark: "深色", system: "跟随系统",
    api: "接口文档", sign_out: "退出登录",
    sandbox_strip: "沙箱环境：数据均为虚构，此处创建的接口密钥仅在此处有效，消息不会发出。", live: "实时更新", connecting: "连接中…", offline: "离线", offline_strip: "当前离线。看过的内容仍可阅读；您的操作会保存，联网后自动提交。",
    no_results: "没有找到“{query}”", searching: "搜索中…", customers: "客户", leads: "线索", opportunities: "商机", orders: "订单", tickets: "工单", commands: "命令",
    partly: "{parts} 未响应", hint: "↑ ↓ 选择 · Enter 打开 · Esc 关闭",
    anywhere: "任何位置", go_to: "前往", in_lists: "列表中", open_search: "全局搜索", show_keys: "显示本页", next_row: "下一行", previous_row: "上一行", open_row: "打开", select_row: "选中", filter_list: "在列表中搜索", then: "接着",
    mark_all: "全部标为已读", no_notices: "没有新通知", no_notices_text: "提醒、分配和审批会显示在这里。",
    waiting_one: "待提交 {count}", outbox: "待提交的操作", outbox_text: "离线时的操作；联网后按此顺序提交。", send_again: "重新提交", send_on_top: "以我的为准", open_record: "查看记录", stale_text: "您离线期间有人修改了同一记录。请先查看，再决定以您的为准或丢弃。", discard: "丢弃", refused: "未被接受", sent: "已提交 {count} 项", close: "关闭",
  },
);
