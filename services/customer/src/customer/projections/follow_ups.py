"""Follow-ups, soonest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.follow_up import (
    FollowUpCancelled,
    FollowUpDone,
    FollowUpDue,
    FollowUpHandedOver,
    FollowUpMoved,
    FollowUpPlanned,
    FollowUpState,
)
from customer.projections.families import members
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into its row."""
    event = recorded.event
    match event:
        case FollowUpPlanned():
            cursor.execute(
                "insert into follow_ups (follow_up_id, customer_id, owner_id, contact_id, due_at, subject,"
                " suggested_content, state) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    event.follow_up_id,
                    event.customer_id,
                    event.owner_id,
                    event.contact_id,
                    event.due_at,
                    event.subject,
                    event.suggested_content,
                    int(FollowUpState.PLANNED),
                ),
            )
        case FollowUpMoved(to_due_at=due_at):
            cursor.execute(
                "update follow_ups set due_at = %s, state = %s where follow_up_id = %s",
                (due_at, int(FollowUpState.PLANNED), recorded.stream),
            )
        case FollowUpDue(suggested_content=content):
            cursor.execute(
                "update follow_ups set suggested_content = %s, state = %s where follow_up_id = %s",
                (content, int(FollowUpState.DUE), recorded.stream),
            )
        case FollowUpHandedOver(to_owner_id=owner_id):
            cursor.execute("update follow_ups set owner_id = %s where follow_up_id = %s", (owner_id, recorded.stream))
        case FollowUpDone():
            _close(cursor, recorded, FollowUpState.DONE)
        case FollowUpCancelled():
            _close(cursor, recorded, FollowUpState.CANCELLED)


def _close(cursor: Cursor[DictRow], recorded: Recorded[Any], state: FollowUpState) -> None:
    cursor.execute("update follow_ups set state = %s where follow_up_id = %s", (int(state), recorded.stream))


FOLLOW_UPS = Inline("follow_ups", ("follow_ups",), project)


def listed(
    cursor: Cursor[DictRow],
    scope: tuple[str, list[Any]],
    page: Page,
    owner_id: UUID | None = None,
    customer_id: UUID | None = None,
    state: FollowUpState = FollowUpState.UNSPECIFIED,
    due_before: datetime | None = None,
    due_from: datetime | None = None,
    follow_up_id: UUID | None = None,
) -> list[DictRow]:
    """Return one row more than the page holds. `scope` filters on c.owner_id and f.owner_id."""
    conditions, values = [scope[0]], list(scope[1])
    if follow_up_id is not None:
        conditions.append("f.follow_up_id = %s")
        values.append(follow_up_id)
    elif state is FollowUpState.UNSPECIFIED:
        conditions.append("f.state in (1, 2)")
    else:
        conditions.append("f.state = %s")
        values.append(int(state))
    if owner_id is not None:
        conditions.append("f.owner_id = %s")
        values.append(owner_id)
    if customer_id is not None:
        conditions.append("f.customer_id = any(%s)")
        values.append(members(cursor, customer_id))
    if due_before is not None:
        conditions.append("f.due_at < %s")
        values.append(due_before)
    if due_from is not None:
        conditions.append("f.due_at >= %s")
        values.append(due_from)
    if page.after:
        conditions.append("(f.due_at, f.follow_up_id) > (%s::timestamptz, %s::uuid)")
        values += list(page.after)
    return cursor.execute(
        "select f.*, c.name as customer_name from follow_ups f"
        " join customers c on c.customer_id = f.customer_id"
        f" where {' and '.join(conditions)} order by f.due_at, f.follow_up_id limit %s",
        [*values, page.limit + 1],
    ).fetchall()


def open_of(cursor: Cursor[DictRow], customer_ids: list[UUID], owner_ids: list[UUID] | None = None) -> list[DictRow]:
    """Return the open follow-ups of some customers."""
    return cursor.execute(
        "select follow_up_id, customer_id, owner_id from follow_ups"
        " where customer_id = any(%s) and state in (1, 2)"
        " and (%s::uuid[] is null or owner_id = any(%s)) order by follow_up_id",
        (customer_ids, owner_ids, owner_ids),
    ).fetchall()
