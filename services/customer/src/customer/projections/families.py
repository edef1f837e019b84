"""Who answers for whom: merged customers resolved when asked, so that un-merging just removes an alias."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

_MEMBERS = (
    "with recursive family (root, id) as (select r, r from unnest(%s::uuid[]) r union"
    " select f.root, a.absorbed_id from family f join aliases a on a.survivor_id = f.id)"
    " select root, id from family"
)
"""The ids of survivors and of all they absorbed, over several steps. `union` ends a circle."""

ROOTS = (
    "steps (id, root) as (select absorbed_id, survivor_id from aliases union"
    " select s.id, a.survivor_id from steps s join aliases a on a.absorbed_id = s.root),"
    " roots (id, root) as (select s.id, s.root from steps s"
    " where not exists (select from aliases a where a.absorbed_id = s.root))"
)
"""Every absorbed customer with the survivor at the end of its chain; to follow `with recursive`."""


def survivors(cursor: Cursor[DictRow], ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return for each id the customer that answers for it: itself, or its survivor."""
    rows = cursor.execute(
        "with recursive chain (asked, id) as (select i, i from unnest(%s::uuid[]) i union"
        " select c.asked, a.survivor_id from chain c join aliases a on a.absorbed_id = c.id)"
        " select asked, id from chain where not exists"
        " (select from aliases a where a.absorbed_id = chain.id)",
        (list(ids),),
    ).fetchall()
    return {row["asked"]: row["id"] for row in rows}


def survivor(cursor: Cursor[DictRow], customer_id: UUID) -> UUID:
    """Return the customer that answers for this id."""
    return survivors(cursor, [customer_id]).get(customer_id, customer_id)


def families(cursor: Cursor[DictRow], roots: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Return (survivor, member) pairs: each survivor itself, and all it absorbed.

    Asked before what needs it, and passed on as values: inside a larger statement the planner would
    take a family for thousands.
    """
    return [(row["root"], row["id"]) for row in cursor.execute(_MEMBERS, (list(roots),)).fetchall()]


def members(cursor: Cursor[DictRow], customer_id: UUID) -> list[UUID]:
    """Return the survivor and all it absorbed."""
    return [member for _, member in families(cursor, [customer_id])]
