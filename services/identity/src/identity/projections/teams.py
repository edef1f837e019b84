"""The tree of teams: one row per team that is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.team import (
    TeamDissolved,
    TeamFormed,
    TeamManagerAppointed,
    TeamMoved,
    TeamRenamed,
)
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    team_id, version = recorded.stream, recorded.version
    match recorded.event:
        case TeamFormed() as formed:
            cursor.execute(
                "insert into teams (team_id, name, parent_team_id, manager_id, version) values (%s, %s, %s, %s, %s)",
                (team_id, formed.name, formed.parent_team_id, formed.manager_id, version),
            )
        case TeamRenamed(to_name=name):
            cursor.execute(
                "update teams set name = %s, version = %s where team_id = %s",
                (name, version, team_id),
            )
        case TeamMoved(to_parent_team_id=parent_team_id):
            cursor.execute(
                "update teams set parent_team_id = %s, version = %s where team_id = %s",
                (parent_team_id, version, team_id),
            )
        case TeamManagerAppointed(to_manager_id=manager_id):
            cursor.execute(
                "update teams set manager_id = %s, version = %s where team_id = %s",
                (manager_id, version, team_id),
            )
        case TeamDissolved():
            cursor.execute("delete from teams where team_id = %s", (team_id,))


VIEW = Inline("teams", ("teams",), project)

# -- questions -----------------------------------------------------------------


def all_teams(cursor: Cursor[DictRow], limit: int, after: Sequence[str]) -> list[DictRow]:
    """Teams by name after (name, id)."""
    onwards = "where (name, team_id) > (%s, %s::uuid)" if after else ""
    return cursor.execute(f"select * from teams {onwards} order by name, team_id limit %s", (*after, limit)).fetchall()


def line_above(cursor: Cursor[DictRow], team_id: UUID | None) -> list[UUID]:
    """The team and everything above it, nearest first."""
    if team_id is None:
        return []
    rows = cursor.execute(
        "with recursive line as ("
        " select team_id, parent_team_id, 0 as height from teams where team_id = %s"
        " union all select t.team_id, t.parent_team_id, line.height + 1"
        " from teams t join line on t.team_id = line.parent_team_id where line.height < 100)"
        " select team_id from line order by height",
        (team_id,),
    ).fetchall()
    return [row["team_id"] for row in rows]


def inhabitants(cursor: Cursor[DictRow], team_id: UUID) -> tuple[int, int]:
    """How many people belong to the team, and how many teams are right below it."""
    row = cursor.execute(
        'select (select count(*) from people where team_id = %s and not "left") as people,'
        " (select count(*) from teams where parent_team_id = %s) as teams",
        (team_id, team_id),
    ).fetchone()
    assert row is not None
    return row["people"], row["teams"]
