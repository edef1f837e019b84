"""The audit trail: every event of every context, stored short, with its data as sealed as it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zlib import crc32

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import literal
from analytics.projections.freshness import CONTEXTS
from kernel.projections import Delivered, Eventual

PERSON = "person:"
_CODE = {context: code for code, context in enumerate(CONTEXTS, 1)}
_INSERT = (
    "insert into audit_events (stream, version, context, type_id, position, event_id, recorded_at,"
    " effective_at, actor, actor_text, request, request_text, correlation_id, causation_id, data)"
    " select * from unnest(%s::uuid[], %s::int[], %s::smallint[], %s::int[], %s::bigint[], %s::uuid[],"
    " %s::timestamptz[], %s::timestamptz[], %s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::uuid[],"
    " %s::uuid[], %s::bytea[]) on conflict do nothing"
)


def type_id(name: str) -> int:
    """Return the number an event type is stored under: the same in every rebuild."""
    return crc32(name.encode()) - 2**31


def short_id(text: str) -> UUID | None:
    """Return the text as a UUID if it is written as one, so that nothing is lost by storing that."""
    if len(text) != 36:
        return None
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    names: dict[int, str] = {}
    rows: list[tuple[Any, ...]] = []
    for event in events:
        metadata = event.metadata
        kind = type_id(event.type)
        names[kind] = event.type
        actor = short_id(metadata.actor[7:]) if metadata.actor.startswith(PERSON) else None
        request = short_id(metadata.request_id)
        rows.append(
            (
                event.stream,
                event.version,
                _CODE[event.context],
                kind,
                event.position,
                metadata.event_id,
                metadata.recorded_at,
                None if metadata.effective_at == metadata.recorded_at else metadata.effective_at,
                actor,
                None if actor else metadata.actor,
                request,
                None if request else metadata.request_id,
                metadata.correlation_id,
                metadata.causation_id,
                event.message.SerializeToString(deterministic=True),
            )
        )
    cursor.executemany(
        "insert into audit_types (type_id, name) values (%s, %s) on conflict do nothing",
        sorted(names.items()),
    )
    cursor.execute(_INSERT, [literal(column) for column in zip(*rows, strict=True)], prepare=True)


VIEW = Eventual("audit", ("audit_events", "audit_types"), CONTEXTS, project)
