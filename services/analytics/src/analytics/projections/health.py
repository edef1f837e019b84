"""Whether the open pipeline is healthy: how old it is, and where it stays longer than it should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.slices import Slice, with_relation
from kernel.auth import Caller

BANDS = (0, 15, 31, 61, 91, 181)
"""First day of each age band; the last one has no end."""


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Open opportunities that last moved so many days ago."""

    from_days: int
    to_days: int
    opportunities: int
    amount: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StageHealth:
    """Open opportunities of one stage."""

    pipeline_id: str
    stage_id: str
    name: str
    opportunities: int
    amount: Mapping[str, int]
    norm_days: int
    over_norm: int
    median_days: float


_DAYS = "extract(epoch from %(at)s - r.moved_at)::float8 / 86400"


def ageing(cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime) -> list[AgeBand]:
    """Return every age band, empty ones too."""
    rows = cursor.execute(
        f"{with_relation('opportunity', slice_, caller, 'r.outcome = 0')}"
        f" select greatest(width_bucket({_DAYS}, %(bands)s::float8[]), 1) as band, r.currency,"
        " count(*) as deals, sum(r.amount) as amount from r group by 1, 2",
        slice_.parameters(caller, now) | {"bands": [float(day) for day in BANDS]},
    ).fetchall()
    found = []
    for place, first in enumerate(BANDS, 1):
        mine = [row for row in rows if row["band"] == place]
        found.append(
            AgeBand(
                first,
                BANDS[place] if place < len(BANDS) else 0,
                sum(row["deals"] for row in mine),
                _amounts(mine),
            )
        )
    return found


def stages(cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime) -> list[StageHealth]:
    """Return the stages that hold open opportunities, in the order of their pipelines."""
    parameters = slice_.parameters(caller, now)
    chosen = with_relation("opportunity", slice_, caller, "r.outcome = 0")
    rows = cursor.execute(
        f"{chosen} select r.pipeline_id, r.stage_id, coalesce(s.name, '') as name, count(*) as deals,"
        " coalesce(s.norm_days, 0) as norm_days, coalesce(s.position, 0) as position,"
        f" count(*) filter (where s.norm_days > 0 and {_DAYS} > s.norm_days) as over_norm,"
        f" percentile_cont(0.5) within group (order by {_DAYS}) as median"
        " from r left join stages s on s.pipeline_id = r.pipeline_id and s.stage_id = r.stage_id"
        " group by 1, 2, 3, 5, 6 order by 1, 6, 2",
        parameters,
    ).fetchall()
    amounts = cursor.execute(
        f"{chosen} select r.pipeline_id, r.stage_id, r.currency, sum(r.amount) as amount from r group by 1, 2, 3",
        parameters,
    ).fetchall()
    return [
        StageHealth(
            row["pipeline_id"] or "",
            row["stage_id"] or "",
            row["name"],
            row["deals"],
            _amounts(
                [a for a in amounts if (a["pipeline_id"], a["stage_id"]) == (row["pipeline_id"], row["stage_id"])]
            ),
            row["norm_days"],
            row["over_norm"],
            float(row["median"]),
        )
        for row in rows
    ]


def _amounts(rows: list[DictRow]) -> dict[str, int]:
    return {row["currency"]: int(row["amount"]) for row in rows if row["currency"] and row["amount"] is not None}
