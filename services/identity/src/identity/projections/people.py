"""Who is here: one row per person, with the roles held. Also answers whose records somebody sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.person import (
    PersonJoined,
    PersonLeft,
    PersonMoved,
    PersonReturned,
    PersonRevised,
    RoleGranted,
    RoleWithdrawn,
)
from identity.domain.role import ADMIN
from kernel.projections import Inline
from kernel.store import Recorded

_PERSON = (
    "select p.*, coalesce((select array_agg(h.role order by h.role) from held_roles h"
    " where h.person_id = p.person_id), '{}') as roles from people p"
)
_TEAMS_BELOW = (
    "with recursive below as (select team_id from teams where {start}"
    " union select t.team_id from teams t join below b on t.parent_team_id = b.team_id)"
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    person_id, version = recorded.stream, recorded.version
    match recorded.event:
        case PersonJoined() as joined:
            cursor.execute(
                "insert into people (person_id, name, email, login, team_id, position, joined_at,"
                " version) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    person_id,
                    str(joined.name),
                    str(joined.email),
                    joined.login,
                    joined.team_id,
                    joined.position,
                    recorded.metadata.effective_at,
                    version,
                ),
            )
        case PersonRevised() as revised:
            cursor.execute(
                "update people set name = %s, email = %s, position = %s, version = %s where person_id = %s",
                (str(revised.name), str(revised.email), revised.position, version, person_id),
            )
        case PersonMoved(to_team_id=team_id):
            cursor.execute(
                "update people set team_id = %s, version = %s where person_id = %s",
                (team_id, version, person_id),
            )
        case PersonLeft():
            cursor.execute(
                'update people set "left" = true, version = %s where person_id = %s',
                (version, person_id),
            )
            cursor.execute("delete from held_roles where person_id = %s", (person_id,))
        case PersonReturned(team_id=team_id):
            cursor.execute(
                'update people set "left" = false, team_id = %s, version = %s where person_id = %s',
                (team_id, version, person_id),
            )
        case RoleGranted(role=role):
            cursor.execute(
                "insert into held_roles (person_id, role) values (%s, %s) on conflict do nothing",
                (person_id, role),
            )
            _touch(cursor, person_id, version)
        case RoleWithdrawn(role=role):
            cursor.execute("delete from held_roles where person_id = %s and role = %s", (person_id, role))
            _touch(cursor, person_id, version)
        case _:
            _touch(cursor, person_id, version)


def _touch(cursor: Cursor[DictRow], person_id: UUID, version: int) -> None:
    cursor.execute("update people set version = %s where person_id = %s", (version, person_id))


VIEW = Inline("people", ("people", "held_roles"), project)

# -- questions -----------------------------------------------------------------


def person(cursor: Cursor[DictRow], person_id: UUID) -> DictRow | None:
    return cursor.execute(f"{_PERSON} where p.person_id = %s", (person_id,)).fetchone()


def people_of(cursor: Cursor[DictRow], person_ids: Sequence[UUID]) -> list[DictRow]:
    """In the order asked for; ids nobody has are left out."""
    rows = cursor.execute(f"{_PERSON} where p.person_id = any(%s)", (list(person_ids),)).fetchall()
    by_id = {row["person_id"]: row for row in rows}
    return [by_id[it] for it in dict.fromkeys(person_ids) if it in by_id]


def search(
    cursor: Cursor[DictRow],
    *,
    query: str,
    team_id: UUID | None,
    teams_below: bool,
    role: str,
    include_left: bool,
    limit: int,
    after: Sequence[str],
) -> tuple[list[DictRow], int]:
    """People by name after (name, id), and how many there are in all.

    A directory holds thousands, so scanning it is fine.
    """
    conditions: list[str] = ["true"]
    values: list[object] = []
    if query:
        conditions.append("strpos(lower(p.name || ' ' || p.login || ' ' || p.email), lower(%s)) > 0")
        values.append(query)
    if not include_left:
        conditions.append('not p."left"')
    if role:
        conditions.append("exists (select from held_roles h where h.person_id = p.person_id and h.role = %s)")
        values.append(role)
    below = ""
    if team_id is not None and teams_below:
        below = _TEAMS_BELOW.format(start="team_id = %s")
        conditions.append("p.team_id in (select team_id from below)")
        values.insert(0, str(team_id))
    elif team_id is not None:
        conditions.append("p.team_id = %s")
        values.append(str(team_id))
    where = " and ".join(conditions)
    onwards = " and (p.name, p.person_id) > (%s, %s::uuid)" if after else ""
    rows = cursor.execute(
        f"{below} {_PERSON} where {where}{onwards} order by p.name, p.person_id limit %s",
        (*values, *after, limit),
    ).fetchall()
    total = cursor.execute(f"{below} select count(*) as n from people p where {where}", values).fetchone()
    assert total is not None
    return rows, total["n"]


def visible_owners(cursor: Cursor[DictRow], person_id: UUID) -> list[UUID]:
    """Whose records a person of scope "team" sees: his own, and those of everybody in the teams he
    belongs to or leads and the teams below; people who left included, their records are still there."""
    rows = cursor.execute(
        _TEAMS_BELOW.format(
            start="manager_id = %(me)s or team_id = (select team_id from people where person_id = %(me)s)"
        )
        + " select person_id from people where team_id in (select team_id from below)"
        " union select %(me)s::uuid order by person_id",
        {"me": person_id},
    ).fetchall()
    return [row["person_id"] for row in rows]


def other_administrators(cursor: Cursor[DictRow], person_id: UUID) -> int:
    row = cursor.execute(
        "select count(*) as n from held_roles where role = %s and person_id <> %s",
        (ADMIN, person_id),
    ).fetchone()
    assert row is not None
    return int(row["n"])
