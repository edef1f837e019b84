"""Events as protobuf: dataclass <-> message by field name, upcast and sealed on the way.

The dataclass is what a domain speaks; the message is what is stored and published. They pair by name,
fields and all. A contract test per service proves every pair, so nothing here is written per event.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from crm.common.v1.money_pb2 import Money as MoneyMessage
from crm.options.v1.options_pb2 import personal, subject
from kernel.errors import FromNewerVersion
from kernel.money import Money
from kernel.vault import ERASED, Keys, seal, unseal

Upcast = Callable[[Any], Message]
"""Turns an old message into today's; returns the same type when only its content changed."""

_ERASED_ON_THE_WAY = "\ue000erased\ue000"  # messages hold plain text only; ERASED takes its place in the event
_Descriptor = Any  # the stubs tell the pure Python and the C descriptor apart; both arrive here
_Field = Any
_TEXT_CHANGE = Callable[[str, str, str], str]  # (subject, text, binding) -> text


class Stored(NamedTuple):
    """An event as bytes: its type's full protobuf name, and its data with personal text sealed."""

    type: str
    data: bytes


class ContractError(Exception):
    """An event class and its protobuf message do not fit each other."""


class Codec:
    """Everything one service needs to read and write its events.

    `events` are dataclasses, `messages` the generated modules that hold a message of the same name for
    each. Raises ContractError when a class has no message or their fields differ.
    """

    def __init__(
        self,
        events: Iterable[type],
        messages: Iterable[ModuleType],
        upcasts: Mapping[type[Message], Upcast] | None = None,
    ) -> None:
        modules = list(messages)
        self._upcasts: dict[type, Upcast] = dict(upcasts or {})
        self._message_of = {event: _message_for(event, modules) for event in events}
        self._pairs = {event: _Pair.between(event, message) for event, message in self._message_of.items()}
        self._event_of = {message: event for event, message in self._message_of.items()}
        known: list[type[Message]] = [*self._message_of.values(), *self._upcasts]
        self._by_name = {message.DESCRIPTOR.full_name: message for message in known}
        self._name_of = {e: m.DESCRIPTOR.full_name for e, m in self._message_of.items()}

    @property
    def types(self) -> Mapping[str, type[Message]]:
        """Every event type that can be read, by its full name."""
        return self._by_name

    @property
    def events(self) -> Collection[type]:
        """The classes of today's events."""
        return self._name_of.keys()

    def name_of(self, event_type: type) -> str:
        """Return the full protobuf name that events of this class are stored under."""
        return self._name_of[event_type]

    def encode(self, events: Sequence[tuple[Any, str]], keys: Keys) -> list[Stored]:
        """Return the bytes of (event, binding) pairs; subject keys are obtained in one go."""
        messages = [(self._pairs[type(event)].to_message(event), binding) for event, binding in events]
        subjects: set[str] = set()
        for message, _ in messages:
            _collect(message, subjects)
        if subjects:
            key_of = keys.obtain(subjects)
            for message, binding in messages:
                _change(message, binding, lambda who, text, at: seal(key_of[who], text, at))
        return [
            Stored(message.DESCRIPTOR.full_name, message.SerializeToString(deterministic=True))
            for message, _ in messages
        ]

    def decode(self, stored: Sequence[tuple[str, bytes, str]], keys: Keys) -> list[Any]:
        """Return the events that (type, data, binding) triples mean today, however old they are."""
        messages = [(self._class_of(name).FromString(data), binding) for name, data, binding in stored]
        subjects: set[str] = set()
        for message, _ in messages:
            _collect(message, subjects)
        if subjects:
            key_of = keys.find(subjects)
            for message, binding in messages:
                _change(message, binding, lambda who, text, at: _opened(key_of[who], text, at))
        return [self._today(message) for message, _ in messages]

    def opened(self, stored: Sequence[tuple[str, bytes, str]], keys: Keys) -> list[Message]:
        """Return the messages of (type, data, binding) triples as they were stored, with personal text opened."""
        messages = [(self._class_of(name).FromString(data), binding) for name, data, binding in stored]
        subjects: set[str] = set()
        for message, _ in messages:
            _collect(message, subjects)
        key_of = keys.find(subjects)
        for message, binding in messages:
            _change(message, binding, lambda who, text, at: str(_text_back(_opened(key_of[who], text, at))))
        return [message for message, _ in messages]

    @property
    def personal_types(self) -> list[str]:
        """Full names of the types that hold personal text."""
        return [name for name, message in self._by_name.items() if personal_fields(message.DESCRIPTOR)]

    def _class_of(self, name: str) -> type[Message]:
        """Return the class of an event type; FromNewerVersion for one that only a newer version of the service writes,
        beside which this one runs, or from which somebody stepped back.
        """
        found = self._by_name.get(name)
        if found is None:
            raise FromNewerVersion(f"{name} was written by a newer version of this service than the one that reads it")
        return found

    def _today(self, message: Message) -> Any:
        while upcast := self._upcasts.get(type(message)):
            newer = upcast(message)
            same_type = type(newer) is type(message)
            message = newer
            if same_type:
                break
        return self._pairs[self._event_of[type(message)]].to_event(message)


def subjects_of(message: Message) -> set[str]:
    """Return whose personal text a message holds."""
    found: set[str] = set()
    _collect(message, found)
    return found


# -- personal text -------------------------------------------------------------


@cache
def personal_fields(descriptor: _Descriptor) -> tuple[tuple[_Field, bool], ...]:
    """Return the fields that hold personal text (True) or lead to some (False)."""
    return _personal_fields_of(descriptor, frozenset())


def _personal_fields_of(descriptor: _Descriptor, seen: frozenset[str]) -> tuple[tuple[_Field, bool], ...]:
    if descriptor.full_name in seen:
        return ()
    found: list[tuple[_Field, bool]] = []
    for field in descriptor.fields:
        if field.GetOptions().Extensions[personal]:
            if not (_is_text(field) or _is_text_map(field)):
                raise ContractError(f"{field.full_name} is personal but not text")
            found.append((field, True))
        elif field.message_type is not None and _personal_fields_of(field.message_type, seen | {descriptor.full_name}):
            found.append((field, False))
    return tuple(found)


def _is_text(field: _Field) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_STRING)


def _is_map(field: _Field) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_text_map(field: _Field) -> bool:
    return _is_map(field) and _is_text(field.message_type.fields_by_name["value"])


def _collect(message: Message, into: set[str]) -> None:
    def note(who: str, text: str, _: str) -> str:
        into.add(who)
        return text

    _change(message, "", note)


def _change(message: Message, binding: str, change: _TEXT_CHANGE, owner: str = "") -> None:
    """Put every non-empty personal text under the message through `change`, in place."""
    descriptor = message.DESCRIPTOR
    found = personal_fields(descriptor)
    if not found:
        return
    owner = _owner(message, descriptor, owner)
    for field, holds_text in found:
        name = field.name
        here = f"{binding}/{name}"
        value = getattr(message, name)
        if not holds_text:
            _change_below(message, field, value, here, change, owner)
        elif _is_map(field):
            for key in value:
                value[key] = change(_required(owner, descriptor), value[key], f"{here}/{key}")
        elif field.is_repeated:
            for i, text in enumerate(value):
                value[i] = change(_required(owner, descriptor), text, f"{here}/{i}")
        elif value:
            setattr(message, name, change(_required(owner, descriptor), value, here))


def _change_below(
    message: Message,
    field: _Field,
    value: Any,
    here: str,
    change: _TEXT_CHANGE,
    owner: str,
) -> None:
    if _is_map(field):
        for key in value:
            _change(value[key], f"{here}/{key}", change, owner)
    elif field.is_repeated:
        for i, item in enumerate(value):
            _change(item, f"{here}/{i}", change, owner)
    elif message.HasField(field.name):
        _change(value, here, change, owner)


def _opened(key: bytes | None, text: str, binding: str) -> str:
    return _ERASED_ON_THE_WAY if key is None else unseal(key, text, binding)


def _text_back(text: str) -> str:
    return ERASED if text == _ERASED_ON_THE_WAY else text


def _map_back(values: Mapping[str, str]) -> dict[str, str]:
    return {key: _text_back(text) for key, text in values.items()}


def _owner(message: Message, descriptor: _Descriptor, outer: str) -> str:
    name: str = descriptor.GetOptions().Extensions[subject]
    return getattr(message, name) or outer if name else outer


def _required(owner: str, descriptor: _Descriptor) -> str:
    if not owner:
        raise ContractError(f"{descriptor.full_name} holds personal text of nobody: no subject")
    return owner


# -- dataclass <-> message -----------------------------------------------------

_ToWire = Callable[[Any], Any]
_FromWire = Callable[[Any], Any]


class _Pair(NamedTuple):
    event_type: type
    message_type: type[Message]
    out: tuple[tuple[str, _ToWire | None], ...]
    back: tuple[tuple[str, _FromWire | None, bool], ...]  # name, conversion, None when not set

    @staticmethod
    def between(event_type: type, message_type: type[Message]) -> _Pair:
        hints = get_type_hints(event_type)
        names = [f.name for f in fields(event_type)]
        live = {f.name: f for f in message_type.DESCRIPTOR.fields if not f.GetOptions().deprecated}
        if set(names) != set(live):
            raise ContractError(
                f"{event_type.__name__} and {message_type.DESCRIPTOR.full_name} differ in "
                f"{sorted(set(names) ^ set(live))}"
            )
        out: list[tuple[str, _ToWire | None]] = []
        back: list[tuple[str, _FromWire | None, bool]] = []
        for name in names:
            to_wire, from_wire, optional = _conversion(hints[name], live[name])
            out.append((name, to_wire))
            back.append((name, from_wire, optional))
        return _Pair(event_type, message_type, tuple(out), tuple(back))

    def to_message(self, event: Any) -> Message:
        values = {}
        for name, convert in self.out:
            value = getattr(event, name)
            if value is not None:
                values[name] = value if convert is None else convert(value)
        return self.message_type(**values)

    def to_event(self, message: Any) -> Any:
        values: list[Any] = []
        for name, convert, optional in self.back:
            if optional and not message.HasField(name):
                values.append(None)
                continue
            value = getattr(message, name)
            values.append(value if convert is None else convert(value))
        return self.event_type(*values)


def _conversion(hint: Any, field: _Field) -> tuple[_ToWire | None, _FromWire | None, bool]:
    """Return how a value goes out, how it comes back, and whether an unset field means None."""
    inner, may_be_none = _without_none(hint)
    if get_origin(inner) is tuple:
        to_item, from_item, _ = _conversion(get_args(inner)[0], field)
        return (
            None if to_item is None else lambda values: [to_item(v) for v in values],
            tuple if from_item is None else lambda values: tuple(from_item(v) for v in values),
            False,
        )
    if get_origin(inner) is dict:
        return None, _map_back if field.GetOptions().Extensions[personal] else dict, False
    to_wire, from_wire = _scalar(inner, field)
    if not may_be_none:
        return to_wire, from_wire, False
    if field.has_presence:
        return to_wire, from_wire, True
    if from_wire is None:
        raise ContractError(f"{field.full_name} may be None but has no presence: mark it optional")
    return to_wire, lambda value: from_wire(value) if value else None, False


def _scalar(hint: Any, field: _Field) -> tuple[_ToWire | None, _FromWire | None]:
    if hint is str and field.GetOptions().Extensions[personal]:
        return None, _text_back
    if hint in (str, int, bool, bytes, float):
        return None, None
    if hint is UUID:
        return str, UUID
    if hint is Decimal:
        return str, Decimal
    if hint is Money:
        return _money_out, _money_back
    if hint is datetime:
        return _time_out, _time_back
    if hint is date:
        return date.isoformat, date.fromisoformat
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return int, hint
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return str, hint
    if is_dataclass(hint) and isinstance(hint, type) and field.message_type is not None:
        pair = _Pair.between(hint, GetMessageClass(field.message_type))
        return pair.to_message, pair.to_event
    raise ContractError(f"{field.full_name}: no conversion for {hint}")


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (types.UnionType, typing.Union):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(inner) == 1:
            return inner[0], True
        raise ContractError(f"no conversion for {hint}")
    return hint, False


def _money_out(value: Money) -> Message:
    return MoneyMessage(minor_units=value.minor_units, currency_code=value.currency_code)


def _money_back(message: MoneyMessage) -> Money:
    return Money(message.minor_units, message.currency_code)


def _time_out(value: datetime) -> Message:
    stamp = Timestamp()
    stamp.FromDatetime(value.astimezone(UTC))
    return stamp


def _time_back(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def _message_for(event: type, modules: list[ModuleType]) -> type[Message]:
    for module in modules:
        found: type[Message] | None = getattr(module, event.__name__, None)
        if found is not None:
            return found
    raise ContractError(f"{event.__name__} has no message in {[m.__name__ for m in modules]}")
