"""The history that the forecast learns from: every move of every opportunity of a slice, in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.forecasting.calendar import day_of, day_of_date
from analytics.forecasting.history import History, Kind, Move
from analytics.projections.facts import before
from analytics.projections.slices import Slice, with_relation
from kernel.auth import Caller

_RECENT = "(r.outcome = 0 or r.closed_at > %(at)s - interval '40 months')"
"""What was decided longer ago teaches nothing: rates are learnt from three years."""

_KINDS = {int(kind): kind for kind in Kind}


class Past(NamedTuple):
    """What had happened, and how much of it was written down more than a day after it was true."""

    history: History
    recorded_late: float


def past(cursor: Cursor[DictRow], slice_: Slice, caller: Caller, now: datetime) -> Past:
    """Load a slice's history: all that was known at `as_of`, whenever it was true."""
    whole = slice_.without_period()
    moves = before(whole.as_of, None)
    rows = cursor.execute(
        f"{with_relation('opportunity', whole, caller, _RECENT)}"
        " select m.opportunity_id, m.kind, m.effective_at, m.recorded_at, m.stage_id, r.pipeline_id,"
        " m.amount, m.currency, m.probability, m.expected_close_on"
        f" from (select * from deal_moves where {moves}) m join r on r.record_id = m.opportunity_id"
        " order by m.opportunity_id, m.version",
        whole.parameters(caller, now),
    ).fetchall()
    late = sum((row["recorded_at"] - row["effective_at"]).total_seconds() > 86_400 for row in rows)
    return Past(History.of(_moves(rows, slice_)), late / len(rows) if rows else 0.0)


def _moves(rows: list[DictRow], slice_: Slice) -> Iterator[Move]:
    zone = slice_.zone
    for row in rows:
        expected = row["expected_close_on"]
        probability = row["probability"]
        yield Move(
            row["opportunity_id"],
            _KINDS[row["kind"]],
            day_of(row["effective_at"], zone),
            (row["pipeline_id"], row["stage_id"]) if row["stage_id"] else None,
            row["amount"],
            row["currency"] or "",
            None if probability is None else probability / 100,
            None if expected is None else day_of_date(expected),
        )
