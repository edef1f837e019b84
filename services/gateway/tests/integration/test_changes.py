"""Live changes from a real RabbitMQ: who hears what, and what happens to those who do not keep up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from crm.common.v1.envelope_pb2 import EventMetadata, RecordedEvent
from crm.pipeline.v1.opportunity_events_pb2 import OpportunityWon
from gateway import changes as module
from kernel.auth import LEEWAY, TOKEN_LIFE
from kernel.publisher import Publisher
from kernel.topology import EVENTS, declare_exchanges
from testkit.callers import a_caller, a_token
from testkit.waiting import wait_until

from .conftest import Running, gateway_to

ONE, TWO = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"


@pytest.fixture
def live(amqp: str) -> Iterator[Running]:
    with gateway_to({"identity": "127.0.0.1:1"}, amqp_url=amqp) as running:
        wait_until(lambda: changes_of(running).connected)
        yield running


@pytest.fixture
def publish(amqp: str) -> Callable[..., None]:
    def send(stream: str = ONE, type_: str = "crm.pipeline.v1.OpportunityWon", n: int = 1) -> None:
        context = type_.split(".")[1]
        record = RecordedEvent(
            context=context,
            position=n,
            slot=3,
            stream_id=stream,
            version=n,
            type=type_,
            data=OpportunityWon(reason="personal words").SerializeToString(),
            metadata=EventMetadata(event_id="e", actor="person:secret-actor"),
        )
        with Publisher(amqp) as publisher:
            declare_exchanges(publisher.channel)
            key = f"03.{context}.{type_.rpartition('.')[2]}"
            publisher.publish(record.SerializeToString(), EVENTS, key)
            publisher.flush()

    return send


def changes_of(running: Running) -> Any:
    return running.server._gateway.changes


class Stream:
    """The events of one connection, read as they come."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()
        self.raw = ""

    def next(self) -> tuple[str, Any, str]:
        event, data, number = "", None, ""
        for line in self._lines:
            self.raw += line + "\n"
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
            elif line.startswith("id: "):
                number = line.removeprefix("id: ")
            elif not line and event:
                return event, data, number
        return "", None, ""


@contextmanager
def following(
    running: Running, permissions: Any = ("*",), scope: Any = "all", query: str = "", **headers: str
) -> Iterator[Stream]:
    client = running.client(a_token(a_caller(permissions, scope)))
    with client.stream("GET", f"/v1/changes{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer)
        stream.hello = stream.next()  # type: ignore[attr-defined]
        yield stream


def test_a_change_arrives_without_who_and_without_what(live: Running, publish: Any) -> None:
    with following(live) as stream:
        publish(ONE, n=7)
        event, data, _ = stream.next()
        assert (event, data) == (
            "change",
            {"context": "pipeline", "event": "OpportunityWon", "stream_id": ONE, "version": 7},
        )
        assert "secret-actor" not in stream.raw
        assert "personal" not in stream.raw


def test_one_hears_only_what_one_may_read(live: Running, publish: Any) -> None:
    with (
        following(live, ["ticketing.*.read"]) as agent,
        following(live, ["pipeline.opportunity.read"]) as seller,
    ):
        publish(ONE)
        publish(TWO, "crm.ticketing.v1.TicketOpened")
        assert agent.next()[1]["event"] == "TicketOpened"
        assert seller.next()[1]["event"] == "OpportunityWon"


def test_whoever_does_not_see_all_records_learns_only_of_those_he_named(live: Running, publish: Any) -> None:
    with following(live, scope="own", query=f"?stream={ONE}") as stream:
        publish(TWO)
        publish(ONE, n=2)
        assert stream.next()[1] == {"context": "pipeline", "event": "OpportunityWon"}
        assert stream.next()[1]["stream_id"] == ONE


def test_only_the_wanted_contexts_are_sent(live: Running, publish: Any) -> None:
    with following(live, query="?context=ticketing") as stream:
        publish(ONE)
        publish(TWO, "crm.ticketing.v1.TicketOpened")
        assert stream.next()[1]["context"] == "ticketing"


def test_a_client_that_comes_back_gets_what_it_missed(live: Running, publish: Any) -> None:
    with following(live) as stream:
        publish(ONE, n=1)
        number = stream.next()[2]
    publish(ONE, n=2)
    wait_until(lambda: changes_of(live)._number == int(number.partition("-")[2]) + 1)
    with following(live, **{"Last-Event-ID": number}) as stream:
        assert stream.hello[0] == "hello"  # type: ignore[attr-defined]
        assert stream.next()[1]["version"] == 2
    for unknown in ("123456789", f"{number}000", "another-1", "nonsense"):
        with following(live, **{"Last-Event-ID": unknown}) as stream:
            assert stream.hello[0] == "reset", unknown  # type: ignore[attr-defined]


def test_a_client_that_does_not_keep_up_is_told_to_start_over() -> None:
    import asyncio

    async def overflow() -> module.Listener:
        changes = module.Changes("amqp://unused")
        listener = module.Listener(a_caller(), frozenset(), frozenset())
        changes.subscribe(listener, "")
        for n in range(module.BUFFER + 1):
            changes.publish("pipeline", "OpportunityWon", ONE, n)
        return listener

    listener = asyncio.run(overflow())
    assert listener.lagging
    assert not list(listener.take()), "its buffer is given back"


@pytest.mark.feature("IDN-09")
def test_nothing_is_shown_once_the_token_has_ended(live: Running, publish: Any) -> None:
    issued_at = datetime.now(UTC) - timedelta(seconds=50)
    token = a_token(a_caller(), issued_at, life=TOKEN_LIFE)
    with live.client(token).stream("GET", "/v1/changes") as answer:
        stream = Stream(answer)
        assert stream.next()[0] == "hello"
        publish(ONE, n=7)
        assert stream.next()[0] == "change"
        wait_until(lambda: datetime.now(UTC) - issued_at > TOKEN_LIFE + LEEWAY)
        publish(ONE, n=8)
        assert stream.next()[:2] == ("reset", {"reason": "session"})


def test_the_number_of_listeners_is_bounded(monkeypatch: pytest.MonkeyPatch, live: Running) -> None:
    monkeypatch.setattr(module, "MOST_LISTENERS", 1)
    with following(live):
        answer = live.client(a_token()).get("/v1/changes")
        assert answer.status_code == 429
    wait_until(lambda: changes_of(live).listeners == 0)


def test_a_broken_connection_resets_everybody_and_comes_back(
    live: Running, publish: Any, broker: Any, amqp: str
) -> None:
    def connections() -> list[str]:
        found = broker.management.ask("GET", f"vhosts/{amqp.rpartition('/')[2]}/connections")
        return [connection["name"] for connection in found]

    with following(live) as stream:
        for name in wait_until(connections):
            broker.management.ask("DELETE", f"connections/{quote(name)}")
        assert stream.next()[:2] == ("reset", {"reason": "lagging"})
    wait_until(lambda: changes_of(live).connected)
    with following(live) as stream:
        publish(TWO, n=9)
        assert stream.next()[1]["version"] == 9


def test_without_a_broker_live_changes_are_away_and_the_rest_works() -> None:
    with gateway_to({"identity": "127.0.0.1:1"}) as running:
        answer = running.client(a_token()).get("/v1/changes")
        assert answer.status_code == 503
        assert running.client().get("/livez").status_code == 200


def test_a_gateway_that_stops_lets_its_listeners_go_first(amqp: str) -> None:
    with gateway_to({"identity": "127.0.0.1:1"}, amqp_url=amqp) as running:
        wait_until(lambda: changes_of(running).connected)
        with following(running) as stream:
            began = time.monotonic()
            running.server.should_exit = True
            assert stream.next()[0] == "reset"
    assert time.monotonic() - began < 6, "draining did not wait for endless streams"
