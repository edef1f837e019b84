"""The stream queue of partners: published events in order, none missing, read again from any offset."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from crm.notification.v1.message_events_pb2 import MessageAttempted
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned, LeadCaptured
from kernel.broker import connect, drain
from kernel.ids import new_id
from kernel.log import LogRecorder, Metadata
from kernel.partner_stream import StreamFeeder
from kernel.relay import Relay
from kernel.store import open_datastore
from kernel.topology import PARTNERS, declare_exchanges, declare_partner_stream
from testkit import Database, wait_until
from testkit.examples import command_of, run_example


class Log:
    def __init__(self, database: Database, amqp: str) -> None:
        self.url = database.url
        self._amqp = amqp
        self._datastore = open_datastore(database.url, 1, 5)
        self.recorder = LogRecorder(self._datastore)

    def append(self, *messages: Any, version: int = 1) -> None:
        now = datetime.now(UTC)
        with self._datastore.pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            self.recorder.lock_for_append(cursor)
            rows = [
                (
                    UUID(m.lead_id) if hasattr(m, "lead_id") else new_id(),
                    version,
                    m.DESCRIPTOR.full_name,
                    m.SerializeToString(),
                    Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", ""),
                )
                for m in messages
            ]
            self.recorder.append(cursor, rows)

    def feeder(self) -> StreamFeeder:
        return StreamFeeder("pipeline", self.url, self._amqp, self.recorder)

    def close(self) -> None:
        self._datastore.close()


@pytest.fixture
def log(database: Callable[[str], Database], amqp: str) -> Iterator[Log]:
    found = Log(database("kernel"), amqp)
    found._datastore.pool.open(False)
    yield found
    found.close()


@contextmanager
def running(run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def provision(amqp: str) -> None:
    with closing(connect(amqp)) as connection:
        channel = connection.channel()
        declare_exchanges(channel)
        declare_partner_stream(channel)


def read(amqp: str, offset: int | str, count: int) -> list[tuple[int, dict[str, Any], Any]]:
    """(offset, event, properties) of so many messages, as a partner reads them."""
    got: list[tuple[int, dict[str, Any], Any]] = []
    with closing(connect(amqp)) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 100, False)

        def on_message(message: Any) -> None:
            got.append((message.headers["x-stream-offset"], json.loads(message.body), message.properties))
            channel.basic_ack(message.delivery_info["delivery_tag"])

        channel.basic_consume(PARTNERS, callback=on_message, arguments={"x-stream-offset": offset})
        wait_until(lambda: drain(connection, 0.1) or len(got) >= count, describe=lambda: len(got))
    return got


def test_published_events_are_read_in_order_and_again_from_any_offset(log: Log, amqp: str) -> None:
    provision(amqp)
    leads = [str(new_id()) for _ in range(5)]
    log.append(LeadCaptured(lead_id=str(new_id()), person_name="sealed:1:x"), MessageAttempted(message_id="m"))
    with running(log.feeder().run):
        for version in range(1, 21):
            log.append(*(LeadAssigned(lead_id=lead) for lead in leads), version=version)
        got = read(amqp, "first", 101)
    assert [offset for offset, _, _ in got] == list(range(101))
    events = [event for _, event, _ in got]
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    assert {event["source"] for event in events} == {"urn:headwater:pipeline"}
    for lead in leads:
        assert [event["recordversion"] for event in events if event["subject"] == lead] == list(range(1, 21))
    assert "sealed" not in json.dumps(events)
    assert got[0][2]["content_type"] == "application/cloudevents+json"
    assert got[0][2]["message_id"] == events[0]["id"]
    assert read(amqp, 60, 41) == got[60:], "exact resume: the offset after the last one kept"


def test_a_feeder_that_died_before_it_remembered_repeats_itself_knowably_and_misses_nothing(
    log: Log, amqp: str
) -> None:
    provision(amqp)
    log.append(*(LeadAssigned(lead_id=str(new_id())) for _ in range(30)))
    with running(log.feeder().run), running(log.feeder().run):  # one of two is active
        assert len(read(amqp, "first", 30)) == 30
    with psycopg.connect(log.url, autocommit=True) as connection:
        connection.execute("update relay_checkpoint set position = position - 10 where relay = 'partners'")
    log.append(*(LeadAssigned(lead_id=str(new_id())) for _ in range(5)))
    with running(log.feeder().run):
        got = read(amqp, "first", 45)
    last, fresh = "", []
    for _, event, _ in got:
        if event["sequence"] > last:
            last = event["sequence"]
            fresh.append(event["id"])
    assert len(got) == 45
    assert len(fresh) == len(set(fresh)) == 35, "dropped by source and sequence, each is there once"


def test_the_example_reads_on_where_it_was_and_does_everything_once(log: Log, amqp: str, tmp_path: Path) -> None:
    provision(amqp)
    command = [*command_of("read_stream.py", tmp_path), "--until-quiet", "2"]
    log.append(*(LeadAssigned(lead_id=str(new_id())) for _ in range(12)))
    with running(log.feeder().run):
        read(amqp, "first", 12)
        assert run_example(command, {"STREAM_URL": amqp}, tmp_path).endswith("12 events took effect\n")
        log.append(LeadAssigned(lead_id=str(new_id())))
        read(amqp, 12, 1)
        said = run_example(command, {"STREAM_URL": amqp}, tmp_path)
    assert said.startswith("12 crm.pipeline.v1.LeadAssigned")
    assert said.endswith("\n13 events took effect\n")


def test_without_the_stream_nothing_is_passed_over(log: Log, amqp: str) -> None:
    log.append(LeadAssigned(lead_id=str(new_id())))
    relay = Relay("pipeline", log.url, amqp, log.recorder, feeder=log.feeder())
    with running(relay.run):
        wait_until(lambda: relay.published == 1)
        provision(amqp)
        ((_, event, _),) = read(amqp, "first", 1)
    assert event["type"] == "crm.pipeline.v1.LeadAssigned"
