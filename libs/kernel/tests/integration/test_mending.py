"""Administrators see what is parked, have it tried again in order, and leave out for good what cannot be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message import Message

from crm.audit.v1 import parking_service_pb2 as pb
from kernel.delivered import Delivered
from kernel.envelope import enveloped
from kernel.errors import Conflict, Forbidden, NotFound
from kernel.ids import derived_id, new_id
from kernel.mending import ParkingApi
from kernel.parking import FOLLOWS, park, parked_streams
from kernel.parking_events import ParkedRetried, ParkedSetAside
from kernel.service import Service, open_store
from kernel.slots import slot_of
from kernel.store import Cause
from kernel.timers import TimerRunner
from testkit.callers import a_call, a_caller

CONTEXT = "kernel_test"
BAD = new_id()
OTHER = new_id()


class Kitchen:
    """A service that answers struck notes, with three events of one record and one of another parked."""

    def __init__(self, settings: Any, notes: SimpleNamespace) -> None:
        self.notes = notes
        self.refused: set[int] = set()
        self.handled: list[tuple[Any, int]] = []
        events = (notes.NoteTaken, notes.NoteAmended, notes.NoteStruck)
        self.store: Any = open_store(settings, events, [notes.messages])
        self.service = Service("kernel", settings, self.store, reactions={notes.messages.NoteStruck: self.when_struck})
        self.api = ParkingApi(self.service)
        for stream, count in ((BAD, 3), (OTHER, 1)):
            with self.store.transaction(Cause.of("tester")) as tx:
                tx.append(stream, 0, [notes.NoteStruck(stream)] * count)
                entries = self.store.recorder.read_stream(tx.cursor, stream)
            delivered = [Delivered.of(enveloped(CONTEXT, slot_of(stream), 0, entry)) for entry in entries]
            with self.store.transaction(Cause.of("tester")) as tx:
                park(tx.cursor, "reactions", delivered[:1], "builtins.KeyError at kernel/x.py:1", 3)
                park(tx.cursor, "reactions", delivered[1:], FOLLOWS, 0)

    def when_struck(self, delivered: Delivered, tx: Any) -> None:
        if delivered.version in self.refused:
            raise KeyError("what a person typed")
        self.handled.append((delivered.stream, delivered.version))

    def ask(self, request: Message, **who: Any) -> Any:
        call = a_call(self.store, a_caller(**who))
        name = type(request).__name__.removesuffix("Request")
        try:
            answer = getattr(self.api, name)(request, call)
        except Exception as error:
            call.close(error)
            raise
        call.close()
        return answer

    def listed(self) -> list[tuple[str, int, int, int]]:
        found = self.ask(pb.ListParkedRequest(context="kernel"))
        return sorted((it.stream_id, it.version, it.events, it.attempts) for it in found.streams)

    def recorded(self) -> list[Any]:
        with self.store.transaction(Cause.of("tester")) as tx:
            return list(tx.history(derived_id("parking", "kernel")))


@pytest.fixture
def kitchen(a_settings: Any, notes: SimpleNamespace) -> Iterator[Kitchen]:
    opened = Kitchen(a_settings("kernel"), notes)
    yield opened
    opened.store.close()


def retry(**named: Any) -> pb.RetryParkedRequest:
    return pb.RetryParkedRequest(context="kernel", **named)


def test_a_record_is_retried_in_order_and_the_audit_says_who_did_it(kitchen: Kitchen) -> None:
    assert kitchen.listed() == sorted([(str(BAD), 1, 3, 3), (str(OTHER), 1, 1, 3)])
    kitchen.refused = {3}
    [tried] = kitchen.ask(retry(consumer="reactions", stream_id=str(BAD))).streams
    assert (tried.handled, tried.of_context) == (2, CONTEXT)
    assert tried.failure.startswith("builtins.KeyError at ")
    assert "person" not in tried.failure
    assert kitchen.handled == [(BAD, 1), (BAD, 2)]
    assert kitchen.listed() == sorted([(str(BAD), 3, 1, 1), (str(OTHER), 1, 1, 3)])
    [said] = kitchen.recorded()
    assert isinstance(said, ParkedRetried)
    assert [(it.stream_id, it.handled, it.failure) for it in said.streams] == [(BAD, 2, tried.failure)]

    kitchen.refused = set()
    assert sorted(it.handled for it in kitchen.ask(retry()).streams) == [1, 1]
    assert kitchen.listed() == []
    assert not kitchen.ask(retry()).streams
    assert len(kitchen.recorded()) == 2, "trying nothing is nothing to record"


def test_what_is_set_aside_waits_no_longer_and_what_follows_it_goes_on(kitchen: Kitchen) -> None:
    kitchen.refused = {1}
    [listed] = [it for it in kitchen.ask(pb.ListParkedRequest()).streams if it.stream_id == str(BAD)]
    aside = pb.SetParkedAsideRequest(
        context="kernel", consumer="reactions", stream_id=str(BAD), position=listed.position
    )
    assert kitchen.ask(aside).events == 2
    with pytest.raises(Conflict):
        kitchen.ask(aside)
    [said] = kitchen.recorded()
    assert isinstance(said, ParkedSetAside)
    assert (said.stream_id, said.position, said.kind) == (BAD, listed.position, "kernel_test.v1.NoteStruck")
    kitchen.ask(retry(consumer="reactions", stream_id=str(BAD)))
    assert kitchen.handled == [(BAD, 2), (BAD, 3)]
    with kitchen.store.query() as cursor:
        assert parked_streams(cursor, "reactions", {BAD, OTHER}) == {OTHER}


def test_a_failed_timer_is_run_again_or_dropped(kitchen: Kitchen) -> None:
    fired = []
    with kitchen.store.transaction(Cause.of("tester")) as tx:
        for key in ("again", "never"):
            tx.set_timer(key, "strike", tx.recorded_at, {})
        tx.cursor.execute("update timers set failed_at = now(), attempts = 8, last_error = 'builtins.ValueError'")
    found = kitchen.ask(pb.ListParkedRequest()).timers
    assert [(it.key, it.kind, it.attempts) for it in found] == [("again", "strike", 8), ("never", "strike", 8)]
    assert kitchen.ask(retry(timer_key="again")).timers == 1
    kitchen.ask(pb.SetParkedAsideRequest(timer_key="never"))
    with pytest.raises(NotFound):
        kitchen.ask(retry(timer_key="never"))
    handlers: dict[str, Callable[..., None]] = {"strike": lambda timer, _: fired.append(timer.key)}
    assert TimerRunner("kernel", kitchen.store, handlers).run_once() == 1
    assert fired == ["again"]
    assert [type(it) for it in kitchen.recorded()] == [ParkedRetried, ParkedSetAside]


def test_who_does_not_see_all_records_sees_nothing_parked(kitchen: Kitchen) -> None:
    for request in (pb.ListParkedRequest(), retry(), pb.SetParkedAsideRequest(timer_key="x")):
        with pytest.raises(Forbidden):
            kitchen.ask(request, scope="team")
