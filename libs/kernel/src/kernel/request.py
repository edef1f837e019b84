"""Read the fields of a request; what is malformed is refused by the field's name. Free of gRPC."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from kernel.errors import InvalidArgument

_TIMESTAMP = "google.protobuf.Timestamp"
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_CHECKED = frozenset((FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM))

DEFAULT_PAGE = 50
LARGEST_PAGE = 500


def refuse_impossible(message: Message, path: str = "") -> None:
    """Refuse what its type allows and no handler means: numbers no enum has, moments no calendar has, NULs.

    Names the field by its path. Asked once for each request, before anything reads it.
    """
    if message.DESCRIPTOR.full_name == _TIMESTAMP:
        seconds, nanos = message.seconds, message.nanos  # type: ignore[attr-defined]
        if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < 1_000_000_000):
            raise InvalidArgument(path, "is no moment between the years 1 and 9999")
        return
    field: Any
    for field, value in message.ListFields():
        kind = field.type
        if kind not in _CHECKED:
            continue
        here = f"{path}.{field.name}" if path else field.name
        if kind == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry:
            of_value = field.message_type.fields_by_name["value"]
            values = value.values() if of_value.type in _CHECKED else ()
            keys = value.keys() if field.message_type.fields_by_name["key"].type == field.TYPE_STRING else ()
            _refuse_each(field, field.TYPE_STRING, keys, here)
            _refuse_each(of_value, of_value.type, values, here)
        else:
            _refuse_each(field, kind, value if field.is_repeated else (value,), here)


def _refuse_each(field: Any, kind: int, values: Iterable[Any], path: str) -> None:
    if kind == field.TYPE_MESSAGE:
        for value in values:
            refuse_impossible(value, path)
    elif kind == field.TYPE_STRING:
        if any("\x00" in value for value in values):
            raise InvalidArgument(path, "holds a NUL character")
    elif unknown := [value for value in values if value not in field.enum_type.values_by_number]:
        raise InvalidArgument(path, f"{unknown[0]} is no value of {field.enum_type.name}")


def required_uuid(request: Message, field: str) -> UUID:
    """Return the field as a UUID; refuse an empty or malformed one."""
    found = optional_uuid(request, field)
    if found is None:
        raise InvalidArgument(field, "is required")
    return found


def optional_uuid(request: Message, field: str) -> UUID | None:
    """Return the field as a UUID, None when empty; refuse a malformed one."""
    text: str = getattr(request, field)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument(field, f"{text[:40]!r} is not an id") from error


def required_text(request: Message, field: str, max_length: int = 200) -> str:
    """Return the field trimmed; refuse an empty or overlong one."""
    text = optional_text(request, field, max_length)
    if not text:
        raise InvalidArgument(field, "is required")
    return text


def optional_text(request: Message, field: str, max_length: int = 200) -> str:
    """Return the field trimmed; refuse an overlong one or one with control characters."""
    text: str = getattr(request, field).strip()
    if len(text) > max_length:
        raise InvalidArgument(field, f"has {len(text)} characters; at most {max_length} fit")
    if "\x00" in text:
        raise InvalidArgument(field, "holds a NUL character")
    return text


def optional_date(request: Message, field: str) -> date | None:
    """Return the field as a date, None when empty; refuse one that cannot be."""
    text: str = getattr(request, field)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(field, f"{text[:40]!r} is not a date like 2026-01-31") from error


def required_date(request: Message, field: str) -> date:
    """Return the field as a date; refuse an empty one or one that cannot be."""
    found = optional_date(request, field)
    if found is None:
        raise InvalidArgument(field, "is required")
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows are wanted, and the sort key of the last row seen; empty on the first page."""

    limit: int
    after: tuple[Any, ...] = ()

    def next_token(self, rows: Sequence[Any], key: Sequence[Any]) -> str:
        """Return the token of the next page: ask for limit + 1 rows, pass them and the last shown row's key.

        Empty when there is nothing behind.
        """
        if len(rows) <= self.limit:
            return ""
        text = json.dumps([str(k) if isinstance(k, UUID | date) else k for k in key], default=str)
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_of(request: Any) -> Page:
    """Read `page_size` and `page_token`."""
    size = request.page_size
    if size < 0:
        raise InvalidArgument("page_size", "must not be negative")
    limit = min(size or DEFAULT_PAGE, LARGEST_PAGE)
    token: str = request.page_token
    if not token:
        return Page(limit)
    try:
        after = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (NotBase64, ValueError, UnicodeDecodeError) as error:
        raise InvalidArgument("page_token", "is not one that this list gave") from error
    if not isinstance(after, list):
        raise InvalidArgument("page_token", "is not one that this list gave")
    return Page(limit, tuple(after))
