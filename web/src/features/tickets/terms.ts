/** What the service desk's codes are called. */
import type { Answer } from "@/api/client";
import { words } from "@/i18n/words";
import type { Tone } from "@/ui/Tag";

export type Ticket = Answer<"/v1/tickets">["tickets"][number];
export type Clock = Ticket["clocks"][number];
export type Status = Ticket["status"];
export type Priority = Ticket["priority"];
export type Channel = Ticket["channel"];

export const terms = words(
  {
    TICKET_STATUS_UNSPECIFIED: "–", TICKET_STATUS_NEW: "New", TICKET_STATUS_IN_PROGRESS: "In progress", TICKET_STATUS_WAITING: "Waiting", TICKET_STATUS_RESOLVED: "Resolved", TICKET_STATUS_CLOSED: "Closed", TICKET_STATUS_WITHDRAWN: "Withdrawn",
    PRIORITY_UNSPECIFIED: "–", PRIORITY_LOW: "Low", PRIORITY_NORMAL: "Normal", PRIORITY_HIGH: "High", PRIORITY_URGENT: "Urgent",
    CHANNEL_UNSPECIFIED: "–", CHANNEL_PHONE: "Phone", CHANNEL_EMAIL: "E-mail", CHANNEL_WECHAT: "WeChat", CHANNEL_PORTAL: "Portal", CHANNEL_FORM: "Web form", CHANNEL_CHAT: "Chat", CHANNEL_INTERNAL: "Internal", CHANNEL_IMPORT: "Import",
    CLOCK_UNSPECIFIED: "–", CLOCK_FIRST_RESPONSE: "First answer", CLOCK_RESOLUTION: "Solution",
    complaint: "Complaint", confirmed: "Settled", escalated: "Level {level}",
    met: "in time", late: "late", paused: "paused, {left} left", left: "{left} left", over: "{left} over", no_clock: "No deadline",
  },
  {
    TICKET_STATUS_UNSPECIFIED: "–", TICKET_STATUS_NEW: "新建", TICKET_STATUS_IN_PROGRESS: "处理中", TICKET_STATUS_WAITING: "等待客户", TICKET_STATUS_RESOLVED: "已解决", TICKET_STATUS_CLOSED: "已关闭", TICKET_STATUS_WITHDRAWN: "已撤回",
    PRIORITY_UNSPECIFIED: "–", PRIORITY_LOW: "低", PRIORITY_NORMAL: "普通", PRIORITY_HIGH: "高", PRIORITY_URGENT: "紧急",
    CHANNEL_UNSPECIFIED: "–", CHANNEL_PHONE: "电话", CHANNEL_EMAIL: "邮件", CHANNEL_WECHAT: "微信", CHANNEL_PORTAL: "客户门户", CHANNEL_FORM: "网页表单", CHANNEL_CHAT: "在线聊天", CHANNEL_INTERNAL: "内部", CHANNEL_IMPORT: "导入",
    CLOCK_UNSPECIFIED: "–", CLOCK_FIRST_RESPONSE: "首次响应", CLOCK_RESOLUTION: "解决",
    complaint: "投诉", confirmed: "已确认满意", escalated: "升级 {level} 级",
    met: "按时", late: "超时", paused: "已暂停，剩余 {left}", left: "剩余 {left}", over: "超时 {left}", no_clock: "无时限",
  },
);

export const statuses: readonly Status[] = ["TICKET_STATUS_NEW", "TICKET_STATUS_IN_PROGRESS", "TICKET_STATUS_WAITING", "TICKET_STATUS_RESOLVED", "TICKET_STATUS_CLOSED"];
export const priorities: readonly Priority[] = ["PRIORITY_URGENT", "PRIORITY_HIGH", "PRIORITY_NORMAL", "PRIORITY_LOW"];
export const channels: readonly Channel[] = ["CHANNEL_PHONE", "CHANNEL_EMAIL", "CHANNEL_WECHAT", "CHANNEL_PORTAL", "CHANNEL_FORM", "CHANNEL_CHAT", "CHANNEL_INTERNAL"];

export const statusTone: Partial<Record<Status, Tone>> = { TICKET_STATUS_NEW: "brand", TICKET_STATUS_WAITING: "warn", TICKET_STATUS_RESOLVED: "good", TICKET_STATUS_CLOSED: "dull", TICKET_STATUS_WITHDRAWN: "dull" };
export const priorityTone: Partial<Record<Priority, Tone>> = { PRIORITY_URGENT: "bad", PRIORITY_HIGH: "warn", PRIORITY_LOW: "dull" };

/** What an entry of the conversation is called, and on which side it stands. */
export const entryWords = words(
  { request: "Asked", response: "Answered", reply: "Customer wrote", note: "Note", hold: "Put on hold", "hand-over": "Handed over", cause: "Root cause", "follow-up": "Asked the customer again", resolution: "Resolved", reopening: "Reopened", survey: "Survey answered" },
  { request: "客户提问", response: "已答复", reply: "客户来信", note: "内部备注", hold: "暂停等待", "hand-over": "已转交", cause: "根本原因", "follow-up": "客户回访", resolution: "已解决", reopening: "重新打开", survey: "满意度反馈" },
);
export type EntryKind = keyof typeof entryWords.en;
export const entrySide = (kind: string): "theirs" | "ours" | "inside" => (["request", "reply", "survey"].includes(kind) ? "theirs" : kind === "response" || kind === "resolution" ? "ours" : "inside");
