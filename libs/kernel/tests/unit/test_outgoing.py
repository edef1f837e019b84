"""What partners get of an event, and what never leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from google.protobuf.message import Message

from crm.common.v1.money_pb2 import Money
from crm.customer.v1.customer_events_pb2 import CustomerRegistered
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned, LeadCaptured
from crm.pipeline.v1.opportunity_events_pb2 import OpportunityWon
from kernel.errors import InvalidArgument, TooMany
from kernel.feed import Places
from kernel.log import Entry, Metadata
from kernel.outgoing import MOST_TYPES, Wanted, as_json, cloud_event, is_published

STREAM, EVENT, CORRELATION = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def an_entry(message: Message) -> Entry:
    metadata = Metadata(EVENT, AT, AT - timedelta(days=1), "person:secret", "r1", CORRELATION, None, "", "")
    return Entry(42, STREAM, 7, message.DESCRIPTOR.full_name, message.SerializeToString(), metadata)


def test_an_event_is_a_cloud_event_that_says_where_it_stands() -> None:
    won = OpportunityWon(opportunity_id=str(STREAM), amount=Money(minor_units=2**40, currency_code="CNY"))
    event = cloud_event("pipeline", an_entry(won))
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": str(EVENT),
        "source": "urn:headwater:pipeline",
        "type": "crm.pipeline.v1.OpportunityWon",
        "subject": str(STREAM),
        "time": "2026-03-01T08:30:00.000000Z",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000042",
        "partitionkey": str(STREAM),
        "recordversion": 7,
        "effectivetime": "2026-02-28T08:30:00.000000Z",
        "correlationid": str(CORRELATION),
    }
    assert data["opportunity_id"] == str(STREAM)
    assert data["amount"] == {"minor_units": str(2**40), "currency_code": "CNY"}
    assert data["reason"] == "", "what is empty is said"


def test_personal_fields_are_not_emptied_but_not_there() -> None:
    captured = LeadCaptured(lead_id=str(STREAM), person_name="sealed:1:x", phone="sealed:1:y", source_channel="qr")
    text = as_json(cloud_event("pipeline", an_entry(captured))).decode()
    assert '"source_channel":"qr"' in text
    for name in ("person_name", "phone", "email", "company", "note", "sealed", "person:secret", "r1"):
        assert f'"{name}"' not in text
        assert "sealed" not in text
    registered = CustomerRegistered(customer_id=str(STREAM), phones=["sealed:1:z"], person_name="sealed:1:w")
    assert not {"phones", "person_name", "emails", "address", "remark"} & set(
        cloud_event("customer", an_entry(registered))["data"]
    )


def test_what_is_not_published_or_not_known_does_not_leave() -> None:
    assert is_published("crm.pipeline.v1.LeadAssigned")
    assert not is_published("crm.notification.v1.MessageAttempted")
    assert not is_published("crm.pipeline.v1.OfANewerBuild")
    assert not is_published("crm.common.v1.Money")


def test_one_asks_for_types_or_whole_contexts() -> None:
    lead, won = LeadAssigned.DESCRIPTOR.full_name, OpportunityWon.DESCRIPTOR.full_name
    assert lead in Wanted([])
    assert "crm.notification.v1.MessageAttempted" not in Wanted([])
    assert lead in Wanted([lead])
    assert won not in Wanted([lead])
    assert lead in Wanted(["crm.pipeline.v1.*"])
    assert lead not in Wanted(["crm.customer.v1.*"])
    assert "crm.notification.v1.MessageAttempted" not in Wanted(["crm.notification.v1.*"])


@pytest.mark.parametrize(
    "wrong", ["*", "crm.*.v1.X", "Lead*", "crm.notification.v1.MessageAttempted", "crm.x.v1.Y", ""]
)
def test_a_type_that_never_comes_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidArgument, match="types"):
        Wanted([wrong])
    with pytest.raises(InvalidArgument, match=str(MOST_TYPES)):
        Wanted(["crm.pipeline.v1.*"] * (MOST_TYPES + 1))


def test_streams_have_places_in_all_and_for_each() -> None:
    places = Places(most=3, each=2)
    with places.one_for("a"), places.one_for("a"):
        with pytest.raises(TooMany, match="you have 2 streams open"), places.one_for("a"):
            pass
        with places.one_for("b"), pytest.raises(TooMany, match="too many streams"), places.one_for("c"):
            pass
        with places.one_for("c"):
            pass
