"""What a message holds that not everybody may see, read from the descriptors once.

A field's class comes from its marks: `(field_class)`, else "personal" for a personal one, "amount" for
Money. A rule's pattern is "<context>.<noun>.<class>" with * for any part; context and noun are those of the
permission that the RPC asks for. Within one role the most restrictive rule that fits holds; of several
roles the most permissive one. A field that no rule fits may be edited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any, cast
from uuid import UUID

from google.protobuf.message import Message

from crm.options.v1.options_pb2 import field_class as class_option
from crm.options.v1.options_pb2 import internal as internal_option
from crm.options.v1.options_pb2 import personal as personal_option
from crm.options.v1.options_pb2 import subject as subject_option

AMOUNT, PERSONAL = "amount", "personal"
_MONEY = "crm.common.v1.Money"
_OURS = "crm."

Mask = Callable[[str], str]

FieldRules = tuple[tuple[tuple[str, str], ...], ...]
"""One entry for each role held, of (pattern, access); empty when nothing is restricted."""


class Access(IntEnum):
    """What a role may do with a field; a greater value may do more."""

    HIDE = 0
    MASK = 1
    VIEW = 2
    EDIT = 3


_ACCESS = {"hide": Access.HIDE, "mask": Access.MASK, "view": Access.VIEW, "edit": Access.EDIT}


@dataclass(frozen=True, slots=True)
class Classed:
    """A field with a class. `kind` says what its value is: "text", "texts", "map", or "other"."""

    name: str
    field_class: str
    kind: str
    has_presence: bool


@dataclass(frozen=True, slots=True)
class Below:
    """A field whose message holds fields with a class, or internal ones."""

    name: str
    is_repeated: bool
    shape: Shape


@dataclass(slots=True)
class Shape:
    """What one message type holds: fields with a class, and messages that hold such fields in turn."""

    subjects: tuple[str, ...] = ()
    classed: list[Classed] = field(default_factory=list)
    nested: list[Below] = field(default_factory=list)
    classes: frozenset[str] = frozenset()
    internal: tuple[str, ...] = ()
    has_internal: bool = False


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
            shape.classed.append(Classed(one.name, found, _kind(one), one.has_presence))
        elif one.message_type is not None and not _is_map(one) and one.message_type.full_name.startswith(_OURS):
            below = _shape(one.message_type, begun)
            if below.classes or below.has_internal or below is shape:
                shape.nested.append(Below(one.name, one.is_repeated, below))
    shape.classes = frozenset(one.field_class for one in shape.classed).union(
        *(it.shape.classes for it in shape.nested)
    )
    shape.internal = tuple(one.name for one in descriptor.fields if one.GetOptions().Extensions[internal_option])
    shape.has_internal = bool(shape.internal) or any(it.shape.has_internal for it in shape.nested)
    return shape


def class_of(one: Any) -> str:
    """Return the class of a field; "" for one that anybody may see who may see its message."""
    options = one.GetOptions()
    if explicit := options.Extensions[class_option]:
        return str(explicit)
    if options.Extensions[personal_option]:
        return PERSONAL
    return AMOUNT if one.message_type is not None and one.message_type.full_name == _MONEY else ""


def _kind(one: Any) -> str:
    if _is_map(one):
        return "map"
    if one.cpp_type != one.CPPTYPE_STRING or one.type == one.TYPE_BYTES:
        return "other"
    return "texts" if one.is_repeated else "text"


def _is_map(one: Any) -> bool:
    return one.message_type is not None and bool(one.message_type.GetOptions().map_entry)


class Withheld:
    """What is less than EDIT for a caller of one RPC, by class; empty for nothing."""

    def __init__(self, access: Mapping[str, Access]) -> None:
        self.access = dict(access)
        self._steps: dict[int, _Steps] = {}

    def __bool__(self) -> bool:
        return bool(self.access)

    def seen(self, classes: frozenset[str]) -> frozenset[str]:
        """Return those of the classes that are shown in clear, and are personal."""
        return frozenset(c for c in classes - {AMOUNT} if self.access.get(c, Access.EDIT) >= Access.VIEW)

    def conceal(self, message: Message, shape: Shape) -> None:
        """Mask and clear, in place, what may not be seen."""
        steps = self._steps.get(id(shape)) or self._steps.setdefault(id(shape), self._plan(shape))
        for name in steps.cleared:
            message.ClearField(name)
        for name, mask in steps.texts:
            if text := getattr(message, name):
                setattr(message, name, mask(text))
        for one, mask in steps.others:
            _mask_all(getattr(message, one.name), mask)
        for below in steps.nested:
            for inner in _messages(message, below):
                self.conceal(inner, below.shape)

    def first_refused(self, message: Message, shape: Shape) -> str:
        """Return the dotted path of the first field that is filled in and may not be written; "" for none."""
        for one in shape.classed:
            if one.field_class in self.access and _is_filled(message, one):
                return one.name
        for below in shape.nested:
            if not below.shape.classes.isdisjoint(self.access):
                for inner in _messages(message, below):
                    if path := self.first_refused(inner, below.shape):
                        return f"{below.name}.{path}"
        return ""

    def _plan(self, shape: Shape) -> _Steps:
        steps = _Steps()
        for one in shape.classed:
            allowed = self.access.get(one.field_class, Access.EDIT)
            if allowed >= Access.VIEW:
                continue
            mask = _MASKS.get(one.field_class, _stars)
            if allowed is Access.HIDE or one.kind == "other":
                steps.cleared.append(one.name)
            elif one.kind == "text":
                steps.texts.append((one.name, mask))
            else:
                steps.others.append((one, mask))
        steps.nested += [below for below in shape.nested if not below.shape.classes.isdisjoint(self.access)]
        return steps


def clear_internal(message: Message, shape: Shape) -> None:
    """Take out, in place, what is for staff only."""
    for name in shape.internal:
        message.ClearField(name)
    for below in shape.nested:
        if below.shape.has_internal:
            for inner in _messages(message, below):
                clear_internal(inner, below.shape)


def first_internal(message: Message, shape: Shape) -> str:
    """Return the dotted path of the first field for staff only that is filled in; "" for none."""
    filled = {one.name for one, _ in message.ListFields()}
    for name in shape.internal:
        if name in filled:
            return name
    for below in shape.nested:
        if below.shape.has_internal:
            for inner in _messages(message, below):
                if path := first_internal(inner, below.shape):
                    return f"{below.name}.{path}"
    return ""


def nothing_but(granted: Iterable[str], shape: Shape) -> Withheld:
    """Return what hides every class of the shape but those granted."""
    return Withheld(dict.fromkeys(shape.classes - frozenset(granted), Access.HIDE))


@dataclass(slots=True)
class _Steps:
    """What to do with one type of message, worked out once."""

    cleared: list[str] = field(default_factory=list)
    texts: list[tuple[str, Mask]] = field(default_factory=list)
    others: list[tuple[Classed, Mask]] = field(default_factory=list)
    nested: list[Below] = field(default_factory=list)


@lru_cache(maxsize=4096)
def withheld(rules: FieldRules, permission: str, classes: frozenset[str]) -> Withheld:
    """Return what the rules of all roles held withhold of these classes in an RPC with that permission."""
    noun = permission.rpartition(".")[0]
    found = {}
    for name in classes:
        best = max((_within(role, f"{noun}.{name}") for role in rules), default=Access.EDIT)
        if best < Access.EDIT:
            found[name] = best
    return Withheld(found)


def _within(role: Sequence[tuple[str, str]], what: str) -> Access:
    fitting = (_ACCESS.get(access, Access.HIDE) for pattern, access in role if fnmatchcase(what, pattern))
    return min(fitting, default=Access.EDIT)


# -- masks -------------------------------------------------------------------------------------


def _mask_all(value: Any, mask: Mask) -> None:
    if isinstance(value, MutableMapping):
        for key in list(value):
            value[key] = mask(value[key])
    else:
        value[:] = [mask(text) for text in value]


def _stars(text: str) -> str:
    return "***" if text else ""


def _phone(text: str) -> str:
    if len(text) >= 11:
        return f"{text[:-8]}****{text[-4:]}"
    return f"****{text[-2:]}" if len(text) > 4 else "****" if text else ""


def _email(text: str) -> str:
    local, at, domain = text.partition("@")
    return f"{local[:1]}***@{domain}" if at else _stars(text)


def _name(text: str) -> str:
    return f"{text[:1]}**" if text else ""


_MASKS: Mapping[str, Mask] = {"phone": _phone, "email": _email, "name": _name}


def masked(text: str, field_class: str) -> str:
    """Return what is shown of a text of this class: 138****1234, z***@example.com, 王**; "***" otherwise."""
    return _MASKS.get(field_class, _stars)(text)


# -- what messages hold ------------------------------------------------------------------------


def _is_filled(message: Message, one: Classed) -> bool:
    return message.HasField(one.name) if one.has_presence else bool(getattr(message, one.name))


def _messages(message: Message, below: Below) -> Iterable[Message]:
    if below.is_repeated:
        return cast(Iterable[Message], getattr(message, below.name))
    return (getattr(message, below.name),) if message.HasField(below.name) else ()


# -- whose it is -------------------------------------------------------------------------------


def subjects_in(message: Message, shape: Shape, seen: frozenset[str]) -> set[str]:
    """Return the ids of the records whose data of the seen classes the message holds, as their marks name them."""
    found: set[str] = set()
    _collect(message, shape, seen, found)
    found.discard("")
    return found


def _collect(message: Message, shape: Shape, seen: frozenset[str], found: set[str]) -> None:
    for path in shape.subjects:
        found.add(_text_at(message, path))
    for below in shape.nested:
        if not below.shape.classes.isdisjoint(seen):
            for inner in _messages(message, below):
                _collect(inner, below.shape, seen, found)


def holds(message: Message, shape: Shape, classes: frozenset[str]) -> bool:
    """Whether the message holds anything at all of these classes."""
    return any(one.field_class in classes and _is_filled(message, one) for one in shape.classed) or any(
        holds(inner, below.shape, classes)
        for below in shape.nested
        if not below.shape.classes.isdisjoint(classes)
        for inner in _messages(message, below)
    )


def ids_in(message: Message) -> set[str]:
    """Return every id that a request names: whom an answer is about that does not say so itself."""
    named = (one.name for one in message.DESCRIPTOR.fields if one.name.endswith("_id") and not one.is_repeated)
    return {value for name in named if _is_id(value := getattr(message, name))}


def _is_id(value: object) -> bool:
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False


def _text_at(message: Message, path: str) -> str:
    value: Any = message
    for name in path.split("."):
        value = getattr(value, name)
    return str(value)
