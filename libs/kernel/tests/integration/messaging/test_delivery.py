"""Nothing is lost, nothing takes effect twice, nothing is reordered, whatever the broker does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest

from crm.common.v1.envelope_pb2 import RecordedEvent
from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.backfill import BackfillAnswerer, BackfillClient
from kernel.broker import connect
from kernel.delivered import Delivered
from kernel.errors import Unavailable
from kernel.ids import new_id
from kernel.log import Entry
from kernel.progress import Progress
from kernel.publisher import Publisher
from kernel.slots import slot_of
from kernel.topology import EVENTS, declare_exchanges, partition_queue
from testkit import wait_until


def test_slot_of_is_the_same_in_sql(owner: Any) -> None:
    streams = [new_id() for _ in range(200)] + [UUID(int=0), UUID(int=2**128 - 1)]
    with psycopg.connect(owner.database.url) as connection:
        rows = connection.execute("select s, slot_of(s) from unnest(%s::uuid[]) s", (streams,))
        assert dict(rows.fetchall()) == {stream: slot_of(stream) for stream in streams}


def test_events_arrive_in_order_through_four_partitions(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    owner.start_relay()
    follower.start(partitions=4)
    owner.append(1200)
    agree()


def test_a_log_that_was_published_before_anybody_listened_is_fetched(
    owner: Any, follower: Any, agree: Callable[..., None]
) -> None:
    relay, _ = owner.start_relay()
    owner.append(700)
    wait_until(lambda: relay.published == 700)
    follower.start(partitions=2)
    agree()


def test_what_was_fetched_and_took_effect_is_under_no_suspicion(owner: Any, follower: Any, stack: Any) -> None:
    """Its note goes with the commit: a process killed right after it would leave one that nobody clears."""
    owner.append(25)
    relay, _ = owner.start_relay()
    wait_until(lambda: relay.published == 25)
    slot = slot_of(owner.streams[0])
    progress = Progress(follower.consumer(), follower.database.url, [slot])
    stack.callback(progress.close)
    with connect(owner.amqp_url) as connection:
        backfill = BackfillClient(connection)
        progress.open(backfill.end_of)
        events = [Delivered.of(record) for record in backfill.fetch("kernel_test", slot, 0).events]
    with progress.in_hand(events):
        assert follower.query("select position, attempts from suspects") == [(-1 - slot, 1)]
        progress.apply(events)
        assert follower.query("select count(*) from suspects") == [(0,)]
    assert follower.tail() == len(events) > 0


def test_duplicates_are_dropped_also_inside_one_batch(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    owner.append(60)
    with Publisher(owner.amqp_url) as publisher:
        follower.reader().queue.declare(publisher.channel)
    for _ in range(3):
        relay, stop = owner.start_relay()
        wait_until(lambda relay=relay: relay.published == 60)
        stop()
        forget_checkpoint(owner)
    owner.start_relay()
    follower.start()
    agree()


def test_a_purged_queue_loses_nothing(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    relay, _ = owner.start_relay()
    stop, *_ = follower.start()
    owner.append(100)
    agree()
    stop()
    owner.append(200)
    wait_until(lambda: relay.published == len(owner.log()))
    with Publisher(owner.amqp_url) as publisher:
        publisher.channel.queue_purge(partition_queue("follower", "views", 0, 1))
    follower.start()
    agree(one_more=False)  # by the heartbeat alone: no later event tells of the gap
    owner.append(50)
    agree()


def test_what_a_message_says_of_itself_counts_for_nothing_beside_its_routing_key(
    owner: Any, follower: Any, agree: Callable[..., None]
) -> None:
    owner.start_relay()
    follower.start()
    owner.append(20)
    agree()
    end = max(position for position, _, _ in owner.log())
    forged = RecordedEvent(context="kernel_test", slot=3, position=end + 1000, type="x.Forged", stream_id=str(new_id()))
    lying = LogHeartbeat(context="kernel_test", position=end + 1000, slot_positions=[end + 1000] * 16)
    with Publisher(owner.amqp_url) as publisher:
        queue = partition_queue("follower", "views", 0, 1)
        publisher.channel.queue_bind(queue, EVENTS, "*.intruder.*")
        publisher.channel.queue_bind(queue, EVENTS, "heartbeat.*")
        publisher.publish(forged.SerializeToString(), EVENTS, "03.intruder.Forged")
        publisher.publish(lying.SerializeToString(), EVENTS, "heartbeat.intruder")
        publisher.publish(b"\xff", EVENTS, "03.kernel_test.Unreadable")
        publisher.flush()
    owner.append(20)
    agree()


def test_a_relay_that_dies_between_publishing_and_remembering_repeats_itself_harmlessly(
    owner: Any, follower: Any, agree: Callable[..., None]
) -> None:
    deaths = iter([OSError("first"), OSError("second")])

    def die(_: list[Entry]) -> None:
        for death in deaths:
            raise death

    owner.append(300)
    follower.start()
    owner.start_relay(on_batch=die, window=50)
    agree()


def test_two_relays_stand_by_for_each_other(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    first, stop_first = owner.start_relay()
    wait_until(lambda: first.active)
    second, _ = owner.start_relay()
    follower.start()
    owner.append(100)
    agree()
    assert not second.active
    stop_first()
    owner.append(100)
    wait_until(lambda: second.active)
    agree()


def test_cut_database_sessions_cost_nothing(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    owner.start_relay()
    follower.start(partitions=2)
    cut = 0
    for _ in range(6):
        before = follower.tail()
        owner.append(150)
        wait_until(lambda before=before: follower.tail() > before)
        cut += follower.cut_connections()
    agree()
    assert cut > 0


def test_a_relay_survives_the_end_of_its_own_session(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    relay, _ = owner.start_relay()
    follower.start()
    wait_until(lambda: relay.active)
    with psycopg.connect(owner.database.url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_locks"
            " where locktype = 'advisory' and objid = 817 and mode = 'ExclusiveLock'"
            " and database = (select oid from pg_database where datname = current_database())"
        )
    owner.append(200)
    agree()


def test_closed_broker_connections_cost_nothing(
    owner: Any, follower: Any, agree: Callable[..., None], broker: Any
) -> None:
    owner.start_relay()
    follower.start(partitions=2)
    owner.append(100)
    agree()
    vhost = owner.amqp_url.rpartition("/")[2]

    def connections() -> list[str]:
        return [c["name"] for c in broker.management.ask("GET", f"vhosts/{vhost}/connections")]

    wait_until(lambda: len(connections()) >= 4)
    for name in connections():
        broker.management.ask("DELETE", f"connections/{quote(name)}")
    owner.append(300)
    agree()


def test_a_full_queue_that_somebody_bound_by_hand_holds_nobody_up(
    owner: Any, follower: Any, agree: Callable[..., None]
) -> None:
    with Publisher(owner.amqp_url) as publisher:
        declare_exchanges(publisher.channel)
        refusing = {"x-max-length": 1, "x-overflow": "reject-publish"}
        publisher.channel.queue_declare("stranger", durable=True, auto_delete=False, arguments=refusing)
        publisher.channel.queue_bind("stranger", EVENTS, "#")
    relay, _ = owner.start_relay(window=50)
    follower.start(partitions=2)
    owner.append(400)
    wait_until(lambda: relay.published == 400)
    agree()
    wait_until(lambda: relay.published == len(owner.log()))


def test_a_broker_that_does_not_confirm_in_time_is_never_gone_on_without(
    owner: Any,
    follower: Any,
    agree: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may only be busy: were the relay to go on, everybody would fetch everything, and make it busier still."""
    with monkeypatch.context() as slow:
        slow.setattr("kernel.relay._CONFIRM_TIMEOUT_S", 0.1)
        slow.setattr("kernel.relay._LAST_CONFIRMS_S", 0.1)
        slow.setattr("kernel.relay._LONGEST_BACKOFF_S", 0.2)
        slow.setattr(Publisher, "_on_ack", lambda *_: None)
        relay, stop = owner.start_relay()
        follower.start()
        owner.append(60)
        wait_until(lambda: sum(r.message == "relay interrupted" for r in caplog.records) >= 6, 30)
        assert relay.published == 0
        assert relay.insists
        stop()
    owner.start_relay()
    agree()


def test_an_answer_that_comes_too_late_counts_when_the_same_is_asked_again(
    owner: Any, stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.append(30)
    answer, waits, asked = BackfillAnswerer.answer, [Event(), Event()], []

    def slowly(self: BackfillAnswerer, connection: Any, request: Any) -> Any:
        asked.append(request)
        waits[min(len(asked), 2) - 1].wait(30)
        return answer(self, connection, request)

    monkeypatch.setattr(BackfillAnswerer, "answer", slowly)
    relay, _ = owner.start_relay()
    stack.callback(waits[1].set)
    wait_until(lambda: relay.published == 30)
    slot = slot_of(owner.streams[0])
    with connect(owner.amqp_url) as connection:
        backfill = BackfillClient(connection, timeout_s=0.5)
        wait_until(lambda: asked or late(backfill, slot), 20)
        assert late(backfill, slot), "the first asking is being answered, the second waits behind it"
        waits[0].set()
        found: list[Any] = []
        wait_until(lambda: found or not late(backfill, slot, found), 20)
    assert [event.slot for event in found] == [slot] * len(found)
    assert found
    assert not waits[1].is_set()


def late(backfill: BackfillClient, slot: int, found: list[Any] | None = None) -> bool:
    """Ask for the slot's events; return whether nobody answered in time."""
    try:
        events = backfill.fetch("kernel_test", slot, 0).events
    except Unavailable:
        return True
    if found is not None:
        found.extend(events)
    return False


@pytest.mark.feature("NFR-19")
def test_a_zombie_does_nothing_twice(owner: Any, follower: Any, agree: Callable[..., None]) -> None:
    """Two consumers believe to be the active one: each gets everything, from a queue of its own."""
    owner.start_relay()
    follower.start()
    follower.start(queues_of="zombie")
    owner.append(1500)
    agree()


def forget_checkpoint(owner: Any) -> None:
    with psycopg.connect(owner.database.url, autocommit=True) as connection:
        connection.execute("delete from relay_checkpoint")


def test_every_message_names_its_predecessor_in_the_slot(owner: Any, stack: Any) -> None:
    publisher = stack.enter_context(Publisher(owner.amqp_url))
    channel = publisher.channel
    channel.exchange_declare(EVENTS, "topic", durable=True, auto_delete=False)
    channel.queue_declare("tap")
    channel.queue_bind("tap", EVENTS, "*.kernel_test.*")
    relay, _ = owner.start_relay()
    owner.append(40)
    wait_until(lambda: relay.published == 40)
    last: dict[int, int] = {}
    while (message := channel.basic_get("tap", no_ack=True)) is not None:
        record = RecordedEvent.FromString(message.body)
        assert record.previous_position == last.get(record.slot, 0)
        last[record.slot] = record.position
    assert max(last.values()) == max(position for position, _, _ in owner.log())
