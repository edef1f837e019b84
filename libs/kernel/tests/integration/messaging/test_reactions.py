"""Whenever X happened, Y is done once: reactions, what they cannot handle, and trying it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from psycopg.rows import dict_row

from kernel.consumers import Reactions, Views
from kernel.delivered import Delivered, message_class
from kernel.envelope import enveloped
from kernel.errors import Poison, Unavailable
from kernel.ids import derived_id, new_id
from kernel.parking import FOLLOWS, list_parked
from kernel.progress import MOST_ATTEMPTS, Progress
from kernel.projections import Eventual
from kernel.retrying import handle_late, retry_parked
from kernel.slots import SLOTS, slot_of
from kernel.store import Cause, EventStore, open_datastore
from kernel.unheard import forget_unheard, known_now
from kernel.vault import MasterKey
from testkit import wait_until


class Reactor:
    """A service that answers each struck note by striking a note of its own."""

    def __init__(self, follower: Any, notes: Any, stack: Any) -> None:
        self.notes = notes
        self.follower = follower
        self.before: Callable[[Delivered], None] = lambda _: None
        self.tried: Counter[tuple[UUID, int]] = Counter()
        self.store: EventStore[Any] = EventStore(
            open_datastore(follower.database.url, 1, 5), notes.codec, MasterKey(bytes(32))
        )
        stack.callback(self.store.close)
        self.consumer = Reactions("reactor", self.store, {notes.messages.NoteStruck: self.when_struck})

    def when_struck(self, delivered: Delivered, tx: Any) -> None:
        self.tried[delivered.stream, delivered.version] += 1
        self.before(delivered)
        answer = derived_id(delivered.stream, "answer")
        tx.append(answer, delivered.version - 1, [self.notes.NoteStruck(note_id=answer)])

    def answers(self) -> int:
        return int(self.follower.query("select count(*) from events")[0][0])

    def parked(self) -> list[Any]:
        with psycopg.connect(self.follower.database.url, row_factory=dict_row) as connection:
            return list_parked(connection.cursor(), "reactions", limit=1000)

    def retry(self) -> list[Any]:
        return list(retry_parked([self.consumer], self.follower.database.url))


@pytest.fixture
def reactor(follower: Any, notes: Any, stack: Any) -> Reactor:
    return Reactor(follower, notes, stack)


@pytest.mark.feature("NFR-19")
def test_each_event_is_reacted_to_once_in_the_order_of_its_stream(owner: Any, follower: Any, reactor: Reactor) -> None:
    owner.start_relay()
    follower.start(consumer=reactor.consumer)
    follower.start(consumer=reactor.consumer, queues_of="zombie")
    owner.append(200)
    wait_until(lambda: reactor.answers() == 200, timeout_s=30)
    assert follower.query("select count(*) from inbox") == [(200,)]


def test_a_reaction_is_caused_by_its_event(owner: Any, follower: Any, reactor: Reactor) -> None:
    owner.start_relay()
    follower.start(consumer=reactor.consumer)
    with owner.store.transaction(Cause.of("person:tester", "request-1")) as tx:
        stream = owner.streams[0]
        tx.append(stream, 0, [owner.notes.NoteStruck(note_id=stream)])
    wait_until(lambda: reactor.answers() == 1)
    with psycopg.connect(owner.database.url) as connection:
        event_id, correlation = connection.execute("select event_id, correlation_id from events").fetchall()[0]
    assert follower.query("select actor, causation_id, correlation_id from events") == [
        ("service:reactor", event_id, correlation)
    ]


def test_what_is_transient_is_waited_out_and_never_counted(owner: Any, follower: Any, reactor: Reactor) -> None:
    def away(delivered: Delivered) -> None:
        if reactor.tried[delivered.stream, delivered.version] <= MOST_ATTEMPTS + 1:
            raise Unavailable("on holiday")

    reactor.before = away
    owner.start_relay()
    follower.start(consumer=reactor.consumer)
    owner.append(1)
    wait_until(lambda: reactor.answers() == 1, timeout_s=20)
    assert reactor.parked() == []


def test_poison_parks_its_stream_and_the_others_flow(owner: Any, follower: Any, reactor: Reactor) -> None:
    bad = owner.streams[3]

    def refuse(delivered: Delivered) -> None:
        if delivered.stream == bad and delivered.version == 2:
            raise KeyError("what a person typed")

    reactor.before = refuse
    owner.start_relay()
    follower.start(consumer=reactor.consumer)
    owner.append(100)  # four events of each stream
    wait_until(lambda: reactor.answers() == 97 and len(reactor.parked()) == 3, timeout_s=30)
    first, *rest = reactor.parked()
    assert (first.stream, first.version, first.attempts) == (bad, 2, MOST_ATTEMPTS)
    assert "KeyError" in first.reason
    assert "person" not in first.reason
    assert [(p.version, p.reason) for p in rest] == [(3, FOLLOWS), (4, FOLLOWS)]

    reactor.before = lambda _: None
    (retried,) = reactor.retry()
    assert (retried.handled, retried.failure) == (3, "")
    assert reactor.parked() == []
    owner.append(25)
    wait_until(lambda: reactor.answers() == 125)


def test_retrying_stops_at_the_first_failure(owner: Any, follower: Any, reactor: Reactor) -> None:
    stream = owner.streams[0]
    wrong = {2, 4}

    def refuse(delivered: Delivered) -> None:
        if delivered.version in wrong:
            raise Poison

    reactor.before = refuse
    owner.start_relay()
    follower.start(consumer=reactor.consumer)
    owner.append(5, [stream])
    wait_until(lambda: len(reactor.parked()) == 4)
    wrong.remove(2)
    (retried,) = reactor.retry()
    assert retried.handled == 2
    assert "Poison" in retried.failure
    assert [p.version for p in reactor.parked()] == [4, 5]
    wrong.clear()
    assert reactor.retry()[0].handled == 2
    assert reactor.answers() == 5


def test_poison_in_a_view_parks_its_stream_too(owner: Any, follower: Any) -> None:
    bad = owner.streams[7]

    def refuse(delivered: Delivered) -> None:
        if delivered.stream == bad and delivered.version == 1:
            raise ValueError

    follower.on_event = refuse
    owner.start_relay()
    follower.start(partitions=2)
    owner.append(75)
    wait_until(lambda: follower.tail() == 72, timeout_s=30)
    follower.on_event = lambda _: None
    results = list(retry_parked([follower.consumer()], follower.database.url))
    assert [(r.stream, r.handled, r.failure) for r in results] == [(bad, 3, "")]
    assert follower.tail() == 75


def test_a_bad_event_among_hundreds_costs_the_others_little(owner: Any, follower: Any) -> None:
    bad = owner.streams[7]
    tried: list[int] = []

    def refuse(cursor: Any, events: Any) -> None:
        tried.append(len(events))
        if any(event.stream == bad and event.version == 1 for event in events):
            raise ValueError
        cursor.executemany("insert into seen (position) values (%s)", [(event.position,) for event in events])

    owner.append(500)  # twenty events of each stream
    with psycopg.connect(owner.database.url, row_factory=dict_row) as connection:
        entries = owner.store.recorder.read_log(connection, 0, 500, 500)
    batch = [Delivered.of(enveloped("kernel_test", slot_of(entry.stream), 0, entry)) for entry in entries]
    consumer = Views([Eventual("seen", ("seen",), ("kernel_test",), refuse)])
    progress = Progress(consumer, follower.database.url, range(SLOTS))
    progress.open(lambda _: 0)
    progress.apply(batch)
    progress.close()
    assert follower.query("select count(*) from parked") == [(20,)]
    assert [position for (position,) in follower.query("select position from seen order by nth")] == [
        event.position for event in batch if event.stream != bad
    ]
    assert len(tried) < 50, "every other event had a transaction of its own"


def test_a_new_reaction_leaves_the_past_of_a_log_alone(owner: Any, follower: Any, reactor: Reactor) -> None:
    """A service that already reacts to others begins to follow this log at its end."""
    with psycopg.connect(follower.database.url, autocommit=True) as connection:
        connection.execute("insert into tracking (consumer, context, slot) values ('reactions', 'other', 0)")
    relay, _ = owner.start_relay()
    owner.append(50)
    wait_until(lambda: relay.published == 50)
    follower.start(consumer=reactor.consumer)
    wait_until(lambda: follower.query("select 1 from tracking where context = 'kernel_test'"))
    owner.append(25)
    wait_until(lambda: reactor.answers() > 0 or bool(reactor.parked()))
    assert all(version == 3 for _, version in reactor.tried)


def learn(event_type: str) -> Any:
    """Have this process know an event type from now on, as the code of the next version does."""
    package, _, name = event_type.rpartition(".")
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}/later.proto", package=package, syntax="proto3")
    file.message_type.add(name=name)
    descriptor_pool.Default().Add(file)
    message_class.cache_clear()
    return message_class(event_type)


def test_an_event_that_old_code_does_not_know_holds_nobody_up_and_new_code_reacts_to_it_once(
    owner: Any, follower: Any, reactor: Reactor, notes: Any
) -> None:
    unheard = f"kernel_test.v{new_id().hex}.Unheard"
    seen: list[str] = []

    def project(cursor: Any, events: Any) -> None:
        seen.extend(type(event.message).__name__ for event in events)

    def views_lack() -> dict[str, int]:
        with psycopg.connect(follower.database.url, row_factory=dict_row) as connection:
            return known_now(connection, "views")

    reacted: list[UUID] = []
    failing = [True]

    def react(event: Delivered, _: Any) -> None:
        if failing:
            raise Poison("not yet")
        reacted.append(event.metadata.event_id)

    stream, later = uuid4(), uuid4()
    owner.start_relay()
    follower.start(consumer=Views([Eventual("types", (), ("kernel_test",), project)]))
    [stop] = follower.start(consumer=reactor.consumer)
    with psycopg.connect(owner.database.url) as connection:
        connection.execute(
            "insert into events (originator_id, originator_version, topic, state, event_id, recorded_at,"
            " effective_at, actor, request_id, correlation_id) values"
            " (%s, 1, %s, '', %s, now(), now(), '', '', %s)",
            (stream, unheard, later, uuid4()),
        )
    owner.append(1)
    wait_until(lambda: len(seen) == 2)
    wait_until(lambda: reactor.answers() == 1)
    assert sorted(seen) == ["Empty", "NoteStruck"]
    assert not reactor.parked(), "nobody waits for it"
    assert handle_late(reactor.consumer, follower.database.url) == 0, "old code knows it no better later"
    assert views_lack() == {}
    stop()

    new = Reactions("reactor", reactor.store, {notes.messages.NoteStruck: reactor.when_struck, learn(unheard): react})
    follower.start(consumer=new)
    assert handle_late(new, follower.database.url) == 0
    assert [each.stream for each in reactor.parked()] == [stream], "what fails late waits like anything else that fails"
    failing.clear()
    assert [done.handled for done in retry_parked([new], follower.database.url)] == [1]
    assert handle_late(new, follower.database.url) == 0
    assert reacted == [later]
    assert follower.query("select count(*) from inbox") == [(2,)]
    assert views_lack() == {unheard: 1}, "its views are to be rebuilt"
    with psycopg.connect(follower.database.url, row_factory=dict_row) as connection:
        forget_unheard(connection, "views", datetime.now(UTC) + timedelta(minutes=1))
    assert views_lack() == {}
