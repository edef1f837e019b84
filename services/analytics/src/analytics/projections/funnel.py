"""The funnel: what became of opportunities stage by stage, and their totals by any dimension.

Entered counts opportunities that were ever in the stage. Each of them is exactly one of: converted (it went on
to a later stage, or was won), dropped off (lost without having gone further), still open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.deals import visits_as_of
from analytics.projections.slices import Slice, basis_column, in_period, with_relation
from kernel.auth import Caller

_OPEN_STAGE = 1
SPREAD = (
    "count({0}) as sample, coalesce(percentile_cont(0.5) within group (order by {0}), 0) as median,"
    " coalesce(avg({0}), 0) as mean, coalesce(percentile_cont(0.9) within group (order by {0}), 0) as p90"
)


class Dimension(IntEnum):
    """By what totals are split; the numbers are those of the contract."""

    NONE = 0
    PIPELINE = 1
    OWNER = 2
    TEAM = 3
    SOURCE = 4
    PRODUCT = 5
    INDUSTRY = 6
    REGION = 7
    CAMPAIGN = 8
    MONTH = 9


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations are spread, in days."""

    sample: int = 0
    median: float = 0.0
    mean: float = 0.0
    p90: float = 0.0

    @staticmethod
    def of(row: Mapping[str, Any]) -> Spread:
        return Spread(row["sample"], float(row["median"]), float(row["mean"]), float(row["p90"]))


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the funnel. entered = converted + dropped_off + still_open."""

    pipeline_id: str
    stage_id: str
    name: str
    position: int
    entered: int
    converted: int
    dropped_off: int
    still_open: int
    now_in_stage: int
    days: Spread
    open_amount: Mapping[str, int]


@dataclass(slots=True)
class Totals:
    """Sums over opportunities; money in minor units by currency."""

    won: int = 0
    lost: int = 0
    open: int = 0
    won_value: dict[str, int] = field(default_factory=dict)
    open_value: dict[str, int] = field(default_factory=dict)
    days_to_win: Spread = field(default_factory=Spread)

    @property
    def opportunities(self) -> int:
        return self.won + self.lost + self.open

    @property
    def win_rate(self) -> float:
        return ratio(self.won, self.won + self.lost)

    @property
    def conversion(self) -> float:
        return ratio(self.won, self.opportunities)


def ratio(part: float, whole: float) -> float:
    """Return part / whole, 0 when there is no whole."""
    return part / whole if whole else 0.0


def key_of(dimension: Dimension, slice_: Slice) -> tuple[str, str]:
    """SQL of a dimension's value as text, and what must be joined for it."""
    match dimension:
        case Dimension.PIPELINE:
            return "r.pipeline_id", ""
        case Dimension.OWNER:
            return "r.owner_id::text", ""
        case Dimension.TEAM:
            return "r.team_id::text", ""
        case Dimension.SOURCE:
            return "r.source_channel", ""
        case Dimension.PRODUCT:
            return "product_id::text", " left join unnest(r.product_ids) as product_id on true"
        case Dimension.INDUSTRY:
            return "r.industry_code", ""
        case Dimension.REGION:
            return "r.region_code", ""
        case Dimension.CAMPAIGN:
            return "r.campaign_id::text", ""
        case Dimension.MONTH:
            return f"to_char({basis_column(slice_)} at time zone %(zone)s, 'YYYY-MM')", ""
        case _:
            return "''", ""


def cohort(slice_: Slice) -> str:
    """SQL: the opportunity belongs to the slice's period by its basis."""
    return in_period(basis_column(slice_), slice_)


def totals(
    cursor: Cursor[DictRow], slice_: Slice, dimension: Dimension, caller: Caller, now: datetime
) -> dict[str, Totals]:
    """Return the totals of every value of the dimension; of all under "" for none."""
    key, join = key_of(dimension, slice_)
    parameters = slice_.parameters(caller, now)
    found: dict[str, Totals] = {}
    for row in cursor.execute(
        f"{with_relation('opportunity', slice_, caller)}"
        f" select coalesce({key}, '') as key, r.outcome, r.currency, count(*) as deals,"
        f" sum(r.amount) as amount from r{join} where {cohort(slice_)} group by 1, 2, 3",
        parameters,
    ).fetchall():
        one = found.setdefault(row["key"], Totals())
        value = None
        if row["outcome"] == 1:
            one.won += row["deals"]
            value = one.won_value
        elif row["outcome"] == 2:
            one.lost += row["deals"]
        else:
            one.open += row["deals"]
            value = one.open_value
        if value is not None and row["currency"] and row["amount"] is not None:
            value[row["currency"]] = value.get(row["currency"], 0) + int(row["amount"])
    spread = SPREAD.format("r.days_to_close")
    for row in cursor.execute(
        f"{with_relation('opportunity', slice_, caller, 'r.outcome = 1')}"
        f" select coalesce({key}, '') as key, {spread} from r{join} where {cohort(slice_)} group by 1",
        parameters,
    ).fetchall():
        found[row["key"]].days_to_win = Spread.of(row)
    return found


def stages(cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime) -> list[Stage]:
    """Return the funnel's rows, pipeline by pipeline, in the order of their stages."""
    parameters = slice_.parameters(caller, now)
    visits = visits_as_of(slice_.as_of, slice_.effective_until)
    chosen = f"{with_relation('opportunity', slice_, caller, cohort(slice_))},"
    rows = cursor.execute(
        f"{chosen}"
        " seen as (select distinct r.record_id, r.pipeline_id, r.outcome, r.stage_id as now_in, v.stage_id,"
        f" s.position from r join {visits} v on v.opportunity_id = r.record_id"
        " left join stages s on s.pipeline_id = r.pipeline_id and s.stage_id = v.stage_id),"
        " furthest as (select record_id, max(coalesce(position, 0)) as position from seen group by 1)"
        " select s.pipeline_id, s.stage_id, count(*) as entered,"
        " count(*) filter (where s.outcome = 1 or f.position > coalesce(s.position, 0)) as converted,"
        " count(*) filter (where s.outcome = 2 and f.position <= coalesce(s.position, 0)) as dropped_off,"
        " count(*) filter (where s.outcome = 0 and f.position <= coalesce(s.position, 0)) as still_open,"
        " count(*) filter (where s.outcome = 0 and s.now_in = s.stage_id) as now_in_stage"
        " from seen s join furthest f using (record_id) group by 1, 2",
        parameters,
    ).fetchall()
    spread = SPREAD.format("v.days")
    spreads = cursor.execute(
        f"{chosen} v as (select r.pipeline_id, v.stage_id,"
        " extract(epoch from v.left_at - v.entered_at)::float8 / 86400 as days"
        f" from r join {visits} v on v.opportunity_id = r.record_id where v.left_at is not null)"
        f" select v.pipeline_id, v.stage_id, {spread} from v group by 1, 2",
        parameters,
    ).fetchall()
    amounts = cursor.execute(
        f"{chosen[:-1]} select r.pipeline_id, r.stage_id, r.currency, sum(r.amount) as amount from r"
        " where r.outcome = 0 and r.currency is not null and r.amount is not null group by 1, 2, 3",
        parameters,
    ).fetchall()
    known = cursor.execute(
        "select pipeline_id, stage_id, name, position from stages where kind = %s"
        " and (pipeline_id, version) in (select pipeline_id, max(version) from stages group by 1)",
        (_OPEN_STAGE,),
    ).fetchall()
    return _assembled(rows, spreads, amounts, known)


def _assembled(
    rows: list[DictRow], spreads: list[DictRow], amounts: list[DictRow], known: list[DictRow]
) -> list[Stage]:
    def place(row: Mapping[str, Any]) -> tuple[str, str]:
        return row["pipeline_id"] or "", row["stage_id"] or ""

    counted = {place(row): row for row in rows}
    spread_of = {place(row): Spread.of(row) for row in spreads}
    open_in: dict[tuple[str, str], dict[str, int]] = {}
    for row in amounts:
        open_in.setdefault(place(row), {})[row["currency"]] = int(row["amount"])
    named = {place(row): row for row in known}
    pipelines = {pipeline for pipeline, _ in counted}
    places = {*counted, *(p for p in named if p[0] in pipelines)}
    found = []
    for at in places:
        row, definition = counted.get(at, {}), named.get(at, {})
        found.append(
            Stage(
                *at,
                definition.get("name", ""),
                definition.get("position", 0),
                row.get("entered", 0),
                row.get("converted", 0),
                row.get("dropped_off", 0),
                row.get("still_open", 0),
                row.get("now_in_stage", 0),
                spread_of.get(at, Spread()),
                open_in.get(at, {}),
            )
        )
    return sorted(found, key=lambda s: (s.pipeline_id, s.position, s.stage_id))


def labels(cursor: Cursor[DictRow], dimension: Dimension, keys: list[str]) -> dict[str, str]:
    """Return names of a dimension's values, where they belong to no natural person."""
    statement = {
        Dimension.PIPELINE: "select pipeline_id as key, max(pipeline_name) as name from stages"
        " where pipeline_id = any(%s) group by 1",
        Dimension.TEAM: "select team_id::text as key, name from teams where team_id::text = any(%s)",
        Dimension.PRODUCT: "select product_id as key, name from products where product_id = any(%s)",
        Dimension.CAMPAIGN: "select campaign_id::text as key, name from campaigns where campaign_id::text = any(%s)",
    }.get(dimension)
    if statement is None:
        return {}
    rows = cursor.execute(statement, (keys,)).fetchall()
    return {row["key"]: row["name"] or "" for row in rows}
