"""Saved groups by name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.group import CustomerGroupDeleted, CustomerGroupSaved
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into its row."""
    match recorded.event:
        case CustomerGroupSaved() as saved:
            cursor.execute(
                "insert into customer_groups (group_id, name, filter_json, owner_id, shared)"
                " values (%s, %s, %s, %s, %s) on conflict (group_id) do update"
                " set name = excluded.name, filter_json = excluded.filter_json, shared = excluded.shared,"
                " owner_id = excluded.owner_id",
                (saved.group_id, saved.name, saved.filter_json, saved.owner_id, saved.shared),
            )
        case CustomerGroupDeleted(group_id=group_id):
            cursor.execute("delete from customer_groups where group_id = %s", (group_id,))


GROUPS = Inline("customer_groups", ("customer_groups",), project)


def seen_by(cursor: Cursor[DictRow], person_id: UUID | None, page: Page) -> list[DictRow]:
    """Return one row more than the page holds: the person's groups and the shared ones."""
    after = page.after or ("", "00000000-0000-0000-0000-000000000000")
    return cursor.execute(
        "select * from customer_groups where (shared or owner_id = %s) and (name, group_id) > (%s, %s::uuid)"
        " order by name, group_id limit %s",
        (person_id, *after, page.limit + 1),
    ).fetchall()


def found(cursor: Cursor[DictRow], group_id: UUID, person_id: UUID | None) -> DictRow | None:
    """Return a group that the person may use."""
    return cursor.execute(
        "select * from customer_groups where group_id = %s and (shared or owner_id = %s)",
        (group_id, person_id),
    ).fetchone()
