"""Which customers somebody outside sees for a while, and which of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.share import CustomersShared, ShareEnded
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded

MOST_IN_FORCE = 1_000
MOST_SPANS = 4_000


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into its row."""
    event = recorded.event
    match event:
        case CustomersShared():
            cursor.execute(
                "insert into shares (share_id, grantee_id, customer_ids, field_classes, ends_at, project, shared_by,"
                " shared_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    event.share_id,
                    event.grantee_id,
                    list(event.customer_ids),
                    list(event.field_classes),
                    event.ends_at,
                    event.project,
                    event.shared_by,
                    recorded.metadata.recorded_at,
                ),
            )
        case ShareEnded():
            cursor.execute(
                "update shares set ended_at = %s, reason = %s where share_id = %s",
                (recorded.metadata.recorded_at, event.reason, event.share_id),
            )


SHARES = Inline("shares", ("shares",), project)


def in_force(cursor: Cursor[DictRow], grantees: Sequence[UUID], now: datetime) -> dict[UUID, frozenset[str]]:
    """Return the field classes shown, by customer. A share whose date has passed shows nothing."""
    found: dict[UUID, frozenset[str]] = {}
    for row in cursor.execute(
        "select unnest(customer_ids) as customer_id, field_classes from shares where grantee_id = any(%s)"
        " and ended_at is null and ends_at > %s limit %s",
        (list(grantees), now, MOST_IN_FORCE),
    ):
        customer_id = row["customer_id"]
        found[customer_id] = found.get(customer_id, frozenset()) | frozenset(row["field_classes"])
    return found


def one(cursor: Cursor[DictRow], share_id: UUID) -> DictRow | None:
    """Return a share's row."""
    return cursor.execute("select * from shares where share_id = %s", (share_id,)).fetchone()


def of_project(cursor: Cursor[DictRow], project: str) -> list[DictRow]:
    """Return the shares of a project that last."""
    return cursor.execute(
        "select * from shares where project = %s and ended_at is null order by share_id limit %s",
        (project, MOST_IN_FORCE),
    ).fetchall()


def listed(
    cursor: Cursor[DictRow],
    scope: tuple[str, list[Any]],
    page: Page,
    customer_ids: Sequence[UUID],
    grantee_id: UUID | None,
    project: str,
    include_ended: bool,
) -> list[DictRow]:
    """Return one row more than the page holds, latest first, with the customers within `scope` (of c) as `seen`."""
    condition, values = scope
    conditions = ["s.seen <> '{}'"]
    more: list[Any] = []
    if customer_ids:
        conditions.append("s.customer_ids && %s")
        more.append(list(customer_ids))
    if grantee_id is not None:
        conditions.append("s.grantee_id = %s")
        more.append(grantee_id)
    if project:
        conditions.append("s.project = %s")
        more.append(project)
    if not include_ended:
        conditions.append("s.ended_at is null")
    if page.after:
        conditions.append("(s.shared_at, s.share_id) < (%s::timestamptz, %s::uuid)")
        more += list(page.after)
    return cursor.execute(
        "select * from (select h.*, array(select c.customer_id from customers c"
        f" where c.customer_id = any(h.customer_ids) and {condition} order by c.customer_id) as seen from shares h) s"
        f" where {' and '.join(conditions)} order by s.shared_at desc, s.share_id desc limit %s",
        [*values, *more, page.limit + 1],
    ).fetchall()


def spans(
    cursor: Cursor[DictRow], customer_ids: Sequence[UUID], since: datetime | None, until: datetime
) -> list[DictRow]:
    """Return who was shown the customer through shares when, within the period."""
    return cursor.execute(
        "select grantee_id, field_classes, shared_at as since, least(ended_at, ends_at) as until from shares"
        " where customer_ids && %s and shared_at < %s"
        " and least(ended_at, ends_at) > coalesce(%s, '-infinity'::timestamptz) order by shared_at, share_id limit %s",
        (list(customer_ids), until, since, MOST_SPANS),
    ).fetchall()
