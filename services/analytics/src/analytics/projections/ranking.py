"""Who achieved what in a period: people or teams, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.slices import Slice, in_period, with_relation
from kernel.auth import Caller

ORDERS_BY = ("won_value", "won", "revenue", "win_rate", "leads_converted", "opened")


@dataclass(slots=True)
class Performer:
    """What one person or team achieved; money in minor units by currency."""

    id: str
    rank: int = 0
    won: int = 0
    lost: int = 0
    won_value: dict[str, int] = field(default_factory=dict)
    revenue: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    leads_converted: int = 0
    median_days_to_win: float | None = None

    @property
    def win_rate(self) -> float:
        closed = self.won + self.lost
        return self.won / closed if closed else 0.0


def ranking(
    cursor: Cursor[DictRow],
    slice_: Slice,
    by_team: bool,
    figure: str,
    currency: str,
    caller: Caller,
    now: datetime,
) -> list[Performer]:
    """Return performers, best first; equal values share a rank. Money is compared in one currency."""
    key = f"coalesce(r.{'team_id' if by_team else 'owner_id'}::text, '')"
    parameters = slice_.parameters(caller, now)
    found: dict[str, Performer] = {}

    def performer(row: DictRow) -> Performer:
        return found.setdefault(row["key"], Performer(row["key"]))

    closed = f"r.outcome <> 0 and {in_period('r.closed_at', slice_)}"
    for row in cursor.execute(
        f"{with_relation('opportunity', slice_, caller, closed)}"
        f" select {key} as key, r.currency, count(*) filter (where r.outcome = 1) as won,"
        " count(*) filter (where r.outcome = 2) as lost,"
        " sum(r.amount) filter (where r.outcome = 1) as amount from r group by 1, 2",
        parameters,
    ).fetchall():
        one = performer(row)
        one.won += row["won"]
        one.lost += row["lost"]
        if row["currency"] and row["amount"] is not None:
            one.won_value[row["currency"]] = int(row["amount"])
    for row in cursor.execute(
        f"{with_relation('opportunity', slice_, caller, closed + ' and r.outcome = 1')}"
        f" select {key} as key, percentile_cont(0.5) within group (order by r.days_to_close) as days"
        " from r group by 1",
        parameters,
    ).fetchall():
        performer(row).median_days_to_win = float(row["days"])
    for row in cursor.execute(
        f"{with_relation('opportunity', slice_, caller, in_period('r.opened_at', slice_))}"
        f" select {key} as key, count(*) as opened from r group by 1",
        parameters,
    ).fetchall():
        performer(row).opened = row["opened"]
    sold = f"r.confirmed_at is not null and r.cancelled_at is null and {in_period('r.confirmed_at', slice_)}"
    for row in cursor.execute(
        f"{with_relation('order', slice_, caller, sold)}"
        f" select {key} as key, r.currency, round(sum(r.amount)) as amount from r group by 1, 2",
        parameters,
    ).fetchall():
        if row["currency"]:
            performer(row).revenue[row["currency"]] = int(row["amount"])
    converted = f"r.converted_at is not null and {in_period('r.converted_at', slice_)}"
    for row in cursor.execute(
        f"{with_relation('lead', slice_, caller, converted)}"
        f" select {key} as key, count(*) as converted from r group by 1",
        parameters,
    ).fetchall():
        performer(row).leads_converted = row["converted"]
    return ranked(list(found.values()), figure, currency)


def ranked(performers: list[Performer], figure: str, currency: str) -> list[Performer]:
    """Put performers in order and give them ranks: 1, 2, 2, 4."""
    chosen = currency or _largest(performers, figure)

    def value(one: Performer) -> float:
        match figure:
            case "won_value":
                return one.won_value.get(chosen, 0)
            case "revenue":
                return one.revenue.get(chosen, 0)
            case "won":
                return one.won
            case "win_rate":
                return one.win_rate
            case "leads_converted":
                return one.leads_converted
            case _:
                return one.opened

    ordered = sorted(performers, key=lambda one: (-value(one), one.id))
    for place, one in enumerate(ordered, 1):
        tied = place > 1 and value(ordered[place - 2]) == value(one)
        one.rank = ordered[place - 2].rank if tied else place
    return ordered


def _largest(performers: list[Performer], figure: str) -> str:
    sums: dict[str, int] = {}
    for one in performers:
        for currency, amount in (one.revenue if figure == "revenue" else one.won_value).items():
            sums[currency] = sums.get(currency, 0) + amount
    return max(sums, key=lambda c: (sums[c], c)) if sums else ""
