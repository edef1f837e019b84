"""The service as callers and events meet it: real PostgreSQL, gRPC and SMTP in this process."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest
from aiosmtpd.controller import Controller

from crm.customer.v1 import customer_service_pb2 as customer
from crm.customer.v1.customer_service_pb2_grpc import (
    CustomerServiceServicer,
    add_CustomerServiceServicer_to_server,
)
from crm.identity.v1 import identity_service_pb2 as identity
from crm.identity.v1.identity_service_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from crm.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1.lead_service_pb2_grpc import LeadServiceServicer, add_LeadServiceServicer_to_server
from crm.ticketing.v1 import ticketing_service_pb2 as ticketing
from crm.ticketing.v1.ticketing_service_pb2_grpc import (
    TicketingServiceServicer,
    add_TicketingServiceServicer_to_server,
)
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from kernel.service import endpoints_of
from kernel.store import Cause
from kernel.timers import JobRunner, TimerRunner
from kernel.wire import Peers
from notification.bootstrap import bootstrap
from testkit import a_caller
from testkit.grpc_server import channel_as, serving

ANNA, BERT = UUID(int=601), UUID(int=602)


class People(IdentityServiceServicer):
    def GetPerson(self, request, context):
        person = identity.Person(person_id=request.person_id, name="Anna", email="anna@example.com")
        return identity.GetPersonResponse(person=person)

    def ListRoles(self, request, context):
        roles = {"admin": "*", "privacy": "customer.person.admin", "sales_rep": "customer.*.write"}
        found = [identity.Role(role=name, permissions=[pattern]) for name, pattern in roles.items()]
        return identity.ListRolesResponse(roles=found)

    def ListPeople(self, request, context):
        people = {
            "privacy": [identity.Person(person_id=str(ANNA))],
            "sales_rep": [identity.Person(person_id=str(BERT))],
        }
        return identity.ListPeopleResponse(people=people.get(request.role, []))


class Customers(CustomerServiceServicer):
    def BatchGetCustomers(self, request, context):
        cards = [customer.CustomerCard(customer_id=c, name="华北机械") for c in request.customer_ids]
        return customer.BatchGetCustomersResponse(cards=cards)

    def GetFollowUp(self, request, context):
        found = customer.FollowUp(customer_name="华北机械", suggested_content="Ask for the pump")
        return customer.GetFollowUpResponse(follow_up=found)

    def __init__(self):
        self.consents = [customer.Consent(channel="email", purpose="research")]
        self.contacts = []

    def GetCustomer(self, request, context):
        card = customer.CustomerCard(customer_id=request.customer_id, email="buyer@example.org")
        return customer.GetCustomerResponse(card=card, consents=self.consents, contacts=self.contacts)


class Leads(LeadServiceServicer):
    def GetLead(self, request, context):
        return leads.GetLeadResponse(lead=leads.Lead(lead_id=request.lead_id, person_name="张伟"))


class Tickets(TicketingServiceServicer):
    def GetTicket(self, request, context):
        return ticketing.GetTicketResponse(ticket=ticketing.Ticket(subject="It broke"))

    def GetSurveyLink(self, request, context):
        return ticketing.GetSurveyLinkResponse(token="secret-token")


@pytest.fixture
def customers():
    """The customer service that answers here: what is in force, and who is a contact."""
    return Customers()


@pytest.fixture
def neighbours(customers):
    """Where the services are that know names and addresses."""
    server = grpc.server(ThreadPoolExecutor(8))
    add_IdentityServiceServicer_to_server(People(), server)
    add_CustomerServiceServicer_to_server(customers, server)
    add_LeadServiceServicer_to_server(Leads(), server)
    add_TicketingServiceServicer_to_server(Tickets(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield dict.fromkeys(("identity", "customer", "pipeline", "ticketing"), f"127.0.0.1:{port}")
    server.stop(1).wait()


@dataclass
class Sink:
    """A mail server that keeps what it gets and answers as told."""

    answer: str = "250 OK"
    mails: list[Any] = field(default_factory=list)
    before: Any = None

    async def handle_DATA(self, server, session, envelope):
        if self.before is not None:
            self.before()
        if self.answer.startswith("250"):
            self.mails.append(envelope)
        return self.answer


@pytest.fixture
def sink():
    mail = Sink()
    controller = Controller(mail, hostname="127.0.0.1", port=0, ready_timeout=10)
    controller.port = _free_port()
    controller.start()
    mail.url = f"smtp://127.0.0.1:{controller.port}"
    yield mail
    controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class PostOffice:
    """A running notification service and time that tests move."""

    service: Any
    target: str
    stub: Any
    peers: Any
    at: datetime

    def move(self, **by) -> None:
        """Let time go by, fire what became due, and run its jobs."""
        self.at += timedelta(**by)
        TimerRunner("notification", self.service.store, self.service.timers).run_once()
        self.work()

    def work(self) -> int:
        runner = JobRunner(
            "notification",
            self.service.store,
            self.service.jobs,
            lambda context, _: self.peers.channel(context),
            self.service.settings,
        )
        return runner.run_once()

    def happens(self, message, timeline_id="", ago=timedelta(0)):
        """Something happened elsewhere: react to it in one transaction, as the bus does."""
        name = message.DESCRIPTOR.full_name
        metadata = Metadata(new_id(), self.at, self.at - ago, "person:x", "r", new_id(), None, "", timeline_id)
        delivered = Delivered(name.split(".")[1], 0, 1, new_id(), 1, name, metadata, message)
        with self.service.store.transaction(Cause.from_event("notification", metadata)) as tx:
            self.service.reactions[type(message)](delivered, tx)
        return delivered

    def as_caller(self, caller):
        return channel_as(self.target, caller)


@pytest.fixture
def office(a_settings, neighbours, sink):
    extra = {
        "NOTIFICATION_SMTP_URL": sink.url,
        "NOTIFICATION_MAIL_FROM": "crm@example.com",
        "NOTIFICATION_PUBLIC_URL": "https://crm.example.com",
    }
    service = bootstrap(a_settings("notification", extra=extra))
    peers = Peers(neighbours)
    running = PostOffice(service, "", None, peers, datetime.now(UTC))
    service.store.clock = lambda: running.at
    anna = a_caller(person_id=ANNA)
    with serving(*endpoints_of(service, peers)) as running.target, channel_as(running.target, anna) as channel:
        running.stub = NotificationServiceStub(channel)
        yield running
    peers.close()
    service.store.close()
