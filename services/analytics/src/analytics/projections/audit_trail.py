"""Reads the audit trail: search, one record's history field by field, and lines for export.

Personal fields are never shown: they read as sealed. What a field was before is folded from the
record's earlier events, or taken from the event itself where it says so (`from_…`, `to_…`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.audit import PERSON, short_id, type_id
from analytics.projections.freshness import CONTEXTS
from analytics.projections.orders import SEES_COSTS
from crm.common.v1.money_pb2 import Money
from crm.options.v1.options_pb2 import personal
from crm.pipeline.v1 import order_events_pb2, product_events_pb2
from kernel.auth import Caller
from kernel.delivered import message_class
from kernel.errors import InvalidArgument, NotFound
from kernel.money import Money as Amount

SEALED = "[sealed]"
MOST_CHANGES = 10_000
COLUMNS = (
    "recorded_at",
    "effective_at",
    "context",
    "record_id",
    "version",
    "position",
    "event_type",
    "actor",
    "request_id",
    "correlation_id",
    "causation_id",
    "event_id",
    "data",
)
_RECORD_OWNERS = (
    "select owner_id from deals where opportunity_id = %(id)s"
    " union all select owner_id from leads where lead_id = %(id)s"
    " union all select owner_id from customers where customer_id = %(id)s"
    " union all select owner_id from orders where order_id = %(id)s"
    " union all select assignee_id from tickets where ticket_id = %(id)s"
    " union all select owner_id from campaigns where campaign_id = %(id)s"
)
_SPOKEN = frozenset({"changes", "taken", "restored", "restores"})
"""Nested messages that hold a record's own fields: their names are not spelt out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are looked for; empty fields do not restrict."""

    context: str = ""
    record_id: UUID | None = None
    event_type: str = ""
    actor: str = ""
    request_id: str = ""
    correlation_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """One event of any context."""

    context: str
    record_id: UUID
    version: int
    position: int
    type: str
    actor: str
    request_id: str
    correlation_id: UUID
    causation_id: UUID | None
    event_id: UUID
    recorded_at: datetime
    effective_at: datetime
    message: Message

    @property
    def short_type(self) -> str:
        return self.type.rpartition(".")[2]

    @property
    def data_json(self) -> str:
        return json.dumps(readable(self.message), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What an event did to one field."""

    field: str
    before: str
    after: str
    personal: bool


def search(
    cursor: Cursor[DictRow],
    wanted: Wanted,
    caller: Caller,
    limit: int,
    after: Sequence[Any] = (),
) -> list[Audited]:
    """Return events, newest first, from behind the key (recorded_at, context, position).

    Callers who do not see everything see what people in their scope did.
    """
    conditions = ["true"]
    scope, scoped = caller.scope_filter("e.actor")
    conditions.append(scope.replace("%s", "%(scope)s"))
    if scoped:
        conditions.append("e.actor is not null")
    conditions.append(_ALLOWED)
    parameters: dict[str, Any] = {
        "limit": limit,
        "scope": scoped[0] if scoped else None,
        "hidden": _hidden(caller),
    }

    def restrict(condition: str, **values: Any) -> None:
        conditions.append(condition)
        parameters.update(values)

    if wanted.context:
        restrict("e.context = %(context)s", context=_code(wanted.context))
    if wanted.record_id:
        restrict("e.stream = %(record)s", record=wanted.record_id)
    if wanted.event_type:
        restrict("e.type_id = any(%(types)s)", types=_types(cursor, wanted.event_type))
    if wanted.actor:
        bare = wanted.actor.removeprefix(PERSON)
        if person := short_id(bare.lower()):
            restrict("e.actor = %(actor)s", actor=person)
        else:
            restrict("e.actor_text = %(actor)s", actor=wanted.actor)
    if wanted.request_id:
        if request := short_id(wanted.request_id):
            restrict("e.request = %(request)s", request=request)
        else:
            restrict("e.request_text = %(request)s", request=wanted.request_id)
    if wanted.correlation_id:
        restrict("e.correlation_id = %(correlation)s", correlation=wanted.correlation_id)
    if wanted.from_at:
        restrict("e.recorded_at >= %(from_at)s", from_at=wanted.from_at)
    if wanted.to_at:
        restrict("e.recorded_at < %(to_at)s", to_at=wanted.to_at)
    if after:
        restrict(
            "(e.recorded_at, e.context, e.position) < (%(k0)s::timestamptz, %(k1)s::smallint, %(k2)s::bigint)",
            k0=after[0],
            k1=after[1],
            k2=after[2],
        )
    rows = cursor.execute(
        "select e.*, t.name as type from audit_events e join audit_types t using (type_id)"
        f" where {' and '.join(conditions)}"
        " order by e.recorded_at desc, e.context desc, e.position desc limit %(limit)s",
        parameters,
    ).fetchall()
    return [_audited(row) for row in rows]


def key_of(event: Audited) -> tuple[str, int, int]:
    """Return what `search` goes on behind."""
    return event.recorded_at.isoformat(), _code(event.context), event.position


def history(
    cursor: Cursor[DictRow], record_id: UUID, caller: Caller, as_of: datetime | None = None
) -> list[tuple[Audited, list[FieldChange]]]:
    """Return every change of a record, oldest first. Raises NotFound outside the caller's scope."""
    if not within_scope(cursor, record_id, caller):
        raise NotFound(f"there is no record {record_id} in the audit trail")
    rows = cursor.execute(
        "select e.*, t.name as type from audit_events e join audit_types t using (type_id)"
        f" where e.stream = %(record)s and {_ALLOWED}"
        " and (%(known)s::timestamptz is null or e.recorded_at <= %(known)s)"
        " order by e.context, e.version limit %(most)s",
        {"record": record_id, "known": as_of, "most": MOST_CHANGES, "hidden": _hidden(caller)},
    ).fetchall()
    if not rows:
        raise NotFound(f"there is no record {record_id} in the audit trail")
    events = [_audited(row) for row in rows]
    return list(zip(events, changes([event.message for event in events]), strict=True))


def within_scope(cursor: Cursor[DictRow], record_id: UUID, caller: Caller) -> bool:
    """Whether the record is in the caller's scope; one that nobody owns is only for those who see all."""
    if caller.scope == "all":
        return True
    owners = cursor.execute(_RECORD_OWNERS, {"id": record_id}).fetchall()
    return any(caller.sees(row["owner_id"]) for row in owners)


def correlated(
    cursor: Cursor[DictRow], correlation_id: UUID, until: datetime, caller: Caller, most: int
) -> list[Audited]:
    """Return what one outside request led to, as far as it was recorded by then, oldest first."""
    rows = cursor.execute(
        "select e.*, t.name as type from audit_events e join audit_types t using (type_id)"
        f" where e.correlation_id = %(correlation)s and e.recorded_at <= %(until)s and {_ALLOWED}"
        " order by e.recorded_at, e.context, e.position limit %(most)s",
        {"correlation": correlation_id, "until": until, "hidden": _hidden(caller), "most": most},
    ).fetchall()
    return [_audited(row) for row in rows]


def of_version(cursor: Cursor[DictRow], type_: str, version: int) -> Audited | None:
    """Return the event of that type at that version of its record: of rule sets there is one record each."""
    row = cursor.execute(
        "select e.*, t.name as type from audit_events e join audit_types t using (type_id)"
        " where e.type_id = %s and e.version = %s order by e.recorded_at desc limit 1",
        (type_id(type_), version),
    ).fetchone()
    return None if row is None else _audited(row)


_ALLOWED = "e.type_id <> all(%(hidden)s::int[])"


def _hidden(caller: Caller) -> list[int]:
    """Types of events that say what costs us how much, for whoever may not see costs."""
    of_costs = (product_events_pb2.ProductCostSet, order_events_pb2.OrderCosted)
    return [] if caller.may(SEES_COSTS) else [type_id(message.DESCRIPTOR.full_name) for message in of_costs]


def changes(messages: Sequence[Message]) -> Iterator[list[FieldChange]]:
    """Yield what each event of a record did to which field, in order."""
    state: dict[str, str] = {}
    for message in messages:
        found = []
        explicit, values, hidden = {}, {}, set()
        prefix = _part(message)
        for name, value, is_personal in _flat(message):
            if name.startswith("from_"):
                explicit[prefix + name.removeprefix("from_")] = value
                continue
            key = prefix + name.removeprefix("to_")
            values[key] = value
            if is_personal:
                hidden.add(key)
        own_id = message.DESCRIPTOR.fields[0].name if message.DESCRIPTOR.fields else ""
        values.pop(own_id, None)
        for key in [*values, *(k for k in explicit if k not in values)]:
            was, now = explicit.get(key, state.get(key, "")), values.get(key, "")
            if was != now or key in hidden:
                found.append(FieldChange(key, was, now, key in hidden))
            state[key] = now
        yield found


def _part(message: Message) -> str:
    """Return "contact[<id>]." for an event about a part of a record, named by a second id."""
    name = message.DESCRIPTOR.name
    for field in message.DESCRIPTOR.fields[1:]:
        if field.name.endswith("_id"):
            noun = field.name.removesuffix("_id")
            camel = "".join(word.capitalize() for word in noun.split("_"))
            value = getattr(message, field.name)
            if value and name.startswith(camel):
                return f"{noun}[{value}]."
    return ""


def _flat(message: Message) -> Iterator[tuple[str, str, bool]]:
    """Yield every set field as (name, text, personal); a record's own nested fields without their holder."""
    for field, value in message.ListFields():
        if field.name in _SPOKEN and field.message_type is not None:
            for name, text, hidden in _flat(value):
                yield name, text, hidden
            continue
        is_personal = _holds_personal(field)
        shown = _shown(field, value)
        text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
        yield field.name, text, is_personal
    for plain in message.DESCRIPTOR.fields:
        # A plain field that says "empty from now on" is not listed by protobuf.
        if plain.name.startswith("to_") and not getattr(message, plain.name, None):
            yield plain.name, "", False


def _holds_personal(field: Any) -> bool:
    if field.GetOptions().Extensions[personal]:
        return True
    below = field.message_type
    return below is not None and any(f.GetOptions().Extensions[personal] for f in below.fields)


def readable(message: Message) -> dict[str, Any]:
    """Return a message's set fields as JSON; personal ones as a marker."""
    return {field.name: _shown(field, value) for field, value in message.ListFields()}


def _shown(field: Any, value: Any) -> Any:
    if field.GetOptions().Extensions[personal]:
        return SEALED
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(k): _value(field.message_type.fields_by_name["value"], v) for k, v in value.items()}
    if field.is_repeated:
        return [_value(field, each) for each in value]
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, Money):
        return f"{_decimal(value)} {value.currency_code}"
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        inner = readable(value)
        single = len(value.DESCRIPTOR.fields) == 1
        return next(iter(inner.values()), "") if single else inner
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


def _decimal(money: Money) -> str:
    return f"{Amount(money.minor_units, money.currency_code).major():f}"


def csv_lines(events: Sequence[Audited], header: bool) -> str:
    """Return events as CSV. A cell that a spreadsheet would run as a formula is made text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow(COLUMNS)
    for event in events:
        writer.writerow(
            _harmless(cell)
            for cell in (
                event.recorded_at.isoformat(),
                event.effective_at.isoformat(),
                event.context,
                str(event.record_id),
                str(event.version),
                str(event.position),
                event.short_type,
                event.actor,
                event.request_id,
                str(event.correlation_id),
                str(event.causation_id or ""),
                str(event.event_id),
                event.data_json,
            )
        )
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _code(context: str) -> int:
    if context not in CONTEXTS:
        raise InvalidArgument("context", f"{context[:40]!r} is none of {', '.join(CONTEXTS)}")
    return CONTEXTS.index(context) + 1


def _types(cursor: Cursor[DictRow], name: str) -> list[int]:
    if "." in name:
        return [type_id(name)]
    rows = cursor.execute("select type_id, name from audit_types").fetchall()
    return [row["type_id"] for row in rows if row["name"].rpartition(".")[2] == name]


def _audited(row: Mapping[str, Any]) -> Audited:
    return Audited(
        CONTEXTS[row["context"] - 1],
        row["stream"],
        row["version"],
        row["position"],
        row["type"],
        f"{PERSON}{row['actor']}" if row["actor"] else row["actor_text"],
        str(row["request"]) if row["request"] else row["request_text"],
        row["correlation_id"],
        row["causation_id"],
        row["event_id"],
        row["recorded_at"],
        row["effective_at"] or row["recorded_at"],
        message_class(row["type"]).FromString(bytes(row["data"])),
    )
