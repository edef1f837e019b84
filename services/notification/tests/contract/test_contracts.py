"""Every event of the domain has its message, field for field; bytes stored once are read for ever."""

import json
import os
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from uuid import UUID

import pytest

from crm.notification.v1 import message_events_pb2, preference_events_pb2
from kernel.codec import Codec
from kernel.vault import ERASED
from notification.bootstrap import EVENTS
from notification.domain.message import MessageQueued, MessageScheduled

MODULES = (message_events_pb2, preference_events_pb2)
PARTS = {"KindPreference"}
GOLDEN = Path(__file__).parent / "golden.json"


class MemoryKeys:
    def __init__(self):
        self.kept = {}

    def obtain(self, subjects):
        return {s: self.kept.setdefault(s, bytes(32)) for s in subjects}

    def find(self, subjects):
        return {s: self.kept.get(s) for s in subjects}


CODEC = Codec(EVENTS, MODULES)


def an_example(hint, name=""):
    """A value of the type, the same every time."""
    arguments = [a for a in typing.get_args(hint) if a is not type(None)]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return (an_example(arguments[0], name),)
    if origin is dict:
        return {"level": "VIP"}
    if origin is not None:
        return an_example(arguments[0], name)
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{f.name: an_example(hints[f.name], f.name) for f in fields(hint)})
    if issubclass(hint, IntEnum):
        return next(iter(hint))
    examples = {
        UUID: UUID("0190a000-0000-7000-8000-000000000001"),
        datetime: datetime(2026, 3, 2, 12, tzinfo=UTC),
        date: date(2026, 3, 2),
        bool: True,
        int: 7,
        str: f"some {name}",
    }
    return examples[hint]


def test_every_message_has_its_event():
    messages = {name for module in MODULES for name in module.DESCRIPTOR.message_types_by_name}
    assert messages - PARTS == {event.__name__ for event in EVENTS}


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda e: e.__name__)
def test_an_event_comes_back_as_it_went(event_type):
    event, keys = an_example(event_type), MemoryKeys()
    (stored,) = CODEC.encode([(event, "s/1")], keys)
    assert CODEC.decode([(stored.type, stored.data, "s/1")], keys) == [event]


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda e: e.__name__)
def test_bytes_stored_once_are_read_today(event_type):
    plain = CODEC._pairs[event_type]
    example = an_example(event_type)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("HEADWATER_WRITE_GOLDEN") and event_type.__name__ not in golden:
        golden[event_type.__name__] = plain.to_message(example).SerializeToString(deterministic=True).hex()
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    message = plain.message_type.FromString(bytes.fromhex(golden[event_type.__name__]))
    assert plain.to_event(message) == example


@pytest.mark.parametrize(("event_type", "field"), [(MessageQueued, "title"), (MessageScheduled, "text")])
def test_personal_text_is_sealed_and_erased_with_its_key(event_type, field):
    event, keys = an_example(event_type), MemoryKeys()
    (stored,) = CODEC.encode([(event, "s/1")], keys)
    assert f"some {field}".encode() not in stored.data
    keys.kept.clear()
    (read,) = CODEC.decode([(stored.type, stored.data, "s/1")], keys)
    assert getattr(read, field) == ERASED
