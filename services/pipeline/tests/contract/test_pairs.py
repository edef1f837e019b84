"""Every event has its message, and bytes once stored read the same for ever."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from google.protobuf.descriptor import FieldDescriptor

from crm.options.v1.options_pb2 import personal, published, subject
from kernel.codec import Codec
from kernel.money import Money
from kernel.rpc import methods_of
from pipeline.bootstrap import EVENTS, MESSAGES
from pipeline.domain.catalogue import ProductCostSet
from pipeline.domain.lead import LeadAssigned
from pipeline.domain.opportunity import OpportunityOpened, OpportunityWon
from pipeline.domain.order import Allocation, CostedLine, OrderCosted, PaymentReceived

A, B, C = (UUID(int=n) for n in (1, 2, 3))


class NoKeys:
    """For events without personal fields."""

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        raise AssertionError(f"nothing here is personal: {subjects}")

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        raise AssertionError(f"nothing here is personal: {subjects}")


def test_every_event_pairs_with_its_message_and_every_message_with_an_event() -> None:
    codec = Codec(EVENTS, MESSAGES)
    paired = {codec.name_of(event) for event in EVENTS}
    past = {
        message.full_name
        for module in MESSAGES
        for message in module.DESCRIPTOR.message_types_by_name.values()
        if message.full_name not in paired
    }
    parts = {
        "LeadMatch", "CustomerMatch", "ScoreReason", "RuleCondition", "ScoringRule", "Candidate",
        "AssignmentRule", "LeadStatus", "Stage", "PriceEntry", "QuoteLine", "FlowStep", "Party",
        "FileReference", "OrderLine", "Delivery", "Allocation", "CostedLine", "VoucherRule",
    }  # fmt: skip
    assert past == {f"crm.pipeline.v1.{part}" for part in parts}


def test_every_event_names_its_stream_first_and_a_subject_for_what_is_personal() -> None:
    codec = Codec(EVENTS, MESSAGES)

    def is_personal(descriptor: object) -> bool:
        return any(
            field.GetOptions().Extensions[personal]
            or (field.type == FieldDescriptor.TYPE_MESSAGE and is_personal(field.message_type))
            for field in descriptor.fields  # type: ignore[attr-defined]
        )

    for message in codec.types.values():
        descriptor = message.DESCRIPTOR
        assert descriptor.fields_by_number[1].name.endswith("_id"), descriptor.full_name
        if is_personal(descriptor):
            named = descriptor.GetOptions().Extensions[subject]
            assert named == descriptor.fields_by_number[1].name, descriptor.full_name


def test_every_rpc_names_its_permission() -> None:
    from crm.pipeline.v1 import (
        catalogue_service_pb2,
        lead_service_pb2,
        opportunity_service_pb2,
        sales_service_pb2,
        voucher_service_pb2,
    )

    modules = (
        lead_service_pb2,
        opportunity_service_pb2,
        catalogue_service_pb2,
        sales_service_pb2,
        voucher_service_pb2,
    )
    for module in modules:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in methods_of(service):
                assert method.permission.startswith("pipeline."), method.full_name


GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = (
    OpportunityOpened(
        A, B, C, A, "Pumps", Money(1_250, "CNY"), 10, B, None, "ads", None, date(2026, 12, 31), (C,), "x-1",
        (), "",
    ),
    OpportunityWon(A, Money(-5, "USD"), "good", None, "", B, C, None),
    LeadAssigned(A, B, "rule", 3, "why", None, True, False),
    PaymentReceived(
        A, B, C, Money(7, "CNY"), date(2026, 1, 2), "bank", "ref", (Allocation(C, Money(5, "CNY")),),
        Money(2, "CNY"), None,
    ),
    ProductCostSet(A, Money(60_00, "CNY"), date(2026, 5, 1)),
    OrderCosted(B, (CostedLine("1", Money(20_01, "CNY")),), "60.03", "94.9905"),
)  # fmt: skip


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda it: type(it).__name__)
def test_bytes_once_stored_read_the_same_for_ever(event: object) -> None:
    codec = Codec(EVENTS, MESSAGES)
    stored = bytes.fromhex((GOLDEN / f"{type(event).__name__}.1.hex").read_text())
    assert codec.encode([(event, "")], NoKeys())[0].data == stored
    assert codec.decode([(codec.name_of(type(event)), stored, "")], NoKeys()) == [event]


def test_costs_never_leave() -> None:
    """An event without the mark stays inside; one with it holds no cost anywhere below it."""

    def names(descriptor: object) -> set[str]:
        below = (names(f.message_type) for f in descriptor.fields if f.message_type)  # type: ignore[attr-defined]
        return {f.name for f in descriptor.fields}.union(*below)  # type: ignore[attr-defined]

    codec = Codec(EVENTS, MESSAGES)
    with_cost = {name for name, message in codec.types.items() if any("cost" in n for n in names(message.DESCRIPTOR))}
    assert with_cost == {"crm.pipeline.v1.ProductCostSet", "crm.pipeline.v1.OrderCosted"}
    for name in with_cost:
        assert not codec.types[name].DESCRIPTOR.GetOptions().Extensions[published], name


def test_the_bus_never_loads_grpc() -> None:
    asked = "import sys, pipeline.bootstrap; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=60).returncode == 0


def test_times_survive_the_wire() -> None:
    from pipeline.domain.lead_rules import AgentAvailabilitySet

    codec = Codec(EVENTS, MESSAGES)
    event = AgentAvailabilitySet(A, 3, datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), None)
    stored = codec.encode([(event, "")], NoKeys())[0]
    assert codec.decode([(stored.type, stored.data, "")], NoKeys()) == [event]
