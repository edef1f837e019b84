"""Between wire and domain: money, dates, ids, enums, repeated parts. Refuses by the field's name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from crm.common.v1.money_pb2 import Money as MoneyMessage
from kernel.clock import present
from kernel.errors import InvalidArgument
from kernel.money import Money

E = TypeVar("E", bound=IntEnum)

SEES_COSTS = "pipeline.cost.read"
"""The permission without which answers hold no costs."""


def money_of(request: Message, field: str) -> Money | None:
    """Return an amount, None when unset; refuse one without a currency."""
    if not request.HasField(field):
        return None
    said: MoneyMessage = getattr(request, field)
    code = said.currency_code
    if len(code) != 3 or not code.isascii() or not code.isupper():
        raise InvalidArgument(field, f"{code[:8]!r} is not an ISO 4217 currency code")
    return Money(said.minor_units, code)


def money_out(minor_units: int, currency_code: str) -> MoneyMessage:
    return MoneyMessage(minor_units=minor_units, currency_code=currency_code)


def money(value: Money) -> MoneyMessage:
    return MoneyMessage(minor_units=value.minor_units, currency_code=value.currency_code)


def time_of(request: Message, field: str) -> datetime | None:
    """Return a time, None when unset."""
    if not request.HasField(field):
        return None
    stamp: Timestamp = getattr(request, field)
    try:
        found: datetime = stamp.ToDatetime(tzinfo=UTC)
    except ValueError as error:
        raise InvalidArgument(field, "is not a time") from error
    return found


def required_time(request: Message, field: str) -> datetime:
    """Return a time; refuse an unset one."""
    found = time_of(request, field)
    if found is None:
        raise InvalidArgument(field, "is required")
    return found


def stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    made = Timestamp()
    made.FromDatetime(value.astimezone(UTC))
    return made


def enum_of(request: Message, field: str, kind: type[E], default: E | None = None) -> E:
    """Return an enum's value; refuse an unspecified one unless there is a default."""
    value: int = getattr(request, field)
    if value == 0 and default is not None:
        return default
    try:
        return kind(value)
    except ValueError as error:
        names = ", ".join(member.name for member in kind)
        raise InvalidArgument(field, f"must be one of {names}") from error


def ids_of(values: Iterable[str], field: str, most: int = 500) -> tuple[UUID, ...]:
    """Return ids; refuse a malformed one or too many."""
    found = []
    for i, text in enumerate(values):
        if i >= most:
            raise InvalidArgument(field, f"at most {most} fit")
        try:
            found.append(UUID(text))
        except ValueError as error:
            raise InvalidArgument(f"{field}[{i}]", f"{text[:40]!r} is not an id") from error
    return tuple(found)


def id_text(value: UUID | None) -> str:
    return str(value) if value else ""


def day_text(value: date | None) -> str:
    return value.isoformat() if value else ""


def today() -> date:
    """What lists take for today."""
    return now().date()


def now() -> datetime:
    """What lists take for now: how long ago, whether overdue. Decisions never ask this."""
    return present()


def whole_days(since: datetime, until: datetime) -> int:
    return max(0, (until - since) // timedelta(days=1))
