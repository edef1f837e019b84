"""Who is being forgotten, how far that is, and which ids were forgotten before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.erasure import (
    ErasureCompleted,
    ErasureOverdue,
    ErasureRequested,
    ErasureStepDone,
    PurgeAsked,
)
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into the erasure's row."""
    event = recorded.event
    match event:
        case ErasureRequested():
            cursor.execute(
                "insert into erasures (erasure_id, version, state, reason, request_ref, requested_at, round,"
                " contexts, waiting_for) values (%s, %s, 'running', %s, %s, %s, 0, %s, '{}')",
                (
                    event.erasure_id,
                    recorded.version,
                    event.reason,
                    event.request_ref,
                    recorded.metadata.recorded_at,
                    list(event.contexts),
                ),
            )
            _name(cursor, event.erasure_id, [str(event.person_id)])
        case PurgeAsked():
            cursor.execute(
                "update erasures set version = %s, round = %s, waiting_for = case when round = %s then waiting_for"
                " else contexts end where erasure_id = %s",
                (recorded.version, event.round, event.round, event.erasure_id),
            )
            _name(cursor, event.erasure_id, event.subject_ids)
        case ErasureStepDone():
            cursor.execute(
                "update erasures set version = %s, waiting_for = array_remove(waiting_for, %s) where erasure_id = %s",
                (recorded.version, event.context, event.erasure_id),
            )
            _name(cursor, event.erasure_id, event.related_ids)
        case ErasureOverdue():
            _set_state(cursor, recorded, "overdue")
        case ErasureCompleted():
            _set_state(cursor, recorded, "complete")
            cursor.execute(
                "update erasures set completed_at = %s, waiting_for = '{}' where erasure_id = %s",
                (recorded.metadata.recorded_at, event.erasure_id),
            )


def _set_state(cursor: Cursor[DictRow], recorded: Recorded[Any], state: str) -> None:
    cursor.execute(
        "update erasures set version = %s, state = %s where erasure_id = %s",
        (recorded.version, state, recorded.stream),
    )


def _name(cursor: Cursor[DictRow], erasure_id: UUID, ids: tuple[str, ...] | list[str]) -> None:
    cursor.execute(
        "insert into erased_subjects (subject_id, erasure_id) select unnest(%s::uuid[]), %s on conflict do nothing",
        (list(ids), erasure_id),
    )


ERASURES = Inline("erasures", ("erasures", "erased_subjects"), project)


def one(cursor: Cursor[DictRow], erasure_id: UUID) -> DictRow | None:
    """Return an erasure's row."""
    return cursor.execute("select * from erasures where erasure_id = %s", (erasure_id,)).fetchone()


def of_subject(cursor: Cursor[DictRow], subject_id: UUID) -> UUID | None:
    """Return the erasure that forgets, or forgot, whoever goes by this id."""
    row = cursor.execute(
        "select erasure_id from erased_subjects where subject_id = %s order by erasure_id limit 1", (subject_id,)
    ).fetchone()
    return row["erasure_id"] if row else None


def listed(cursor: Cursor[DictRow], page: Page) -> list[DictRow]:
    """Return one row more than the page holds, latest first."""
    conditions, values = "true", []
    if page.after:
        conditions, values = "(requested_at, erasure_id) < (%s::timestamptz, %s::uuid)", list(page.after)
    return cursor.execute(
        f"select * from erasures where {conditions} order by requested_at desc, erasure_id desc limit %s",
        [*values, page.limit + 1],
    ).fetchall()
