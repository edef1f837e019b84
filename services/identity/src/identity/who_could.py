"""Who could see a record in a period, from the log alone: rights, teams and owners, moment by moment.

What changes nothing about rights is passed over. A person could if he had the permission in force and the
record's owner of that moment was in his scope; whether he signed in is another question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.application import role_stream
from identity.domain import api_client, person, role, team
from identity.domain.api_client import ApiClient
from identity.domain.person import Person, PersonKind
from identity.domain.role import DataScope, Role, widest
from identity.domain.team import Team
from identity.past import MOST_STREAMS, RoleThen, owners_seen
from kernel.auth import Caller
from kernel.errors import DomainError
from kernel.store import EventStore, Recorded

MOST_MOMENTS = 3_000
_FIRST = (team.TeamFormed, role.RoleDefined, person.PersonJoined, api_client.ApiClientRegistered)
_MOVES = (person.PersonJoined, person.PersonMoved, person.PersonReturned)
_PASSED_OVER = (
    person.PasswordChanged,
    person.PersonRevised,
    person.SecondFactorEnrolled,
    person.SecondFactorRemoved,
    person.RecoveryCodeUsed,
    person.ProviderLinked,
    person.ProviderUnlinked,
    team.TeamRenamed,
    api_client.ApiClientRotated,
)


class How(IntEnum):
    """Why somebody could; the numbers are those of the contract."""

    OWNER = 1
    SUBORDINATES = 2
    TEAM = 3
    ALL = 4
    GUEST = 5
    KEY_ACCOUNT = 6
    SHARE = 7


class Owned(NamedTuple):
    """Whose record it was from a moment on; None: nobody's."""

    since: datetime
    owner_id: UUID | None


class LetSee(NamedTuple):
    """Who was let see it beside its owner, in which span: KEY_ACCOUNT for staff, SHARE for guests."""

    grantee_id: UUID
    since: datetime
    until: datetime | None
    how: How


class Could(NamedTuple):
    """Somebody could, from then until then, for that reason, by these roles."""

    actor: str
    since: datetime
    until: datetime
    how: How
    roles: tuple[str, ...]


@dataclass(slots=True)
class _Standing:
    """People, teams, roles and clients at one moment of the log."""

    people: dict[UUID, Person] = field(default_factory=dict)
    teams: dict[UUID, Team] = field(default_factory=dict)
    roles: dict[UUID, Role] = field(default_factory=dict)
    clients: dict[UUID, ApiClient] = field(default_factory=dict)
    last_teams: dict[UUID, UUID] = field(default_factory=dict)

    def take(self, recorded: Recorded[Any]) -> None:
        event, stream = recorded.event, recorded.stream
        match type(event).__module__.rpartition(".")[2]:
            case "person":
                self.people[stream] = person.evolve(self.people.get(stream), event)
                if isinstance(event, _MOVES):
                    where = event.to_team_id if isinstance(event, person.PersonMoved) else event.team_id
                    self.last_teams.pop(stream, None)
                    if where is not None:
                        self.last_teams[stream] = where
            case "team":
                self.teams[stream] = team.evolve(self.teams.get(stream), event)
            case "role":
                self.roles[stream] = role.evolve(self.roles.get(stream), event)
            case "api_client":
                self.clients[stream] = api_client.evolve(self.clients.get(stream), event)

    def who(
        self, permission: str, record_id: UUID, owner: UUID | None, at: datetime, let: Mapping[UUID, How]
    ) -> dict[str, tuple[How, tuple[str, ...]]]:
        found: dict[str, tuple[How, tuple[str, ...]]] = {}
        for them in self.people.values():
            if them.left:
                continue
            held = self._held(them, at)
            patterns = tuple(pattern for it in held for pattern in it.role.permissions)
            if Caller("person", str(them.id), permissions=patterns).may(permission):
                scope = widest(it.role.data_scope for it in held)
                if how := self._how(them, held, scope, record_id, owner) or self._let(them, held, let):
                    found[f"person:{them.id}"] = how, tuple(sorted(it.role.name for it in held))
        for client in self.clients.values():
            behind = self.people.get(client.owner_id)
            gone = client.revoked or (client.expires_at is not None and client.expires_at <= at)
            if gone or behind is None or behind.left:
                continue
            if not Caller("client", str(client.id), permissions=client.permissions).may(permission):
                continue
            if how := self._how(behind, (), client.data_scope, record_id, owner):
                found[f"client:{client.id}"] = how, ()
        return found

    def _held(self, them: Person, at: datetime) -> list[RoleThen]:
        held = []
        for name, grant in them.roles.items():
            known = self.roles.get(role_stream(name))
            if known is not None and not known.retired and (grant.ends_at is None or grant.ends_at > at):
                held.append(RoleThen(known, grant))
        return sorted(held, key=lambda it: it.role.name)

    def _let(self, them: Person, held: Sequence[RoleThen], let: Mapping[UUID, How]) -> How | None:
        """Why he was let see it though it was not in his scope."""
        if not let:
            return None
        staff = them.kind is PersonKind.STAFF
        wanted = How.KEY_ACCOUNT if staff else How.SHARE
        known_as = {them.id, them.customer_id}
        for team_id in (them.team_id, *(it.grant.team_id for it in held)) if staff else ():
            while team_id is not None and team_id not in known_as:
                known_as.add(team_id)
                above = self.teams.get(team_id)
                team_id = above.parent_team_id if above else None
        return wanted if any(let.get(it) is wanted for it in known_as if it is not None) else None

    def _how(
        self, them: Person, held: Sequence[RoleThen], scope: DataScope, record_id: UUID, owner: UUID | None
    ) -> How | None:
        if them.kind is not PersonKind.STAFF:
            return How.GUEST if them.customer_id == record_id else None
        if scope is DataScope.ALL:
            return How.ALL
        if owner == them.id:
            return How.OWNER
        if scope is DataScope.OWN:
            return None
        how = How.TEAM if scope is DataScope.TEAM else How.SUBORDINATES
        if owner is None:
            return how
        present = [it for it in self.teams.values() if not it.dissolved]
        return how if owner in owners_seen(them, held, scope, present, self.last_teams) else None


def who_could(
    store: EventStore[Any],
    cursor: Cursor[DictRow],
    permission: str,
    record_id: UUID,
    owned: Sequence[Owned],
    from_at: datetime,
    to_at: datetime,
    let_see: Sequence[LetSee] = (),
) -> list[Could]:
    """Return spans within the period, by actor. `owned` is in order; before its first the record was not there."""
    log = _log(store, cursor, to_at)
    standing, place = _Standing(), 0
    moments = {from_at, *(it.since for it in owned if from_at < it.since < to_at)}
    moments |= {it.metadata.recorded_at for it in log if from_at < it.metadata.recorded_at < to_at}
    spans: list[Could] = []
    open_: dict[str, tuple[datetime, tuple[How, tuple[str, ...]]]] = {}
    moments |= {at for it in let_see for at in (it.since, it.until) if at is not None and from_at < at < to_at}
    moments |= {at for it in log for at in _ends_of(it.event) if from_at < at < to_at}
    if len(moments) > MOST_MOMENTS:
        raise DomainError(f"rights or owners changed {len(moments):,} times in this period; ask for a shorter one")
    for at in sorted(moments):
        while place < len(log) and log[place].metadata.recorded_at <= at:
            standing.take(log[place])
            place += 1
        begun = [it for it in owned if it.since <= at]
        let = {it.grantee_id: it.how for it in let_see if it.since <= at and (it.until is None or at < it.until)}
        now = standing.who(permission, record_id, begun[-1].owner_id, at, let) if begun else {}
        _turn(open_, now, at, spans)
    _turn(open_, {}, to_at, spans)
    return sorted(spans, key=lambda it: (it.actor, it.since))


def _turn(
    open_: dict[str, tuple[datetime, tuple[How, tuple[str, ...]]]],
    now: Mapping[str, tuple[How, tuple[str, ...]]],
    at: datetime,
    spans: list[Could],
) -> None:
    """End the spans that no longer hold as they began; begin those that do now."""
    for actor in [it for it, (_, why) in open_.items() if now.get(it) != why]:
        since, (how, roles) = open_.pop(actor)
        spans.append(Could(actor, since, at, how, roles))
    for actor, why in now.items():
        open_.setdefault(actor, (at, why))


def _ends_of(event: Any) -> list[datetime]:
    """When what the event gives ends by itself."""
    ends = getattr(event, "ends_at", None) or getattr(event, "expires_at", None)
    return [] if ends is None else [ends]


def _log(store: EventStore[Any], cursor: Cursor[DictRow], until: datetime) -> list[Recorded[Any]]:
    """Everything about rights recorded by then, in the order of the log."""
    rows = cursor.execute(
        "select originator_id from events where topic = any(%s) and originator_version = 1 and recorded_at <= %s"
        " limit %s",
        ([store.codec.name_of(first) for first in _FIRST], until, MOST_STREAMS + 1),
    ).fetchall()
    if len(rows) > MOST_STREAMS:
        raise DomainError(f"more than {MOST_STREAMS:,} people, teams, roles and clients: too many to go through")
    streams = store.recorder.read_streams(cursor, [row["originator_id"] for row in rows])
    entries = sorted(
        (it for found in streams.values() for it in found if it.metadata.recorded_at <= until),
        key=lambda it: it.position,
    )
    return [it for it in store.decode(cursor, entries) if not isinstance(it.event, _PASSED_OVER)]
