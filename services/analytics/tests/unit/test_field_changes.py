"""Before and after, field by field, folded from a record's events."""

from __future__ import annotations

from analytics.projections.audit_trail import SEALED, FieldChange, changes, readable
from crm.customer.v1 import customer_events_pb2 as customer
from crm.identity.v1 import person_events_pb2 as person
from crm.pipeline.v1 import opportunity_events_pb2 as deal


def test_before_is_folded_from_earlier_events_and_from_what_the_event_says() -> None:
    opened = deal.OpportunityOpened(opportunity_id="o", stage_id="first", owner_id="anna")
    opened.amount.minor_units, opened.amount.currency_code = 1_000_05, "EUR"
    revised = deal.AmountRevised(opportunity_id="o")
    revised.from_amount.CopyFrom(opened.amount)
    revised.to_amount.minor_units, revised.to_amount.currency_code = 2_000_00, "EUR"
    won = deal.OpportunityWon(opportunity_id="o", reason="price")
    won.amount.minor_units, won.amount.currency_code = 1_900, "JPY"
    moved = deal.OpportunityAdvanced(opportunity_id="o", from_stage_id="first", to_stage_id="second", probability=50)
    first, second, third, fourth = changes([opened, moved, revised, won])
    assert FieldChange("amount", "", "1000.05 EUR", False) in first
    assert FieldChange("stage_id", "first", "second", False) in second
    assert third == [FieldChange("amount", "1000.05 EUR", "2000.00 EUR", False)]
    assert FieldChange("amount", "2000.00 EUR", "1900 JPY", False) in fourth
    assert all(change.field != "opportunity_id" for change in (*first, *second, *third, *fourth))


def test_a_field_that_is_emptied_shows_what_it_was() -> None:
    joined = person.PersonJoined(person_id="p", team_id="east")
    moved = person.PersonMoved(person_id="p", from_team_id="east")
    _, second = changes([joined, moved])
    assert second == [FieldChange("team_id", "east", "", False)]


def test_nested_changes_are_fields_of_the_record() -> None:
    registered = customer.CustomerRegistered(customer_id="c", industry_code="C26")
    revised = customer.CustomerRevised(customer_id="c")
    revised.changes.industry_code = "C34"
    _, second = changes([registered, revised])
    assert second == [FieldChange("industry_code", "C26", "C34", False)]


def test_personal_fields_are_only_ever_markers() -> None:
    added = customer.ContactAdded(customer_id="c", contact_id="k", name="sealed bytes of a name")
    added.phones.append("sealed bytes of a phone")
    revised = customer.CustomerRevised(customer_id="c")
    revised.changes.person_name.value = "sealed bytes of a name"
    for message in (added, revised):
        (found,) = changes([message])
        assert "sealed bytes" not in repr(found)
        assert "sealed bytes" not in repr(readable(message))
    (found,) = changes([added])
    assert FieldChange("contact[k].name", "", SEALED, True) in found
