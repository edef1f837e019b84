"""What messages say, by kind and language. Values are safe; names are put in when it is shown or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Wording:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of message, and where in the console it leads.

    `{name}` is the record's name, `{detail}` more of it: both are asked for, never stored.
    """

    zh: Wording
    en: Wording
    path: str


TEMPLATES: Mapping[str, Template] = {
    "lead-assigned": Template(
        Wording("新线索：{name}", "线索“{name}”已分配给您，请尽快联系。{detail}"),
        Wording("New lead: {name}", 'The lead "{name}" is yours; get in touch soon. {detail}'),
        "/#/leads/{subject_id}",
    ),
    "follow-up-due": Template(
        Wording("该联系 {name} 了", "计划于 {due_at} 联系 {name}。建议内容：{detail}"),
        Wording("Time to contact {name}", "Planned for {due_at}: contact {name}. Suggested: {detail}"),
        "/#/customer/{customer_id}",
    ),
    "customer-neglected": Template(
        Wording("很久没有联系 {name}", "{level} 级客户 {name} 已超过 {after_days} 天没有联系。"),
        Wording("{name} has not been contacted", "Level {level}: no contact with {name} for {after_days} days."),
        "/#/customer/{subject_id}",
    ),
    "customer-silent": Template(
        Wording("客户沉默：{name}", "{name} 已 {after_months} 个月没有下单。"),
        Wording("{name} went silent", "No order from {name} for {after_months} months."),
        "/#/customer/{subject_id}",
    ),
    "approval-requested": Template(
        Wording("待审批：{what}", "{what} 等待您的审批。折扣 {discount}。"),
        Wording("To approve: {what}", "A {what} waits for your decision. Discount {discount}."),
        "/#/approvals/{subject_id}",
    ),
    "approval-granted": Template(
        Wording("审批已通过：{what}", "您提交的{what}已通过审批。"),
        Wording("Approved: {what}", "The {what} you submitted was approved."),
        "/#/approvals/{subject_id}",
    ),
    "approval-rejected": Template(
        Wording("审批被驳回：{what}", "您提交的{what}被驳回。"),
        Wording("Rejected: {what}", "The {what} you submitted was rejected."),
        "/#/approvals/{subject_id}",
    ),
    "approval-returned": Template(
        Wording("审批被退回：{what}", "您提交的{what}被退回，请修改后重新提交。"),
        Wording("Returned: {what}", "The {what} you submitted was returned for changes."),
        "/#/approvals/{subject_id}",
    ),
    "sla-warned": Template(
        Wording("工单即将超时：{name}", "工单“{name}”的{clock}期限为 {due_at}。"),
        Wording("Deadline near: {name}", 'The {clock} deadline of ticket "{name}" is {due_at}.'),
        "/#/tickets?ticket={subject_id}",
    ),
    "sla-breached": Template(
        Wording("工单已超时：{name}", "工单“{name}”的{clock}期限 {due_at} 已过。"),
        Wording("Deadline missed: {name}", 'The {clock} deadline of ticket "{name}" was {due_at}.'),
        "/#/tickets?ticket={subject_id}",
    ),
    "ticket-escalated": Template(
        Wording("工单升级：{name}", "工单“{name}”已升级至您（第 {level} 级）：{reason}。"),
        Wording("Escalated to you: {name}", 'Ticket "{name}" was escalated to you, level {level}: {reason}.'),
        "/#/tickets?ticket={subject_id}",
    ),
    "survey-low": Template(
        Wording("满意度低：{score} 分", "客户给出 {score} 分，已为您创建跟进工单。"),
        Wording("Low score: {score} of 5", "A customer gave {score} of 5; a follow-up ticket is yours."),
        "/#/tickets?ticket={subject_id}",
    ),
    "receivable-overdue": Template(
        Wording("应收款逾期：{amount}", "{name} 的应收款 {amount} 应于 {due_on} 支付，现已逾期。"),
        Wording("Payment overdue: {amount}", "{amount} from {name} was due on {due_on}."),
        "/#/customer/{customer_id}",
    ),
    "retention-due": Template(
        Wording(
            "有个人数据到期待处理",
            "以下人员的数据已不再需要：联系人与个人客户 {people}，线索 {leads}，"
            "工单请求人 {requesters}，表单提交人 {senders}。请查看并决定是否删除。",
        ),
        Wording(
            "Personal data is due for erasure",
            "Nothing needs these people's data any more: {people} contacts and private customers, {leads} leads,"
            " {requesters} requesters of tickets, {senders} senders of forms. Look at them and decide.",
        ),
        "/#/admin/retention",
    ),
    "survey": Template(
        Wording("您对我们的服务满意吗？", "请用一分钟告诉我们：{detail}"),
        Wording("How did we do?", "Please take a minute to tell us: {detail}"),
        "/#/surveys/{subject_id}",
    ),
    "webhook-set-aside": Template(
        Wording("事件推送失败：{webhook}", "{host} 一天内未接收事件 {event}（{reason}）。请在推送日志中重试或跳过。"),
        Wording(
            "Not delivered: {webhook}", "{host} did not take {event} for a day ({reason}). Retry or skip it in the log."
        ),
        "/#/admin/webhooks",
    ),
    "webhook-paused": Template(
        Wording(
            "事件推送已暂停：{webhook}", "{host} 一天以来没有接收任何事件（{reason}）。恢复后将从中断处继续，不会丢失。"
        ),
        Wording(
            "Webhook paused: {webhook}",
            "{host} took nothing for a day ({reason}). Resumed, it goes on where it stopped.",
        ),
        "/#/admin/webhooks",
    ),
    "reminder": Template(
        Wording("提醒", "您有一条提醒。"),
        Wording("Reminder", "There is something you wanted to be reminded of."),
        "/#/{subject_kind}/{subject_id}",
    ),
}

_NAMELESS = {"zh": "（名称暂不可用）", "en": "(name not available now)"}
_WORDS = {
    "zh": {
        "quote": "报价",
        "contract": "合同",
        "order": "订单",
        "first response": "首次响应",
        "resolution": "解决",
        "first response overdue": "首次响应超时",
        "resolution overdue": "解决超时",
        "still overdue": "仍未处理",
        "complaint not confirmed": "投诉尚未确认",
    },
    "en": {},
}


@dataclass(frozen=True, slots=True)
class Rendered:
    title: str
    text: str
    deep_link: str


def render(
    kind: str,
    language: str,
    subject_kind: str,
    subject_id: str,
    fields: Mapping[str, str],
    name: str = "",
    detail: str = "",
    title: str = "",
    text: str = "",
    timezone: str = "UTC",
) -> Rendered:
    """Put a message into words. What was written by hand wins; a value nobody gave is left empty.

    Fields that end in `_at` hold ISO times; the reader sees them by his own clock.
    """
    template = TEMPLATES.get(kind, TEMPLATES["reminder"])
    wording = template.zh if language == "zh" else template.en
    words = _WORDS.get(language, {})
    values = {
        key: _by_the_clock(value, timezone) if key.endswith("_at") else words.get(value, value)
        for key, value in fields.items()
    }
    values |= {"subject_kind": subject_kind, "subject_id": subject_id, "detail": detail}
    values["name"] = name or _NAMELESS.get(language, _NAMELESS["en"])
    return Rendered(
        title or _fill(wording.title, values),
        text or _fill(wording.text, values).rstrip(),
        _fill(template.path, values) if subject_id else "",
    )


def _by_the_clock(value: str, timezone: str) -> str:
    try:
        moment = datetime.fromisoformat(value).astimezone(ZoneInfo(timezone))
    except ValueError:
        return value
    return moment.strftime("%Y-%m-%d %H:%M")


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    # Not str.format: a value must never be read as a pattern.
    return "".join(
        literal + (values.get(name, "") if name else "") for literal, name, _, _ in Formatter().parse(pattern)
    )
