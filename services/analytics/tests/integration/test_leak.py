"""Leak investigation over real services: customers and identity write their logs and reads, analytics joins them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from analytics.bootstrap import bootstrap as analytics_bootstrap
from analytics.projections.freshness import CONTEXTS
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1.analytics_service_pb2_grpc import AnalyticsServiceStub
from crm.audit.v1 import reads_service_pb2
from crm.customer.v1 import collaboration_service_pb2 as collaboration
from crm.customer.v1 import customer_service_pb2 as customers
from crm.customer.v1.collaboration_service_pb2_grpc import CollaborationServiceStub
from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub
from crm.identity.v1 import identity_service_pb2 as identity
from crm.identity.v1 import person_events_pb2, role_events_pb2
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from customer.bootstrap import bootstrap as customer_bootstrap
from identity.bootstrap import bootstrap as identity_bootstrap
from kernel.auth import Verifier
from kernel.delivered import Delivered, message_class
from kernel.reads import ReadsApi
from kernel.rpc import Endpoint
from kernel.service import Service, endpoints_of
from kernel.slots import slot_of
from kernel.wire import Peers
from testkit import a_caller, signing_key
from testkit.grpc_server import channel_as, serving

READS = reads_service_pb2.DESCRIPTOR.services_by_name["ReadsService"]


@dataclass
class Suite:
    """Three services in one process."""

    target: str
    customers: Service
    analytics: Service
    stack: ExitStack

    def ask(self, stub: Callable[[Any], Any], caller: Any = None) -> Any:
        return stub(self.stack.enter_context(channel_as(self.target, caller or a_caller())))

    def deliver(self) -> None:
        """Fold the customers' log into analytics, as the bus would."""
        store = self.customers.store
        with store.connection() as connection:
            log = store.recorder.read_log(connection, 0, 2**60, 10_000)
        events = [
            Delivered(
                "customer",
                slot_of(e.stream),
                e.position,
                e.stream,
                e.version,
                e.type,
                e.metadata,
                message_class(e.type).FromString(e.data),
            )
            for e in log
        ]
        with (
            self.analytics.store.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            for view in self.analytics.eventual:
                if "customer" in view.contexts:
                    view.project(cursor, events)


@pytest.fixture
def suite(a_settings: Callable[..., Any]) -> Iterator[Suite]:
    with ExitStack() as stack:
        made = [customer_bootstrap(a_settings("customer")), identity_bootstrap(a_settings("identity"))]
        made.append(analytics_bootstrap(a_settings("analytics")))
        for service in made:
            stack.callback(service.store.close)
        targets: dict[str, str] = {}
        peers = Peers(targets)
        stack.callback(peers.close)
        endpoints = [endpoint for service in made for endpoint in endpoints_of(service, peers)]
        verifier = Verifier(signing_key().public_pem)
        own = {service.name for service in made}
        endpoints += [  # the others have shown nobody anything
            Endpoint(READS, ReadsApi(name), made[1].store, verifier, None, name) for name in SERVICES if name not in own
        ]
        target = stack.enter_context(serving(*endpoints))
        targets.update(dict.fromkeys([*SERVICES, "identity"], target))
        yield Suite(target, made[0], made[2], stack)


SERVICES = (*CONTEXTS, "analytics")


def test_who_could_and_who_did_are_joined(suite: Suite) -> None:
    people = suite.ask(IdentityServiceStub)

    def a_person(login: str, *roles: str) -> str:
        asked = identity.RegisterPersonRequest(name=login, login=login, roles=roles)
        return str(people.RegisterPerson(asked).person_id)

    for name, scope in (("seller", role_events_pb2.DATA_SCOPE_OWN), ("helper", role_events_pb2.DATA_SCOPE_ALL)):
        people.DefineRole(
            identity.DefineRoleRequest(role=name, title=name, permissions=["customer.*.read"], data_scope=scope)
        )
    began = datetime.now(UTC)
    anna, bernd, helper = a_person("anna", "seller"), a_person("bernd", "seller"), a_person("helper", "helper")
    outsider = a_person("outsider")
    registering = customers.RegisterCustomerRequest(kind=1, profile=customers.Profile(name="Alpha Ltd"), owner_id=anna)
    registering.contacts.add(name="王小明", phones=["13900139000"])
    id_ = suite.ask(CustomerServiceStub).RegisterCustomer(registering).customer_id
    moved = customers.TransferCustomersRequest(customer_ids=[id_], to_owner_id=bernd)
    suite.ask(CustomerServiceStub).TransferCustomers(moved)
    for who, times in ((helper, 3), (outsider, 1)):
        reading = suite.ask(CustomerServiceStub, a_caller(["customer.*.read"], person_id=UUID(who)))
        for _ in range(times):
            reading.GetCustomer(customers.GetCustomerRequest(customer_id=id_))
    suite.deliver()

    request = pb.InvestigateLeakRequest(customer_id=id_)
    request.from_at.FromDatetime(began)
    auditor = suite.ask(AnalyticsServiceStub)
    found = auditor.InvestigateLeak(request)
    assert [span.owner_id for span in found.owners] == [anna, bernd]
    assert not found.unanswered
    assert not found.truncated
    suspects = {one.actor.removeprefix("person:"): one for one in found.suspects}
    assert [it.reason for it in suspects[anna].could] == ["owner"]
    assert suspects[anna].could[0].to_at.ToNanoseconds() == suspects[bernd].could[0].from_at.ToNanoseconds()
    assert suspects[anna].reads == 0
    assert [(it.reason, list(it.roles)) for it in suspects[helper].could] == [("all", ["helper"])]
    assert suspects[helper].reads == 3
    assert {"name", "phone"} <= set(suspects[helper].classes)
    assert suspects[helper].first_read_at.ToNanoseconds() < suspects[helper].last_read_at.ToNanoseconds()
    assert (suspects[outsider].reads, len(suspects[outsider].could)) == (1, 0), "he saw it without a right we know"
    assert found.suspects[0].actor == f"person:{helper}", "who saw most comes first"

    exporting = pb.ExportInvestigationRequest(customer_id=id_, from_at=request.from_at)
    rows = {row["actor"]: row for row in csv.DictReader(io.StringIO(auditor.ExportInvestigation(exporting).csv))}
    assert (rows[f"person:{helper}"]["reads"], rows[f"person:{helper}"]["reasons"]) == ("3", "all")
    assert rows[f"person:{anna}"]["reasons"] == "owner"

    later = pb.InvestigateLeakRequest(customer_id=id_)
    later.from_at.FromDatetime(datetime.now(UTC) - timedelta(microseconds=1))
    assert {one.actor.removeprefix("person:") for one in auditor.InvestigateLeak(later).suspects} == {bernd, helper}
    with pytest.raises(grpc.RpcError) as refused:
        suite.ask(AnalyticsServiceStub, a_caller(["analytics.history.read"])).InvestigateLeak(request)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.RpcError) as refused:
        auditor.InvestigateLeak(pb.InvestigateLeakRequest(customer_id=id_))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.feature("CUS-40", "CUS-41")
def test_members_of_the_key_account_and_outsiders_are_among_those_who_could(suite: Suite) -> None:
    people, sharing = suite.ask(IdentityServiceStub), suite.ask(CollaborationServiceStub)
    seeing = identity.DefineRoleRequest(role="seller", title="x", permissions=["customer.customer.read"])
    seeing.data_scope = role_events_pb2.DATA_SCOPE_OWN
    people.DefineRole(seeing)

    def a_person(login: str, **fields: Any) -> str:
        asked = identity.RegisterPersonRequest(name=login, login=login, roles=["seller"], **fields)
        return str(people.RegisterPerson(asked).person_id)

    department = people.FormTeam(identity.FormTeamRequest(name="Delivery")).team_id
    team = people.FormTeam(identity.FormTeamRequest(name="Delivery East", parent_team_id=department)).team_id
    guest = {"kind": person_events_pb2.PERSON_KIND_PARTNER, "customer_id": str(UUID(int=77))}
    mate, partner = a_person("mate", team_id=team), a_person("partner", **guest)
    a_person("stranger", team_id=people.FormTeam(identity.FormTeamRequest(name="West")).team_id)
    a_person("rival", **guest | {"customer_id": str(UUID(int=78))})
    began = datetime.now(UTC)
    registering = customers.RegisterCustomerRequest(kind=1, profile=customers.Profile(name="Alpha Ltd"))
    id_ = suite.ask(CustomerServiceStub).RegisterCustomer(registering).customer_id
    forming = collaboration.FormKeyAccountTeamRequest(customer_id=id_)
    forming.members.add(member_id=department, is_team=True)
    sharing.FormKeyAccountTeam(forming)
    share = collaboration.ShareCustomersRequest(grantee_id=str(UUID(int=77)), customer_ids=[id_])
    share.ends_at.FromDatetime(began + timedelta(days=30))
    sharing.RevokeShare(collaboration.RevokeShareRequest(share_id=sharing.ShareCustomers(share).share_id))
    suite.deliver()

    request = pb.InvestigateLeakRequest(customer_id=id_)
    request.from_at.FromDatetime(began)
    suspects = suite.ask(AnalyticsServiceStub).InvestigateLeak(request).suspects
    could = {one.actor.removeprefix("person:"): [it.reason for it in one.could] for one in suspects if one.could}
    assert could == {mate: ["key_account"], partner: ["share"]}
    request.from_at.FromDatetime(datetime.now(UTC) - timedelta(microseconds=1))
    later = suite.ask(AnalyticsServiceStub).InvestigateLeak(request).suspects
    assert [one.actor.removeprefix("person:") for one in later] == [mate], "the share was over by then"
