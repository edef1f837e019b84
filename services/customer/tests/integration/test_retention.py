"""Whom nothing needs any more is listed, and forgotten only after somebody approved it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import RpcError, StatusCode

from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1 import erasure_service_pb2 as erasing
from crm.customer.v1 import retention_service_pb2 as keeping
from crm.customer.v1.erasure_service_pb2_grpc import ErasureServiceStub
from crm.customer.v1.retention_service_pb2_grpc import RetentionServiceStub
from crm.marketing.v1 import form_events_pb2 as forms
from crm.pipeline.v1 import lead_events_pb2 as leads
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from headwater.auditing import days_of_reads
from kernel.ids import new_id
from testkit import a_caller, a_token
from testkit.grpc_server import patiently

LONG_AGO = datetime(2015, 3, 1, tzinfo=UTC)


def asked(running: Any, stub: Any, caller: Any = None) -> Any:
    return stub(patiently(running.channel, [("authorization", f"Bearer {a_token(caller or a_caller())}")]))


def then(running: Any, at: datetime = LONG_AGO) -> Any:
    return running.ask(effective_at=at.isoformat())


def a_firm(running: Any, name: str, at: datetime = LONG_AGO, kind: int = 1) -> Any:
    made = pb.RegisterCustomerRequest(kind=kind, profile=pb.Profile(name=name), allow_duplicates=True)
    if kind == 1:
        made.contacts.add(name=f"Wang of {name}")
    return then(running, at).RegisterCustomer(made)


def refused(call: Any, word: str) -> None:
    with pytest.raises(RpcError) as error:
        call()
    assert error.value.code() is StatusCode.INVALID_ARGUMENT
    assert word in error.value.details()


@pytest.mark.feature("NFR-11")
def test_only_who_is_needed_no_more_is_due_and_only_who_was_approved_is_forgotten(running: Any) -> None:
    retention = asked(running, RetentionServiceStub)
    quiet, other = a_firm(running, "Quiet Rivers"), a_firm(running, "Other Rivers")
    alone = a_firm(running, "Zhao Alone", kind=2)
    fresh = a_firm(running, "Fresh Rivers", datetime.now(UTC) - timedelta(days=40))
    called = a_firm(running, "Called Rivers")
    then(running, datetime.now(UTC) - timedelta(days=40)).LogActivity(
        pb.LogActivityRequest(customer_id=called.customer_id, kind=2, content="they rang")
    )
    planned = a_firm(running, "Planned Rivers")
    due_at = pb.PlanFollowUpRequest(customer_id=planned.customer_id, subject="call")
    due_at.due_at.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    then(running).PlanFollowUp(due_at)

    def due() -> set[str]:
        found: set[str] = set()
        token = ""
        while True:
            page = retention.ListDueForErasure(keeping.ListDueForErasureRequest(page_size=2, page_token=token))
            found |= {it.person_id for it in page.people}
            token = page.next_page_token
            if not token:
                assert page.total_size == len(found)
                return found

    assert due() == set(), "nothing is due before somebody says so"
    refused(lambda: retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=3)), "between 6")
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=36, reads_days=365))
    kept = retention.GetRetentionPolicy(keeping.GetRetentionPolicyRequest())
    assert (kept.person_months, kept.reads_days) == (36, 365)
    assert days_of_reads(running.service.settings) == 365, "what the command line obeys"
    assert due() == {quiet.contact_ids[0], other.contact_ids[0], alone.customer_id}

    def approve(*ids: str, confirmation: str = "") -> Any:
        return retention.ApproveRetention(
            keeping.ApproveRetentionRequest(person_ids=ids, confirmation=confirmation or f"forget {len(ids)} people")
        )

    refused(lambda: approve(quiet.contact_ids[0], confirmation="yes"), "forget 1 people")
    refused(lambda: approve(quiet.contact_ids[0], fresh.contact_ids[0]), "is not due")
    refused(lambda: approve(str(new_id())), "is not due")
    approve(quiet.contact_ids[0], other.contact_ids[0], alone.customer_id)
    running.ask().LogActivity(
        pb.LogActivityRequest(customer_id=other.customer_id, kind=2, content="they want to buy after all")
    )
    running.pass_time(seconds=1)
    erasures = asked(running, ErasureServiceStub).ListErasures(erasing.ListErasuresRequest()).erasures
    assert [it.reason for it in erasures] == ["retention_ended"] * 2, "whoever is needed again stays"
    assert due() == set()
    names = {it["name"] for it in running.rows("select name from contacts union select name from customers")}
    assert "Wang of Other Rivers" in names
    assert not {"Wang of Quiet Rivers", "Zhao Alone"} & names


@pytest.mark.feature("NFR-11")
def test_leads_requesters_and_senders_are_due_each_by_its_own_rule(running: Any) -> None:
    """Unless somebody did something with them, or they became a customer's, or something is still open."""
    retention = asked(running, RetentionServiceStub)
    names = ("cold", "rung", "customer", "planned", "asker", "waiting", "identified", "sender", "answered")
    ids = {name: str(new_id()) for name in names}
    lately = datetime.now(UTC) - timedelta(days=40)

    def lead(name: str, **more: Any) -> None:
        running.happened(leads.LeadCaptured(lead_id=ids[name], **more), LONG_AGO)

    lead("cold")
    running.happened(leads.LeadScored(lead_id=ids["cold"], score=3), lately)  # the suite's own doing
    lead("rung")
    running.happened(leads.LeadContacted(lead_id=ids["rung"], kind="call"), lately, actor="person:1")
    lead("customer")
    running.happened(leads.LeadConverted(lead_id=ids["customer"], customer_id=str(new_id())), LONG_AGO)
    lead("planned", submission_id=ids["answered"])
    later = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    running.happened(leads.LeadNextStepPlanned(lead_id=ids["planned"], due_on=later), LONG_AGO, actor="person:1")
    for name in ("asker", "waiting", "identified"):
        running.happened(tickets.TicketOpened(ticket_id=ids[name], requester_id=ids[name]), LONG_AGO)
    running.happened(tickets.TicketResolved(ticket_id=ids["asker"]), LONG_AGO)
    running.happened(tickets.TicketResolved(ticket_id=ids["identified"]), LONG_AGO)
    running.happened(
        tickets.TicketRequesterIdentified(ticket_id=ids["identified"], customer_id=str(new_id())), LONG_AGO
    )
    running.happened(forms.FormSubmitted(submission_id=ids["sender"]), LONG_AGO)
    running.happened(forms.FormSubmitted(submission_id=ids["answered"]), LONG_AGO)  # led to the lead "planned"

    def due() -> dict[str, str]:
        people = retention.ListDueForErasure(keeping.ListDueForErasureRequest()).people
        known = {id_: name for name, id_ in ids.items()}
        return {known[it.person_id]: erasing.PersonKind.Name(it.person_kind) for it in people}

    def rule(**months: int) -> None:
        retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(**months))

    refused(lambda: rule(lead_months=5), "between 6")
    rule(lead_months=24)
    assert due() == {"cold": "PERSON_KIND_LEAD"}
    rule(requester_months=24, sender_months=24)
    assert due() == {"asker": "PERSON_KIND_REQUESTER", "sender": "PERSON_KIND_SUBMISSION"}
    rule(lead_months=24, requester_months=24, sender_months=24)
    kept = retention.GetRetentionPolicy(keeping.GetRetentionPolicyRequest())
    assert (kept.person_months, kept.lead_months, kept.requester_months, kept.sender_months) == (0, 24, 24, 24)
    retention.ApproveRetention(
        keeping.ApproveRetentionRequest(
            person_ids=[ids["cold"], ids["asker"], ids["sender"]], confirmation="forget 3 people"
        )
    )
    running.happened(leads.LeadTouchedAgain(lead_id=ids["cold"]))  # comes back before his turn
    running.pass_time(seconds=1)
    asked_for = {str(event.person_id) for event in running.events("ErasureRequested")}
    assert asked_for == {ids["asker"], ids["sender"]}
    assert due() == {}


@pytest.mark.feature("NFR-11")
def test_somebody_is_told_once_a_day_while_anybody_is_due_and_not_else(running: Any) -> None:
    retention = asked(running, RetentionServiceStub)
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=12))
    running.pass_time(seconds=1)
    assert running.events("RetentionDue") == [], "nobody is due"
    a_firm(running, "Quiet Rivers")
    running.happened(forms.FormSubmitted(submission_id=str(new_id())), LONG_AGO)
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=12, sender_months=12))
    running.pass_time(seconds=2)
    (told,) = running.events("RetentionDue")
    assert (told.people, told.leads, told.requesters, told.senders) == (1, 0, 0, 1)
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=13, sender_months=12))
    running.pass_time(hours=1)
    assert len(running.events("RetentionDue")) == 1, "not twice in a day"
    running.pass_time(hours=26)
    assert len(running.events("RetentionDue")) == 2
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest())
    assert running.pass_time(hours=100) == 0, "without a rule nobody looks"


def test_many_are_forgotten_some_at_a_time(running: Any) -> None:
    retention = asked(running, RetentionServiceStub)
    firm = then(running).RegisterCustomer(
        pb.RegisterCustomerRequest(
            kind=1,
            profile=pb.Profile(name="Quiet Rivers"),
            contacts=[pb.Contact(name=f"Somebody {letter}") for letter in "ABCDEFG"],
        )
    )
    retention.SetRetentionPolicy(keeping.SetRetentionPolicyRequest(person_months=12))
    retention.ApproveRetention(
        keeping.ApproveRetentionRequest(person_ids=firm.contact_ids, confirmation="forget 7 people")
    )
    running.pass_time(seconds=1)
    assert running.rows("select count(*) as n from erasures") == [{"n": 5}]
    running.pass_time(seconds=30)
    assert running.rows("select count(*) as n from erasures") == [{"n": 7}]


def test_who_may_not_forget_may_neither_list_nor_approve(running: Any) -> None:
    seller = asked(running, RetentionServiceStub, a_caller(("customer.customer.*", "customer.policy.read")))
    seller.GetRetentionPolicy(keeping.GetRetentionPolicyRequest())
    for call in (
        lambda: seller.ListDueForErasure(keeping.ListDueForErasureRequest()),
        lambda: seller.ApproveRetention(keeping.ApproveRetentionRequest()),
        lambda: seller.SetRetentionPolicy(keeping.SetRetentionPolicyRequest()),
    ):
        with pytest.raises(RpcError) as error:
            call()
        assert error.value.code() is StatusCode.PERMISSION_DENIED
