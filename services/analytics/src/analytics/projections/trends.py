"""Curves over time: sales, customers, and the conversion of opportunities and leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.customers import ABSORBED, REGISTERED
from analytics.projections.facts import before
from analytics.projections.figures import customers_at
from analytics.projections.funnel import SPREAD, Dimension, Spread, cohort, key_of
from analytics.projections.slices import (
    Basis,
    Slice,
    basis_column,
    in_period,
    presence,
    with_relation,
)
from kernel.auth import Caller
from kernel.errors import InvalidArgument

MOST_POINTS = 2000


class Interval(IntEnum):
    """How wide a point is; the numbers are those of the contract."""

    DAY = 1
    WEEK = 2
    MONTH = 3
    QUARTER = 4
    YEAR = 5


@dataclass(slots=True)
class SalesPoint:
    """Sales of one interval; money in minor units by currency."""

    starts_on: date
    won: int = 0
    won_value: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    revenue: dict[str, int] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=dict)
    opened: int = 0


@dataclass(slots=True)
class GrowthPoint:
    """Customers of one interval."""

    starts_on: date
    gained: int = 0
    lost: int = 0
    total: int = 0
    churn: float = 0.0


@dataclass(frozen=True, slots=True)
class ConversionPoint:
    """Conversion of one month or of one source channel."""

    key: str
    started: int
    converted: int
    lost: int
    median_days: float | None

    @property
    def conversion(self) -> float:
        return self.converted / self.started if self.started else 0.0


def starts(interval: Interval, first: date, last: date) -> Iterator[date]:
    """Yield the first day of every interval from the one that holds `first` to the one that holds `last`."""
    at = start_of(interval, first)
    for _ in range(MOST_POINTS):
        if at > last:
            return
        yield at
        at = next_after(interval, at)
    raise InvalidArgument("interval", f"would give more than {MOST_POINTS} points: choose a wider one")


def start_of(interval: Interval, on: date) -> date:
    """Return the first day of the interval that a day lies in."""
    match interval:
        case Interval.DAY:
            return on
        case Interval.WEEK:
            return on - timedelta(days=on.weekday())
        case Interval.MONTH:
            return on.replace(day=1)
        case Interval.QUARTER:
            return date(on.year, (on.month - 1) // 3 * 3 + 1, 1)
        case Interval.YEAR:
            return date(on.year, 1, 1)


def next_after(interval: Interval, start: date) -> date:
    """Return the first day of the interval after the one that begins on a day."""
    match interval:
        case Interval.DAY:
            return start + timedelta(days=1)
        case Interval.WEEK:
            return start + timedelta(days=7)
        case Interval.MONTH:
            return (start + timedelta(days=32)).replace(day=1)
        case Interval.QUARTER:
            return (start + timedelta(days=93)).replace(day=1)
        case Interval.YEAR:
            return date(start.year + 1, 1, 1)


def _bucket(column: str, interval: Interval) -> str:
    return f"date_trunc('{interval.name.lower()}', {column} at time zone %(zone)s)::date"


def sales(
    cursor: Cursor[DictRow], slice_: Slice, interval: Interval, caller: Caller, now: datetime
) -> list[SalesPoint]:
    """Return won deals, confirmed orders, payments and opened deals by interval, without gaps."""
    parameters = slice_.parameters(caller, now)

    def by_interval(relation: str, column: str, where: str) -> list[DictRow]:
        return cursor.execute(
            f"{with_relation(relation, slice_, caller, f'({where}) and {in_period(column, slice_)}')}"
            f" select {_bucket(column, interval)} as starts_on, r.currency, count(*) as records,"
            " round(sum(r.amount)) as amount from r group by 1, 2",
            parameters,
        ).fetchall()

    won = by_interval("opportunity", "r.closed_at", "r.outcome = 1")
    opened = by_interval("opportunity", "r.opened_at", "true")
    orders = by_interval("order", "r.confirmed_at", "r.confirmed_at is not null and r.cancelled_at is null")
    paid = by_interval("payment", "r.paid_at", "true")
    days = [row["starts_on"] for row in [*won, *opened, *orders, *paid]]
    found = {start: SalesPoint(start) for start in _span(days, interval, slice_)}
    for row in won:
        found[row["starts_on"]].won += row["records"]
        _add(found[row["starts_on"]].won_value, row)
    for row in opened:
        found[row["starts_on"]].opened += row["records"]
    for row in orders:
        found[row["starts_on"]].orders += row["records"]
        _add(found[row["starts_on"]].revenue, row)
    for row in paid:
        _add(found[row["starts_on"]].paid, row)
    return list(found.values())


def _add(sums: dict[str, int], row: DictRow) -> None:
    if row["currency"] and row["amount"] is not None:
        sums[row["currency"]] = sums.get(row["currency"], 0) + int(row["amount"])


def _span(days: list[date], interval: Interval, slice_: Slice) -> Iterator[date]:
    """Yield intervals from the period's or the data's first to its last."""
    if not days:
        return iter(())
    first = start_of(interval, slice_.from_on) if slice_.from_on else min(days)
    return starts(interval, min(first, *days), max(days))


def growth(
    cursor: Cursor[DictRow], slice_: Slice, interval: Interval, caller: Caller, now: datetime
) -> list[GrowthPoint]:
    """Return customers gained and lost by interval, and how many there were at its end."""
    parameters = slice_.parameters(caller, now)
    moves = presence(before(slice_.as_of, slice_.effective_until))
    rows = cursor.execute(
        f"{with_relation('customer', slice_, caller)}"
        f" select {_bucket('w.effective_at', interval)} as starts_on,"
        f" count(*) filter (where w.change = 1 and w.kind = {REGISTERED}) as gained,"
        f" count(*) filter (where w.change = -1 and w.kind <> {ABSORBED}) as lost,"
        f" coalesce(sum(w.change), 0) as net from ({moves}) w join r on r.record_id = w.customer_id"
        f" where w.change <> 0 and {in_period('w.effective_at', slice_)} group by 1 order by 1",
        parameters,
    ).fetchall()
    by_start = {row["starts_on"]: row for row in rows}
    total = customers_at(cursor, slice_, caller, parameters)
    found = []
    for start in _span(list(by_start), interval, slice_):
        row: Any = by_start.get(start, {"gained": 0, "lost": 0, "net": 0})
        churn = row["lost"] / total if total else 0.0
        total += int(row["net"])
        found.append(GrowthPoint(start, row["gained"], row["lost"], total, churn))
    return found


def opportunity_conversion(
    cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime
) -> list[ConversionPoint]:
    """Return by month how many opportunities there were, how many were won and how many lost."""
    month, _ = key_of(Dimension.MONTH, slice_)
    rows = cursor.execute(
        f"{with_relation('opportunity', slice_, caller, cohort(slice_))}"
        f" select {month} as key, count(*) as started, count(*) filter (where r.outcome = 1) as converted,"
        " count(*) filter (where r.outcome = 2) as lost, percentile_cont(0.5) within group"
        " (order by r.days_to_close) filter (where r.outcome = 1) as median"
        f" from r where {basis_column(slice_)} is not null group by 1 order by 1",
        slice_.parameters(caller, now),
    ).fetchall()
    return [_point(row) for row in rows]


def lead_conversion(
    cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime, by_source: bool = False
) -> list[ConversionPoint]:
    """Return by month, or by source channel, how many leads there were and how many were converted."""
    column = "r.converted_at" if slice_.basis is Basis.CLOSED else "r.captured_at"
    key = "coalesce(r.source_channel, '')" if by_source else f"to_char({column} at time zone %(zone)s, 'YYYY-MM')"
    order = "2 desc, 1" if by_source else "1"
    rows = cursor.execute(
        f"{with_relation('lead', slice_, caller, in_period(column, slice_))}"
        f" select {key} as key, count(*) as started,"
        " count(*) filter (where r.converted_at is not null) as converted,"
        " count(*) filter (where r.status = 'disqualified') as lost, percentile_cont(0.5) within group"
        " (order by r.days_to_convert) filter (where r.converted_at is not null) as median"
        f" from r where {column} is not null group by 1 order by {order}",
        slice_.parameters(caller, now),
    ).fetchall()
    return [_point(row) for row in rows]


def _point(row: DictRow) -> ConversionPoint:
    median = None if row["median"] is None else float(row["median"])
    return ConversionPoint(row["key"], row["started"], row["converted"], row["lost"], median)


def win_cycles(
    cursor: Cursor[DictRow], slice_: Slice, dimension: Dimension, caller: Caller, now: datetime
) -> dict[str, Spread]:
    """Return days from opening to winning by the dimension's values, most wins first; all under "" for none."""
    key, join = key_of(dimension, slice_)
    won = f"r.outcome = 1 and {in_period('r.closed_at', slice_)}"
    spread = SPREAD.format("r.days_to_close")
    rows = cursor.execute(
        f"{with_relation('opportunity', slice_, caller, won)}"
        f" select coalesce({key}, '') as key, {spread} from r{join} group by 1"
        " order by count(*) desc, 1",
        slice_.parameters(caller, now),
    ).fetchall()
    return {row["key"]: Spread.of(row) for row in rows}
