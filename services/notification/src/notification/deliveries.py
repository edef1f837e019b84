"""What waits for each webhook, in what order it goes, and what became of it.

No events: there are many, they say nothing of the business, and what they tell of stands in the logs they come from.
Of one record only the first that is not done may go; what was set aside holds back what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.errors import InvalidArgument, NotFound
from kernel.request import Page
from notification.domain.webhook import RESTS, DeliveryState, NotToBeSkipped, is_to_be_paused, rest_after

MOST_WAITING = 1_000
"""No more are taken up while so many wait: the log keeps them."""
KEPT = timedelta(days=30)
_BUSY = timedelta(seconds=100)
_MOST_FORGOTTEN = 1_000
_WAITING, _DELIVERED = DeliveryState.WAITING.value, DeliveryState.DELIVERED.value
_SET_ASIDE, _SKIPPED = DeliveryState.SET_ASIDE.value, DeliveryState.SKIPPED.value


class Kind(Enum):
    """What an attempt came to."""

    TAKEN = "taken"
    REFUSED = "refused"
    """This event was; another may not be."""
    AWAY = "away"
    """The server as a whole: nothing else is tried for a while."""
    GONE = "gone"
    """It says that it wants no more."""


@dataclass(frozen=True, slots=True)
class Attempt:
    kind: Kind
    status: int = 0
    failure: str = ""


# -- taking up ----------------------------------------------------------------------


def take_turn(cursor: Cursor[DictRow], webhook_id: UUID, now: datetime) -> DictRow | None:
    """Be the only one at work for it; None while somebody else is. A turn that nobody ends is over by itself."""
    return cursor.execute(
        "update webhook_standing set busy_until = %s where webhook_id = %s and busy_until <= %s returning *",
        (now + _BUSY, webhook_id, now),
    ).fetchone()


def end_turn(cursor: Cursor[DictRow], webhook_id: UUID) -> None:
    cursor.execute("update webhook_standing set busy_until = 'epoch' where webhook_id = %s", (webhook_id,))


def begin_at(cursor: Cursor[DictRow], webhook_id: UUID, positions: Mapping[str, int]) -> None:
    """Have it told what comes after these positions; where it is told already, it goes on."""
    cursor.execute("insert into webhook_standing (webhook_id) values (%s) on conflict do nothing", (webhook_id,))
    for context, position in sorted(positions.items()):
        cursor.execute(
            "insert into webhook_positions (webhook_id, context, position) values (%s, %s, %s) on conflict do nothing",
            (webhook_id, context, position),
        )


def end_at(cursor: Cursor[DictRow], webhook_id: UUID, contexts: Sequence[str]) -> None:
    """It is told nothing of other contexts any more."""
    cursor.execute(
        "delete from webhook_positions where webhook_id = %s and context <> all(%s)", (webhook_id, list(contexts))
    )


def positions(cursor: Cursor[DictRow], webhook_id: UUID) -> dict[str, int]:
    rows = cursor.execute(
        "select context, position from webhook_positions where webhook_id = %s order by context", (webhook_id,)
    ).fetchall()
    return {row["context"]: row["position"] for row in rows}


def has_room(cursor: Cursor[DictRow], webhook_id: UUID) -> bool:
    rows = cursor.execute(
        "select from webhook_deliveries where webhook_id = %s and state = %s limit %s",
        (webhook_id, _WAITING, MOST_WAITING),
    ).fetchall()
    return len(rows) < MOST_WAITING


def take_up(
    cursor: Cursor[DictRow],
    webhook_id: UUID,
    context: str,
    events: Sequence[tuple[int, Mapping[str, Any], str]],
    position: int,
    now: datetime,
) -> None:
    """Queue events as (position, CloudEvent, body), and note that everything up to `position` was looked at."""
    cursor.executemany(
        "insert into webhook_deliveries (webhook_id, context, position, event_id, type, record_id, body, state,"
        " queued_at, next_attempt_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            (webhook_id, context, at, event["id"], event["type"], event["subject"], body, _WAITING, now, now)
            for at, event, body in events
        ],
    )
    cursor.execute(
        "update webhook_positions set position = %s where webhook_id = %s and context = %s and position < %s",
        (position, webhook_id, context, position),
    )


# -- sending ------------------------------------------------------------------------

_FIRST_OF_ITS_RECORD = (
    "d.webhook_id = %s and d.state = 1 and not exists (select from webhook_deliveries e where"
    " e.webhook_id = d.webhook_id and e.context = d.context and e.record_id = d.record_id and e.state in (1, 3)"
    " and e.position < d.position)"
)


def due(cursor: Cursor[DictRow], webhook_id: UUID, now: datetime, limit: int) -> list[DictRow]:
    """Return what may go now, of each record the first only."""
    return cursor.execute(
        f"select d.* from webhook_deliveries d where {_FIRST_OF_ITS_RECORD} and d.next_attempt_at <= %s"
        " order by d.next_attempt_at, d.context, d.position limit %s",
        (webhook_id, now, limit),
    ).fetchall()


def next_due(cursor: Cursor[DictRow], webhook_id: UUID) -> datetime | None:
    """Return when something may go next; None when nothing waits that may."""
    row = cursor.execute(
        f"select min(d.next_attempt_at) as at from webhook_deliveries d where {_FIRST_OF_ITS_RECORD}", (webhook_id,)
    ).fetchone()
    return row["at"] if row else None


def record(cursor: Cursor[DictRow], delivery: DictRow, attempt: Attempt, now: datetime) -> bool:
    """Write down what became of an attempt; return whether the delivery was set aside with it."""
    attempts = delivery["attempts"] + 1
    rest = rest_after(attempts)
    state, next_at = _WAITING, now + (rest or timedelta(0))
    if attempt.kind is Kind.TAKEN:
        state = _DELIVERED
    elif attempt.kind is Kind.REFUSED and rest is None:
        state = _SET_ASIDE
    elif rest is None:  # the server as a whole fails: the webhook is paused, this is not to blame
        attempts, next_at = delivery["attempts"], now
    cursor.execute(
        "update webhook_deliveries set state = %s, attempts = %s, next_attempt_at = %s, delivered_at = %s,"
        " last_status = %s, last_failure = %s where webhook_id = %s and context = %s and position = %s",
        (
            state,
            attempts,
            next_at,
            now if state == _DELIVERED else None,
            attempt.status,
            attempt.failure,
            delivery["webhook_id"],
            delivery["context"],
            delivery["position"],
        ),
    )
    return state == _SET_ASIDE


def note(cursor: Cursor[DictRow], webhook_id: UUID, attempts: Sequence[Attempt], now: datetime) -> bool:
    """Keep how the webhook as a whole does; return whether it is to be left alone from now on."""
    if any(attempt.kind is Kind.TAKEN for attempt in attempts):
        cursor.execute(
            "update webhook_standing set failures = 0, failing_since = null, wait_until = 'epoch',"
            " last_delivered_at = %s where webhook_id = %s",
            (now, webhook_id),
        )
        return any(attempt.kind is Kind.GONE for attempt in attempts)
    away = any(attempt.kind is Kind.AWAY for attempt in attempts)
    row = cursor.execute(
        "update webhook_standing set failures = failures + 1, failing_since = coalesce(failing_since, %s)"
        " where webhook_id = %s returning failures, failing_since",
        (now, webhook_id),
    ).fetchone()
    if row is None:
        return False
    if away:
        cursor.execute(
            "update webhook_standing set wait_until = %s where webhook_id = %s",
            (now + (rest_after(row["failures"]) or RESTS[-1]), webhook_id),
        )
    gone = any(attempt.kind is Kind.GONE for attempt in attempts)
    return gone or is_to_be_paused(row["failures"], row["failing_since"], now)


def begin_anew(cursor: Cursor[DictRow], webhook_id: UUID, now: datetime) -> None:
    """Forget what failed: it is tried at once."""
    cursor.execute(
        "update webhook_standing set failures = 0, failing_since = null, wait_until = 'epoch' where webhook_id = %s",
        (webhook_id,),
    )
    cursor.execute(
        "update webhook_deliveries set next_attempt_at = %s, attempts = 0 where webhook_id = %s and state = %s",
        (now, webhook_id, _WAITING),
    )


def forget_old(cursor: Cursor[DictRow], webhook_id: UUID, now: datetime) -> None:
    cursor.execute(
        "delete from webhook_deliveries where (webhook_id, context, position) in (select webhook_id, context, position"
        " from webhook_deliveries where webhook_id = %s and state in (2, 4) and queued_at < %s limit %s)",
        (webhook_id, now - KEPT, _MOST_FORGOTTEN),
    )


def forget_all(cursor: Cursor[DictRow], webhook_id: UUID) -> None:
    for table in ("webhook_deliveries", "webhook_positions", "webhook_standing", "webhook_secrets"):
        cursor.execute(f"delete from {table} where webhook_id = %s", (webhook_id,))


# -- by hand ------------------------------------------------------------------------


def id_of(row: DictRow) -> str:
    return f"{row['context']}-{row['position']}"


def _key(delivery_id: str) -> tuple[str, int]:
    context, _, position = delivery_id.rpartition("-")
    if not context or not position.isdecimal() or len(position) > 18:
        raise InvalidArgument("delivery_id", "is not one that the delivery log gave")
    return context, int(position)


def send_again(cursor: Cursor[DictRow], webhook_id: UUID, delivery_id: str, now: datetime) -> int:
    """Have one sent again, whatever became of it, or all that were set aside; return how many."""
    which: str = "state = %s"
    values: list[Any] = [_SET_ASIDE]
    if delivery_id:
        which, values = "(context, position) = (%s, %s)", list(_key(delivery_id))
    cursor.execute(
        "update webhook_deliveries set state = %s, attempts = 0, next_attempt_at = %s, delivered_at = null"
        f" where webhook_id = %s and {which}",
        (_WAITING, now, webhook_id, *values),
    )
    if delivery_id and not cursor.rowcount:
        raise NotFound(
            f"no delivery {delivery_id[:60]} of this webhook; it keeps what it delivered for {KEPT.days} days"
        )
    count = cursor.rowcount
    cursor.execute("update webhook_standing set wait_until = 'epoch' where webhook_id = %s", (webhook_id,))
    return count


def skip(cursor: Cursor[DictRow], webhook_id: UUID, delivery_id: str) -> None:
    context, position = _key(delivery_id)
    row = cursor.execute(
        "select state from webhook_deliveries where webhook_id = %s and context = %s and position = %s for update",
        (webhook_id, context, position),
    ).fetchone()
    if row is None:
        raise NotFound(f"no delivery {delivery_id[:60]} of this webhook")
    if row["state"] != _SET_ASIDE:
        raise NotToBeSkipped("only what was set aside is given up; what waits is still tried by itself")
    cursor.execute(
        "update webhook_deliveries set state = %s where webhook_id = %s and context = %s and position = %s",
        (_SKIPPED, webhook_id, context, position),
    )


def log_page(
    cursor: Cursor[DictRow], webhook_id: UUID, state: int, record_id: UUID | None, page: Page
) -> list[DictRow]:
    """Return deliveries, newest first, one more than a page holds."""
    where, values = ["webhook_id = %s"], [webhook_id]
    conditions: list[tuple[str, Any]] = [("state", state or None), ("record_id", record_id)]
    for column, value in conditions:
        if value is not None:
            where.append(f"{column} = %s")
            values.append(value)
    if page.after:
        where.append("(queued_at, context, position) < (%s::timestamptz, %s, %s::bigint)")
        values += page.after[:3]
    return cursor.execute(
        f"select * from webhook_deliveries where {' and '.join(where)}"
        " order by queued_at desc, context desc, position desc limit %s",
        (*values, page.limit + 1),
    ).fetchall()
