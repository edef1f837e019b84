"""Events of types that the code which met them did not know: old code beside new, in an upgrade or after a step back.

Nobody waits for them, or every stream that the new code writes to would stand still for all that never cared. They are
set aside with a reason of their own; code that knows the type reacts to them late, once. A view that may lack
them is told of: it is mended by `rebuild`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.empty_pb2 import Empty
from psycopg import Connection, Cursor
from psycopg.rows import DictRow

from kernel.delivered import Delivered, message_class
from kernel.parking import UNHEARD, park


def is_known(event_type: str) -> bool:
    """Whether this code knows what events of that type say."""
    return message_class(event_type) is not Empty


def keep_unheard(cursor: Cursor[DictRow], consumer: str, events: Sequence[Delivered]) -> None:
    """Set those of the events aside that this code cannot read."""
    unheard = [event for event in events if not is_known(event.type)]
    if not unheard:
        return
    park(cursor, consumer, unheard, UNHEARD, 0)
    cursor.execute(
        "update parked set set_aside_at = now() where consumer = %s and reason = %s and set_aside_at is null",
        (consumer, UNHEARD),
    )


def known_now(connection: Connection[DictRow], consumer: str) -> dict[str, int]:
    """How many events were set aside for a consumer that this code does know, by type."""
    rows = connection.execute(
        "select type, count(*) as events from parked where consumer = %s and reason = %s group by type order by type",
        (consumer, UNHEARD),
    )
    return {row["type"]: row["events"] for row in rows if is_known(row["type"])}


def forget_unheard(connection: Connection[DictRow], consumer: str, before: datetime) -> None:
    """What was set aside before that moment has been read by code that knows it: it was rebuilt from."""
    connection.execute(
        "delete from parked where consumer = %s and reason = %s and parked_at < %s and type = any(%s)",
        (consumer, UNHEARD, before, list(known_now(connection, consumer))),
    )
