"""Who is here: one row per person, with the roles held. Also answers whose records somebody sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.person import (
    PasswordChanged,
    PersonJoined,
    PersonLeft,
    PersonMoved,
    PersonReturned,
    PersonRevised,
    ProviderLinked,
    ProviderUnlinked,
    RecoveryCodeUsed,
    RoleGranted,
    RoleWithdrawn,
    SecondFactorEnrolled,
    SecondFactorRemoved,
)
from identity.domain.role import ADMIN, DataScope
from kernel.projections import Inline
from kernel.store import Recorded

_PERSON = (
    "select p.*, coalesce((select array_agg(h.role order by h.role) from held_roles h"
    " where h.person_id = p.person_id and (h.ends_at is null or h.ends_at > %s)), '{}') as roles from people p"
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
                "insert into people (person_id, name, email, login, team_id, position, kind, customer_id, joined_at,"
                " version) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    person_id,
                    str(joined.name),
                    str(joined.email),
                    joined.login,
                    joined.team_id,
                    joined.position,
                    int(joined.kind),
                    joined.customer_id,
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
                "update people set \"left\" = true, second_factor = false, providers = '{}', version = %s"
                " where person_id = %s",
                (version, person_id),
            )
            cursor.execute("delete from held_roles where person_id = %s", (person_id,))
        case PersonReturned(team_id=team_id):
            cursor.execute(
                'update people set "left" = false, team_id = %s, version = %s where person_id = %s',
                (team_id, version, person_id),
            )
        case RoleGranted(role=role, ends_at=ends_at, team_id=team_id):
            metadata = recorded.metadata
            cursor.execute(
                "insert into held_roles (person_id, role, granted_at, granted_by, ends_at, team_id)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (person_id, role) do update set"
                " granted_at = excluded.granted_at, granted_by = excluded.granted_by,"
                " ends_at = excluded.ends_at, team_id = excluded.team_id",
                (person_id, role, metadata.effective_at, metadata.actor, ends_at, team_id),
            )
            _touch(cursor, person_id, version)
        case RoleWithdrawn(role=role):
            cursor.execute("delete from held_roles where person_id = %s and role = %s", (person_id, role))
            _touch(cursor, person_id, version)
        case SecondFactorEnrolled() | SecondFactorRemoved():
            enrolled = isinstance(recorded.event, SecondFactorEnrolled)
            cursor.execute("update people set second_factor = %s where person_id = %s", (enrolled, person_id))
            _touch(cursor, person_id, version)
        case ProviderLinked(provider=provider):
            cursor.execute(
                "update people set providers = array_append(array_remove(providers, %s), %s) where person_id = %s",
                (provider, provider, person_id),
            )
            _touch(cursor, person_id, version)
        case ProviderUnlinked(provider=provider):
            cursor.execute(
                "update people set providers = array_remove(providers, %s) where person_id = %s", (provider, person_id)
            )
            _touch(cursor, person_id, version)
        case PasswordChanged() | RecoveryCodeUsed():
            _touch(cursor, person_id, version)


def _touch(cursor: Cursor[DictRow], person_id: UUID, version: int) -> None:
    cursor.execute("update people set version = %s where person_id = %s", (version, person_id))


VIEW = Inline("people", ("people", "held_roles"), project)

# -- questions -----------------------------------------------------------------


def person(cursor: Cursor[DictRow], person_id: UUID, now: datetime) -> DictRow | None:
    """The person with the roles that are held now."""
    return cursor.execute(f"{_PERSON} where p.person_id = %s", (now, person_id)).fetchone()


def present_with_email(cursor: Cursor[DictRow], email: str) -> list[UUID]:
    """Who is here with that address, at most two; case does not matter."""
    rows = cursor.execute(
        'select person_id from people where lower(email) = lower(%s) and not "left" limit 2', (email,)
    ).fetchall()
    return [row["person_id"] for row in rows]


def people_of(cursor: Cursor[DictRow], person_ids: Sequence[UUID], now: datetime) -> list[DictRow]:
    """In the order asked for; ids nobody has are left out."""
    rows = cursor.execute(f"{_PERSON} where p.person_id = any(%s)", (now, list(person_ids))).fetchall()
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
    include_guests: bool,
    now: datetime,
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
    if not include_guests:
        conditions.append("p.kind = 0")
    if role:
        conditions.append(
            "exists (select from held_roles h where h.person_id = p.person_id and h.role = %s"
            " and (h.ends_at is null or h.ends_at > %s))"
        )
        values += [role, now]
    below, start = "", list[object]()
    if team_id is not None and teams_below:
        below = _TEAMS_BELOW.format(start="team_id = %s")
        conditions.append("p.team_id in (select team_id from below)")
        start.append(str(team_id))
    elif team_id is not None:
        conditions.append("p.team_id = %s")
        values.append(str(team_id))
    where = " and ".join(conditions)
    onwards = " and (p.name, p.person_id) > (%s, %s::uuid)" if after else ""
    rows = cursor.execute(
        f"{below} {_PERSON} where {where}{onwards} order by p.name, p.person_id limit %s",
        (*start, now, *values, *after, limit),
    ).fetchall()
    count = f"{below} select count(*) as n from people p where {where}"
    total = cursor.execute(count, (*start, *values)).fetchone()
    assert total is not None
    return rows, total["n"]


def visible_owners(
    cursor: Cursor[DictRow], person_id: UUID, scope: DataScope = DataScope.TEAM, team_id: UUID | None = None
) -> list[UUID]:
    """Whose records a person sees; people who left included, their records are still there.

    SUBORDINATES: his own, those of everybody in the teams he leads and the teams below, and of who leads
    those below. TEAM: also those of the team he belongs to, or of `team_id` instead of it. OWN: his own.
    """
    if scope is DataScope.OWN:
        return [person_id]
    mine = "manager_id = %(me)s"
    if scope is DataScope.TEAM:
        mine += (
            " or team_id = %(team)s"
            if team_id
            else " or team_id = (select team_id from people where person_id = %(me)s)"
        )
    rows = cursor.execute(
        _TEAMS_BELOW.format(start=mine) + " select person_id from people where team_id in (select team_id from below)"
        " union select manager_id from teams where parent_team_id in (select team_id from below)"
        " and manager_id is not null"
        " union select %(me)s::uuid order by person_id",
        {"me": person_id, "team": team_id},
    ).fetchall()
    return [row["person_id"] for row in rows]


def other_administrators(cursor: Cursor[DictRow], person_id: UUID) -> int:
    """How many others administer for good; a grant that ends does not count."""
    row = cursor.execute(
        "select count(*) as n from held_roles where role = %s and person_id <> %s and ends_at is null",
        (ADMIN, person_id),
    ).fetchone()
    assert row is not None
    return int(row["n"])


def grants(
    cursor: Cursor[DictRow],
    *,
    person_id: UUID | None,
    role: str,
    only_ending: bool,
    now: datetime,
    limit: int,
    after: Sequence[str],
) -> list[DictRow]:
    """Roles held, by the person's name; those whose end has passed are left out."""
    conditions, values = ["(h.ends_at is null or h.ends_at > %s)"], list[object]([now])
    if person_id is not None:
        conditions.append("h.person_id = %s")
        values.append(person_id)
    if role:
        conditions.append("h.role = %s")
        values.append(role)
    if only_ending:
        conditions.append("h.ends_at is not null")
    if after:
        conditions.append("(p.name, h.person_id, h.role) > (%s, %s::uuid, %s)")
        values += after
    return cursor.execute(
        "select h.*, p.name from held_roles h join people p using (person_id)"
        f" where {' and '.join(conditions)} order by p.name, h.person_id, h.role limit %s",
        (*values, limit),
    ).fetchall()


def identities(cursor: Cursor[DictRow], person_id: UUID, now: datetime) -> list[DictRow]:
    """The roles that the person holds now, each with its title and the team it is held for."""
    return cursor.execute(
        "select h.role, r.title, h.ends_at, t.team_id, t.name as team_name from held_roles h"
        " join roles r using (role) join people p using (person_id)"
        " left join teams t on t.team_id = coalesce(h.team_id, p.team_id)"
        " where h.person_id = %s and not r.retired and (h.ends_at is null or h.ends_at > %s) order by h.role",
        (person_id, now),
    ).fetchall()
