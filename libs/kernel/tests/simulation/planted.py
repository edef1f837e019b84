"""Bugs on purpose: each puts one known mistake into the kernel's own code, for as long as a block lasts.

They live here and nowhere else: the product has no switch for any of them. Each says what it is and what it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL

import kernel.partition
import kernel.progress
import kernel.timers
from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.consumers import Reactions
from kernel.delivered import Delivered
from kernel.log import LogRecorder
from kernel.partition import PartitionReader, _Run
from kernel.progress import Moved, Progress
from kernel.projections import Inline
from kernel.publisher import Publisher
from kernel.relay import _Shift
from kernel.store import EventStore
from kernel.timers import Timer, TimerRunner

from .places import instead_of


@dataclass(frozen=True, slots=True)
class Planted:
    """One bug: its name, what it is and breaks, and how to plant it."""

    name: str
    what: str
    plant: Callable[[], AbstractContextManager[Any]]


PLANTED: list[Planted] = []


def _nothing(*_: Any) -> None: ...


def _never(*_: Any) -> int:
    return 0


def _yes(*_: Any) -> bool:
    return True


def bug(what: str) -> Callable[[Callable[[], AbstractContextManager[Any]]], Callable[[], AbstractContextManager[Any]]]:
    """Add a bug to the list."""

    def add(plant: Callable[[], AbstractContextManager[Any]]) -> Callable[[], AbstractContextManager[Any]]:
        PLANTED.append(Planted(plant.__name__, what, plant))
        return plant

    return add


# the log and its horizon


@bug("Appenders do not join the lock, as in the library's lock-free mode: a reader passes positions still to come.")
def appending_without_the_lock() -> AbstractContextManager[Any]:
    return instead_of(LogRecorder, "join_appenders", SQL("1"))


@bug("The reader takes the last position drawn for final: whoever commits later is never read.")
def a_horizon_that_does_not_wait() -> AbstractContextManager[Any]:
    return instead_of(LogRecorder, "horizon_on", lambda self, connection, timeout_s=10.0: self.drawn(connection))


@bug("The mark is taken after the wait instead of before: who joined meanwhile was not waited for.")
def a_mark_taken_too_late() -> AbstractContextManager[Any]:
    wait = LogRecorder.horizon_on

    def late(self: LogRecorder, connection: Any, timeout_s: float = 10.0) -> int:
        wait(self, connection, timeout_s)
        return self.drawn(connection)

    return instead_of(LogRecorder, "horizon_on", late)


@bug("The service's own view is written after the commit: an outage in between leaves it behind its log.")
def an_inline_view_after_the_commit() -> AbstractContextManager[Any]:
    begin = EventStore.transaction

    @contextmanager
    def later(self: EventStore[Any], cause: Any) -> Iterator[Any]:
        waiting: list[Any] = []
        with begin(self, cause) as tx:
            tx._inline = (Inline("later", (), lambda _, recorded: waiting.append(recorded)),)
            yield tx
        with self.connection() as connection, connection.cursor() as cursor:
            for recorded in waiting:
                for view in self.inline:
                    view.project(cursor, recorded)

    return instead_of(EventStore, "transaction", later)


# the relay


@bug("The outbox commits before it publishes: the checkpoint counts what was sent as confirmed.")
def a_checkpoint_before_the_confirms() -> AbstractContextManager[Any]:
    return instead_of(Publisher, "confirmed_up_to", lambda self: self.sent)


@bug("What the broker refused counts as confirmed: the relay goes on without it.")
def a_refusal_taken_for_a_confirm() -> AbstractContextManager[Any]:
    def settle(self: Publisher, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    return instead_of(Publisher, "_on_nack", settle)


@bug("A relay begins at the end of the log instead of at its checkpoint: what was not published never is.")
def a_relay_that_begins_at_the_end() -> AbstractContextManager[Any]:
    where = _Shift._checkpoint

    def at_the_end(self: _Shift) -> tuple[int, list[int]]:
        return self._relay.recorder.drawn(self._connection), where(self)[1]

    return instead_of(_Shift, "_checkpoint", at_the_end)


# consumers


@bug("A batch is acknowledged before its transaction commits: a crash in between relies on luck.")
def acknowledging_before_the_commit() -> AbstractContextManager[Any]:
    handle = PartitionReader.handle

    def hasty(self: PartitionReader, batch: Sequence[Any]) -> None:
        batch[-1].channel.basic_ack(batch[-1].delivery_info["delivery_tag"], multiple=True)
        handle(self, batch)

    return instead_of(PartitionReader, "handle", hasty)


@bug("A missing predecessor is passed over: what the broker lost never takes effect.")
def skipping_gaps() -> AbstractContextManager[Any]:
    return instead_of(_Run, "_repair", _nothing)


@bug("Heartbeats are not compared: a tail that was lost is missed until somebody acts again.")
def not_noticing_a_lost_tail() -> AbstractContextManager[Any]:
    return instead_of(_Run, "compare", _nothing)


@bug("What arrives is applied as it comes: a repetition takes effect again.")
def applying_what_came_before() -> AbstractContextManager[Any]:
    def follow(self: _Run, record: RecordedEvent) -> None:
        if (record.context, record.slot) in self._expected:
            self._following.append(Delivered.of(record))
            self._expected[record.context, record.slot] = record.position

    return instead_of(_Run, "follow", follow)


@bug("A projection forgets its tracking row: everything takes effect again after a restart.")
def forgetting_the_tracking_row() -> AbstractContextManager[Any]:
    return instead_of(Progress, "_remember", _nothing)


@bug("The tracking row moves in a transaction of its own: a crash in between repeats the effects.")
def tracking_apart_from_the_effects() -> AbstractContextManager[Any]:
    apply_part = Progress._apply_part

    def apart(self: Progress, part: Sequence[Delivered]) -> None:
        reached_later: list[Any] = []
        with instead_of(self, "_remember", lambda cursor, reached: reached_later.append(reached)):
            apply_part(self, part)
        with self._connected().cursor() as cursor:
            for reached in reached_later:
                self._remember(cursor, reached)  # type: ignore[arg-type]

    return instead_of(Progress, "_apply_part", apart)


@bug("The locked tracking row is not compared: a zombie's effects are added to its successor's.")
def a_fence_that_looks_away() -> AbstractContextManager[Any]:
    lock = Progress._lock

    def blind(self: Progress, cursor: Any, reached: Any) -> bool:
        try:
            return lock(self, cursor, reached)
        except Moved:
            return True

    return instead_of(Progress, "_lock", blind)


@bug("The inbox is not written: a reaction has nothing to recognise an event by.")
def reacting_without_the_inbox() -> AbstractContextManager[Any]:
    return instead_of(Reactions, "_is_new", _yes)


@bug("Events that follow a parked one of their stream are applied: they overtake it.")
def overtaking_a_parked_event() -> AbstractContextManager[Any]:
    return instead_of(Progress, "_park_followers", lambda self, cursor, part: part)


@bug("An outage counts as a failed attempt: innocent events are parked.")
def blaming_events_for_outages() -> AbstractContextManager[Any]:
    return instead_of(kernel.progress, "TRANSIENT", ())


@bug("Nobody counts how often a message was delivered: one that kills the process kills it for ever.")
def never_suspecting_a_message() -> AbstractContextManager[Any]:
    return instead_of(kernel.partition, "delivered_before", _never)


# timers


@bug("A timer's row is removed in a transaction of its own: a crash in between fires it twice.")
def a_timer_fired_twice() -> AbstractContextManager[Any]:
    fire = TimerRunner._fire_one
    fired: list[Timer] = []

    def note(_: Any, timer: Timer) -> bool:
        fired.append(timer)
        return True

    def and_then_remove(self: TimerRunner) -> bool:
        fired.clear()
        taken = fire(self)
        for timer in list(fired):
            with self._store.connection() as connection:
                connection.execute("delete from timers where key = %s", (timer.key,))
        return taken

    @contextmanager
    def plant() -> Iterator[None]:
        with (
            instead_of(TimerRunner, "_fire_one", and_then_remove),
            instead_of(kernel.timers, "_still_there", note),
        ):
            yield

    return plant()


@bug("A timer's row is removed when it is claimed: a crash before its effect loses it.")
def a_timer_removed_before_its_effect() -> AbstractContextManager[Any]:
    claim = kernel.timers._claim

    def take(connection: Any, *arguments: Any, **more: Any) -> Timer | None:
        timer = claim(connection, *arguments, **more)
        if timer is not None:
            connection.execute("delete from timers where key = %s", (timer.key,))
        return timer

    @contextmanager
    def plant() -> Iterator[None]:
        with (
            instead_of(kernel.timers, "_claim", take),
            instead_of(kernel.timers, "_still_there", _yes),
        ):
            yield

    return plant()
