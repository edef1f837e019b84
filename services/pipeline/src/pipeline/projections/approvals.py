"""What waits for whose word, and what was decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from pipeline.domain import approval as it
from pipeline.projections.conditions import Conditions


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event, at = recorded.event, recorded.metadata.effective_at

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update approvals set version = %s, {text} where approval_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.ApprovalFlowDefined():
            cursor.execute(
                "insert into approval_flows (flow_id, subject_kind, name, version) values (%s, %s, %s, %s)"
                " on conflict (flow_id) do update set subject_kind = excluded.subject_kind,"
                " name = excluded.name, version = excluded.version",
                (event.flow_id, int(event.subject_kind), event.name, event.version),
            )
        case it.ApprovalRequested():
            _insert(cursor, recorded, event)
        case it.OpinionGiven():
            change("waiting_for = array_remove(waiting_for, %s)", event.approver_id)
        case it.ApprovalStepReached():
            change(
                "step_id = %s, waiting_for = %s, involved = involved || %s",
                event.step_id,
                list(event.approver_ids),
                list(event.approver_ids),
            )
        case it.ApprovalDelegated():
            change(
                "waiting_for = array_replace(array_remove(waiting_for, %s), %s, %s), involved = involved || %s",
                event.to_person_id,
                event.from_person_id,
                event.to_person_id,
                [event.to_person_id],
            )
        case it.ApprovalGranted():
            change("state = 2, waiting_for = '{}', decided_at = %s", at)
        case it.ApprovalRejected():
            change("state = 3, waiting_for = '{}', decided_at = %s", at)
        case it.ApprovalReturned():
            change("state = 4, waiting_for = '{}', decided_at = %s", at)
        case it.ApprovalWithdrawn():
            change("state = 5, waiting_for = '{}', decided_at = %s", at)


def _insert(cursor: Cursor[DictRow], recorded: Recorded[Any], event: it.ApprovalRequested) -> None:
    cursor.execute(
        "insert into approvals (approval_id, subject_kind, subject_id, subject_version, title, requested_by,"
        " amount, currency_code, discount_basis_points, flow_id, flow_version, step_id, waiting_for,"
        " involved, state, requested_at, version)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s)",
        (
            event.approval_id,
            int(event.subject_kind),
            event.subject_id,
            event.subject_version,
            event.title,
            event.requested_by,
            event.amount.minor_units,
            event.amount.currency_code,
            event.discount_basis_points,
            event.flow_id,
            event.flow_version,
            event.steps[0].step_id,
            list(event.approver_ids),
            [*event.approver_ids, *([event.requested_by] if event.requested_by else [])],
            recorded.metadata.effective_at,
            recorded.version,
        ),
    )


INLINE = Inline("approvals", ("approval_flows", "approvals"), project)


def one(cursor: Cursor[DictRow], caller: Caller, approval_id: UUID) -> DictRow | None:
    where = Conditions()
    where.add("approval_id = %s", approval_id)
    _visible(where, caller)
    return cursor.execute(f"select * from approvals where {where.sql}", where.parameters).fetchone()


def approvals(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    waiting_for: UUID | None = None,
    state: int = 0,
    subject_kind: int = 0,
    subject_id: UUID | None = None,
) -> list[DictRow]:
    """Return a page and one row more, newest first: those one asked for, decides or decided, or may see."""
    where = Conditions()
    _visible(where, caller)
    where.add_if(waiting_for, "waiting_for @> array[%s]::uuid[]")
    where.add_if(state, "state = %s")
    where.add_if(subject_kind, "subject_kind = %s")
    where.add_if(subject_id, "subject_id = %s")
    where.after(("requested_at", "approval_id"), page.after)
    return cursor.execute(
        f"select * from approvals where {where.sql} order by requested_at desc, approval_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()


def puts_before(cursor: Cursor[DictRow], caller: Caller, subject_id: UUID) -> bool:
    """Whether an approval puts the quote, contract or order before the caller, who must see what is decided on."""
    asked = "select 1 from approvals where subject_id = %s and involved @> array[%s]::uuid[] limit 1"
    return cursor.execute(asked, (subject_id, caller.person_id)).fetchone() is not None


def _visible(where: Conditions, caller: Caller) -> None:
    scope, values = caller.scope_filter("requested_by")
    where.add(f"({scope} or involved @> array[%s]::uuid[])", *values, caller.person_id)


def flow_ids(cursor: Cursor[DictRow], subject_kind: int = 0) -> list[UUID]:
    where = Conditions()
    where.add_if(subject_kind, "subject_kind = %s")
    rows = cursor.execute(
        f"select flow_id from approval_flows where {where.sql} order by name, flow_id limit 500",
        where.parameters,
    ).fetchall()
    return [row["flow_id"] for row in rows]
