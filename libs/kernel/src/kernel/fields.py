"""What a message holds that not everybody may see, read from the descriptors once.

A field's class comes from its marks: `(field_class)`, else "personal" for a personal one, "amount" for
Money. A rule's pattern is "<context>.<noun>.<class>" with * for any part; context and noun are those of the
permission that the RPC asks for. Within one role the most restrictive rule that fits holds; of several
roles the most permissive one. A field that no rule fits may be edited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from crm.options.v1.options_pb2 import field_class as class_option
from crm.options.v1.options_pb2 import personal as personal_option
from crm.options.v1.options_pb2 import subject as subject_option

AMOUNT, PERSONAL = "amount", "personal"
_MONEY = "crm.common.v1.Money"
_OURS = "crm."

FieldRules = tuple[tuple[tuple[str, str], ...], ...]
"""One entry for each role held, of (pattern, access); empty when nothing is restricted."""


class Access(IntEnum):
    """What a role may do with a field; a greater value may do more."""

    HIDE = 0
    MASK = 1
    VIEW = 2
    EDIT = 3


_ACCESS = {"hide": Access.HIDE, "mask": Access.MASK, "view": Access.VIEW, "edit": Access.EDIT}


@dataclass(slots=True)
class Shape:
    """What one message type holds: fields with a class, and messages that hold such fields in turn."""

    subjects: tuple[str, ...] = ()
    classed: list[tuple[Any, str]] = field(default_factory=list)
    nested: list[tuple[Any, Shape]] = field(default_factory=list)
    classes: frozenset[str] = frozenset()

    @property
    def is_personal(self) -> bool:
        return bool(self.classes - {AMOUNT})


@cache
def shape_of(descriptor: Any) -> Shape:
    """Return the shape of a message type and of everything below it."""
    return _shape(descriptor, {})


def _shape(descriptor: Any, begun: dict[str, Shape]) -> Shape:
    if descriptor.full_name in begun:
        return begun[descriptor.full_name]
    named = descriptor.GetOptions().Extensions[subject_option]
    shape = begun[descriptor.full_name] = Shape(tuple(named.split(",")) if named else ())
    for one in descriptor.fields:
        if found := class_of(one):
            shape.classed.append((one, found))
        elif one.message_type is not None and not _is_map(one) and one.message_type.full_name.startswith(_OURS):
            below = _shape(one.message_type, begun)
            if below.classes or below is shape:
                shape.nested.append((one, below))
    shape.classes = frozenset(name for _, name in shape.classed).union(*(below.classes for _, below in shape.nested))
    return shape


def class_of(one: Any) -> str:
    """Return the class of a field; "" for one that anybody may see who may see its message."""
    options = one.GetOptions()
    if explicit := options.Extensions[class_option]:
        return str(explicit)
    if options.Extensions[personal_option]:
        return PERSONAL
    return AMOUNT if one.message_type is not None and one.message_type.full_name == _MONEY else ""


def _is_map(one: Any) -> bool:
    return one.message_type is not None and bool(one.message_type.GetOptions().map_entry)


@lru_cache(maxsize=4096)
def access_to(rules: FieldRules, permission: str, classes: frozenset[str]) -> dict[str, Access]:
    """Return what is less than EDIT for each class, by the rules of all roles held."""
    noun = permission.rpartition(".")[0]
    found = {}
    for name in classes:
        best = max((_within(role, f"{noun}.{name}") for role in rules), default=Access.EDIT)
        if best < Access.EDIT:
            found[name] = best
    return found


def _within(role: Sequence[tuple[str, str]], what: str) -> Access:
    return min(
        (_ACCESS.get(access, Access.HIDE) for pattern, access in role if fnmatchcase(what, pattern)),
        default=Access.EDIT,
    )


# -- what leaves -------------------------------------------------------------------------------


def conceal(message: Message, shape: Shape, access: dict[str, Access]) -> None:
    """Mask and clear, in place, what may not be seen."""
    for one, name in shape.classed:
        allowed = access.get(name, Access.EDIT)
        if allowed >= Access.VIEW:
            continue
        if allowed is Access.HIDE or name == AMOUNT:
            message.ClearField(one.name)
        else:
            _mask_field(message, one, name)
    for one, below in shape.nested:
        if below.classes & access.keys():
            for inner in _messages(message, one):
                conceal(inner, below, access)


def _mask_field(message: Message, one: Any, name: str) -> None:
    value = getattr(message, one.name)
    if _is_map(one):
        for key in list(value):
            value[key] = masked(value[key], name)
    elif one.is_repeated:
        value[:] = [masked(text, name) for text in value]
    elif isinstance(value, str):
        setattr(message, one.name, masked(value, name))
    else:
        message.ClearField(one.name)


def masked(text: str, name: str) -> str:
    """Return what is shown of a text of this class: 138****1234, z***@example.com, 王**; "***" otherwise."""
    if not text:
        return ""
    if name == "phone":
        return f"{text[:3]}****{text[-4:]}" if len(text) >= 11 else f"****{text[-2:]}" if len(text) > 4 else "****"
    if name == "email":
        local, at, domain = text.partition("@")
        return f"{local[:1]}***@{domain}" if at else "***"
    if name == "name":
        return f"{text[:1]}**"
    return "***"


# -- what comes in -----------------------------------------------------------------------------


def first_refused(message: Message, shape: Shape, access: dict[str, Access]) -> str:
    """Return the dotted path of the first field that is filled in and may not be written; "" for none."""
    for one, name in shape.classed:
        if name in access and _is_filled(message, one):
            return str(one.name)
    for one, below in shape.nested:
        if below.classes & access.keys():
            for inner in _messages(message, one):
                if path := first_refused(inner, below, access):
                    return f"{one.name}.{path}"
    return ""


def _is_filled(message: Message, one: Any) -> bool:
    if one.has_presence:
        return message.HasField(one.name)
    return bool(getattr(message, one.name))


def _messages(message: Message, one: Any) -> Iterator[Message]:
    if one.is_repeated:
        yield from getattr(message, one.name)
    elif message.HasField(one.name):
        yield getattr(message, one.name)


# -- whose it is -------------------------------------------------------------------------------


def subjects_in(message: Message, shape: Shape, seen: frozenset[str]) -> set[UUID]:
    """Return the records whose data of the seen classes the message holds, as their marks name them."""
    found: set[UUID] = set()
    _collect(message, shape, seen, found)
    return found


def _collect(message: Message, shape: Shape, seen: frozenset[str], found: set[UUID]) -> None:
    for path in shape.subjects:
        _add(message, path, found)
    for one, below in shape.nested:
        if below.classes & seen:
            for inner in _messages(message, one):
                _collect(inner, below, seen, found)


def ids_in(message: Message) -> set[UUID]:
    """Return every id that a request names: whom an answer is about that does not say so itself."""
    found: set[UUID] = set()
    for one in message.DESCRIPTOR.fields:
        if one.name.endswith("_id") and one.cpp_type == one.CPPTYPE_STRING and not one.is_repeated:
            _add(message, one.name, found)
    return found


def _add(message: Message, path: str, found: set[UUID]) -> None:
    value: Any = message
    for name in path.split("."):
        value = getattr(value, name)
    if not value:
        return
    try:
        found.add(UUID(value))
    except ValueError:
        return
