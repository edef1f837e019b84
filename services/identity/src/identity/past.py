"""What a person could do at a moment: a fold of the log up to it, independent of every view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.application import role_stream
from identity.domain import person, role, team
from identity.domain.person import Grant, Person, PersonKind
from identity.domain.role import DataScope, Role, widest
from identity.domain.team import Team
from kernel.errors import DomainError, NotFound
from kernel.store import EventStore

MOST_STREAMS = 20_000


class RoleThen(NamedTuple):
    """A role held at the moment, as it was then."""

    role: Role
    grant: Grant


class Then(NamedTuple):
    """What a person could do at a moment. `owners` is empty when everybody's records were seen."""

    person: Person | None
    roles: tuple[RoleThen, ...]
    permissions: tuple[str, ...]
    data_scope: DataScope
    owners: tuple[UUID, ...]


class Past:
    """The log as it stood at a moment. Times are those of recording: what was not yet recorded allowed nothing."""

    def __init__(self, store: EventStore[Any], cursor: Cursor[DictRow], at: datetime) -> None:
        self._store = store
        self._cursor = cursor
        self._at = at

    def of(self, person_id: UUID) -> Then:
        """Raises NotFound for somebody who was never here."""
        if not self._store.recorder.read_stream(self._cursor, person_id):
            raise NotFound(f"no person {person_id}")
        them = self._fold([person_id], person.evolve).get(person_id)
        if them is None or them.left:
            return Then(them, (), (), DataScope.OWN, (person_id,))
        held = {
            role_stream(name): grant
            for name, grant in them.roles.items()
            if grant.ends_at is None or grant.ends_at > self._at
        }
        states = self._fold(held, role.evolve)
        roles = sorted(
            (RoleThen(it, held[it.id]) for it in states.values() if not it.retired), key=lambda it: it.role.name
        )
        staff = them.kind is PersonKind.STAFF
        scope = widest(it.role.data_scope for it in roles) if staff else DataScope.OWN
        permissions = sorted({pattern for it in roles for pattern in it.role.permissions})
        owners = () if scope is DataScope.ALL else self._owners(them, roles, scope)
        return Then(them, tuple(roles), tuple(permissions), scope, owners)

    def _owners(self, them: Person, roles: Sequence[RoleThen], scope: DataScope) -> tuple[UUID, ...]:
        if scope is DataScope.OWN:
            return (them.id,)
        teams = [it for it in self._fold(self._streams(team.TeamFormed), team.evolve).values() if not it.dissolved]
        return tuple(sorted(owners_seen(them, roles, scope, teams, self._last_teams())))

    def _last_teams(self) -> dict[UUID, UUID]:
        """The team of everybody; of those who left, the last one, because their records are still there."""
        found: dict[UUID, UUID] = {}
        for who, events in self._events(self._streams(person.PersonJoined)).items():
            for event in events:
                match event:
                    case (
                        person.PersonJoined(team_id=where)
                        | person.PersonMoved(to_team_id=where)
                        | person.PersonReturned(team_id=where)
                    ):
                        found.pop(who, None)
                        if where is not None:
                            found[who] = where
        return found

    def _fold(self, streams: Iterable[UUID], evolve: Any) -> dict[UUID, Any]:
        return {
            stream: reduce(evolve, events, None) for stream, events in self._events(list(streams)).items() if events
        }

    def _events(self, streams: Sequence[UUID]) -> dict[UUID, list[Any]]:
        entries = self._store.recorder.read_streams(self._cursor, streams)
        return {
            stream: [
                it.event
                for it in self._store.decode(self._cursor, [it for it in found if it.metadata.recorded_at <= self._at])
            ]
            for stream, found in entries.items()
        }

    def _streams(self, first_event: type) -> list[UUID]:
        rows = self._cursor.execute(
            "select originator_id from events where topic = %s and recorded_at <= %s limit %s",
            (self._store.codec.name_of(first_event), self._at, MOST_STREAMS + 1),
        ).fetchall()
        if len(rows) > MOST_STREAMS:
            raise DomainError(f"more than {MOST_STREAMS} people or teams: ask without the records they saw")
        return [row["originator_id"] for row in rows]


def owners_seen(
    them: Person, roles: Sequence[RoleThen], scope: DataScope, teams: Sequence[Team], members: Mapping[UUID, UUID]
) -> set[UUID]:
    """Whose records somebody with this scope sees: `teams` that there are, `members` by their last team."""
    start = {it.id for it in teams if it.manager_id == them.id}
    own_team = roles[0].grant.team_id if len(roles) == 1 and roles[0].grant.team_id else them.team_id
    if scope is DataScope.TEAM and own_team is not None:
        start.add(own_team)
    below = _with_below(start, teams)
    leading = {it.manager_id for it in teams if it.parent_team_id in below and it.manager_id}
    return {them.id} | leading | {who for who, where in members.items() if where in below}


def _with_below(start: set[UUID], teams: Sequence[Team]) -> set[UUID]:
    below = set(start)
    for _ in teams:
        more = {it.id for it in teams if it.parent_team_id in below} - below
        if not more:
            break
        below |= more
    return below
