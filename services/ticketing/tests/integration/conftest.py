"""The service as a caller meets it: real PostgreSQL, gRPC in this process."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from crm.ticketing.v1 import desk_events_pb2 as desk
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from kernel.ids import new_id
from kernel.service import endpoints_of
from kernel.timers import TimerRunner
from kernel.wire import Peers
from testkit.grpc_server import channel_as, serving
from ticketing.bootstrap import bootstrap

CALENDAR, POLICY = (UUID(int=n) for n in (501, 502))
ANNA, BO, CHIEF, HEAD = (UUID(int=n) for n in (601, 602, 603, 604))
HOUR = 3600


@dataclass
class ServiceDesk:
    """A running desk: its stub for somebody who may all, and time that tests move."""

    service: Any
    target: str
    stub: Any
    at: datetime
    peers: dict[str, str] = field(default_factory=dict)

    def as_caller(self, caller=None, metadata=()):
        return channel_as(self.target, caller, metadata)

    def move(self, **by) -> None:
        """Let time go by and fire what became due."""
        self.at += timedelta(**by)
        TimerRunner("ticketing", self.service.store, self.service.timers).run_once()

    def open(self, **fields):
        request = {"channel": tickets.CHANNEL_EMAIL, "category": "repair", "subject": "It broke"} | fields
        return self.stub.OpenTicket(pb.OpenTicketRequest(**request))

    def ticket(self, ticket_id):
        return self.stub.GetTicket(pb.GetTicketRequest(ticket_id=ticket_id)).ticket

    def events(self, stream):
        from kernel.store import Cause

        with self.service.store.transaction(Cause.of("service:test")) as tx:
            return tx.recorded(UUID(str(stream)))

    def kinds(self, stream):
        return [type(recorded.event).__name__ for recorded in self.events(stream)]


@pytest.fixture
def peer_targets() -> dict[str, str]:
    return {}


@pytest.fixture
def desk_of_two(a_settings, peer_targets) -> Iterator[ServiceDesk]:
    """Queues support and billing with an agent each, a policy of 4 and 8 hours around the clock."""
    service = bootstrap(a_settings("ticketing"))
    peers = Peers(peer_targets)
    running = ServiceDesk(service, "", None, datetime(2026, 3, 2, 12, tzinfo=UTC))
    service.store.clock = lambda: running.at
    api = service.apis[0][1]
    api._clock = lambda: running.at
    with serving(*endpoints_of(service, peers)) as running.target, running.as_caller() as channel:
        running.stub = TicketingServiceStub(channel)
        _set_up(running.stub)
        yield running
    peers.close()
    service.store.close()


def _set_up(stub) -> None:
    stub.DefineCalendar(
        pb.DefineCalendarRequest(
            calendar_id=str(CALENDAR),
            name="around the clock",
            timezone="UTC",
            weekly=[desk.WorkingHours(weekday=d, from_minute=0, to_minute=1440) for d in range(1, 8)],
        )
    )
    stub.DefineSlaPolicy(
        pb.DefineSlaPolicyRequest(
            policy_id=str(POLICY),
            name="usual",
            calendar_id=str(CALENDAR),
            targets=[desk.SlaTarget(priority=p, first_response_s=4 * HOUR, resolution_s=8 * HOUR) for p in range(1, 5)],
            escalation=[desk.EscalationStep(after_s=2 * HOUR, to_person_id=str(HEAD))],
            close_resolved_after_s=24 * HOUR,
        )
    )
    for queue in ("support", "billing"):
        stub.DefineQueue(
            pb.DefineQueueRequest(queue=queue, name=queue.title(), department=queue, supervisor_id=str(CHIEF))
        )
    for agent, queue in ((ANNA, "support"), (BO, "billing")):
        stub.ProfileAgent(
            pb.ProfileAgentRequest(agent_id=str(agent), queues=[queue], skills=["hardware"], available=True)
        )
    stub.DefineAssignmentRules(
        pb.DefineAssignmentRulesRequest(
            rules=[
                desk.AssignmentRule(rule_id="repairs", categories=["repair"], queue="support", skills=["hardware"]),
                desk.AssignmentRule(rule_id="bills", categories=["bill"], queue="billing"),
            ],
            fallback_queue="support",
        )
    )


@pytest.fixture
def a_request_id() -> str:
    return str(new_id())
