"""Set an event aside that cannot be handled, with every later one of its stream, and try them again.

Parked events wait in the consumer's own database, in order, until kernel.retrying tries them again, or until an
administrator sets one aside for good: it then stays where it is, and nothing waits for it any more.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.delivered import Delivered

FOLLOWS = "follows a parked event of its stream"
UNHEARD = "is of a type that the code which met it did not know"


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """One event that waits, as an operator sees it."""

    consumer: str
    context: str
    stream: UUID
    version: int
    position: int
    type: str
    reason: str
    attempts: int
    parked_at: datetime


def park(
    cursor: Cursor[DictRow],
    consumer: str,
    events: Sequence[Delivered],
    reason: str,
    attempts: int,
) -> None:
    """Write events down as parked. Parking an event again changes nothing."""
    cursor.executemany(
        "insert into parked (consumer, context, stream_id, position, version, type, body, reason, attempts)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            (
                consumer,
                event.context,
                event.stream,
                event.position,
                event.version,
                event.type,
                event.record().SerializeToString(),
                reason,
                attempts,
            )
            for event in events
        ],
    )


def parked_streams(cursor: Cursor[DictRow], consumer: str, streams: Collection[UUID]) -> set[UUID]:
    """Return those of the streams that have parked events."""
    rows = cursor.execute(
        "select distinct stream_id from parked where consumer = %s and stream_id = any(%s) and set_aside_at is null",
        (consumer, list(streams)),
        prepare=True,
    )
    return {row["stream_id"] for row in rows}


def list_parked(cursor: Cursor[DictRow], consumer: str = "", limit: int = 100) -> list[ParkedEvent]:
    """Return events that wait, stream by stream, in the order in which they will be retried."""
    rows = cursor.execute(
        "select consumer, context, stream_id, version, position, type, reason, attempts, parked_at"
        " from parked where %s in ('', consumer) and set_aside_at is null"
        " order by consumer, context, stream_id, position limit %s",
        (consumer, limit),
    )
    return [_event(row) for row in rows]


def list_streams(
    cursor: Cursor[DictRow], limit: int, consumer: str = "", stream: UUID | None = None
) -> list[tuple[ParkedEvent, int]]:
    """Return the first waiting event of each stream, or of one, and how many wait there; the oldest first."""
    rows = cursor.execute(
        "select * from (select distinct on (consumer, context, stream_id)"
        " consumer, context, stream_id, version, position, type, reason, attempts, parked_at,"
        " count(*) over (partition by consumer, context, stream_id) as events"
        " from parked where %(consumer)s in ('', consumer) and coalesce(stream_id = %(stream)s, true)"
        " and set_aside_at is null order by consumer, context, stream_id, position) as firsts"
        " order by parked_at, consumer, context, stream_id limit %(limit)s",
        {"consumer": consumer, "stream": stream, "limit": limit},
    )
    return [(_event(row), row["events"]) for row in rows]


def _event(row: DictRow) -> ParkedEvent:
    return ParkedEvent(
        row["consumer"],
        row["context"],
        row["stream_id"],
        row["version"],
        row["position"],
        row["type"],
        row["reason"],
        row["attempts"],
        row["parked_at"],
    )


def next_parked(cursor: Cursor[DictRow], consumer: str, context: str, stream: UUID) -> Delivered | None:
    """Return the parked event of a stream that comes first."""
    row = cursor.execute(
        "select body from parked where consumer = %s and context = %s and stream_id = %s and set_aside_at is null"
        " order by position limit 1",
        (consumer, context, stream),
    ).fetchone()
    return Delivered.of(RecordedEvent.FromString(row["body"])) if row else None


def unpark(cursor: Cursor[DictRow], consumer: str, event: Delivered) -> None:
    """Forget that an event was parked."""
    cursor.execute(
        "delete from parked where consumer = %s and context = %s and position = %s",
        (consumer, event.context, event.position),
    )


def set_aside(cursor: Cursor[DictRow], event: ParkedEvent, at: datetime) -> int | None:
    """Let an event wait no longer; return how many of its stream still do. None when it is not the first (any more).

    Whoever calls holds the slot (kernel.retrying.hold_slot).
    """
    cursor.execute(
        "update parked p set set_aside_at = %s where consumer = %s and context = %s and position = %s"
        " and set_aside_at is null and not exists (select from parked earlier where earlier.consumer = p.consumer"
        " and earlier.context = p.context and earlier.stream_id = p.stream_id"
        " and earlier.position < p.position and earlier.set_aside_at is null)",
        (at, event.consumer, event.context, event.position),
    )
    if cursor.rowcount == 0:
        return None
    row = cursor.execute(
        "select count(*) as events from parked"
        " where consumer = %s and context = %s and stream_id = %s and set_aside_at is null",
        (event.consumer, event.context, event.stream),
    ).fetchone()
    return int(row["events"]) if row else 0


def reason_of(error: BaseException) -> str:
    """Name an error and its place; never its message, which may quote what a person typed."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/src/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{place}"
