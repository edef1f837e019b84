"""What pipeline asks of others: conversion and duplicates of customer, form submissions of marketing.

The peers are fakes of a few lines that speak the real contract over real gRPC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_service_pb2 as customers
from crm.customer.v1.customer_service_pb2_grpc import (
    CustomerServiceServicer,
    add_CustomerServiceServicer_to_server,
)
from crm.marketing.v1 import form_events_pb2 as forms
from crm.marketing.v1 import marketing_service_pb2 as marketing
from crm.marketing.v1.marketing_service_pb2_grpc import (
    MarketingServiceServicer,
    add_MarketingServiceServicer_to_server,
)
from crm.pipeline.v1 import lead_service_pb2 as pb
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from kernel.ids import derived_id, new_id
from kernel.projections import Delivered
from kernel.service import Service, endpoints_of
from kernel.store import Cause, Metadata
from kernel.timers import JobRunner
from testkit.grpc_server import channel_as, serving


class KnownCustomers(CustomerServiceServicer):
    """Registers what it is told; knows one customer by his phone."""

    def __init__(self) -> None:
        self.known_phone, self.known_id = "", str(uuid4())
        self.registered: list[customers.RegisterCustomerRequest] = []
        self.added: list[customers.AddContactRequest] = []

    def RegisterCustomer(self, request: Any, context: Any) -> Any:
        if request.contacts[0].phones[0] == self.known_phone and not request.allow_duplicates:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"looks like {self.known_id}")
        self.registered.append(request)
        return customers.RegisterCustomerResponse(
            customer_id=request.customer_id, contact_ids=[c.contact_id for c in request.contacts]
        )

    def AddContact(self, request: Any, context: Any) -> Any:
        self.added.append(request)
        return customers.AddContactResponse(contact_id=request.contact.contact_id)

    def FindDuplicates(self, request: Any, context: Any) -> Any:
        answer = customers.FindDuplicatesResponse()
        if self.known_phone in request.profile.phones:
            answer.candidates.add(customer_id=self.known_id, matched_on=["phone"], score=1)
        return answer


class OneSubmission(MarketingServiceServicer):
    """Knows one form submission."""

    def __init__(self) -> None:
        self.submission = marketing.FormSubmission(
            submission_id=str(uuid4()),
            campaign_id=str(uuid4()),
            source_channel="landing_page",
            utm={"source": "baidu"},
            person_name="王芳",
            phone="13700137000",
            behaviours=["downloaded-manual"],
        )
        self.submission.first_touch_at.FromDatetime(datetime(2026, 1, 2, tzinfo=UTC))

    def GetFormSubmission(self, request: Any, context: Any) -> Any:
        assert request.submission_id == self.submission.submission_id
        return marketing.GetFormSubmissionResponse(submission=self.submission)


@pytest.fixture
def peers() -> Iterator[SimpleNamespace]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    known, submitted = KnownCustomers(), OneSubmission()
    add_CustomerServiceServicer_to_server(known, server)
    add_MarketingServiceServicer_to_server(submitted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield SimpleNamespace(customers=known, marketing=submitted, target=f"127.0.0.1:{port}")
    server.stop(1).wait()


@pytest.fixture
def target(service: Service, peers: SimpleNamespace) -> Iterator[str]:
    from kernel.wire import Peers

    known = Peers({"customer": peers.target, "marketing": peers.target})
    with serving(*endpoints_of(service, known)) as at:
        yield at
    known.close()


@pytest.fixture
def jobs_done(service: Service, peers: SimpleNamespace) -> Iterator[Callable[[], int]]:
    """`jobs_done()`: run what is due; returns how many jobs that was."""
    with channel_as(peers.target) as channel:
        yield JobRunner("pipeline", service.store, service.jobs, lambda *_: channel).run_once


def captured(crm: SimpleNamespace, **more: Any) -> str:
    said = {"source_channel": "ads", "person_name": "李雷", "phone": "13600136000", "company": "远望科技"}
    request = pb.CaptureLeadRequest(lead=pb.LeadDraft(**{**said, **more}), owner_id=crm.person_id)
    return crm.leads.CaptureLead(request).lead_id


def the_lead(crm: SimpleNamespace, lead_id: str) -> pb.Lead:
    return crm.leads.GetLead(pb.GetLeadRequest(lead_id=lead_id)).lead


@pytest.mark.feature("PIP-15")
def test_a_lead_becomes_customer_contact_and_deal_with_its_history(
    crm: SimpleNamespace, peers: SimpleNamespace
) -> None:
    campaign = str(uuid4())
    lead_id = captured(crm, campaign_id=campaign, product_interest="GTX Pro")
    done = crm.leads.ConvertLead(
        pb.ConvertLeadRequest(lead_id=lead_id, amount=Money(minor_units=500, currency_code="CNY"))
    )
    (asked,) = peers.customers.registered
    assert (asked.profile.name, asked.source, asked.owner_id) == ("远望科技", "ads", crm.person_id)
    assert (asked.contacts[0].name, list(asked.contacts[0].phones)) == ("李雷", ["13600136000"])
    deal = crm.deals.GetOpportunity(deals.GetOpportunityRequest(opportunity_id=done.opportunity_id)).opportunity
    assert (deal.customer_id, list(deal.contact_ids)) == (done.customer_id, [done.contact_id])
    assert (deal.lead_id, deal.source_channel, deal.campaign_id) == (lead_id, "ads", campaign)
    assert (deal.title, deal.amount.minor_units, deal.owner_id) == ("GTX Pro", 500, crm.person_id)
    lead = the_lead(crm, lead_id)
    assert lead.state == pb.LEAD_STATE_CONVERTED
    assert (lead.customer_id, lead.opportunity_id) == (done.customer_id, done.opportunity_id)
    with pytest.raises(grpc.RpcError, match="converted"):
        crm.leads.ConvertLead(pb.ConvertLeadRequest(lead_id=lead_id))


@pytest.mark.feature("PIP-15")
def test_a_customer_who_looks_known_is_named_and_can_be_chosen(crm: SimpleNamespace, peers: SimpleNamespace) -> None:
    peers.customers.known_phone = "13600136000"
    lead_id = captured(crm)
    with pytest.raises(grpc.RpcError, match=peers.customers.known_id) as known:
        crm.leads.ConvertLead(pb.ConvertLeadRequest(lead_id=lead_id))
    assert known.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert the_lead(crm, lead_id).state == pb.LEAD_STATE_OPEN, "nothing is half done"
    done = crm.leads.ConvertLead(
        pb.ConvertLeadRequest(lead_id=lead_id, customer_id=peers.customers.known_id, no_opportunity=True)
    )
    assert (done.customer_id, done.opportunity_id) == (peers.customers.known_id, "")
    assert peers.customers.added[0].contact.name == "李雷"


@pytest.mark.feature("PIP-16")
def test_the_customer_service_is_asked_about_every_captured_lead_once(
    crm: SimpleNamespace, peers: SimpleNamespace, jobs_done: Callable[[], int]
) -> None:
    peers.customers.known_phone = "13600136000"
    known, unknown = captured(crm), captured(crm, person_name="韩梅", phone="13500135000", company="另一家")
    assert jobs_done() == 2
    assert list(the_lead(crm, known).duplicate_customer_ids) == [peers.customers.known_id]
    assert the_lead(crm, unknown).customers_checked
    assert not the_lead(crm, unknown).duplicate_customer_ids
    assert jobs_done() == 0


@pytest.mark.feature("PIP-01", "PIP-03")
def test_a_submitted_form_is_a_lead_as_soon_as_the_worker_looks(
    crm: SimpleNamespace, service: Service, peers: SimpleNamespace, jobs_done: Callable[[], int]
) -> None:
    said = peers.marketing.submission
    event = forms.FormSubmitted(submission_id=said.submission_id)
    at = datetime.now(UTC)
    metadata = Metadata(new_id(), at, at, "person:x", "r", new_id(), None, "", "")
    name = event.DESCRIPTOR.full_name
    delivered = Delivered("marketing", 0, 1, UUID(said.submission_id), 1, name, metadata, event)
    for _ in range(2):
        with service.store.transaction(Cause("service:pipeline", "r", new_id())) as tx:
            service.reactions[forms.FormSubmitted](delivered, tx)
        jobs_done()
    (lead,) = crm.leads.ListLeads(pb.ListLeadsRequest()).leads
    assert lead.lead_id == str(derived_id(said.submission_id, "lead"))
    assert (lead.person_name, lead.phone, lead.source_channel) == ("王芳", "13700137000", "landing_page")
    assert (lead.campaign_id, lead.submission_id) == (said.campaign_id, said.submission_id)
    assert lead.first_touch_at.ToDatetime(tzinfo=UTC) == datetime(2026, 1, 2, tzinfo=UTC)
    assert list(lead.behaviours) == ["downloaded_manual"]
    assert lead.touches == 1, "the same form twice is one lead and one touch"


def test_away_peers_postpone_a_job_and_refuse_a_conversion(crm: SimpleNamespace, service: Service) -> None:
    from kernel.wire import Peers

    lead_id = captured(crm)
    nobody = Peers({})
    JobRunner("pipeline", service.store, service.jobs, lambda context, _: nobody.channel(context)).run_once()
    assert not the_lead(crm, lead_id).customers_checked
    with service.store.query() as cursor:
        left = cursor.execute("select attempts from timers where kind = 'check_customers'").fetchall()
    assert [row["attempts"] for row in left] == [0], "an absent peer is nobody's fault"
