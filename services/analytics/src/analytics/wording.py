"""Says a step of an explanation as a sentence, in English and in Chinese. People stay ids."""

from __future__ import annotations

import re

from analytics.projections.why import Link, Rule, Step

_NOUNS = {
    "Activity": "活动",
    "Approval": "审批",
    "AssignmentRules": "分配规则",
    "Campaign": "营销活动",
    "Consent": "同意",
    "Contact": "联系人",
    "Contract": "合同",
    "Customer": "客户",
    "Customers": "客户",
    "FollowUp": "跟进",
    "Form": "表单",
    "Journey": "旅程",
    "KeyAccountGoal": "大客户目标",
    "KeyAccountMember": "大客户团队成员",
    "KeyAccountTeam": "大客户团队",
    "Lead": "线索",
    "Level": "等级",
    "Message": "消息",
    "Opportunity": "商机",
    "Order": "订单",
    "Owner": "负责人",
    "Payment": "回款",
    "Person": "人员",
    "Product": "产品",
    "Quote": "报价",
    "Receivable": "应收",
    "Role": "角色",
    "ScoringRules": "评分规则",
    "Share": "共享",
    "Sla": "SLA",
    "Survey": "问卷",
    "Team": "团队",
    "Ticket": "工单",
}
_VERBS = {
    "Accepted": "已接受",
    "Added": "已添加",
    "Advanced": "已推进",
    "Answered": "已回答",
    "Archived": "已归档",
    "Assigned": "已分配",
    "Breached": "已超时",
    "Cancelled": "已取消",
    "Captured": "已获取",
    "Changed": "已变更",
    "Closed": "已关闭",
    "Confirmed": "已确认",
    "Converted": "已转化",
    "Defined": "已定义",
    "Disqualified": "已判为无效",
    "Dissolved": "已解散",
    "Done": "已完成",
    "Ended": "已结束",
    "Escalated": "已升级",
    "Formed": "已组建",
    "Granted": "已批准",
    "HandedOver": "已移交",
    "Joined": "已加入",
    "Lost": "已输单",
    "Merged": "已合并",
    "Opened": "已开启",
    "Placed": "已下单",
    "Planned": "已计划",
    "Qualified": "已确认有效",
    "Queued": "已排队",
    "Received": "已收到",
    "Recycled": "已回收",
    "Registered": "已登记",
    "Rejected": "已驳回",
    "Removed": "已移除",
    "Reopened": "已重新开启",
    "Requested": "已申请",
    "Resolved": "已解决",
    "Returned": "已退回",
    "Revised": "已修改",
    "Scored": "已评分",
    "Sent": "已发送",
    "Set": "已设定",
    "Shared": "已共享",
    "Signed": "已签署",
    "StatusChanged": "状态已变更",
    "Submitted": "已提交",
    "Transferred": "已转移",
    "Unmerged": "已取消合并",
    "Withdrawn": "已撤回",
    "Won": "已赢单",
}
_KINDS = {
    "person": ("person", "人员"),
    "client": ("the API client", "接口客户端"),
    "service": ("the service", "系统服务"),
}
_MOST_RULES = 5
_LONGEST = 80


def sentences(step: Step, field: str = "") -> tuple[str, str]:
    """Return the step in English and in Chinese; `field` is what is being explained, if this step set it."""
    name = step.event.short_type
    if step.withheld:
        return (
            f"{_english(name)}; it is of a record outside your scope.",
            f"{_chinese(name)}；该记录不在您的数据范围内。",
        )
    who, who_zh = _who(step.event.actor)
    first = ", which began it" if step.link is Link.FIRST else ""
    first_zh = "，一切由此开始" if step.link is Link.FIRST else ""
    rules = "".join(_rule(rule) for rule in step.rules[:_MOST_RULES])
    rules_zh = "".join(_rule_zh(rule) for rule in step.rules[:_MOST_RULES])
    became = became_zh = ""
    for change in step.fields:
        if change.field == field:
            became = f"; {field} became {_quoted(change.after)}" + (
                f", before {_quoted(change.before)}" * bool(change.before)
            )
            became_zh = f"；{field} 变为{_quoted(change.after)}" + (
                f"，此前为{_quoted(change.before)}" * bool(change.before)
            )
    return (
        f"{_english(name)} by {who}{first}{rules}{became}.",
        f"{_chinese(name)}，由{who_zh}{first_zh}{rules_zh}{became_zh}。",
    )


def _english(name: str) -> str:
    words = re.findall(r"[A-Z][a-z0-9]*", name)
    return " ".join(words).capitalize() if words else name


def _chinese(name: str) -> str:
    for noun in sorted(_NOUNS, key=len, reverse=True):
        verb = name.removeprefix(noun)
        if verb != name and verb in _VERBS:
            return f"{_NOUNS[noun]}{_VERBS[verb]}"
    return name


def _who(actor: str) -> tuple[str, str]:
    kind, _, id_ = actor.partition(":")
    if kind not in _KINDS:
        return actor, actor
    en, zh = _KINDS[kind]
    return f"{en} {id_}", f"{zh} {id_} "


def _rule(rule: Rule) -> str:
    version = f" (version {rule.version} of the rules)" if rule.version else ""
    reason = f": {rule.reason[:_LONGEST]}" if rule.reason else ""
    if not rule.rule_id:
        return f", by no single rule{version}{reason}"
    return f", by the rule {_quoted(rule.name or rule.rule_id)}{version}{reason}"


def _rule_zh(rule: Rule) -> str:
    version = f"（规则第 {rule.version} 版）" if rule.version else ""
    reason = f"：{rule.reason[:_LONGEST]}" if rule.reason else ""
    if not rule.rule_id:
        return f"，未命中单条规则{version}{reason}"
    return f"，依据规则{_quoted(rule.name or rule.rule_id)}{version}{reason}"


def _quoted(text: str) -> str:
    return f"“{text[:_LONGEST]}”"
