"""Masks, and what a shape finds in messages that real services answer with."""

from __future__ import annotations

from uuid import uuid4

import pytest

from crm.customer.v1.customer_service_pb2 import GetCustomerResponse, RegisterCustomerRequest
from crm.pipeline.v1.opportunity_service_pb2 import GetOpportunityResponse
from crm.ticketing.v1.ticketing_service_pb2 import ListTicketsResponse
from kernel.fields import Access, Withheld, masked, shape_of, subjects_in


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("13812345678", "phone", "138****5678"),
        ("+8613812345678", "phone", "+86138****5678"),
        ("12345", "phone", "****45"),
        ("123", "phone", "****"),
        ("zhang.wei@example.com", "email", "z***@example.com"),
        ("nonsense", "email", "***"),
        ("王小明", "name", "王**"),
        ("Ann", "name", "A**"),
        ("Any road 7", "address", "***"),
        ("", "phone", ""),
    ],
)
def test_masks(text: str, name: str, shown: str) -> None:
    assert masked(text, name) == shown


def test_conceal_reaches_lists_maps_and_messages_below() -> None:
    answer = GetCustomerResponse()
    answer.card.customer_id = str(uuid4())
    answer.card.phone = "13812345678"
    answer.profile.phones.extend(["13812345678", "13987654321"])
    answer.profile.custom_fields["size"] = "L"
    answer.contacts.add(name="王小明", emails=["w@example.com"])
    access = {"phone": Access.MASK, "email": Access.HIDE, "personal": Access.MASK, "name": Access.MASK}
    Withheld(access).conceal(answer, shape_of(answer.DESCRIPTOR))
    assert answer.card.phone == "138****5678"
    assert list(answer.profile.phones) == ["138****5678", "139****4321"]
    assert dict(answer.profile.custom_fields) == {"size": "***"}
    assert answer.contacts[0].name == "王**"
    assert not answer.contacts[0].emails


def test_money_is_an_amount_and_is_cleared_rather_than_shown_wrong() -> None:
    answer = GetOpportunityResponse()
    answer.opportunity.amount.minor_units = 100
    shape = shape_of(answer.DESCRIPTOR)
    assert "amount" in shape.classes
    Withheld({"amount": Access.MASK}).conceal(answer, shape)
    assert not answer.opportunity.HasField("amount")


def test_what_is_filled_in_and_may_not_be_written_is_named_by_its_path() -> None:
    request = RegisterCustomerRequest()
    shape = shape_of(request.DESCRIPTOR)
    assert Withheld({"phone": Access.VIEW}).first_refused(request, shape) == ""
    request.profile.phones.append("13812345678")
    assert Withheld({"phone": Access.VIEW}).first_refused(request, shape) == "profile.phones"
    assert Withheld({"email": Access.VIEW}).first_refused(request, shape) == ""


def test_subjects_are_the_records_that_the_marks_name() -> None:
    ticket, contact = uuid4(), uuid4()
    answer = ListTicketsResponse()
    answer.tickets.add(ticket_id=str(ticket), contact_id=str(contact), customer_id="")
    shape = shape_of(answer.DESCRIPTOR)
    assert subjects_in(answer, shape, frozenset({"text"})) == {str(ticket), str(contact)}
    assert subjects_in(answer, shape, frozenset({"amount"})) == set()
