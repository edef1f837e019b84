"""What no enum, calendar or text holds is refused by the name of its field, however deep it lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from crm.common.v1.envelope_pb2 import EventMetadata
from crm.customer.v1 import customer_service_pb2 as pb
from kernel.errors import InvalidArgument
from kernel.request import refuse_impossible


def a_request(change: Callable[[Any], Any]) -> pb.RegisterCustomerRequest:
    request = pb.RegisterCustomerRequest(customer_id="c", tags=["a"], kind=1)
    request.contacts.add(name="Li")
    change(request)
    return request


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda r: setattr(r, "kind", 99), "kind"),
        (lambda r: setattr(r, "source", "a\x00b"), "source"),
        (lambda r: r.tags.append("\x00"), "tags"),
        (lambda r: setattr(r.profile, "name", "\x00"), "profile.name"),
        (lambda r: r.contacts.add(name="\x00"), "contacts.name"),
    ],
)
def test_the_field_is_named(change: Callable[[Any], Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        refuse_impossible(a_request(change))
    assert refused.value.field == field


@pytest.mark.parametrize("stamp", [{"seconds": 2**62}, {"seconds": -(2**62)}, {"nanos": -1}, {"nanos": 2_000_000_000}])
def test_moments_beyond_the_calendar_are_refused(stamp: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="is no moment"):
        refuse_impossible(EventMetadata(recorded_at=Timestamp(**stamp)))


def test_what_is_possible_passes() -> None:
    refuse_impossible(a_request(lambda r: None))
    refuse_impossible(EventMetadata(recorded_at=Timestamp(seconds=253_402_300_799, nanos=999_999_999)))
    refuse_impossible(pb.RegisterCustomerRequest())
