"""A running marketing: its own database, gRPC in this process, a mail server, and time that tests move."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import grpc
import pytest
from aiosmtpd.controller import Controller
from google.protobuf.message import Message

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.customer.v1 import customer_service_pb2 as customer_pb
from crm.customer.v1.customer_service_pb2_grpc import (
    CustomerServiceServicer,
    add_CustomerServiceServicer_to_server,
)
from crm.marketing.v1 import campaign_events_pb2 as campaign_told
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1 import segment_events_pb2 as seg
from crm.marketing.v1 import template_events_pb2 as tpl
from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub
from kernel.consumers import Reactions
from kernel.delivered import Delivered, message_class
from kernel.ids import new_id
from kernel.service import Service, endpoints_of
from kernel.slots import slot_of
from kernel.store import Cause, Metadata
from kernel.timers import JobRunner, TimerRunner
from kernel.wire import Peers, channel_to
from marketing.bootstrap import bootstrap
from marketing.channels import Channel, channels_of
from marketing.domain.template import MessageChannel
from testkit.callers import a_caller
from testkit.grpc_server import channel_as, patiently, serving

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNER = UUID(int=700)
_MOST_ROUNDS = 50


class MailServer:
    """A real SMTP server that keeps what it is given. What it does with a mail, the address says."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.tried: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, _: Any) -> str:
        self.tried.append(address)
        if address.startswith("nobody"):
            return "550 no such person"
        if address.startswith("later"):
            return "451 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if envelope.rcpt_tos[0].startswith("vanish"):
            server.transport.abort()
            await asyncio.Event().wait()
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


class CustomerDesk(CustomerServiceServicer):
    """Stands for the customer service: cards by id, and the tags it was asked to put on."""

    def __init__(self) -> None:
        self.cards: dict[str, customer_pb.CustomerCard] = {}
        self.contacts: dict[str, list[customer_pb.Contact]] = {}
        self.tagged: list[tuple[str, str]] = []

    def BatchGetCustomers(self, request: Any, context: Any) -> customer_pb.BatchGetCustomersResponse:
        cards = [self.cards[it] for it in request.customer_ids if it in self.cards]
        return customer_pb.BatchGetCustomersResponse(cards=cards)

    def GetCustomer(self, request: Any, context: Any) -> customer_pb.GetCustomerResponse:
        return customer_pb.GetCustomerResponse(contacts=self.contacts.get(request.customer_id, []))

    def ChangeTags(self, request: Any, context: Any) -> customer_pb.ChangeTagsResponse:
        self.tagged += [(customer, tag) for customer in request.customer_ids for tag in request.add]
        return customer_pb.ChangeTagsResponse(changed=1)


@dataclass
class Running:
    """One marketing, and ways to ask it, tell it and move its time."""

    service: Service
    mail: MailServer
    customers: CustomerDesk
    channels: dict[MessageChannel, Channel]
    stack: ExitStack
    customer_target: str = ""
    target: str = ""
    stub: Any = None
    at: datetime = START
    position: int = 0
    versions: dict[UUID, int] = field(default_factory=dict)
    read_to: int = 0

    # -- time and what it brings ---------------------------------------------------

    def settle(self) -> None:
        """Run timers, jobs and reactions to own events until nothing is left to do."""
        for _ in range(_MOST_ROUNDS):
            done = TimerRunner("marketing", self.service.store, self.service.timers).run_once()
            done += self.run_jobs()
            done += self.hear_itself()
            if not done:
                return
        raise AssertionError(f"not quiet after {_MOST_ROUNDS} rounds")

    def run_jobs(self) -> int:
        channel = channel_to(self.customer_target)

        def connect(context: str, timer: Any) -> grpc.Channel:
            assert context == "customer"
            return patiently(channel, [("request-id", timer.request_id)])

        try:
            return JobRunner("marketing", self.service.store, self.service.jobs, connect).run_once()
        finally:
            channel.close()

    def go(self, **by: float) -> None:
        """Let time go by, and do what has become due."""
        self.at += timedelta(**by)
        self.settle()

    def hear_itself(self) -> int:
        """Deliver own events since the last time to own reactions, as the bus would."""
        heard = 0
        with self.service.store.connection() as connection:
            rows = connection.execute(
                "select * from events where notification_id > %s order by notification_id", (self.read_to,)
            ).fetchall()
        for row in rows:
            self.read_to = row["notification_id"]
            metadata = Metadata(
                row["event_id"],
                row["recorded_at"],
                row["effective_at"],
                row["actor"],
                row["request_id"],
                row["correlation_id"],
                row["causation_id"],
                row["traceparent"],
                row["timeline_id"],
            )
            stream, version = row["originator_id"], row["originator_version"]
            message = message_class(row["topic"]).FromString(bytes(row["state"]))
            delivered = Delivered(
                "marketing",
                slot_of(stream),
                row["notification_id"],
                stream,
                version,
                row["topic"],
                metadata,
                message,
            )
            heard += self._react(delivered)
        return heard

    # -- what other services tell ----------------------------------------------------

    def tell(
        self,
        message: Message,
        stream: str | UUID,
        at: datetime | None = None,
        timeline_id: str = "",
        recorded_at: datetime | None = None,
    ) -> Delivered:
        """Deliver another context's event to the views and the reactions; return it."""
        stream = UUID(str(stream))
        self.position += 1
        self.versions[stream] = self.versions.get(stream, 0) + 1
        name = message.DESCRIPTOR.full_name
        metadata = Metadata(
            new_id(), recorded_at or self.at, at or self.at, "service:test", "r", new_id(), None, "", timeline_id
        )
        delivered = Delivered(
            name.split(".")[1],
            slot_of(stream),
            self.position,
            stream,
            self.versions[stream],
            name,
            metadata,
            message,
        )
        self.view([delivered])
        self._react(delivered)
        return delivered

    def view(self, delivered: list[Delivered]) -> None:
        with (
            self.service.store.connection() as connection,
            connection.pipeline(),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            for each in self.service.eventual:
                wanted = [it for it in delivered if it.context in each.contexts]
                if wanted:
                    each.project(cursor, wanted)

    def _react(self, delivered: Delivered) -> int:
        reactions = Reactions("marketing", self.service.store, self.service.reactions)
        if type(delivered.message) not in self.service.reactions:
            return 0
        with self.service.store.connection() as connection, reactions.begin(connection, [delivered]) as work:
            work.apply([delivered])
        return 1

    def react_again(self, delivered: Delivered) -> None:
        """Deliver it a second time, as a broker may."""
        self._react(delivered)

    def public(self) -> MarketingServiceStub:
        """Asks as somebody who is not signed in."""
        return MarketingServiceStub(self.stack.enter_context(public_channel(self.target)))

    # -- builders ----------------------------------------------------------------------

    def a_customer(self, number: int, email: str = "", consent: bool | None = None, **fields: Any) -> UUID:
        """A registered customer with a primary contact, known here and at the customer service."""
        customer_id, contact_id = UUID(int=number), self.contact_of(UUID(int=number))
        owner_id = fields.pop("owner_id", OWNER)
        tags = fields.pop("tags", ())
        level = fields.pop("level", 0)
        self.tell(
            customer_told.CustomerRegistered(
                customer_id=str(customer_id),
                name=f"sealed {number}",
                kind=customer_told.CUSTOMER_KIND_COMPANY,
                owner_id=str(owner_id),
                **fields,
            ),
            customer_id,
        )
        self.tell(
            customer_told.ContactAdded(customer_id=str(customer_id), contact_id=str(contact_id), is_primary=True),
            customer_id,
        )
        if tags:
            self.tell(customer_told.TagsChanged(customer_id=str(customer_id), added=tags), customer_id)
        if level:
            changed = customer_told.LevelChanged(customer_id=str(customer_id), to_level=level)
            self.tell(changed, customer_id)
        if consent is not None:
            said = customer_told.ConsentGiven if consent else customer_told.ConsentWithdrawn
            told = said(customer_id=str(customer_id), contact_id=str(contact_id), channel="email", purpose="marketing")
            self.tell(told, customer_id)
        self.customers.cards[str(customer_id)] = customer_pb.CustomerCard(
            customer_id=str(customer_id),
            name=f"客户 {number}",
            primary_contact_name=f"Person {number}",
            email=email or f"p{number}@example.com",
        )
        return customer_id

    @staticmethod
    def contact_of(customer_id: UUID) -> UUID:
        return UUID(int=customer_id.int + 10_000)

    def a_campaign(self, **fields: Any) -> str:
        given = {
            "name": "春季",
            "kind": campaign_told.CAMPAIGN_KIND_EMAIL,
            "channel": "email",
            "budget": Money(minor_units=1_000_00, currency_code="CNY"),
            "starts_on": "2026-03-01",
            "ends_on": "2026-03-31",
        } | fields
        return str(self.stub.PlanCampaign(pb.PlanCampaignRequest(**given)).campaign_id)

    def a_template(self, channel: Any = tpl.MESSAGE_CHANNEL_EMAIL, **fields: Any) -> str:
        given = {
            "name": "spring",
            "subject_line": "News for {{person_name}}",
            "html_body": "<p>Hi {{person_name}} of {{company}},"
            ' <a href="https://example.com/prices" data-tag="pricing">prices</a></p>',
            "text_body": "Hi {{person_name}}",
        } | fields
        if channel != tpl.MESSAGE_CHANNEL_EMAIL:
            given |= {"subject_line": "", "html_body": ""}
        request = pb.DraftTemplateRequest(channel=channel, **given)
        return str(self.stub.DraftTemplate(request).template_id)

    def a_segment(self, filter: seg.SegmentFilter | None = None, name: str = "everybody") -> str:
        wanted = filter or seg.SegmentFilter(kind=seg.FILTER_KIND_ALL)
        return str(self.stub.DefineSegment(pb.DefineSegmentRequest(name=name, filter=wanted)).segment_id)

    def launch(self, segment_id: str, template_id: str, campaign_id: str = "", metadata: Any = ()) -> str:
        planned = self.stub.PlanMailing(
            pb.PlanMailingRequest(
                name="mailing", segment_id=segment_id, template_id=template_id, campaign_id=campaign_id
            ),
            metadata=metadata,
        )
        self.stub.LaunchMailing(pb.LaunchMailingRequest(mailing_id=planned.mailing_id), metadata=metadata)
        return str(planned.mailing_id)

    def messages(self, **wanted: Any) -> list[pb.Message]:
        return list(self.stub.ListMessages(pb.ListMessagesRequest(**wanted)).messages)

    def states(self, **wanted: Any) -> list[str]:
        return sorted(message.state for message in self.messages(**wanted))

    def kinds(self, stream: str | UUID) -> list[str]:
        with self.service.store.transaction(Cause.of("service:test")) as tx:
            return [type(event).__name__ for event in tx.history(UUID(str(stream)))]

    def as_caller(self, caller: Any = None, metadata: Any = ()) -> Any:
        return channel_as(self.target, caller, metadata)


@contextmanager
def a_customer_service(desk: CustomerDesk) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_CustomerServiceServicer_to_server(desk, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(1).wait()


@contextmanager
def public_channel(target: str) -> Iterator[grpc.Channel]:
    channel = channel_to(target)
    try:
        yield channel
    finally:
        channel.close()


@pytest.fixture
def mail_server() -> Iterator[tuple[MailServer, str]]:
    handler = MailServer()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@pytest.fixture
def more_settings() -> dict[str, str]:
    """Variables a test adds; overridden by parametrising."""
    return {}


@pytest.fixture
def running(a_settings: Any, mail_server: Any, more_settings: dict[str, str]) -> Iterator[Running]:
    mail, smtp_url = mail_server
    extra = {
        "MARKETING_SMTP_URL": smtp_url,
        "MARKETING_MAIL_FROM": "news@example.org",
        "MARKETING_PUBLIC_URL": "https://crm.example.org",
    } | more_settings
    desk = CustomerDesk()
    with ExitStack() as stack:
        customer_target = stack.enter_context(a_customer_service(desk))
        settings = a_settings("marketing", extra=extra, targets={"customer": customer_target})
        channels = dict(channels_of(smtp_url, "news@example.org"))
        service = bootstrap(settings, channels)
        stack.callback(service.store.close)
        running = Running(service, mail, desk, channels, stack, customer_target)
        service.store.clock = lambda: running.at
        peers = Peers({"customer": customer_target})
        stack.callback(peers.close)
        running.target = stack.enter_context(serving(*endpoints_of(service, peers)))
        channel = stack.enter_context(running.as_caller(a_caller(person_id=OWNER)))
        running.stub = MarketingServiceStub(channel)
        yield running
