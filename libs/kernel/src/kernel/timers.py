"""Durable timers: rows due at a time, claimed with FOR UPDATE SKIP LOCKED. The broker is never the clock.

A *timer* fires inside one transaction that also removes its row: it happens once, with its effects. A
*job* may talk to the outside (gRPC, SMTP): it is leased, runs without a transaction of its own, and is
removed when it returns; it must be harmless to repeat. Both are retried with back-off and set aside after
a number of failures, where `headwater parked` lists them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import DictRow

from kernel.errors import LostRace, Unavailable
from kernel.store import Cause, EventStore, Transaction

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
_FIRST_BACKOFF = timedelta(seconds=1)
_LONGEST_BACKOFF = timedelta(minutes=10)
_LEASE = timedelta(minutes=2)
_TIMELINE_REST = timedelta(seconds=60)
TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError, Unavailable)
"""Failures that are nobody's fault: retried without counting as an attempt."""

_DUE = """
    t.kind = any(%(kinds)s) and t.failed_at is null and t.due_at <= %(now)s and t.not_before <= %(now)s
    and (t.timeline_id = '' or exists (
        select from timelines l where l.timeline_id = t.timeline_id
        and (l.reached_at >= t.due_at or l.touched_at < %(rested)s)))
"""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that has become due."""

    key: str
    kind: str
    due_at: datetime
    payload: Mapping[str, Any]
    timeline_id: str
    correlation_id: UUID
    causation_id: UUID | None
    traceparent: str
    attempts: int

    @property
    def request_id(self) -> str:
        """The idempotency key of what this timer leads to."""
        return f"{self.key}@{int(self.due_at.timestamp() * 1000)}"

    def cause(self, service: str) -> Cause:
        """Return the cause of what this timer leads to. In a backdated run it happens when due."""
        return Cause(
            actor=f"service:{service}",
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            traceparent=self.traceparent,
            effective_at=self.due_at if self.timeline_id else None,
            timeline_id=self.timeline_id,
        )


TimerHandler = Callable[[Timer, Transaction[Any]], None]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a job works with: transactions as it needs them, and channels to other services."""

    service: str
    timer: Timer
    store: EventStore[Any]
    connect: Callable[[str, Timer], Any]
    settings: Any = None

    def transaction(self) -> AbstractContextManager[Transaction[Any]]:
        """Begin a transaction caused by this job."""
        return self.store.transaction(self.timer.cause(self.service))

    def query(self) -> AbstractContextManager[Cursor[DictRow]]:
        """A cursor for reading."""
        return self.store.query()

    def peer(self, context: str) -> Any:
        """A gRPC channel to another service, acting as this service.

        The job's request id goes along, so a command sent twice is carried out once; a job that sends the
        same command for several things gives each a request id of its own.
        """
        return self.connect(context, self.timer)


JobHandler = Callable[[Timer, Worker], None]


class TimerRunner:
    """Fires timers, each in one transaction together with its row. Safe to run many times over."""

    def __init__(self, service: str, store: EventStore[Any], handlers: Mapping[str, TimerHandler]) -> None:
        self._service = service
        self._store = store
        self._handlers = handlers

    def run_once(self, most: int = 100) -> int:
        """Fire what is due, at most `most`; return how many were taken up (fired or failed)."""
        taken = 0
        while taken < most and self._handlers and self._fire_one():
            taken += 1
        return taken

    def _fire_one(self) -> bool:
        timer: Timer | None = None
        try:
            with self._store.connection() as connection:
                timer = _claim(connection, list(self._handlers), self._store.clock())
            if timer is None:
                return False
            with self._store.transaction(timer.cause(self._service)) as transaction:
                if _still_there(transaction.cursor, timer):
                    self._handlers[timer.kind](timer, transaction)
        except TRANSIENT:
            raise
        except Exception as error:
            if timer is None:
                raise
            _postpone(self._store, timer, error)
        return True


class JobRunner:
    """Runs jobs under a lease. A job that outlives its lease or its process is taken up again."""

    def __init__(
        self,
        service: str,
        store: EventStore[Any],
        handlers: Mapping[str, JobHandler],
        connect: Callable[[str, Timer], Any],
        settings: Any = None,
    ) -> None:
        self._service = service
        self._store = store
        self._handlers = handlers
        self._connect = connect
        self._settings = settings

    def run_once(self, most: int = 100) -> int:
        """Run what is due, at most `most`; return how many were taken up (done or failed)."""
        taken = 0
        while taken < most and self._handlers:
            with self._store.connection() as connection:
                timer = _claim(connection, list(self._handlers), self._store.clock(), lease=_LEASE)
            if timer is None:
                break
            taken += 1
            worker = Worker(self._service, timer, self._store, self._connect, self._settings)
            try:
                self._handlers[timer.kind](timer, worker)
            except Exception as error:
                _postpone(self._store, timer, error)
            else:
                with self._store.connection() as connection:
                    connection.execute(
                        "delete from timers where key = %s and due_at = %s and attempts = %s and correlation_id = %s",
                        (timer.key, timer.due_at, timer.attempts, timer.correlation_id),
                    )
        return taken


def _claim(
    connection: Connection[DictRow],
    kinds: list[str],
    now: datetime,
    lease: timedelta = timedelta(seconds=5),
) -> Timer | None:
    """Take the next due row for ourselves, until the lease ends."""
    row = connection.execute(
        f"update timers set not_before = %(until)s where key = (select t.key from timers t where {_DUE}"
        " order by t.due_at, t.key limit 1 for update skip locked)"
        " returning key, kind, due_at, payload, timeline_id, correlation_id, causation_id,"
        " traceparent, attempts",
        {"kinds": kinds, "now": now, "rested": now - _TIMELINE_REST, "until": now + lease},
        prepare=True,
    ).fetchone()
    return Timer(**row) if row else None


def _still_there(cursor: Cursor[DictRow], timer: Timer) -> bool:
    """Remove the claimed row; False when it was cancelled, replaced or fired by somebody else."""
    cursor.execute(
        "delete from timers where key = %s and due_at = %s and correlation_id = %s",
        (timer.key, timer.due_at, timer.correlation_id),
        prepare=True,
    )
    return cursor.rowcount == 1


def _postpone(store: EventStore[Any], timer: Timer, error: Exception) -> None:
    """Write down the failure; try again later, or set aside after too many."""
    transient = isinstance(error, (*TRANSIENT, LostRace))
    attempts = timer.attempts + (0 if transient else 1)
    wait = min(_FIRST_BACKOFF * 2 ** min(attempts, 20), _LONGEST_BACKOFF)
    now = store.clock()
    set_aside = attempts >= MOST_ATTEMPTS
    reason = f"{type(error).__module__}.{type(error).__name__}"
    log.warning(
        "timer failed",
        extra={
            "timer_kind": timer.kind,
            "attempts": attempts,
            "reason": reason,
            "set_aside": set_aside,
        },
    )
    with store.connection() as connection:
        connection.execute(
            "update timers set attempts = %s, not_before = %s, failed_at = %s, last_error = %s"
            " where key = %s and due_at = %s and correlation_id = %s",
            (
                attempts,
                now + wait,
                now if set_aside else None,
                reason,
                timer.key,
                timer.due_at,
                timer.correlation_id,
            ),
        )


def failed_timers(cursor: Cursor[DictRow], limit: int = 100) -> list[DictRow]:
    """Return timers that were set aside, oldest first."""
    return cursor.execute(
        "select key, kind, due_at, attempts, failed_at, last_error from timers"
        " where failed_at is not null order by failed_at limit %s",
        (limit,),
    ).fetchall()


def retry_failed_timers(cursor: Cursor[DictRow], key: str = "") -> int:
    """Give every timer that was set aside, or the one named, a fresh start; return how many there were."""
    cursor.execute(
        "update timers set failed_at = null, attempts = 0, not_before = '-infinity'"
        " where failed_at is not null and %s in ('', key)",
        (key,),
    )
    return cursor.rowcount


def drop_failed_timer(cursor: Cursor[DictRow], key: str) -> str | None:
    """Remove a timer that was set aside; return its kind, None when it is not set aside (any more)."""
    row = cursor.execute(
        "delete from timers where failed_at is not null and key = %s returning kind", (key,)
    ).fetchone()
    return None if row is None else str(row["kind"])


__all__ = [
    "MOST_ATTEMPTS",
    "TRANSIENT",
    "JobHandler",
    "JobRunner",
    "Timer",
    "TimerHandler",
    "TimerRunner",
    "Worker",
    "drop_failed_timer",
    "failed_timers",
    "retry_failed_timers",
]
