"""Set an event aside that cannot be handled, with every later one of its stream, and try them again.

Parked events wait in the consumer's own database, in order, until kernel.retrying tries them again.
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
        "select distinct stream_id from parked where consumer = %s and stream_id = any(%s)",
        (consumer, list(streams)),
        prepare=True,
    )
    return {row["stream_id"] for row in rows}


def list_parked(cursor: Cursor[DictRow], consumer: str = "", limit: int = 100) -> list[ParkedEvent]:
    """Return parked events, stream by stream, in the order in which they will be retried."""
    rows = cursor.execute(
        "select consumer, context, stream_id, version, position, type, reason, attempts, parked_at"
        " from parked where %s in ('', consumer)"
        " order by consumer, context, stream_id, position limit %s",
        (consumer, limit),
    )
    return [
        ParkedEvent(
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
        for row in rows
    ]


def next_parked(cursor: Cursor[DictRow], consumer: str, context: str, stream: UUID) -> Delivered | None:
    """Return the parked event of a stream that comes first."""
    row = cursor.execute(
        "select body from parked where consumer = %s and context = %s and stream_id = %s order by position limit 1",
        (consumer, context, stream),
    ).fetchone()
    return Delivered.of(RecordedEvent.FromString(row["body"])) if row else None


def unpark(cursor: Cursor[DictRow], consumer: str, event: Delivered) -> None:
    """Forget that an event was parked."""
    cursor.execute(
        "delete from parked where consumer = %s and context = %s and position = %s",
        (consumer, event.context, event.position),
    )


def reason_of(error: BaseException) -> str:
    """Name an error and its place; never its message, which may quote what a person typed."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/src/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{place}"
