"""How far a consumer is in every slot of every log it follows, and the transactions that move it on.

The tracking row of a slot is locked and compared in the same transaction as the effects. So an event
takes effect once, in order, whatever the broker repeats and however many consumers believe to be the
active one. An event that fails for good is parked there too, with the rest of its stream.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from typing import TypeVar

import psycopg
from eventsourcing import persistence
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row

from kernel.consumers import Consumer
from kernel.delivered import Delivered
from kernel.errors import LostRace, Poison, Unavailable
from kernel.parking import FOLLOWS, park, parked_streams, reason_of

log = logging.getLogger(__name__)

T = TypeVar("T")

Key = tuple[str, int]
"""Context and slot."""

TRANSIENT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    persistence.OperationalError,
    persistence.InterfaceError,
    Unavailable,
    LostRace,
)
"""Failures that are nobody's fault: retried in place, never counted as attempts."""

MOST_ATTEMPTS = 3
_FIRST_BACKOFF_S = 0.05
_LONGEST_BACKOFF_S = 5.0
_GIVE_UP_AFTER_S = 300.0
_TRIES_BEFORE_CARE = 2

_one_suspect = Lock()
"""Only one event at a time may be tried under suspicion, so that a crash has one culprit."""


class Moved(Exception):
    """Somebody else moved a slot on; what is known of it was read again."""


class Progress:
    """The database half of one partition of a consumer. Not for use by two threads at a time."""

    def __init__(
        self,
        consumer: Consumer,
        database_url: str,
        slots: Sequence[int],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._consumer = consumer
        self._database_url = database_url
        self._slots = list(slots)
        self._pause = pause
        self._connection: Connection[DictRow] | None = None
        self.wanted_by = ""
        self._suspects = False
        self._noted = False
        self._survived: set[Delivered] = set()
        self.positions: dict[Key, int] = {}

    def open(self, end_of: Callable[[str], int]) -> None:
        """Read the positions.

        A log never followed before begins at 0; but a consumer that does not want the past begins at
        `end_of(context)`, unless it is new itself.
        """
        self.positions = self.persist(lambda: self._read_positions(end_of))

    def want(self, instance: str | None) -> None:
        """Ask whoever reads these slots to hand them over; None takes the request back."""
        with suppress(psycopg.OperationalError):
            self._connected().execute(
                "update tracking set wanted = %s where consumer = %s and slot = any(%s) and wanted is distinct from %s",
                (instance, self._consumer.name, self._slots, instance),
            )
        self.wanted_by = ""

    def close(self) -> None:
        """Give the connection back. After an error it may be left busy: it is never used again."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def apply(self, events: Sequence[Delivered], suspicious: bool = False) -> None:
        """Let events that follow the known positions take effect, and remember them.

        Raises Moved if another consumer was faster; then nothing or a first part took effect, and
        `positions` tells how far.
        """
        for part in self._consumer.cut(events):
            if suspicious:
                self._one_by_one(part)
            else:
                self._in_halves(part)

    @contextmanager
    def in_hand(self, events: Sequence[Delivered]) -> Iterator[bool]:
        """Take up events of one slot that the broker did not count; yield whether to be careful.

        Messages tell how often they were delivered before. What was fetched does not, so it is
        written down that it is being tried: a process that dies of it leaves the note behind. The
        first event that takes effect takes the note with it: who dies later, dies of something else.
        """
        found = self.persist(partial(self._take_note, events))
        self._noted = True
        try:
            yield found > _TRIES_BEFORE_CARE
        finally:
            self._noted = False
            with suppress(psycopg.Error):
                self._drop_note(events[0])

    def _take_note(self, events: Sequence[Delivered]) -> int:
        """Count the tries since one was survived; a suspect among the events counts as too many."""
        context, slot = events[0].context, events[0].slot
        row = (
            self._connected()
            .execute(
                "with note as (insert into suspects as s (consumer, context, position, attempts)"
                " values (%(consumer)s, %(context)s, %(note)s, 1)"
                " on conflict (consumer, context, position) do update set attempts = s.attempts + 1"
                " returning attempts)"
                " select attempts + 100 * (select count(*) from suspects where consumer = %(consumer)s"
                " and context = %(context)s and position between %(first)s and %(last)s) as tries"
                " from note",
                {
                    "consumer": self._consumer.name,
                    "context": context,
                    "note": _note(slot),
                    "first": events[0].position,
                    "last": events[-1].position,
                },
            )
            .fetchone()
        )
        return int(row["tries"]) if row else 0

    def _drop_note(self, event: Delivered) -> None:
        self._connected().execute(
            "delete from suspects where consumer = %s and context = %s and position = %s",
            (self._consumer.name, event.context, _note(event.slot)),
        )

    def persist(self, do: Callable[[], T]) -> T:
        """Do something, again and again while it fails transiently; at most for five minutes."""
        deadline = time.monotonic() + _GIVE_UP_AFTER_S
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                return do()
            except Moved:
                raise
            except TRANSIENT as error:
                self.close()
                if time.monotonic() > deadline:
                    raise
                log.warning(
                    "waiting for a dependency",
                    extra={"consumer": self._consumer.name, "reason": reason_of(error)},
                )
                self._pause(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            except BaseException:
                self.close()
                raise

    def _in_halves(self, part: Sequence[Delivered]) -> None:
        """Apply a part as a whole, and what fails as its two halves: a bad event costs the others little."""
        if len(part) == 1:
            return self._try_one(part[0])
        try:
            return self.persist(partial(self._apply_part, part))
        except (Moved, *TRANSIENT):
            raise
        except Exception as error:
            log.warning(
                "batch failed: trying its halves",
                extra={
                    "consumer": self._consumer.name,
                    "events": len(part),
                    "reason": reason_of(error),
                },
            )
        self._in_halves(part[: len(part) // 2])
        self._in_halves(part[len(part) // 2 :])
        return None

    def _one_by_one(self, part: Sequence[Delivered]) -> None:
        for event in part:
            with _one_suspect:
                if self.persist(partial(self._suspect, event)) > MOST_ATTEMPTS:
                    self._set_aside(event, "killed the process", MOST_ATTEMPTS)
                else:
                    self._try_suspect(event)

    def _try_suspect(self, event: Delivered) -> None:
        self._survived.discard(event)
        try:
            self._try_one(event)
        except Exception:
            self._survived.add(event)
            raise

    def _try_one(self, event: Delivered) -> None:
        """Apply one event; park it if it is poison or has failed too often."""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                return self.persist(lambda: self._apply_part([event]))
            except (Moved, *TRANSIENT):
                raise
            except Exception as error:
                if isinstance(error, Poison) or attempt == MOST_ATTEMPTS:
                    return self._set_aside(event, reason_of(error), attempt)
                self._pause(_FIRST_BACKOFF_S * attempt)
        return None

    def _apply_part(self, part: Sequence[Delivered]) -> None:
        reached = _reached(part)
        with self._consumer.begin(self._connected(), part) as work:
            if self._lock(work.cursor, reached):
                part = self._park_followers(work.cursor, part)
            if part:
                work.apply(part)
            self._remember(work.cursor, reached)
        self.positions.update({key: event.position for key, event in reached.items()})

    def _park_followers(self, cursor: Cursor[DictRow], part: Sequence[Delivered]) -> Sequence[Delivered]:
        """Park the events of parked streams; return the others."""
        name = self._consumer.name
        parked = parked_streams(cursor, name, {event.stream for event in part})
        park(cursor, name, [event for event in part if event.stream in parked], FOLLOWS, 0)
        return [event for event in part if event.stream not in parked]

    def _set_aside(self, event: Delivered, reason: str, attempts: int) -> None:
        """Park an event and move on, in one transaction."""
        log.error(
            "event parked",
            extra={
                "consumer": self._consumer.name,
                "event_context": event.context,
                "position": event.position,
                "stream": str(event.stream),
                "reason": reason,
            },
        )
        self.persist(lambda: self._park_one(event, reason, attempts))
        self.positions[event.context, event.slot] = event.position

    def _park_one(self, event: Delivered, reason: str, attempts: int) -> None:
        reached = _reached([event])
        connection = self._connected()
        with connection.transaction(), connection.cursor() as cursor:
            self._lock(cursor, reached)
            park(cursor, self._consumer.name, [event], reason, attempts)
            self._remember(cursor, reached)

    def _lock(self, cursor: Cursor[DictRow], reached: Mapping[Key, Delivered]) -> bool:
        """Lock the slots' rows and make sure that they stand where we think; is anything parked?"""
        rows = cursor.execute(
            "select context, slot, position, wanted,"
            " exists (select from parked p where p.consumer = t.consumer and p.set_aside_at is null) as parks"
            " from tracking t where consumer = %s and context = any(%s) and slot = any(%s)"
            " order by context, slot for update of t",
            (
                self._consumer.name,
                sorted({context for context, _ in reached}),
                sorted({slot for _, slot in reached}),
            ),
            prepare=True,
        ).fetchall()
        tracked = {(row["context"], row["slot"]): row["position"] for row in rows}
        if any(tracked.get(key) != self.positions[key] for key in reached):
            raise Moved(f"{self._consumer.name} is further than {self.positions}")
        self.wanted_by = next((row["wanted"] for row in rows if row["wanted"]), "")
        return any(row["parks"] for row in rows)

    def _remember(self, cursor: Cursor[DictRow], reached: Mapping[Key, Delivered]) -> None:
        events = list(reached.values())
        cursor.execute(
            "update tracking t set position = u.position, recorded_at = to_timestamp(u.recorded_at_s)"
            " from unnest(%s::text[], %s::int[], %s::bigint[], %s::float8[])"
            " as u(context, slot, position, recorded_at_s)"
            " where t.consumer = %s and t.context = u.context and t.slot = u.slot",
            (
                [event.context for event in events],
                [event.slot for event in events],
                [event.position for event in events],
                [event.recorded_at_s for event in events],
                self._consumer.name,
            ),
            prepare=True,
        )
        survived = [(event.context, event.position) for event in events if self._suspects]
        survived += [(event.context, _note(event.slot)) for event in events if self._noted]
        if survived:
            cursor.executemany(
                "delete from suspects where consumer = %s and context = %s and position = %s",
                [(self._consumer.name, context, position) for context, position in survived],
            )

    def _suspect(self, event: Delivered) -> int:
        """Count, for good, that this event is about to be tried; return how often it was.

        A try that this process survived is not counted twice.
        """
        self._suspects = True
        count = 0 if event in self._survived else 1
        row = (
            self._connected()
            .execute(
                "insert into suspects as s (consumer, context, position, attempts) values (%s, %s, %s, 1)"
                " on conflict (consumer, context, position) do update set attempts = s.attempts + %s"
                " returning attempts",
                (self._consumer.name, event.context, event.position, count),
            )
            .fetchone()
        )
        return int(row["attempts"]) if row else 0

    def _read_positions(self, end_of: Callable[[str], int]) -> dict[Key, int]:
        connection = self._connected()
        name, contexts = self._consumer.name, self._consumer.contexts
        rows = connection.execute("select distinct context from tracking where consumer = %s", (name,))
        known = {row["context"] for row in rows}
        from_zero = self._consumer.wants_the_past or not known
        begin = {c: 0 if from_zero or c in known else end_of(c) for c in contexts}
        connection.execute(
            "insert into tracking (consumer, context, slot, position)"
            " select %s, b.context, s.slot, b.position"
            " from unnest(%s::text[], %s::bigint[]) as b(context, position),"
            " unnest(%s::int[]) as s(slot) on conflict do nothing",
            (name, list(begin), list(begin.values()), self._slots),
        )
        rows = connection.execute(
            "select context, slot, position from tracking where consumer = %s and context = any(%s) and slot = any(%s)",
            (name, list(contexts), self._slots),
        )
        return {(row["context"], row["slot"]): row["position"] for row in rows}

    def _connected(self) -> Connection[DictRow]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._database_url, autocommit=True, row_factory=dict_row, connect_timeout=10
            )
        return self._connection


def _note(slot: int) -> int:
    """Return where a slot's note stands among the suspects: positions of events are above 0."""
    return -1 - slot


def _reached(part: Sequence[Delivered]) -> dict[Key, Delivered]:
    """Return the last event of every slot."""
    return {(event.context, event.slot): event for event in part}
