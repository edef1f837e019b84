"""Timers fire once, when due, with their effects; jobs run until they succeed or are set aside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from kernel.errors import Unavailable
from kernel.ids import derived_id, new_id
from kernel.store import Cause, EventStore, Transaction
from kernel.timers import (
    MOST_ATTEMPTS,
    JobRunner,
    Timer,
    TimerRunner,
    Worker,
    failed_timers,
    retry_failed_timers,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class MovedClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock(store: EventStore[Any]) -> MovedClock:
    moved = MovedClock()
    store.clock = moved
    return moved


@pytest.fixture
def strike(notes: SimpleNamespace) -> Any:
    def fire(timer: Timer, tx: Transaction[Any]) -> None:
        note = UUID(timer.payload["note_id"])
        version = tx.load(note, lambda _, event: event).version
        tx.append(note, version, [notes.NoteStruck(note)])

    return fire


def plan(store: EventStore[Any], key: str, due_at: datetime, **more: Any) -> UUID:
    note = derived_id(key)
    cause = Cause("person:x", "r", new_id(), **more)
    with store.transaction(cause) as tx:
        tx.set_timer(key, "strike", due_at, {"note_id": str(note)})
    return note


def history(store: EventStore[Any], note: UUID) -> list[Any]:
    with store.transaction(Cause.of("test:x")) as tx:
        return tx.recorded(note)


def test_a_timer_fires_when_due_and_only_once(store: EventStore[Any], clock: MovedClock, strike: Any) -> None:
    note = plan(store, "t1", START + timedelta(hours=1))
    runner = TimerRunner("kernel", store, {"strike": strike})
    assert runner.run_once() == 0
    clock.pass_(hours=1)
    assert runner.run_once() == 1
    assert runner.run_once() == 0
    [event] = history(store, note)
    assert event.metadata.actor == "service:kernel"


def test_a_replaced_or_cancelled_timer_does_not_fire(store: EventStore[Any], clock: MovedClock, strike: Any) -> None:
    moved = plan(store, "t1", START)
    plan(store, "t1", START + timedelta(days=1))
    gone = plan(store, "t2", START)
    with store.transaction(Cause.of("test:x")) as tx:
        tx.cancel_timer("t2")
    assert TimerRunner("kernel", store, {"strike": strike}).run_once() == 0
    assert history(store, moved) == history(store, gone) == []


@pytest.mark.feature("NFR-19")
def test_many_runners_fire_each_timer_once(store: EventStore[Any], clock: MovedClock, strike: Any) -> None:
    made = [plan(store, f"t{n}", START) for n in range(40)]
    runners = [TimerRunner("kernel", store, {"strike": strike}) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda runner: runner.run_once(), runners)) == 40
    assert [len(history(store, note)) for note in made] == [1] * 40


def test_a_failing_timer_leaves_no_trace_is_retried_and_then_set_aside(
    store: EventStore[Any], clock: MovedClock, strike: Any
) -> None:
    def fire(timer: Timer, tx: Transaction[Any]) -> None:
        strike(timer, tx)
        raise ValueError("no")

    note = plan(store, "t1", START)
    runner = TimerRunner("kernel", store, {"strike": fire})
    for _ in range(MOST_ATTEMPTS):
        assert runner.run_once() == 1
        assert runner.run_once() == 0, "it must wait before the next attempt"
        clock.pass_(hours=1)
    assert runner.run_once() == 0
    assert history(store, note) == []
    with store.transaction(Cause.of("test:x")) as tx:
        [row] = failed_timers(tx.cursor)
        assert (row["key"], row["last_error"]) == ("t1", "builtins.ValueError")
        assert retry_failed_timers(tx.cursor) == 1
    assert TimerRunner("kernel", store, {"strike": strike}).run_once() == 1
    assert len(history(store, note)) == 1


def test_a_job_interrupted_by_an_outage_is_not_blamed(store: EventStore[Any], clock: MovedClock) -> None:
    outages = [Unavailable("mail server is away")] * (MOST_ATTEMPTS * 2)
    done: list[str] = []

    def job(timer: Timer, worker: Worker) -> None:
        if outages:
            raise outages.pop()
        done.append(timer.key)

    plan(store, "j1", START)
    runner = JobRunner("kernel", store, {"strike": job}, lambda context, timer: None)
    for _ in range(MOST_ATTEMPTS * 2):
        assert runner.run_once() == 1
        clock.pass_(hours=1)
    assert runner.run_once() == 1
    assert runner.run_once() == 0
    assert done == ["j1"]


def test_a_job_whose_process_died_is_taken_up_again(store: EventStore[Any], clock: MovedClock) -> None:
    class Killed(BaseException):
        pass

    def dies(timer: Timer, worker: Worker) -> None:
        raise Killed

    done: list[str] = []
    plan(store, "j1", START)
    with pytest.raises(Killed):
        JobRunner("kernel", store, {"strike": dies}, lambda context, timer: None).run_once()
    runner = JobRunner("kernel", store, {"strike": lambda t, w: done.append(t.key)}, lambda context, timer: None)
    assert runner.run_once() == 0, "the lease still holds"
    clock.pass_(minutes=5)
    assert runner.run_once() == 1
    assert done == ["j1"]


def test_a_job_may_set_its_own_timer_again(store: EventStore[Any], clock: MovedClock) -> None:
    def again(timer: Timer, worker: Worker) -> None:
        with worker.transaction() as tx:
            tx.set_timer(timer.key, timer.kind, timer.due_at + timedelta(days=1), {})

    plan(store, "j1", START)
    runner = JobRunner("kernel", store, {"strike": again}, lambda context, timer: None)
    assert runner.run_once() == 1
    assert runner.run_once() == 0
    clock.pass_(days=1)
    assert runner.run_once() == 1


def test_in_a_backdated_run_timers_wait_for_its_own_clock(
    store: EventStore[Any], clock: MovedClock, strike: Any
) -> None:
    then = START - timedelta(days=100)
    due = then + timedelta(days=2)
    note = plan(store, "t1", due, effective_at=then, timeline_id="sim")
    runner = TimerRunner("kernel", store, {"strike": strike})
    assert runner.run_once() == 0, "the run has only reached its first day"
    plan(store, "t2", due + timedelta(days=50), effective_at=due + timedelta(hours=1), timeline_id="sim")
    assert runner.run_once() == 1
    [event] = history(store, note)
    assert event.metadata.effective_at == due
    assert event.metadata.timeline_id == "sim"
    clock.pass_(minutes=2)  # the run has ended: what it left is due by the wall
    assert runner.run_once() == 1
