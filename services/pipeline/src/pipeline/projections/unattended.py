"""What nobody will do anything about: open leads and deals without an owner or a next step ahead."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.request import Page
from pipeline.projections.conditions import Conditions


def unattended(
    cursor: Cursor[DictRow], caller: Caller, page: Page, today: date, owner_id: UUID | None = None
) -> list[DictRow]:
    """Return a page and one row more, the oldest first."""
    where = Conditions()
    where.in_scope(caller, "owner_id", also="owner_id is null")
    where.add_if(owner_id, "owner_id = %s")
    where.after(("since", "id"), page.after, descending=False)
    return cursor.execute(
        "select * from (select 'lead' as kind, lead_id as id, owner_id, '' as title, next_step_on,"
        " captured_at as since from leads where state in (1, 2)"
        "  and (owner_id is null or next_step_on is null or next_step_on < %s)"
        " union all select 'opportunity', opportunity_id, owner_id, title, next_step_on, opened_at"
        "  from opportunities where state = 1"
        "  and (owner_id is null or next_step_on is null or next_step_on < %s)) as open_things"
        f" where {where.sql} order by since, id limit %s",
        [today, today, *where.parameters, page.limit + 1],
    ).fetchall()
