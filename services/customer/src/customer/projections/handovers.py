"""What was handed over from whom to whom, how far that is, and every record that moved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.handover import (
    HandoverCompleted,
    HandoverOrdered,
    HandoverOverdue,
    HandoverStepDone,
)
from kernel.handed_over import HandoverAsked
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into the handover's rows."""
    event = recorded.event
    match event:
        case HandoverOrdered():
            cursor.execute(
                "insert into handovers (handover_id, leaver_id, to_person_id, state, reason, keep_watching,"
                " ordered_at, round, contexts, waiting_for, moved, left_over)"
                " values (%s, %s, %s, 'running', %s, %s, %s, 0, %s, '{}', 0, 0)",
                (
                    event.handover_id,
                    event.leaver_id,
                    event.to_person_id,
                    event.reason,
                    event.keep_watching,
                    recorded.metadata.recorded_at,
                    list(event.contexts),
                ),
            )
        case HandoverAsked():
            cursor.execute(
                "update handovers set round = %s, waiting_for = contexts, left_over = 0"
                " where handover_id = %s and round < %s",
                (event.round, event.handover_id, event.round),
            )
        case HandoverStepDone():
            _step(cursor, recorded, event)
        case HandoverOverdue():
            cursor.execute("update handovers set state = 'overdue' where handover_id = %s", (event.handover_id,))
        case HandoverCompleted():
            cursor.execute(
                "update handovers set state = 'complete', completed_at = %s where handover_id = %s",
                (recorded.metadata.recorded_at, event.handover_id),
            )


def _step(cursor: Cursor[DictRow], recorded: Recorded[Any], event: HandoverStepDone) -> None:
    cursor.execute(
        "update handovers set moved = moved + %s, left_over = left_over + %s,"
        " waiting_for = case when %s then array_remove(waiting_for, %s) else waiting_for end where handover_id = %s",
        (len(event.record_ids), event.left, event.context_done, event.context, event.handover_id),
    )
    if event.record_ids:
        cursor.execute(
            "insert into handover_moves (handover_id, version, ordinal, context, kind, record_id, to_person_id,"
            " moved_at) select %s, %s, ordinal, %s, %s, id, %s, %s"
            " from unnest(%s::uuid[]) with ordinality m(id, ordinal)",
            (
                event.handover_id,
                recorded.version,
                event.context,
                event.kind,
                event.to_person_id,
                recorded.metadata.recorded_at,
                list(event.record_ids),
            ),
        )


HANDOVERS = Inline("handovers", ("handovers", "handover_moves"), project)


def one(cursor: Cursor[DictRow], handover_id: UUID) -> DictRow | None:
    """Return a handover's row."""
    return cursor.execute("select * from handovers where handover_id = %s", (handover_id,)).fetchone()


def of_leaver(cursor: Cursor[DictRow], leaver_id: UUID) -> list[DictRow]:
    """Return the handovers of one person."""
    return cursor.execute("select * from handovers where leaver_id = %s", (leaver_id,)).fetchall()


def listed(cursor: Cursor[DictRow], page: Page, leaver_id: UUID | None) -> list[DictRow]:
    """Return one row more than the page holds, latest first."""
    conditions, values = "(%s::uuid is null or leaver_id = %s)", [leaver_id, leaver_id]
    if page.after:
        conditions += " and (ordered_at, handover_id) < (%s::timestamptz, %s::uuid)"
        values += list(page.after)
    return cursor.execute(
        f"select * from handovers where {conditions} order by ordered_at desc, handover_id desc limit %s",
        [*values, page.limit + 1],
    ).fetchall()


def counts(cursor: Cursor[DictRow], handover_id: UUID) -> list[DictRow]:
    """Return how many records of which kind went to whom."""
    return cursor.execute(
        "select context, kind, to_person_id, count(*) as n from handover_moves where handover_id = %s"
        " group by context, kind, to_person_id order by context, kind, to_person_id",
        (handover_id,),
    ).fetchall()


def lines(cursor: Cursor[DictRow], handover_id: UUID, page: Page) -> list[DictRow]:
    """Return the records that moved, in that order, one more than the page holds."""
    version, ordinal = page.after or (0, 0)
    return cursor.execute(
        "select * from handover_moves where handover_id = %s and (version, ordinal) > (%s::bigint, %s::bigint)"
        " order by version, ordinal limit %s",
        (handover_id, version, ordinal, page.limit + 1),
    ).fetchall()
