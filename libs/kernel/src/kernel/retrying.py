"""Try parked events again, stream by stream and in order. What fails stays, with all that follows it.

The slot's tracking row is held meanwhile, as the live consumer holds it: an event that arrives now
waits until it is known whether its stream still has parked ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row

from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.consumers import Consumer, Work
from kernel.delivered import Delivered
from kernel.errors import LostRace, Unavailable
from kernel.parking import FOLLOWS, UNHEARD, next_parked, park, parked_streams, reason_of, unpark
from kernel.slots import slot_of
from kernel.unheard import known_now

log = logging.getLogger(__name__)

_MOST_LATE = 500

_Stream = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of one stream: how many events took effect, and why the next one did not."""

    consumer: str
    context: str
    stream: UUID
    handled: int
    failure: str = ""


def retry_parked(
    consumers: Sequence[Consumer],
    database_url: str,
    stream: UUID | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> Iterator[Retried]:
    """Retry what is parked for these consumers, of one stream or of all; tell stream by stream.

    `is_late` is asked before every event; what is left when it is late stays as it is.
    Raises psycopg.OperationalError if the database is away: nothing is then half done.
    """
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        for consumer in consumers:
            for context, parked in _streams(connection, consumer, stream):
                if is_late():
                    return
                yield _retry_stream(connection, consumer, context, parked, is_late)


def _streams(connection: Connection[DictRow], consumer: Consumer, stream: UUID | None) -> list[_Stream]:
    rows = connection.execute(
        "select context, stream_id from parked"
        " where consumer = %s and coalesce(stream_id = %s, true) and set_aside_at is null"
        " group by context, stream_id order by min(parked_at), context, stream_id",
        (consumer.name, stream),
    )
    return [(row["context"], row["stream_id"]) for row in rows]


def _retry_stream(
    connection: Connection[DictRow], consumer: Consumer, context: str, stream: UUID, is_late: Callable[[], bool]
) -> Retried:
    handled = 0
    while True:
        with connection.cursor() as cursor:
            event = next_parked(cursor, consumer.name, context, stream)
        if event is None or (handled and is_late()):
            return Retried(consumer.name, context, stream, handled)
        try:
            with consumer.begin(connection, [event]) as work:
                handled += _retry_one(work, consumer, event)
        except psycopg.OperationalError:
            raise
        except Exception as error:
            reason = reason_of(error)
            connection.execute(
                "update parked set attempts = attempts + 1, reason = %s"
                " where consumer = %s and context = %s and position = %s",
                (reason, consumer.name, context, event.position),
            )
            return Retried(consumer.name, context, stream, handled, reason)


def _retry_one(work: Work, consumer: Consumer, event: Delivered) -> int:
    """Handle an event unless somebody else has just done so; return how many that was."""
    hold_slot(work.cursor, consumer.name, event.context, event.stream)
    if next_parked(work.cursor, consumer.name, event.context, event.stream) != event:
        return 0
    unpark(work.cursor, consumer.name, event)
    work.apply([event])  # afterwards: it may set the event aside for another reason
    return 1


def hold_slot(cursor: Cursor[DictRow], consumer: str, context: str, stream: UUID) -> None:
    """Keep the live consumer from handling events of the stream's slot until this transaction ends."""
    cursor.execute(
        "select from tracking where consumer = %s and context = %s and slot = %s for update",
        (consumer, context, slot_of(stream)),
    )


def handle_late(consumer: Consumer, database_url: str) -> int:
    """Handle what was set aside for a consumer and is known now; return how many that was, at most some hundreds.

    Each in the transaction in which it is forgotten, so once, whoever does the same. One that fails, or whose stream
    is parked, is parked like any other. Raises what is transient.
    """
    handled = 0
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row, connect_timeout=10) as connection:
        rows = connection.execute(
            "select context, position, body from parked where consumer = %s and reason = %s and type = any(%s)"
            " order by parked_at, context, position limit %s",
            (consumer.name, UNHEARD, list(known_now(connection, consumer.name)), _MOST_LATE),
        ).fetchall()
        for row in rows:
            event = Delivered.of(RecordedEvent.FromString(row["body"]))
            try:
                with consumer.begin(connection, [event]) as work:
                    handled += _handle_one(work, consumer.name, event)
            except (psycopg.OperationalError, psycopg.InterfaceError, LostRace, Unavailable):
                raise
            except Exception as error:
                log.error("late event parked", extra={"consumer": consumer.name, "position": event.position})
                _wait(connection, consumer.name, event, reason_of(error))
    return handled


def _handle_one(work: Work, consumer: str, event: Delivered) -> int:
    """Unless somebody else has just done so; return how many that was."""
    hold_slot(work.cursor, consumer, event.context, event.stream)
    unpark(work.cursor, consumer, event)
    if work.cursor.rowcount == 0:
        return 0
    if parked_streams(work.cursor, consumer, {event.stream}):
        park(work.cursor, consumer, [event], FOLLOWS, 0)
        return 0
    work.apply([event])
    return 1


def _wait(connection: Connection[DictRow], consumer: str, event: Delivered, reason: str) -> None:
    """Park it as what failed: from now on its stream waits for it."""
    connection.execute(
        "update parked set reason = %s, attempts = 1, set_aside_at = null"
        " where consumer = %s and context = %s and position = %s and reason = %s",
        (reason, consumer, event.context, event.position, UNHEARD),
    )
