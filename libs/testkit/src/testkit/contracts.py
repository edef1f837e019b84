"""What services' contract tests share: an example of every event, a key for everybody, and what must hold for each.

A service names its events and messages in a class that inherits `EventContract`; it gets the tests by that.
"""

from __future__ import annotations

import json
import os
import typing
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import pytest

from kernel.codec import Codec
from kernel.vault import ERASED

WRITE_GOLDEN = "HEADWATER_WRITE_GOLDEN"
"""Set, it adds the bytes of events that have none yet to the golden file; it never changes any."""


class OneKey:
    """Stands for the vault's table: everybody has the same key, unless everybody is forgotten (None)."""

    def __init__(self, key: bytes | None = bytes(range(32))) -> None:
        self._key = key

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        assert self._key is not None, "a forgotten person gets no key"
        return dict.fromkeys(subjects, self._key)

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        return dict.fromkeys(subjects, self._key)


def an_example(hint: Any, entry: tuple[str, str], name: str = "") -> Any:
    """A value of the type in which nothing is empty, the same every time; maps hold the one entry."""
    arguments = [a for a in typing.get_args(hint) if a is not type(None)]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return (an_example(arguments[0], entry, name),)
    if origin is dict:
        return dict([entry])
    if origin is not None:
        return an_example(arguments[0], entry, name)
    if is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return typing.cast(type, hint)(**{f.name: an_example(hints[f.name], entry, f.name) for f in fields(hint)})
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


class EventContract:
    """Every event has its message, field for field; bytes stored once are read for ever; what is personal is sealed."""

    events: ClassVar[Sequence[type]]
    modules: ClassVar[Sequence[ModuleType]]
    parts: ClassVar[frozenset[str]]
    """Messages that are no events but parts of some."""
    golden: ClassVar[Path]
    """JSON: name of the event to its bytes, personal fields not sealed."""
    sealed: ClassVar[Sequence[tuple[type, str]]]
    """Personal fields to try."""
    entry: ClassVar[tuple[str, str]] = ("key", "value")
    """What maps in the examples hold."""
    codec: ClassVar[Codec]

    def __init_subclass__(cls) -> None:
        cls.codec = Codec(cls.events, cls.modules)

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        if "event_type" in metafunc.fixturenames and "field" in metafunc.fixturenames:
            metafunc.parametrize(("event_type", "field"), cls.sealed)
        elif "event_type" in metafunc.fixturenames:
            metafunc.parametrize("event_type", cls.events, ids=lambda event: event.__name__)

    def test_every_message_has_its_event(self) -> None:
        messages = {name for module in self.modules for name in module.DESCRIPTOR.message_types_by_name}
        assert messages - self.parts == {event.__name__ for event in self.events}

    def test_an_event_comes_back_as_it_went(self, event_type: type) -> None:
        event = an_example(event_type, self.entry)
        [stored] = self.codec.encode([(event, "s/1")], OneKey())
        assert self.codec.decode([(stored.type, stored.data, "s/1")], OneKey()) == [event]

    def test_bytes_stored_once_are_read_today(self, event_type: type) -> None:
        pair = self.codec._pairs[event_type]  # not through encode: what is sealed differs every time
        example = an_example(event_type, self.entry)
        golden = json.loads(self.golden.read_text(encoding="utf-8"))
        if os.environ.get(WRITE_GOLDEN) and event_type.__name__ not in golden:
            golden[event_type.__name__] = pair.to_message(example).SerializeToString(deterministic=True).hex()
            self.golden.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        message = pair.message_type.FromString(bytes.fromhex(golden[event_type.__name__]))
        assert pair.to_event(message) == example

    def test_personal_text_is_sealed_and_erased_with_its_key(self, event_type: type, field: str) -> None:
        event = an_example(event_type, self.entry)
        [stored] = self.codec.encode([(event, "s/1")], OneKey())
        assert f"some {field}".encode() not in stored.data
        [read] = self.codec.decode([(stored.type, stored.data, "s/1")], OneKey(None))
        assert getattr(read, field) == ERASED
