"""A partner's server is told: signed, in the order of each record, again until it works, never twice unknowingly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.audit.v1 import feed_service_pb2
from crm.notification.v1 import notification_service_pb2 as centre
from crm.notification.v1 import webhook_service_pb2 as pb
from crm.notification.v1.message_events_pb2 import MessageAttempted
from crm.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from crm.notification.v1.webhook_service_pb2_grpc import WebhookServiceStub
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned, LeadCaptured
from kernel.auth import Verifier, all_of
from kernel.codec import Codec
from kernel.feed import FeedApi
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.rpc import Endpoint
from kernel.service import endpoints_of
from kernel.store import EventStore, open_datastore
from kernel.timers import JobRunner
from kernel.vault import MasterKey
from kernel.wire import Peers
from notification.bootstrap import bootstrap
from testkit import a_caller, a_token, signing_key
from testkit.grpc_server import channel_as, patiently, serving

ANNA = UUID(int=601)
ALL_OF_PIPELINE = ["crm.pipeline.v1.*"]


@dataclass
class Receiver:
    """A partner's server. `answer` says what it thinks of an event."""

    url: str = ""
    answer: Callable[[dict[str, Any]], int] = lambda _: 204
    got: list[tuple[dict[str, str], dict[str, Any], bytes]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    def of(self, lead: str) -> list[int]:
        """Versions of a record that were taken, in the order they came."""
        return [event["recordversion"] for event in self.taken if event["subject"] == lead]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            event = json.loads(body)
            with lock:
                status = found.answer(event)
                found.got.append(({k.lower(): v for k, v in self.headers.items()}, event, body))
                if status < 300:
                    found.taken.append(event)
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join(10)
    server.server_close()


@dataclass
class House:
    """Notification and its clock, and the pipeline's log."""

    service: Any
    log: EventStore[Any]
    hooks: Any
    centre: Any
    target: str
    connect: Callable[..., Any]
    at: datetime

    def append(self, *messages: Any, version: int = 1) -> None:
        now = datetime.now(UTC)
        with self.log.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            self.log.recorder.lock_for_append(cursor)
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
            self.log.recorder.append(cursor, rows)

    def work(self, **later: float) -> None:
        """Let time go by and do what is due then."""
        self.at += timedelta(**later)
        JobRunner("notification", self.service.store, self.service.jobs, self.connect, self.service.settings).run_once()

    def register(self, url: str, **more: Any) -> Any:
        asked = {"name": "Shop", "url": url, "types": ALL_OF_PIPELINE} | more
        return self.hooks.RegisterWebhook(pb.RegisterWebhookRequest(**asked))

    def state(self) -> Any:
        (hook,) = self.hooks.ListWebhooks(pb.ListWebhooksRequest()).webhooks
        return hook

    def deliveries(self, webhook_id: str, **more: Any) -> list[Any]:
        asked = pb.ListWebhookDeliveriesRequest(webhook_id=webhook_id, page_size=500, **more)
        return list(self.hooks.ListWebhookDeliveries(asked).deliveries)

    def told(self) -> list[str]:
        return [n.kind for n in self.centre.ListNotifications(centre.ListNotificationsRequest()).notifications]


@pytest.fixture
def house(database: Any, a_settings: Any) -> Iterator[House]:
    store: EventStore[Any] = EventStore(
        open_datastore(database("kernel").url, 2, 20), Codec([], []), MasterKey(bytes(32))
    )
    owner: Any = SimpleNamespace(name="pipeline", store=store)
    feed = Endpoint(
        feed_service_pb2.DESCRIPTOR.services_by_name["FeedService"],
        FeedApi(owner),
        store,
        Verifier(signing_key().public_pem),
        None,
        "pipeline",
    )
    service = bootstrap(a_settings("notification", extra={"NOTIFICATION_WEBHOOKS_TO": "http://127.0.0.1"}))
    with ExitStack() as stack:
        stack.callback(store.close)
        stack.callback(service.store.close)
        peers = Peers({"pipeline": stack.enter_context(serving(feed))})
        stack.callback(peers.close)
        bearer = ("authorization", f"Bearer {a_token(all_of(service='notification'))}")

        def connect(context: str, _: Any) -> grpc.Channel:
            return patiently(peers.channel(context), [bearer])

        target = stack.enter_context(serving(*endpoints_of(service, peers)))
        channel = stack.enter_context(channel_as(target, a_caller(person_id=ANNA)))
        made = House(
            service,
            store,
            WebhookServiceStub(channel),
            NotificationServiceStub(channel),
            target,
            connect,
            datetime.now(UTC),
        )
        service.store.clock = lambda: made.at
        yield made


def leads(number: int) -> list[str]:
    return [str(new_id()) for _ in range(number)]


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a partner checks it, by the standard's words alone."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


@pytest.mark.feature("INT-02")
def test_events_arrive_signed_once_and_in_the_order_of_each_record(house: House, receiver: Receiver) -> None:
    house.append(LeadAssigned(lead_id=str(new_id())))
    made = house.register(receiver.url)
    a, b, c = leads(3)
    for version in range(1, 6):
        house.append(*(LeadAssigned(lead_id=lead) for lead in (a, b, c)), version=version)
    house.append(MessageAttempted(message_id="m"), LeadCaptured(lead_id=str(new_id()), phone="sealed:1:x"))
    house.work(seconds=1)
    assert [receiver.of(lead) for lead in (a, b, c)] == [[1, 2, 3, 4, 5]] * 3
    assert len(receiver.got) == 16, "what was before it was registered is not told, nor what is not published"
    for headers, event, body in receiver.got:
        assert headers["webhook-id"] == event["id"]
        assert headers["content-type"] == "application/cloudevents+json"
        assert is_signed(made.secret, headers, body)
        assert not is_signed("whsec_" + base64.b64encode(b"x" * 32).decode(), headers, body)
        assert b"sealed" not in body
        assert b"phone" not in body
    house.work(seconds=5)
    assert len(receiver.got) == 16
    log = house.deliveries(made.webhook_id)
    assert {d.state for d in log} == {pb.WEBHOOK_DELIVERY_STATE_DELIVERED}
    assert sorted(d.event_id for d in log) == sorted(event["id"] for event in receiver.taken)
    assert (house.state().waiting, house.state().failures) == (0, 0)


@pytest.mark.feature("INT-02", "INT-16")
def test_a_refused_event_holds_back_its_record_alone_and_is_set_aside_retried_or_skipped(
    house: House, receiver: Receiver
) -> None:
    made = house.register(receiver.url)
    bad, hopeless, good = leads(3)
    refusing = {bad, hopeless}
    receiver.answer = lambda event: 422 if event["subject"] in refusing else 200
    for version in (1, 2, 3):
        house.append(*(LeadAssigned(lead_id=lead) for lead in (bad, hopeless, good)), version=version)
    house.work(seconds=1)
    assert (receiver.of(good), receiver.of(bad)) == ([1, 2, 3], [])
    for _ in range(10):
        house.append(LeadAssigned(lead_id=str(new_id())))  # the others go on, so the webhook is well
        house.work(hours=8, seconds=1)
    aside = house.deliveries(made.webhook_id, state=pb.WEBHOOK_DELIVERY_STATE_SET_ASIDE)
    assert {(d.record_id, d.attempts, d.last_status) for d in aside} == {(bad, 11, 422), (hopeless, 11, 422)}
    tried = [
        (headers["webhook-id"], event["recordversion"]) for headers, event, _ in receiver.got if event["subject"] == bad
    ]
    assert tried == [tried[0]] * 11, "the first one only, always under the same id"
    assert house.told() == ["webhook-set-aside"] * 2
    assert (house.state().state, house.state().waiting) == (pb.WEBHOOK_STATE_ACTIVE, 4)

    refusing.clear()
    named = {delivery.record_id: delivery.delivery_id for delivery in aside}
    skip = pb.SkipWebhookDeliveryRequest(webhook_id=made.webhook_id, delivery_id=named[hopeless])
    house.hooks.SkipWebhookDelivery(skip)
    assert house.hooks.RetryWebhookDeliveries(pb.RetryWebhookDeliveriesRequest(webhook_id=made.webhook_id)).count == 1
    house.work(seconds=1)
    assert (receiver.of(bad), receiver.of(hopeless)) == ([1, 2, 3], [2, 3])
    assert next(event["id"] for event in receiver.taken if event["subject"] == bad) == tried[0][0]
    with pytest.raises(grpc.RpcError, match="set aside"):
        house.hooks.SkipWebhookDelivery(skip)
    again = pb.RetryWebhookDeliveriesRequest(webhook_id=made.webhook_id, delivery_id=named[bad])
    before = len(receiver.got)
    house.hooks.RetryWebhookDeliveries(again)
    house.work(seconds=1)
    assert [headers["webhook-id"] for headers, _, _ in receiver.got[before:]] == [tried[0][0]], "sent again by hand"


def test_a_server_that_is_away_is_left_alone_and_told_where_it_stopped(house: House, receiver: Receiver) -> None:
    made = house.register(receiver.url)
    receiver.answer = lambda _: 302
    lead, other = leads(2)
    for version in (1, 2):
        house.append(LeadAssigned(lead_id=lead), LeadAssigned(lead_id=other), version=version)
    house.work(seconds=1)
    assert len(receiver.got) == 2, "the first of each record; redirects are not followed"
    house.work(seconds=2)
    assert len(receiver.got) == 2, "it is left alone for a while"
    for _ in range(12):
        house.work(hours=8, seconds=1)
    hook = house.state()
    assert (hook.state, hook.set_aside) == (pb.WEBHOOK_STATE_PAUSED, 0)
    assert "302" in hook.pause_reason
    assert house.told() == ["webhook-paused"]
    tried = len(receiver.got)
    house.append(LeadAssigned(lead_id=lead), version=3)
    house.work(hours=24)
    assert len(receiver.got) == tried, "a paused one is told nothing"
    receiver.answer = lambda _: 200
    house.hooks.ResumeWebhook(pb.ResumeWebhookRequest(webhook_id=made.webhook_id))
    house.work(seconds=1)
    assert (receiver.of(lead), receiver.of(other)) == ([1, 2, 3], [1, 2]), "and nothing was lost"
    receiver.answer = lambda _: 410
    house.append(LeadAssigned(lead_id=lead), version=4)
    house.work(seconds=6)
    assert house.state().state == pb.WEBHOOK_STATE_PAUSED, "whoever wants no more gets no more"


def test_two_secrets_sign_during_a_rotation_and_none_is_kept_in_clear(house: House, receiver: Receiver) -> None:
    made = house.register(receiver.url)
    house.at += timedelta(seconds=1)
    newer = house.hooks.RotateWebhookSecret(pb.RotateWebhookSecretRequest(webhook_id=made.webhook_id)).secret
    house.append(LeadAssigned(lead_id=str(new_id())))
    house.work(seconds=1)
    headers, _, body = receiver.got[-1]
    assert is_signed(made.secret, headers, body)
    assert is_signed(newer, headers, body)
    house.append(LeadAssigned(lead_id=str(new_id())))
    house.work(days=8)
    headers, _, body = receiver.got[-1]
    assert is_signed(newer, headers, body)
    assert not is_signed(made.secret, headers, body)
    with house.service.store.query() as cursor:
        for table in ("events", "webhooks", "webhook_secrets", "idempotency", "timers"):
            text = str(cursor.execute(f"select t::text as row from {table} t").fetchall())
            assert newer not in text
            assert newer.removeprefix("whsec_") not in text
    house.hooks.RemoveWebhook(pb.RemoveWebhookRequest(webhook_id=made.webhook_id))
    house.append(LeadAssigned(lead_id=str(new_id())))
    count = len(receiver.got)
    house.work(seconds=10)
    assert len(receiver.got) == count
    assert not house.hooks.ListWebhooks(pb.ListWebhooksRequest()).webhooks
    assert house.deliveries(made.webhook_id) == []


def test_who_may_not_read_the_feed_may_not_have_it_sent_nor_anywhere_it_may_not_go(house: House) -> None:
    def refused(hooks: Any, url: str = "http://127.0.0.1:1/", types: Any = ALL_OF_PIPELINE) -> grpc.StatusCode:
        with pytest.raises(grpc.RpcError) as error:
            hooks.RegisterWebhook(pb.RegisterWebhookRequest(name="x", url=url, types=types))
        return error.value.code()

    denied, invalid = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
    permissions = ("notification.webhook.admin", "feed.event.read")
    for caller in (a_caller(permissions, person_id=ANNA), a_caller(scope="team"), all_of(service="pipeline")):
        with channel_as(house.target, caller) as channel:
            assert refused(WebhookServiceStub(channel)) is denied
    assert refused(house.hooks, "https://10.0.0.1/") is invalid
    assert refused(house.hooks, "http://169.254.169.254/latest") is invalid
    assert refused(house.hooks, types=["*"]) is invalid
    assert refused(house.hooks, types=[]) is invalid
