"""The registry of figures: what each means in words, and the one SQL it is computed and listed from.

A figure is an aggregate over the records of a relation that meet a condition. The records behind it are the
same relation under the same condition, so a figure and its list cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from math import floor
from typing import Any, NamedTuple

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import before
from analytics.projections.orders import SEES_COSTS
from analytics.projections.slices import Slice, in_period, presence, with_relation
from kernel.auth import Caller
from kernel.errors import InvalidArgument


class Unit(IntEnum):
    """What a number counts; the numbers are those of the contract."""

    COUNT = 1
    RATIO = 2
    DAYS = 3
    MONEY = 4
    SCORE = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the registry. `relation` is empty for one that has no list of its own."""

    key: str
    unit: Unit
    label_zh: str
    label_en: str
    text_zh: str
    text_en: str
    contexts: tuple[str, ...]
    relation: str = ""
    where: str = "true"
    counted_at: str = ""
    """The time that must lie in the period; the figure has no period when empty."""
    listed_at: str = ""
    """The time shown for each record, where it is not `counted_at`."""
    value: str = ""
    """SQL aggregate; the number of records when empty, the sum of amounts for money."""
    share: str = ""
    """Only the records with this condition are listed and make a ratio's numerator."""
    over: str = ""
    """SQL aggregate that `value` is divided by: a share of money, one for each currency."""
    permission: str = ""
    """What the caller must be allowed to see besides figures."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure's value. `number` is None when nothing is known; money is minor units by currency, shares of it too."""

    figure: Figure
    number: float | None
    amounts: Mapping[str, int]
    sample: int
    shares: Mapping[str, float] = field(default_factory=dict)
    remark: Remark | None = None


class Remark(NamedTuple):
    """Why there is no value, or what it does not cover."""

    zh: str
    en: str


_SALES = ("pipeline",)
_SALES_AND_CUSTOMERS = ("pipeline", "customer")
_EARNED = "r.confirmed_at is not null and r.cancelled_at is null"

_ALL = (
    Figure(
        "opportunities",
        Unit.COUNT,
        "商机数",
        "Opportunities",
        "期间内开启的商机数（按生效时间；已撤销导入的除外）。",
        "Opportunities opened in the period, by effective time; taken-back imports are left out.",
        _SALES,
        "opportunity",
        counted_at="r.opened_at",
    ),
    Figure(
        "won",
        Unit.COUNT,
        "赢单数",
        "Won",
        "期间内赢单且仍为赢单的商机数，按赢单的生效时间计。",
        "Opportunities won in the period that still stand as won, by the effective time of winning.",
        _SALES,
        "opportunity",
        "r.outcome = 1",
        "r.closed_at",
    ),
    Figure(
        "lost",
        Unit.COUNT,
        "输单数",
        "Lost",
        "期间内输单且仍为输单的商机数。",
        "Opportunities lost in the period that still stand as lost.",
        _SALES,
        "opportunity",
        "r.outcome = 2",
        "r.closed_at",
    ),
    Figure(
        "won_value",
        Unit.MONEY,
        "赢单金额",
        "Won value",
        "期间内赢单商机的成交金额之和，按币种分列，不做汇率换算。",
        "Sum of the amounts of opportunities won in the period, one sum per currency, never converted.",
        _SALES,
        "opportunity",
        "r.outcome = 1",
        "r.closed_at",
    ),
    Figure(
        "average_deal",
        Unit.MONEY,
        "平均成交额",
        "Average deal",
        "赢单金额 ÷ 赢单数，按币种分列。",
        "Won value divided by won opportunities, per currency.",
        _SALES,
        "opportunity",
        "r.outcome = 1",
        "r.closed_at",
        value="avg(r.amount)",
    ),
    Figure(
        "win_rate",
        Unit.RATIO,
        "赢率",
        "Win rate",
        "期间内赢单数 ÷（赢单数 + 输单数）。",
        "Won divided by won and lost, of the opportunities closed in the period.",
        _SALES,
        "opportunity",
        "r.outcome <> 0",
        "r.closed_at",
        value="avg((r.outcome = 1)::int)",
        share="r.outcome = 1",
    ),
    Figure(
        "opportunity_conversion",
        Unit.RATIO,
        "商机转化率",
        "Opportunity conversion",
        "期间内开启的商机中，至今已赢单的比例（同期群口径：未关闭的也计入分母）。",
        "Of the opportunities opened in the period, the share won by now; those still open count below the line.",
        _SALES,
        "opportunity",
        counted_at="r.opened_at",
        value="avg((r.outcome = 1)::int)",
        share="r.outcome = 1",
    ),
    Figure(
        "days_to_win",
        Unit.DAYS,
        "成交周期（中位数）",
        "Days to win (median)",
        "期间内赢单的商机从开启到赢单的天数的中位数。",
        "Median days from opening to winning, of the opportunities won in the period.",
        _SALES,
        "opportunity",
        "r.outcome = 1",
        "r.closed_at",
        value="percentile_cont(0.5) within group (order by r.days_to_close)",
    ),
    Figure(
        "open_opportunities",
        Unit.COUNT,
        "进行中商机",
        "Open opportunities",
        "目前既未赢单也未输单的商机数；不受期间限制。",
        "Opportunities neither won nor lost at present; the period does not matter.",
        _SALES,
        "opportunity",
        "r.outcome = 0",
        listed_at="r.opened_at",
    ),
    Figure(
        "open_value",
        Unit.MONEY,
        "管道金额",
        "Open pipeline",
        "进行中商机的金额之和，按币种分列。",
        "Sum of the amounts of open opportunities, per currency.",
        _SALES,
        "opportunity",
        "r.outcome = 0",
        listed_at="r.opened_at",
    ),
    Figure(
        "weighted_value",
        Unit.MONEY,
        "加权管道金额",
        "Weighted pipeline",
        "进行中商机的金额 × 当前赢单概率（百分比）之和。",
        "Sum of amount times current probability (percent) over open opportunities.",
        _SALES,
        "opportunity",
        "r.outcome = 0",
        listed_at="r.opened_at",
        value="sum(r.amount * coalesce(r.probability, 0) / 100.0)",
    ),
    Figure(
        "due_90_days_value",
        Unit.MONEY,
        "90 天内应成交金额",
        "Open value due in 90 days",
        "预计成交日在今后 90 天内或已过期的进行中商机金额之和；覆盖率的分子。",
        "Amounts of open opportunities expected to close within 90 days or already overdue; coverage's numerator.",
        _SALES,
        "opportunity",
        "r.outcome = 0 and r.expected_close_on <= (%(at)s at time zone %(zone)s)::date + 90",
        listed_at="r.expected_close_on::timestamp at time zone %(zone)s",
    ),
    Figure(
        "won_90_days_value",
        Unit.MONEY,
        "近 90 天赢单金额",
        "Won in the last 90 days",
        "最近 90 天内赢单的金额之和；未给目标时作为覆盖率的分母。",
        "Amounts won in the last 90 days; coverage's denominator when no target is given.",
        _SALES,
        "opportunity",
        "r.outcome = 1 and r.closed_at > %(at)s - interval '90 days'",
        listed_at="r.closed_at",
    ),
    Figure(
        "coverage",
        Unit.RATIO,
        "管道覆盖率",
        "Pipeline coverage",
        "90 天内应成交金额 ÷ 目标（未给目标时为近 90 天赢单金额）；取目标币种，未给目标时取金额最大的币种。",
        "Open value due in 90 days divided by the target (by what was won in the last 90 days when none is given);"
        " in the target's currency, else in the one with the largest amount.",
        _SALES,
    ),
    Figure(
        "overdue",
        Unit.COUNT,
        "已过预计成交日",
        "Overdue",
        "进行中且预计成交日早于今天的商机数。",
        "Open opportunities whose expected close lies before today.",
        _SALES,
        "opportunity",
        "r.outcome = 0 and r.expected_close_on < (%(at)s at time zone %(zone)s)::date",
        listed_at="r.expected_close_on::timestamp at time zone %(zone)s",
    ),
    Figure(
        "slipped",
        Unit.COUNT,
        "曾推迟的商机",
        "Slipped",
        "进行中且预计成交日至少被推后过一次的商机数。",
        "Open opportunities whose expected close was moved to a later day at least once.",
        _SALES,
        "opportunity",
        "r.outcome = 0 and r.slips > 0",
        listed_at="r.opened_at",
    ),
    Figure(
        "slippage",
        Unit.RATIO,
        "推迟率",
        "Slippage",
        "进行中商机中，预计成交日被推后过或已过期的比例。",
        "Share of open opportunities whose expected close was moved later or has passed.",
        _SALES,
        "opportunity",
        "r.outcome = 0",
        listed_at="r.opened_at",
        value="avg((r.slips > 0 or coalesce(r.expected_close_on < (%(at)s at time zone %(zone)s)::date, false))::int)",
        share="(r.slips > 0 or coalesce(r.expected_close_on < (%(at)s at time zone %(zone)s)::date, false))",
    ),
    Figure(
        "slipped_days",
        Unit.DAYS,
        "平均推迟天数",
        "Days slipped (mean)",
        "曾推迟的进行中商机累计推迟天数的平均值。",
        "Mean of the days by which open opportunities that slipped were moved, added up per opportunity.",
        _SALES,
        "opportunity",
        "r.outcome = 0 and r.slips > 0",
        listed_at="r.opened_at",
        value="avg(r.slipped_days)",
    ),
    Figure(
        "age",
        Unit.DAYS,
        "未推进天数（中位数）",
        "Days since the last move (median)",
        "进行中商机自上次阶段变化以来天数的中位数。",
        "Median days since open opportunities last changed stage.",
        _SALES,
        "opportunity",
        "r.outcome = 0",
        listed_at="r.moved_at",
        value="percentile_cont(0.5) within group (order by extract(epoch from %(at)s - r.moved_at)::float8 / 86400)",
    ),
    Figure(
        "stale",
        Unit.COUNT,
        "停滞商机",
        "Stale",
        "进行中且 60 天以上没有阶段变化的商机数。",
        "Open opportunities that have not changed stage for more than 60 days.",
        _SALES,
        "opportunity",
        "r.outcome = 0 and r.moved_at < %(at)s - interval '60 days'",
        listed_at="r.moved_at",
    ),
    Figure(
        "revenue",
        Unit.MONEY,
        "收入",
        "Revenue",
        "期间内确认且未取消的订单的不含税净额之和，按币种分列；先加总精确值再取整一次。",
        "Net totals of orders confirmed in the period and not cancelled, per currency; exact values are summed"
        " and rounded once.",
        _SALES,
        "order",
        _EARNED,
        "r.confirmed_at",
    ),
    Figure(
        "orders",
        Unit.COUNT,
        "订单数",
        "Orders",
        "期间内确认且未取消的订单数。",
        "Orders confirmed in the period and not cancelled.",
        _SALES,
        "order",
        _EARNED,
        "r.confirmed_at",
    ),
    Figure(
        "paid",
        Unit.MONEY,
        "回款",
        "Paid",
        "期间内收到的款项之和，按币种分列。",
        "Payments received in the period, per currency.",
        _SALES,
        "payment",
        counted_at="r.paid_at",
    ),
    Figure(
        "margin",
        Unit.MONEY,
        "毛利",
        "Margin",
        "计入收入的订单中，下单时成本已知的订单行：不含税净额 − 数量 × 单位成本，之和，"
        "按币种分列；先加总精确值再取整一次。成本未知的订单行不计入，覆盖率见 cost_coverage。",
        "Of the orders that make the revenue, the lines whose cost was known when they were placed: net less quantity"
        " x unit cost, summed exactly and rounded once, per currency. Lines without a known cost are left out;"
        " cost_coverage says how much of the revenue has one.",
        _SALES,
        "order",
        f"{_EARNED} and r.cost is not null",
        "r.confirmed_at",
        value="sum(r.costed - r.cost)",
        permission=SEES_COSTS,
    ),
    Figure(
        "margin_rate",
        Unit.RATIO,
        "毛利率",
        "Margin rate",
        "毛利 ÷ 同一批成本已知的订单行的不含税净额，按币种分列。",
        "Margin divided by the net of the same lines, those whose cost is known; per currency.",
        _SALES,
        "order",
        f"{_EARNED} and r.cost is not null",
        "r.confirmed_at",
        value="sum(r.costed - r.cost)",
        over="sum(r.costed)",
        permission=SEES_COSTS,
    ),
    Figure(
        "cost_coverage",
        Unit.RATIO,
        "成本覆盖率",
        "Cost coverage",
        "成本已知的订单行的不含税净额 ÷ 收入，按币种分列。",
        "Net of the lines whose cost is known divided by the revenue, per currency.",
        _SALES,
        "order",
        _EARNED,
        "r.confirmed_at",
        value="sum(coalesce(r.costed, 0))",
        over="sum(r.amount)",
        permission=SEES_COSTS,
    ),
    Figure(
        "new_customers",
        Unit.COUNT,
        "新增客户",
        "New customers",
        "期间内登记的客户数；被合并的客户不重复计。",
        "Customers registered in the period; merged duplicates count once.",
        ("customer",),
        "customer",
        counted_at="r.registered_at",
    ),
    Figure(
        "customers",
        Unit.COUNT,
        "客户数",
        "Customers",
        "目前未流失、未归档、未被合并的客户数。",
        "Customers not lost, not archived and not merged away at present.",
        ("customer",),
        "customer",
        "r.status = 'present'",
        listed_at="r.registered_at",
    ),
    Figure(
        "lost_customers",
        Unit.COUNT,
        "流失客户",
        "Lost customers",
        "期间内状态变为流失或被归档的客户数。",
        "Customers that became lost or were archived in the period.",
        ("customer",),
        "departure",
        counted_at="r.left_at",
    ),
    Figure(
        "churn",
        Unit.RATIO,
        "客户流失率",
        "Churn",
        "期间内流失客户 ÷ 期初客户数。",
        "Customers lost in the period divided by the customers at its start.",
        ("customer",),
        "departure",
        counted_at="r.left_at",
    ),
    Figure(
        "leads",
        Unit.COUNT,
        "线索数",
        "Leads",
        "期间内获取的线索数。",
        "Leads captured in the period.",
        _SALES,
        "lead",
        counted_at="r.captured_at",
    ),
    Figure(
        "leads_converted",
        Unit.COUNT,
        "转化线索数",
        "Leads converted",
        "期间内转化为客户的线索数，按转化日计。",
        "Leads converted into customers in the period, by the day of conversion.",
        _SALES,
        "lead",
        "r.converted_at is not null",
        "r.converted_at",
    ),
    Figure(
        "lead_conversion",
        Unit.RATIO,
        "线索转化率",
        "Lead conversion",
        "期间内获取的线索中，至今已转化的比例。",
        "Of the leads captured in the period, the share converted by now.",
        _SALES,
        "lead",
        counted_at="r.captured_at",
        value="avg((r.converted_at is not null)::int)",
        share="r.converted_at is not null",
    ),
    Figure(
        "lead_cycle_mean",
        Unit.DAYS,
        "平均转化周期",
        "Lead conversion cycle (mean)",
        "期间内转化的线索从获取到转化的平均天数。",
        "Mean days from capture to conversion, of the leads converted in the period.",
        _SALES,
        "lead",
        "r.converted_at is not null",
        "r.converted_at",
        value="avg(r.days_to_convert)",
    ),
    Figure(
        "lead_cycle_median",
        Unit.DAYS,
        "转化周期（中位数）",
        "Lead conversion cycle (median)",
        "期间内转化的线索从获取到转化天数的中位数。",
        "Median days from capture to conversion, of the leads converted in the period.",
        _SALES,
        "lead",
        "r.converted_at is not null",
        "r.converted_at",
        value="percentile_cont(0.5) within group (order by r.days_to_convert)",
    ),
    Figure(
        "open_leads",
        Unit.COUNT,
        "待处理线索",
        "Open leads",
        "既未转化也未判无效的线索数。",
        "Leads neither converted nor disqualified.",
        _SALES,
        "lead",
        "r.status = 'open'",
        listed_at="r.captured_at",
    ),
    Figure(
        "submissions",
        Unit.COUNT,
        "表单提交",
        "Form submissions",
        "期间内提交的表单数。",
        "Forms sent in the period.",
        ("marketing",),
        "submission",
        counted_at="r.submitted_at",
    ),
    Figure(
        "running_campaigns",
        Unit.COUNT,
        "进行中活动",
        "Running campaigns",
        "已启动且未结束的营销活动数。",
        "Campaigns launched and not ended.",
        ("marketing",),
        "campaign",
        "r.status = 'running'",
        listed_at="r.launched_at",
    ),
    Figure(
        "campaign_cost",
        Unit.MONEY,
        "活动费用",
        "Campaign cost",
        "至今记入的营销活动费用之和，按币种分列；不受期间限制。",
        "Cost booked on campaigns until now, per currency; the period does not matter.",
        ("marketing",),
        "campaign",
        "r.amount <> 0",
        listed_at="r.launched_at",
    ),
    Figure(
        "tickets",
        Unit.COUNT,
        "工单数",
        "Tickets",
        "期间内开启的工单数。",
        "Tickets opened in the period.",
        ("ticketing",),
        "ticket",
        counted_at="r.opened_at",
    ),
    Figure(
        "open_tickets",
        Unit.COUNT,
        "未解决工单",
        "Open tickets",
        "目前未解决的工单数。",
        "Tickets not resolved at present.",
        ("ticketing",),
        "ticket",
        "r.status = 'open'",
        listed_at="r.opened_at",
    ),
    Figure(
        "resolved_tickets",
        Unit.COUNT,
        "已解决工单",
        "Resolved tickets",
        "期间内解决且未重开的工单数。",
        "Tickets resolved in the period and not reopened since.",
        ("ticketing",),
        "ticket",
        "r.resolved_at is not null",
        "r.resolved_at",
    ),
    Figure(
        "days_to_resolve",
        Unit.DAYS,
        "解决时长（中位数）",
        "Days to resolve (median)",
        "期间内解决的工单从开启到解决的自然天数中位数。",
        "Median calendar days from opening to resolution, of the tickets resolved in the period.",
        ("ticketing",),
        "ticket",
        "r.resolved_at is not null",
        "r.resolved_at",
        value="percentile_cont(0.5) within group (order by r.days_to_resolve)",
    ),
    Figure(
        "breached_tickets",
        Unit.COUNT,
        "SLA 违约工单",
        "SLA breaches",
        "期间内开启且至少违约一次（未撤销）的工单数。",
        "Tickets opened in the period with at least one SLA breach that was not withdrawn.",
        ("ticketing",),
        "ticket",
        "r.breaches > 0",
        "r.opened_at",
    ),
    Figure(
        "sla_kept",
        Unit.RATIO,
        "SLA 达标率",
        "SLA kept",
        "期间内开启的工单中没有违约的比例。",
        "Of the tickets opened in the period, the share without an SLA breach.",
        ("ticketing",),
        "ticket",
        counted_at="r.opened_at",
        value="avg((r.breaches <= 0)::int)",
        share="r.breaches <= 0",
    ),
    Figure(
        "satisfaction",
        Unit.SCORE,
        "满意度",
        "Satisfaction",
        "期间内收到的满意度评分的平均值（原始刻度）。",
        "Mean of the survey scores answered in the period, on the survey's own scale.",
        ("ticketing",),
        "answer",
        counted_at="r.answered_at",
        value="avg(r.score)",
    ),
)

FIGURES: Mapping[str, Figure] = {figure.key: figure for figure in _ALL}

DASHBOARDS: Mapping[str, tuple[str, ...]] = {
    "SALES": (
        "won_value",
        "won",
        "win_rate",
        "open_value",
        "open_opportunities",
        "overdue",
        "stale",
        "open_leads",
        "leads_converted",
        "days_to_win",
    ),
    "SALES_MANAGER": (
        "won_value",
        "won",
        "win_rate",
        "open_value",
        "weighted_value",
        "slippage",
        "overdue",
        "stale",
        "opportunity_conversion",
        "lead_conversion",
        "days_to_win",
        "revenue",
    ),
    "SERVICE": (
        "open_tickets",
        "tickets",
        "resolved_tickets",
        "days_to_resolve",
        "breached_tickets",
        "sla_kept",
        "satisfaction",
    ),
    "SERVICE_MANAGER": (
        "open_tickets",
        "tickets",
        "resolved_tickets",
        "days_to_resolve",
        "breached_tickets",
        "sla_kept",
        "satisfaction",
        "lost_customers",
    ),
    "MARKETING": (
        "submissions",
        "leads",
        "lead_conversion",
        "leads_converted",
        "lead_cycle_mean",
        "running_campaigns",
        "campaign_cost",
        "opportunities",
        "won_value",
    ),
    "EXECUTIVE": (
        "revenue",
        "margin",
        "margin_rate",
        "won_value",
        "paid",
        "win_rate",
        "open_value",
        "weighted_value",
        "new_customers",
        "customers",
        "churn",
        "opportunity_conversion",
        "satisfaction",
    ),
}
"""The figures of each role's dashboard, in the order they matter."""

EXECUTIVE_KPIS = (
    "revenue",
    "margin",
    "margin_rate",
    "cost_coverage",
    "won_value",
    "won",
    "win_rate",
    "average_deal",
    "orders",
    "paid",
    "new_customers",
    "lost_customers",
    "churn",
)
PIPELINE_HEALTH = (
    "open_opportunities",
    "open_value",
    "weighted_value",
    "due_90_days_value",
    "won_90_days_value",
    "overdue",
    "slipped",
    "slippage",
    "slipped_days",
    "age",
    "stale",
)


def figure(key: str) -> Figure:
    """Return a figure of the registry; refuse an unknown one."""
    if key not in FIGURES:
        raise InvalidArgument("figure", f"{key[:40]!r} is no figure; ListDefinitions names them all")
    return FIGURES[key]


def condition(one: Figure, slice_: Slice) -> str:
    """SQL: the records that a figure rests on."""
    period = in_period(one.counted_at, slice_) if one.counted_at else "true"
    return f"({one.where}) and {period}"


def measure(
    cursor: Cursor[DictRow], keys: Sequence[str], slice_: Slice, caller: Caller, now: datetime
) -> list[Measured]:
    """Return the values of the figures, in the order asked for: one statement for each relation."""
    parameters = slice_.parameters(caller, now)
    found: dict[str, Measured] = {}
    by_relation: dict[str, list[Figure]] = {}
    for key in dict.fromkeys((*keys, *(("cost_coverage",) if _MARGINS & set(keys) else ()))):
        one = figure(key)
        if one.permission and not caller.may(one.permission):
            found[key] = Measured(one, None, {}, 0, remark=_may_not(one.permission))
        elif one.relation:
            by_relation.setdefault(one.relation, []).append(one)
        else:
            found[key] = Measured(one, None, {}, 0)
    for relation, figures in by_relation.items():
        plain = [one for one in figures if one.unit is not Unit.MONEY and not one.over]
        if plain:
            picked = ", ".join(
                f"count(*) filter (where {condition(one, slice_)}) as n{i},"
                f" {one.value or 'count(*)'} filter (where {condition(one, slice_)}) as v{i}"
                for i, one in enumerate(plain)
            )
            row = cursor.execute(
                f"{with_relation(relation, slice_, caller)} select {picked} from r", parameters
            ).fetchone()
            assert row is not None
            for i, one in enumerate(plain):
                number = None if row[f"v{i}"] is None else float(row[f"v{i}"])
                found[one.key] = Measured(one, number, {}, row[f"n{i}"])
        money = [one for one in figures if one.unit is Unit.MONEY or one.over]
        if money:
            picked = ", ".join(
                f"count(*) filter (where {condition(one, slice_)}) as n{i},"
                f" {_aggregate(one, condition(one, slice_))} as v{i}"
                for i, one in enumerate(money)
            )
            rows = cursor.execute(
                f"{with_relation(relation, slice_, caller)}"
                f" select r.currency, {picked} from r group by r.currency order by r.currency",
                parameters,
            ).fetchall()
            for i, one in enumerate(money):
                values = {row["currency"]: row[f"v{i}"] for row in rows if row["currency"] and row[f"v{i}"] is not None}
                sample = sum(row[f"n{i}"] for row in rows)
                found[one.key] = _of_money(one, values, sample)
    if "churn" in found:
        found["churn"] = _churn(cursor, found["churn"], slice_, caller, parameters)
    for key in _MARGINS & set(found):
        if not found[key].remark:
            found[key] = replace(found[key], remark=_covers(found["cost_coverage"].shares))
    return [found[key] for key in keys]


_MARGINS = frozenset({"margin", "margin_rate"})


def _aggregate(one: Figure, where: str) -> str:
    of = f"{one.value or 'sum(r.amount)'} filter (where {where})"
    return f"{of} / nullif({one.over} filter (where {where}), 0)" if one.over else of


def _of_money(one: Figure, values: Mapping[str, Any], sample: int) -> Measured:
    if not one.over:
        return Measured(one, None, {currency: round(value) for currency, value in values.items()}, sample)
    shares = {currency: float(value) for currency, value in values.items()}
    number = next(iter(shares.values())) if len(shares) == 1 else None
    return Measured(one, number, {}, sample, shares)


def _may_not(permission: str) -> Remark:
    return Remark(f"无权查看：需要权限 {permission}。", f"Not shown: it needs the permission {permission}.")


def _covers(shares: Mapping[str, float]) -> Remark:
    """Say how much of the revenue has a known cost, in whole percent, rounded down: 100 % means all of it."""
    if not shares:
        return Remark("期间内没有收入。", "There is no revenue in the period.")
    if not any(shares.values()):
        return Remark(
            "没有任何订单行的成本已知，因此不给出数值；请先设置产品成本。",
            "No order line has a known cost, so no value is given; say what the products cost.",
        )
    parts = [(floor(share * 100 + 1e-9), currency) for currency, share in sorted(shares.items())]
    return Remark(
        "覆盖" + "，".join(f"{currency} 收入的 {percent} %" for percent, currency in parts) + "。",
        "Covers " + ", ".join(f"{percent} % of the revenue in {currency}" for percent, currency in parts) + ".",
    )


def _churn(
    cursor: Cursor[DictRow],
    departures: Measured,
    slice_: Slice,
    caller: Caller,
    parameters: Mapping[str, Any],
) -> Measured:
    """Return departures over the customers there were when the period began."""
    started = customers_at(cursor, slice_, caller, parameters)
    lost = departures.number or 0.0
    return Measured(departures.figure, lost / started if started else None, {}, departures.sample)


def customers_at(cursor: Cursor[DictRow], slice_: Slice, caller: Caller, parameters: Mapping[str, Any]) -> int:
    """Return how many customers there were when the period began; 0 for a period without a beginning."""
    if slice_.from_on is None:
        return 0
    moves = presence(before(slice_.as_of, slice_.effective_until))
    row = cursor.execute(
        f"{with_relation('customer', slice_, caller)}"
        f" select coalesce(sum(w.change), 0) as present from ({moves}) w"
        " join r on r.record_id = w.customer_id where w.effective_at < %(starts_at)s",
        parameters,
    ).fetchone()
    assert row is not None
    return int(row["present"])


def records_behind(
    cursor: Cursor[DictRow],
    one: Figure,
    slice_: Slice,
    caller: Caller,
    now: datetime,
    limit: int,
    offset: int,
    stage_id: str = "",
) -> tuple[list[DictRow], int]:
    """Return records behind a figure, newest first, and how many there are in all."""
    if not one.relation or (one.permission and not caller.may(one.permission)):
        return [], 0
    at = one.listed_at or one.counted_at
    parameters = slice_.parameters(caller, now) | {
        "limit": limit,
        "offset": offset,
        "stage_id": stage_id,
    }
    where = condition(one, slice_)
    if one.share:
        where += f" and {one.share}"
    if stage_id:
        where += " and r.record_id in (select opportunity_id from stage_visits where stage_id = %(stage_id)s)"
    rows = cursor.execute(
        f"{with_relation(one.relation, slice_, caller)}"
        " select r.record_id, r.owner_id, r.customer_id, r.amount, r.currency, r.status, r.title,"
        f" {at} as counted_at, count(*) over () as total from r where {where}"
        " order by counted_at desc nulls last, r.record_id limit %(limit)s offset %(offset)s",
        parameters,
    ).fetchall()
    return rows, rows[0]["total"] if rows else 0
