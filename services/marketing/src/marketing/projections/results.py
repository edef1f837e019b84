"""What marketing brought: attribution, campaign results and the ranking of channels.

Only questions: everything is computed from other views at the moment it is asked, so it is live.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.money import Money
from marketing.domain.attribution import AttributionModel, attribute, weights
from marketing.projections.touches import TOUCHES_OF_PEOPLE


class RevenueBasis(IntEnum):
    UNSPECIFIED = 0
    WON = 1
    ORDERED = 2
    PAID = 3


@dataclass(frozen=True, slots=True)
class DealTouch:
    """A touch before a deal was won."""

    touch_ref: UUID
    kind: str
    channel: str
    campaign_id: UUID | None
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class WonDeal:
    """A won deal: its revenue by currency, and the touches before it, oldest first."""

    opportunity_id: UUID
    won_at: datetime
    revenue: tuple[Money, ...]
    touches: tuple[DealTouch, ...]

    def shares(self, model: AttributionModel, revenue: Money) -> list[tuple[DealTouch, Money]]:
        """What the model gives each touch of one of the revenues."""
        return list(zip(self.touches, attribute(model, revenue, len(self.touches)), strict=True))


_WON = {
    RevenueBasis.ORDERED: (
        "select opportunity_id as id, currency_code, sum(net) as amount from orders"
        " where opportunity_id = any(%s) and confirmed and not cancelled group by 1, 2"
    ),
    RevenueBasis.PAID: (
        "select o.opportunity_id as id, p.currency_code, sum(p.amount) as amount from payments p"
        " join orders o on o.order_id = p.order_id where o.opportunity_id = any(%s) group by 1, 2"
    ),
}


def won_deals(
    cursor: Cursor[DictRow],
    basis: RevenueBasis,
    caller: Caller | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    opportunity_id: UUID | None = None,
) -> list[WonDeal]:
    """The deals won in the period, in the caller's scope, each with its revenue and touches."""
    scope, values = caller.scope_filter("d.owner_id") if caller else ("true", [])
    deals = cursor.execute(
        "select d.* from deals d where d.state = 'won'"
        f" and {scope} and (%s::uuid is null or d.opportunity_id = %s)"
        " and (%s::date is null or d.closed_at >= %s::date)"
        " and (%s::date is null or d.closed_at < %s::date + 1) order by d.closed_at, d.opportunity_id",
        (*values, opportunity_id, opportunity_id, from_on, from_on, to_on, to_on),
    ).fetchall()
    ids = [deal["opportunity_id"] for deal in deals]
    revenue = _revenue(cursor, basis, deals, ids)
    touches = _touches(cursor, deals, ids)
    return [
        WonDeal(
            deal["opportunity_id"],
            deal["closed_at"],
            revenue.get(deal["opportunity_id"], ()),
            touches.get(deal["opportunity_id"]) or _named_source(deal),
        )
        for deal in deals
    ]


def _revenue(
    cursor: Cursor[DictRow], basis: RevenueBasis, deals: Iterable[DictRow], ids: list[UUID]
) -> dict[UUID, tuple[Money, ...]]:
    if basis in _WON:
        found: dict[UUID, tuple[Money, ...]] = defaultdict(tuple)
        for row in cursor.execute(_WON[basis] + " order by 1, 2", (ids,)):
            found[row["id"]] += (Money(int(row["amount"]), row["currency_code"]),)
        return found
    return {
        deal["opportunity_id"]: (Money(deal["won_amount"], deal["currency_code"]),)
        for deal in deals
        if deal["currency_code"]
    }


def _touches(cursor: Cursor[DictRow], deals: Iterable[DictRow], ids: list[UUID]) -> dict[UUID, tuple[DealTouch, ...]]:
    won_at = {deal["opportunity_id"]: deal["closed_at"] for deal in deals}
    asked = "select opportunity_id as subject, customer_id, lead_id from deals where opportunity_id = any(%s)"
    rows = cursor.execute(
        TOUCHES_OF_PEOPLE.format(asked=asked)
        + "select distinct on (subject, touched_at, touch_ref) subject, touch_ref, kind, channel, campaign_id,"
        " touched_at from found order by subject, touched_at, touch_ref",
        (ids,),
    )
    found: dict[UUID, tuple[DealTouch, ...]] = defaultdict(tuple)
    for row in rows:
        if row["touched_at"] <= won_at[row["subject"]]:
            found[row["subject"]] += (
                DealTouch(row["touch_ref"], row["kind"], row["channel"], row["campaign_id"], row["touched_at"]),
            )
    return found


def _named_source(deal: DictRow) -> tuple[DealTouch, ...]:
    """Without any touch, a deal that was opened with a source has that one touch."""
    if not (deal["source_channel"] or deal["campaign_id"]):
        return ()
    return (
        DealTouch(
            deal["opportunity_id"],
            "source-named",
            deal["source_channel"],
            deal["campaign_id"],
            deal["opened_at"],
        ),
    )


# -- attribution ---------------------------------------------------------------


@dataclass
class Attributed:
    """Revenue and deals by key; None is what no touch explains."""

    revenue: dict[tuple[str | None, str], int]
    deals: dict[str | None, Fraction]
    total: dict[str, int]
    sourced: dict[str, int]
    influenced: dict[str, int]
    count: int


def attribution(deals: Sequence[WonDeal], model: AttributionModel, by_campaign: bool) -> Attributed:
    """Divide the revenue of the deals. A touch with no campaign is nobody's when asked by campaign.

    Sourced is revenue of deals that a touch came before the deal's first talk with sales: its first touch is
    marketing's. Influenced is revenue of deals with any touch of a campaign or channel at all.
    """
    out = Attributed(defaultdict(int), defaultdict(Fraction), defaultdict(int), defaultdict(int), defaultdict(int), 0)
    for deal in deals:
        out.count += 1
        keys = [_key(touch, by_campaign) for touch in deal.touches]
        for key, weight in zip(keys, weights(model, len(keys)), strict=True):
            out.deals[key] += weight
        if not keys:
            out.deals[None] += 1
        for revenue in deal.revenue:
            code = revenue.currency_code
            out.total[code] += revenue.minor_units
            if not keys:
                out.revenue[None, code] += revenue.minor_units
                continue
            out.influenced[code] += revenue.minor_units
            if deal.touches[0].kind not in _SALES_KINDS:
                out.sourced[code] += revenue.minor_units
            for key, (_, share) in zip(keys, deal.shares(model, revenue), strict=True):
                out.revenue[key, code] += share.minor_units
    return out


_SALES_KINDS = frozenset({"source-named", "called", "visited"})
"""First touches that are not marketing's doing."""


def _key(touch: DealTouch, by_campaign: bool) -> str | None:
    if by_campaign:
        return str(touch.campaign_id) if touch.campaign_id else None
    return touch.channel or None


# -- campaigns -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Leads and deals of one campaign."""

    leads: int = 0
    qualified: int = 0
    deals: int = 0
    won: int = 0
    submissions: int = 0
    won_amount: Mapping[str, int] | None = None


def counts_of_campaigns(cursor: Cursor[DictRow], ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """Leads captured for each campaign, and deals opened for it or from its leads."""
    asked = list(ids)
    found: dict[UUID, dict[str, Any]] = {it: {} for it in asked}
    for row in cursor.execute(
        "select campaign_id, count(*) as leads, count(*) filter (where qualified) as qualified"
        " from leads where campaign_id = any(%s) and not taken_back group by campaign_id",
        (asked,),
    ):
        found[row["campaign_id"]] |= {"leads": row["leads"], "qualified": row["qualified"]}
    for row in cursor.execute(
        "select campaign_id, count(*) as n from submissions where campaign_id = any(%s) group by campaign_id",
        (asked,),
    ):
        found[row["campaign_id"]]["submissions"] = row["n"]
    for row in cursor.execute(
        "select coalesce(d.campaign_id, l.campaign_id) as campaign_id, d.currency_code,"
        " count(*) filter (where d.state <> 'taken back') as deals,"
        " count(*) filter (where d.state = 'won') as won, sum(d.won_amount) as amount"
        " from deals d left join leads l on l.lead_id = d.lead_id"
        " where coalesce(d.campaign_id, l.campaign_id) = any(%s) group by 1, 2",
        (asked,),
    ):
        it = found[row["campaign_id"]]
        it["deals"] = it.get("deals", 0) + row["deals"]
        it["won"] = it.get("won", 0) + row["won"]
        if row["won"]:
            it.setdefault("won_amount", {})[row["currency_code"]] = int(row["amount"])
    return {campaign_id: Counts(**it) for campaign_id, it in found.items()}


def per_each(cost: Money, number: int) -> Money | None:
    """Cost by number, rounded half to even; None when there is nothing to divide by."""
    if not number:
        return None
    exact = Decimal(cost.minor_units) / Decimal(number)
    return Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), cost.currency_code)


def ratio(part: int, whole: int) -> str:
    """Part by whole with four places; empty when there is nothing to divide by."""
    if not whole:
        return ""
    return str((Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN))


# -- channels ------------------------------------------------------------------


@dataclass
class ChannelFigures:
    """One channel in one currency. Leads are counted once per channel, whatever the currency."""

    channel: str
    currency_code: str
    cost: int = 0
    leads: int = 0
    deals: int = 0
    won: int = 0
    won_amount: int = 0


def channels(cursor: Cursor[DictRow], caller: Caller, from_on: date | None, to_on: date | None) -> list[ChannelFigures]:
    """Cost, leads and deals of each channel in the period, of what the caller may see.

    A deal belongs to the channel it was opened with, else to its lead's, else to its campaign's.
    """
    campaign_scope, campaign_values = caller.scope_filter("c.owner_id")
    lead_scope, lead_values = caller.scope_filter("l.owner_id")
    deal_scope, deal_values = caller.scope_filter("d.owner_id")
    period = [from_on, from_on, to_on, to_on]
    figures: dict[tuple[str, str], ChannelFigures] = {}

    def at(channel: str, code: str) -> ChannelFigures:
        return figures.setdefault((channel, code), ChannelFigures(channel, code))

    for row in cursor.execute(
        "select c.channel, k.currency_code, sum(k.amount) as cost from campaign_costs k"
        f" join campaigns c on c.campaign_id = k.campaign_id where {campaign_scope}"
        " and (%s::date is null or k.booked_on >= %s) and (%s::date is null or k.booked_on <= %s)"
        " group by 1, 2",
        (*campaign_values, *period),
    ):
        at(row["channel"], row["currency_code"]).cost = int(row["cost"])
    for row in cursor.execute(
        "select coalesce(nullif(d.source_channel, ''), nullif(l.source_channel, ''), c.channel, '') as channel,"
        " d.currency_code, count(*) as deals, count(*) filter (where d.state = 'won') as won,"
        " sum(d.won_amount) as amount from deals d left join leads l on l.lead_id = d.lead_id"
        " left join campaigns c on c.campaign_id = d.campaign_id"
        f" where d.state <> 'taken back' and {deal_scope} and (%s::date is null or d.opened_at >= %s::date)"
        " and (%s::date is null or d.opened_at < %s::date + 1) group by 1, 2",
        (*deal_values, *period),
    ):
        if row["channel"]:
            it = at(row["channel"], row["currency_code"])
            it.deals, it.won, it.won_amount = row["deals"], row["won"], int(row["amount"])
    leads = {
        row["channel"]: row["leads"]
        for row in cursor.execute(
            "select l.source_channel as channel, count(*) as leads from leads l where not l.taken_back"
            f" and {lead_scope} and l.source_channel <> ''"
            " and (%s::date is null or l.captured_at >= %s::date)"
            " and (%s::date is null or l.captured_at < %s::date + 1) group by 1",
            (*lead_values, *period),
        )
    }
    return _with_leads(figures, leads)


def _with_leads(figures: dict[tuple[str, str], ChannelFigures], leads: Mapping[str, int]) -> list[ChannelFigures]:
    """Open deals have no currency yet: they count in the channel's money, or alone if it has none."""
    out: list[ChannelFigures] = []
    for channel in sorted({channel for channel, _ in figures} | leads.keys()):
        mine = [it for it in figures.values() if it.channel == channel and it.currency_code]
        without = figures.get((channel, ""))
        if not mine:
            mine = [without or ChannelFigures(channel, "")]
            without = None
        for it in sorted(mine, key=lambda it: it.currency_code):
            it.leads = leads.get(channel, 0)
            it.deals += without.deals if without else 0
            out.append(it)
    return out


class ChannelOrder(IntEnum):
    UNSPECIFIED = 0
    CONVERSION = 1
    COST_PER_LEAD = 2
    COST_PER_DEAL = 3
    WON_AMOUNT = 4


def ranked(found: Iterable[ChannelFigures], order: ChannelOrder) -> list[ChannelFigures]:
    """The channels, best first. One that cannot be compared comes last; ties go by name."""

    def key(it: ChannelFigures) -> tuple[bool, Fraction, str, str]:
        match order:
            case ChannelOrder.COST_PER_LEAD:
                known, worth = bool(it.leads and it.cost), Fraction(it.cost, it.leads or 1)
            case ChannelOrder.COST_PER_DEAL:
                known, worth = bool(it.won and it.cost), Fraction(it.cost, it.won or 1)
            case ChannelOrder.WON_AMOUNT:
                known, worth = bool(it.won), Fraction(-it.won_amount)
            case _:
                known, worth = bool(it.leads), -Fraction(it.won, it.leads or 1)
        return (not known, worth, it.channel, it.currency_code)

    return sorted(found, key=key)
