"""Which records a question covers, as SQL: relations of one shape, cut by slice and by the caller's scope.

Every relation has the columns record_id, owner_id, team_id, customer_id, pipeline_id, source_channel,
campaign_id, product_ids, industry_code, region_code, amount, currency, status, title, and times of its own.
Customers that were merged away are resolved to their survivor here, when asked, so an un-merge needs nothing.
A record that lacks a dimension (a lead has no product) does not belong to any slice of that dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from analytics.projections.campaigns import CAMPAIGNS
from analytics.projections.customers import (
    ABSORBED,
    ARCHIVED,
    CUSTOMERS,
    GONE,
    REGISTERED,
    RELEASED,
    RESTORED,
    STATUS,
)
from analytics.projections.deals import DEALS
from analytics.projections.facts import before
from analytics.projections.leads import LEADS
from analytics.projections.orders import ORDERS, PAID
from analytics.projections.tickets import TICKETS
from kernel.auth import Caller
from kernel.money import minor_per_major_sql

UTC_ZONE = ZoneInfo("UTC")


class Basis(IntEnum):
    """Which day of an opportunity must lie in the period."""

    OPENED = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class Slice:
    """Which records a question covers. Empty fields do not restrict; both days are inclusive."""

    pipeline_id: str = ""
    owner_id: UUID | None = None
    team_id: UUID | None = None
    source_channel: str = ""
    product_id: UUID | None = None
    industry_code: str = ""
    region_code: str = ""
    campaign_id: UUID | None = None
    from_on: date | None = None
    to_on: date | None = None
    basis: Basis = Basis.OPENED
    zone: ZoneInfo = UTC_ZONE
    as_of: datetime | None = None
    effective_until: datetime | None = None

    @property
    def starts_at(self) -> datetime | None:
        """The first moment of the period."""
        return None if self.from_on is None else datetime.combine(self.from_on, time(), self.zone)

    @property
    def ends_at(self) -> datetime | None:
        """The first moment after the period."""
        if self.to_on is None:
            return None
        return datetime.combine(self.to_on + timedelta(days=1), time(), self.zone)

    def at(self, now: datetime) -> datetime:
        """The moment at which "now" lies for this slice: an earlier one when it looks back."""
        return min(now, *(m for m in (self.as_of, self.effective_until) if m is not None), now)

    def without_period(self) -> Slice:
        return replace(self, from_on=None, to_on=None)

    def last_days(self, days: int, now: datetime) -> Slice:
        """The same with the last so many days as its period, unless it has one."""
        if self.from_on is not None or self.to_on is not None:
            return self
        today = self.at(now).astimezone(self.zone).date()
        return replace(self, from_on=today - timedelta(days=days - 1), to_on=today)

    def before_it(self) -> Slice:
        """The same with the period of equal length that ends where this one begins."""
        assert self.from_on is not None
        assert self.to_on is not None
        length = self.to_on - self.from_on
        end = self.from_on - timedelta(days=1)
        return replace(self, from_on=end - length, to_on=end)

    def parameters(self, caller: Caller, now: datetime) -> dict[str, Any]:
        """The values of every parameter that the SQL below may name."""
        _, scope = caller.scope_filter("r.owner_id")
        return {
            "pipeline_id": self.pipeline_id,
            "owner_id": self.owner_id,
            "team_id": self.team_id,
            "source_channel": self.source_channel,
            "product_id": self.product_id,
            "industry_code": self.industry_code,
            "region_code": self.region_code,
            "campaign_id": self.campaign_id,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "zone": self.zone.key,
            "known": self.as_of,
            "true": self.effective_until,
            "at": self.at(now),
            "scope": scope[0] if scope else None,
        }


_ALIASES = (
    "merged as (select customer_id as absorbed_id, absorbed_by as survivor_id from customers"
    " where absorbed_by is not null),"
    " aliases(absorbed_id, survivor_id, depth) as (select absorbed_id, survivor_id, 1 from merged"
    " union all select a.absorbed_id, m.survivor_id, a.depth + 1 from aliases a"
    " join merged m on m.absorbed_id = a.survivor_id where a.depth < 10),"
    " survivor as (select distinct on (absorbed_id) absorbed_id, survivor_id from aliases"
    " order by absorbed_id, depth desc)"
)
_TEAMS_BELOW = (
    "below(team_id, depth) as (select %(team_id)s::uuid, 1"
    " union all select t.team_id, b.depth + 1 from below b"
    " join teams t on t.parent_team_id = b.team_id where b.depth < 20)"
)


def _joins(customer: str, owner: str) -> str:
    return (
        f" left join survivor s on s.absorbed_id = {customer}"
        f" left join customers c on c.customer_id = coalesce(s.survivor_id, {customer})"
        f" left join members p on p.person_id = {owner}"
    )


def _customer(column: str) -> str:
    return f"coalesce(s.survivor_id, {column}) as customer_id"


def _minor(column: str) -> str:
    """SQL: an exact amount of an order, in major units there, in minor units here."""
    return f"{column} * {minor_per_major_sql('o.currency')}"


def _relation(name: str, slice_: Slice) -> str:
    known, true = slice_.as_of, slice_.effective_until
    seen = before(known, true)
    match name:
        case "opportunity":
            return (
                f"select d.opportunity_id as record_id, d.owner_id, p.team_id, {_customer('d.customer_id')},"
                " d.pipeline_id, coalesce(d.source_channel, l.source_channel) as source_channel,"
                " coalesce(d.campaign_id, l.campaign_id) as campaign_id, d.product_ids, c.industry_code,"
                " c.region_code, d.amount, d.currency,"
                " case d.outcome when 1 then 'won' when 2 then 'lost' else 'open' end as status, d.title,"
                " d.opened_at, d.recorded_at, d.closed_at, d.moved_at, d.outcome, d.stage_id, d.probability,"
                " d.expected_close_on, d.slips, d.slipped_days,"
                " extract(epoch from d.closed_at - d.opened_at)::float8 / 86400 as days_to_close"
                f" from {DEALS.as_of(known, true)} d"
                " left join leads l on l.lead_id = d.lead_id"
                f"{_joins('d.customer_id', 'd.owner_id')} where not d.removed"
            )
        case "lead":
            return (
                f"select l.lead_id as record_id, l.owner_id, p.team_id, {_customer('l.customer_id')},"
                " null::text as pipeline_id, l.source_channel, l.campaign_id,"
                " null::uuid[] as product_ids, coalesce(c.industry_code, l.industry_code) as industry_code,"
                " coalesce(c.region_code, l.region_code) as region_code, null::bigint as amount,"
                " null::text as currency, case when l.converted_at is not null then 'converted'"
                " when l.disqualified_at is not null then 'disqualified' else 'open' end as status,"
                " l.source_channel as title, l.captured_at, l.qualified_at, l.disqualified_at, l.converted_at,"
                " extract(epoch from l.converted_at - l.captured_at)::float8 / 86400 as days_to_convert"
                f" from {LEADS.as_of(known, true)} l"
                f"{_joins('l.customer_id', 'l.owner_id')} where not l.removed"
            )
        case "order":
            return _orders(
                f"coalesce({_minor('o.exact')}, o.amount) as amount, {_minor('o.cost')} as cost,"
                f" {_minor('o.costed')} as costed, o.currency, case when o.cancelled_at is not null"
                " then 'cancelled' when o.confirmed_at is not null then 'confirmed' else 'placed' end"
                " as status, o.number as title, o.placed_at, o.confirmed_at, o.cancelled_at",
                f"{ORDERS.as_of(known, true)} o",
            )
        case "payment":
            return _orders(
                "f.amount, f.currency, 'paid' as status, o.number as title, f.effective_at as paid_at",
                f"(select * from order_moves where kind = {PAID} and {seen}) f"
                f" join {ORDERS.as_of(known, true)} o on o.order_id = f.order_id",
            )
        case "customer":
            return _customers(
                f"{CUSTOMERS.as_of(known, true)} c", "null::timestamptz as left_at", "c.absorbed_by is null"
            )
        case "departure":
            return _customers(
                f"(select customer_id as gone_id, effective_at as left_at from ({presence(seen)}) w"
                f" where change = -1 and kind <> {ABSORBED}) g"
                " join customers c on c.customer_id = g.gone_id",
                "g.left_at",
                "c.absorbed_by is null",
            )
        case "ticket":
            return _tickets(
                "t.ticket_id as record_id, case when t.resolved_at is null then 'open' else 'resolved' end"
                " as status, t.category as title, t.opened_at, t.resolved_at, t.responded_at, t.breaches,"
                " t.resolutions, t.complaint, null::int as score, null::timestamptz as answered_at,"
                " extract(epoch from t.resolved_at - t.opened_at)::float8 / 86400 as days_to_resolve",
                f"{TICKETS.as_of(known, true)} t",
                "not t.removed",
            )
        case "answer":
            answered = seen.replace("effective_at", "answered_at")
            return _tickets(
                "t.ticket_id as record_id, 'answered' as status, null::text as title, t.score, t.answered_at",
                f"(select * from survey_answers where {answered}) t",
                "true",
            )
        case "submission":
            submitted = seen.replace("effective_at", "submitted_at")
            return (
                "select f.submission_id as record_id, f.owner_id, p.team_id, null::uuid as customer_id,"
                " null::text as pipeline_id, f.source_channel, f.campaign_id, null::uuid[] as product_ids,"
                " f.industry_code, f.region_code, null::bigint as amount, null::text as currency,"
                " 'sent' as status, f.source_channel as title, f.submitted_at"
                f" from (select * from submissions where {submitted}) f"
                " left join members p on p.person_id = f.owner_id"
            )
        case "campaign":
            return (
                "select k.campaign_id as record_id, k.owner_id, p.team_id, null::uuid as customer_id,"
                " null::text as pipeline_id, k.channel as source_channel, k.campaign_id,"
                " null::uuid[] as product_ids, null::text as industry_code, null::text as region_code,"
                " k.cost as amount, k.currency,"
                " case when k.ended_at is not null then 'ended' when k.launched_at is not null"
                " then 'running' else 'planned' end as status, k.name as title, k.launched_at, k.ended_at"
                f" from {CAMPAIGNS.as_of(known, true)} k"
                " left join members p on p.person_id = k.owner_id"
            )
        case _:
            raise LookupError(f"no relation {name}")


def _orders(columns: str, source: str) -> str:
    return (
        f"select o.order_id as record_id, o.owner_id, p.team_id, {_customer('o.customer_id')},"
        " d.pipeline_id, d.source_channel, d.campaign_id, o.product_ids, c.industry_code, c.region_code,"
        f" {columns} from {source} left join deals d on d.opportunity_id = o.opportunity_id"
        f"{_joins('o.customer_id', 'o.owner_id')}"
    )


def _customers(source: str, columns: str, condition: str) -> str:
    return (
        "select c.customer_id as record_id, c.owner_id, p.team_id, c.customer_id, null::text as pipeline_id,"
        " c.source as source_channel, null::uuid as campaign_id, null::uuid[] as product_ids,"
        " c.industry_code, c.region_code, null::bigint as amount, null::text as currency,"
        f" case when c.archived or c.status in {GONE} then 'gone' else 'present' end as status,"
        f" null::text as title, c.registered_at, {columns} from {source}"
        f" left join members p on p.person_id = c.owner_id where {condition}"
    )


def _tickets(columns: str, source: str, condition: str) -> str:
    return (
        f"select t.assignee_id as owner_id, p.team_id, {_customer('t.customer_id')},"
        " null::text as pipeline_id, null::text as source_channel, null::uuid as campaign_id,"
        " null::uuid[] as product_ids, c.industry_code, c.region_code, null::bigint as amount,"
        f" null::text as currency, {columns} from {source}{_joins('t.customer_id', 't.assignee_id')}"
        f" where {condition}"
    )


def presence(condition: str) -> str:
    """SQL: customers' comings (+1) and goings (-1), each counted once however often it is said."""
    here = (
        f"case when kind in ({REGISTERED}, {RESTORED}, {RELEASED}) then 1"
        f" when kind in ({ARCHIVED}, {ABSORBED}) then 0"
        f" when kind = {STATUS} then case when status in {GONE} then 0 else 1 end end"
    )
    return (
        "select customer_id, effective_at, kind, here - lag(here, 1, 0) over"
        " (partition by customer_id order by version) as change"
        f" from (select *, {here} as here from customer_moves where {condition}) m where here is not null"
    )


def with_relation(name: str, slice_: Slice, caller: Caller, extra: str = "true") -> str:
    """SQL: `with … r as (…)`, the records of a relation that the slice and the caller's scope leave."""
    scope, _ = caller.scope_filter("r.owner_id")
    conditions = [scope.replace("%s", "%(scope)s"), extra]
    if slice_.pipeline_id:
        conditions.append("r.pipeline_id = %(pipeline_id)s")
    if slice_.owner_id:
        conditions.append("r.owner_id = %(owner_id)s")
    if slice_.team_id:
        conditions.append("r.team_id in (select team_id from below)")
    if slice_.source_channel:
        conditions.append("r.source_channel = %(source_channel)s")
    if slice_.product_id:
        conditions.append("%(product_id)s = any(r.product_ids)")
    if slice_.industry_code:
        conditions.append("r.industry_code = %(industry_code)s")
    if slice_.region_code:
        conditions.append("r.region_code = %(region_code)s")
    if slice_.campaign_id:
        conditions.append("r.campaign_id = %(campaign_id)s")
    return (
        f"with recursive {_ALIASES}, {_TEAMS_BELOW},"
        f" r as (select r.* from ({_relation(name, slice_)}) r where {' and '.join(conditions)})"
    )


def in_period(column: str, slice_: Slice) -> str:
    """SQL: a time lies in the slice's period."""
    conditions = ["true"]
    if slice_.from_on is not None:
        conditions.append(f"{column} >= %(starts_at)s")
    if slice_.to_on is not None:
        conditions.append(f"{column} < %(ends_at)s")
    return " and ".join(conditions)


def basis_column(slice_: Slice) -> str:
    """The time of an opportunity that must lie in the period."""
    return "r.closed_at" if slice_.basis is Basis.CLOSED else "r.opened_at"
