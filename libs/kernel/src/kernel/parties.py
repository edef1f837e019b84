"""Whose records somebody sees whoever owns them: a guest his own party's, a member those of his key accounts.

A party is whom a record is about. Services that show such records keep the table `party_members` and pass what
`parties_of` returns to `Caller.scope_filter` and `Caller.sees`, with the party's other identities if it was merged.
"""

from __future__ import annotations

from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller

TABLE = "party_members"


def parties_of(cursor: Cursor[DictRow], caller: Caller) -> list[UUID]:
    """Return the parties; empty for who sees everything anyway."""
    if caller.guest_of is not None:
        return [caller.guest_of]
    if caller.scope == "all" or caller.person_id is None:
        return []
    rows = cursor.execute(
        "select distinct party_id from party_members where member_id = any(%s) order by party_id",
        ([caller.person_id, *caller.teams],),
        prepare=True,
    ).fetchall()
    return [row["party_id"] for row in rows]


def join(cursor: Cursor[DictRow], party_id: UUID, member_id: UUID) -> None:
    """Let a person, or everybody of a team, see the party's records."""
    cursor.execute(
        "insert into party_members (party_id, member_id) values (%s, %s) on conflict do nothing", (party_id, member_id)
    )


def leave(cursor: Cursor[DictRow], party_id: UUID, member_id: UUID) -> None:
    """End that."""
    cursor.execute("delete from party_members where party_id = %s and member_id = %s", (party_id, member_id))


def disband(cursor: Cursor[DictRow], party_id: UUID) -> None:
    """End it for all members."""
    cursor.execute("delete from party_members where party_id = %s", (party_id,))
