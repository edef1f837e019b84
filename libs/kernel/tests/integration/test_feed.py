"""The feed of published events: from any position, without a gap, for those who may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.audit.v1 import feed_service_pb2 as pb
from crm.audit.v1.feed_service_pb2_grpc import FeedServiceStub
from crm.notification.v1.message_events_pb2 import MessageAttempted
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned, LeadCaptured
from kernel.auth import LEEWAY, Verifier
from kernel.codec import Codec
from kernel.feed import FeedApi, Places
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.rpc import Endpoint
from kernel.store import EventStore, open_datastore
from kernel.vault import MasterKey
from kernel.wire import channel_to, serve
from testkit import Database, a_caller, a_token, signing_key


@dataclass
class Log:
    """A log that is served, and whoever writes into it."""

    store: EventStore[Any]
    target: str

    def append(self, *messages: Any, hold: Callable[[], object] = lambda: None) -> list[int]:
        """One transaction; `hold` runs after the positions are drawn, before the commit."""
        now = datetime.now(UTC)
        with self.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            self.store.recorder.lock_for_append(cursor)
            rows = [
                (
                    UUID(m.lead_id) if hasattr(m, "lead_id") else new_id(),
                    int(getattr(m, "reason", "") or 1),
                    m.DESCRIPTOR.full_name,
                    m.SerializeToString(),
                    Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", ""),
                )
                for m in messages
            ]
            positions = self.store.recorder.append(cursor, rows)
            hold()
        return positions

    def ask(self, **caller: Any) -> Any:
        return self.ask_with(a_token(a_caller(**caller)))

    def ask_with(self, token: str) -> Any:
        """A stub whose calls carry the token; its channel ends with the process."""
        stub = FeedServiceStub(channel_to(self.target))
        metadata = [("authorization", f"Bearer {token}")]
        return SimpleNamespace(
            ListEvents=lambda **q: stub.ListEvents(pb.ListEventsRequest(**_whole(q)), metadata=metadata, timeout=20),
            StreamEvents=lambda **q: stub.StreamEvents(
                pb.StreamEventsRequest(**_whole(q)), metadata=metadata, timeout=60
            ),
        )


def _whole(query: dict[str, Any]) -> dict[str, Any]:
    return {"context": "pipeline"} | query


@pytest.fixture
def log(database: Callable[[str], Database]) -> Iterator[Log]:
    store: EventStore[Any] = EventStore(
        open_datastore(database("kernel").url, 4, 30), Codec([], []), MasterKey(bytes(32))
    )
    service: Any = SimpleNamespace(name="pipeline", store=store)
    api = FeedApi(service, Places(most=12, each=12))
    endpoint = Endpoint(
        pb.DESCRIPTOR.services_by_name["FeedService"], api, store, Verifier(signing_key().public_pem), None, "pipeline"
    )
    server, port = serve([endpoint], "127.0.0.1:0", threads=2)
    yield Log(store, f"127.0.0.1:{port}")
    server.stop(None).wait()
    store.close()


def assigned(lead: str = "", number: int = 1) -> LeadAssigned:
    return LeadAssigned(lead_id=lead or str(new_id()), reason=str(number))


def followed(stream: Any, until: Callable[[list[int]], bool]) -> list[int]:
    """Positions as they come, until the condition holds."""
    found: list[int] = []
    for answer in stream:
        found += [event.position for event in answer.events]
        if until(found):
            stream.cancel()
            return found
    return found


def test_pages_from_any_position_make_the_whole_and_hold_what_is_published_only(log: Log) -> None:
    captured = LeadCaptured(lead_id=str(new_id()), person_name="sealed:1:secret")
    positions = log.append(assigned(), MessageAttempted(message_id="m"), captured, assigned(), assigned())
    ask = log.ask()
    whole = ask.ListEvents()
    assert [e.position for e in whole.events] == [p for n, p in enumerate(positions) if n != 1]
    assert (whole.position, whole.more) == (positions[-1], False)
    assert "secret" not in str(whole)
    found, after, more = [], 0, True
    while more:
        page = ask.ListEvents(after_position=after, page_size=2)
        found += page.events
        after, more = page.position, page.more
    assert found == list(whole.events)
    only = ask.ListEvents(types=["crm.pipeline.v1.LeadCaptured"])
    assert [e.event["type"] for e in only.events] == ["crm.pipeline.v1.LeadCaptured"]
    assert only.position == positions[-1]
    assert not ask.ListEvents(after_position=positions[-1] + 1000).events


def test_it_goes_live_without_a_gap_while_many_append(log: Log) -> None:
    """Appenders overlap: later positions are committed before earlier ones, and none is passed over."""
    before = log.append(*(assigned() for _ in range(40)))
    late = threading.Event()
    with ThreadPoolExecutor(9) as pool:
        held = pool.submit(log.append, assigned(), hold=lambda: late.wait(20))
        writers = [pool.submit(lambda: [p for _ in range(12) for p in log.append(assigned())]) for _ in range(6)]
        streams = [
            pool.submit(followed, log.ask().StreamEvents(after_position=before[19]), lambda seen: len(seen) >= 93)
            for _ in range(2)
        ]
        written = [p for writer in writers for p in writer.result(60)]
        late.set()
        written += held.result(30)
        everything = sorted([*before[20:], *written])
        assert [stream.result(60) for stream in streams] == [everything, everything]
        assert everything.index(held.result()[0]) < 92, "it was drawn early and committed last"


def test_events_of_one_record_come_in_the_order_of_its_versions(log: Log) -> None:
    leads = [str(new_id()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda lead: [log.append(assigned(lead, n)) for n in range(1, 11)], leads))
    seen: dict[str, list[int]] = {}
    for event in log.ask().ListEvents().events:
        seen.setdefault(event.event["subject"], []).append(int(event.event["recordversion"]))
    assert seen == {lead: list(range(1, 11)) for lead in leads}


def test_a_stream_may_begin_now_and_says_where_it_stands_though_nothing_happens(log: Log) -> None:
    (old,) = log.append(assigned())
    stream = log.ask().StreamEvents(from_now=True)
    first = next(stream)
    assert (list(first.events), first.position) == ([], old)
    (new,) = log.append(assigned())
    assert followed(stream, lambda seen: len(seen) == 1) == [new]


def test_a_stream_ends_with_its_token(log: Log) -> None:
    (position,) = log.append(assigned())
    token = a_token(a_caller(), life=timedelta(seconds=2.5) - LEEWAY)
    answers = list(log.ask_with(token).StreamEvents())
    assert [event.position for answer in answers for event in answer.events] == [position]


def refused(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), str(error.value.details())


def test_who_may_not_is_refused_by_page_and_by_stream(log: Log) -> None:
    log.append(assigned())
    denied, invalid = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
    only_others = ("feed.event.read", "customer.event.read")
    callers: list[dict[str, Any]] = [
        {"permissions": ("pipeline.event.read",)},
        {"permissions": only_others},
        {"scope": "team"},
        {"guest_of": new_id()},
        {"fields": ((("pipeline.opportunity.amount", "hide"),),)},
    ]
    for caller in callers:
        ask = log.ask(**caller)
        assert refused(lambda ask=ask: ask.ListEvents())[0] is denied, caller
        assert refused(lambda ask=ask: next(ask.StreamEvents()))[0] is denied, caller
    ask = log.ask(permissions=("feed.event.read", "pipeline.event.read"))
    assert ask.ListEvents().events
    assert refused(lambda: next(ask.StreamEvents(after_position=-1)))[0] is invalid
    assert refused(lambda: next(ask.StreamEvents(types=["*"])))[0] is invalid
    assert refused(lambda: next(ask.StreamEvents(context="customer")))[0] is grpc.StatusCode.NOT_FOUND
    assert refused(lambda: next(log.ask_with("x").StreamEvents()))[0] is grpc.StatusCode.UNAUTHENTICATED


def test_open_streams_take_no_thread_from_those_who_ask_and_have_a_limit(log: Log) -> None:
    ask = log.ask()
    streams = [ask.StreamEvents() for _ in range(12)]
    for stream in streams:
        next(stream)
    assert ask.ListEvents(page_size=1).position == 0, "two threads answer, twelve streams are open"
    code, said = refused(lambda: next(ask.StreamEvents()))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "ListEvents" in said
    for stream in streams:
        stream.cancel()
