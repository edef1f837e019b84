"""Every event has its message, field for field; what was ever stored still reads; nothing personal lies open."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from crm.customer.v1 import (
    activity_events_pb2,
    customer_events_pb2,
    import_events_pb2,
)
from crm.options.v1.options_pb2 import personal, published
from customer.bootstrap import EVENTS, MESSAGES
from customer.domain import activity, customer, importing, policy
from customer.upcasts import UPCASTS
from kernel.codec import Codec
from kernel.vault import ERASED

GOLDEN = Path(__file__).parent / "golden.txt"
SECRET = "秘密 secret"
VALUES = {
    "ProfileChanges",
    "PersonalText",
    "PersonalTexts",
    "CustomField",
    "CustomFields",
    "SuccessorFor",
    "RecordsHandedOver",  # other services' answer
    "FieldChoice",
    "Attachment",
    "LevelRule",
    "ContactInterval",
    "ImportedRow",
    "SearchedTable",
    "KeptRecords",
    "PersonPurged",  # other services' answer
}
INSIDE = {"KeyAccountGoalSet", "KeyAccountGoalClosed", "CustomersShared", "ShareEnded", "RetentionApproved"}
"""Events that never leave: what a plan says, who outside sees what, and who is to be forgotten."""
ADDED: dict[str, dict[str, Any]] = {
    "ConsentGiven": {"wording": ""},
    "ErasureStepDone": {"kept": ()},
    "RetentionPolicySet": {"lead_months": 0, "requester_months": 0, "sender_months": 0},
    "RetentionApproved": {"lead_months": 0, "requester_months": 0, "sender_months": 0},
}
"""Fields that came later; the golden file holds the event without them too."""


class FixedKeys:
    """A key for every subject, the same in every run; `forgotten` has none any more."""

    def __init__(self, forgotten: frozenset[str] = frozenset()) -> None:
        self._forgotten = forgotten

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        return {subject: bytes(range(32)) for subject in subjects}

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        return {s: None if s in self._forgotten else bytes(range(32)) for s in subjects}


def an_example(hint: Any, field: str = "") -> Any:
    """A value of the type, the same every time, with SECRET for every text."""
    if get_origin(hint) in (Union, UnionType):
        return an_example(next(a for a in get_args(hint) if a is not NoneType), field)
    if get_origin(hint) is tuple:
        return (an_example(get_args(hint)[0], field),)
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ == "Money":
            return hint(12_30, "CNY")
        hints = get_type_hints(hint)
        return hint(**{f.name: an_example(hints[f.name], f.name) for f in fields(hint)})
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return hint(2)
    examples = {
        str: SECRET,
        int: 7,
        bool: True,
        UUID: UUID(int=42),
        datetime: datetime(2026, 6, 1, 12, tzinfo=UTC),
        date: date(2026, 6, 1),
        Decimal: Decimal("1.5"),
    }
    return examples[hint]


CODEC = Codec(EVENTS, MESSAGES, UPCASTS)
BY_NAME = {event.__name__: event for event in EVENTS}


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_an_event_comes_back_as_it_was_and_is_sealed_in_between(event: type) -> None:
    example = an_example(event)
    [stored] = CODEC.encode([(example, "s/1")], FixedKeys())
    assert CODEC.decode([(stored.type, stored.data, "s/1")], FixedKeys()) == [example]
    message = CODEC.types[stored.type].FromString(stored.data)
    for path, text in personal_texts(message):
        assert text.startswith("sealed:"), path


def personal_texts(message: Any, path: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        values = list(value) if field.is_repeated else [value]
        if field.GetOptions().Extensions[personal]:
            found += [(here, text) for text in values]
        elif field.message_type is not None:
            for inner in values:
                found += personal_texts(inner, here)
    return found


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_a_forgotten_subject_leaves_only_erased_texts(event: type) -> None:
    example = an_example(event)
    [stored] = CODEC.encode([(example, "s/1")], FixedKeys())
    message = CODEC.types[stored.type].FromString(stored.data)
    [read] = CODEC.decode([(stored.type, stored.data, "s/1")], FixedKeys(frozenset({str(UUID(int=42))})))
    texts = str(read)
    assert (ERASED in texts) == bool(personal_texts(message))


def test_every_message_has_its_event_or_is_a_value() -> None:
    names = {name for module in MESSAGES for name in module.DESCRIPTOR.message_types_by_name}
    assert names == set(BY_NAME) | VALUES


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (customer.CustomerKind, customer_events_pb2.CustomerKind),
        (customer.CustomerStatus, customer_events_pb2.CustomerStatus),
        (customer.DecisionRole, customer_events_pb2.DecisionRole),
        (policy.CustomerLevel, customer_events_pb2.CustomerLevel),
        (activity.ActivityKind, activity_events_pb2.ActivityKind),
        (activity.ActivityOutcome, activity_events_pb2.ActivityOutcome),
        (importing.RowOutcome, import_events_pb2.RowOutcome),
    ],
    ids=lambda e: getattr(e, "__name__", ""),
)
def test_enums_have_the_same_members(ours: type[IntEnum], theirs: Any) -> None:
    prefix = "".join(f"_{c}" if c.isupper() else c for c in ours.__name__).strip("_").upper() + "_"
    assert {prefix + m.name: int(m) for m in ours} == dict(theirs.items())


def test_what_leaves_is_marked_and_what_is_marked_names_its_aggregate_first() -> None:
    for event in EVENTS:
        descriptor = CODEC.types[CODEC.name_of(event)].DESCRIPTOR
        assert descriptor.GetOptions().Extensions[published] is (descriptor.name not in INSIDE), descriptor.full_name
        assert descriptor.fields[0].number == 1
        assert descriptor.fields[0].name.endswith("_id")


def test_golden_bytes_of_every_event_ever_stored_still_decode() -> None:
    stored = [line.split() for line in GOLDEN.read_text().splitlines() if line.strip()]
    assert {name.rpartition(".")[2] for name, _ in stored} == set(BY_NAME)
    newest = dict(stored)
    for name, data in stored:
        [event] = CODEC.decode([(name, bytes.fromhex(data), "s/1")], FixedKeys())
        example = an_example(BY_NAME[name.rpartition(".")[2]])
        if data != newest[name]:  # from before a field was added: it reads as not said
            example = replace(example, **ADDED[name.rpartition(".")[2]])
        assert event == example, name
