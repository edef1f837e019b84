"""A person who works with Headwater: where he belongs, what he may do, and whether he is still here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple, assert_never
from uuid import UUID

from identity.domain.role import ADMIN
from kernel.errors import DomainError, InvalidArgument

MOST_ROLES = 20

_LOGIN = re.compile(r"[\w][\w.@-]{1,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

# -- what can happen ---------------------------------------------------------


class PersonKind(IntEnum):
    """Staff works here; portal users and partners are guests bound to one customer."""

    STAFF = 0
    PORTAL = 1
    PARTNER = 2


@dataclass(frozen=True, slots=True)
class PersonJoined:
    person_id: UUID
    name: str  # personal: sealed at rest, may come back as ERASED
    email: str  # personal
    login: str
    team_id: UUID | None
    position: str
    kind: PersonKind = PersonKind.STAFF
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PersonRevised:
    person_id: UUID
    name: str  # personal
    email: str  # personal
    position: str


@dataclass(frozen=True, slots=True)
class PersonMoved:
    person_id: UUID
    from_team_id: UUID | None
    to_team_id: UUID | None


@dataclass(frozen=True, slots=True)
class PersonLeft:
    person_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class PersonReturned:
    person_id: UUID
    team_id: UUID | None


@dataclass(frozen=True, slots=True)
class RoleGranted:
    person_id: UUID
    role: str
    ends_at: datetime | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RoleWithdrawn:
    person_id: UUID
    role: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    person_id: UUID
    must_change: bool


@dataclass(frozen=True, slots=True)
class SecondFactorEnrolled:
    person_id: UUID


@dataclass(frozen=True, slots=True)
class SecondFactorRemoved:
    person_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed:
    person_id: UUID


@dataclass(frozen=True, slots=True)
class ProviderLinked:
    person_id: UUID
    provider: str


@dataclass(frozen=True, slots=True)
class ProviderUnlinked:
    person_id: UUID
    provider: str


PersonEvent = (
    PersonJoined
    | PersonRevised
    | PersonMoved
    | PersonLeft
    | PersonReturned
    | RoleGranted
    | RoleWithdrawn
    | PasswordChanged
    | SecondFactorEnrolled
    | SecondFactorRemoved
    | RecoveryCodeUsed
    | ProviderLinked
    | ProviderUnlinked
)


class PersonGone(DomainError):
    """Somebody who has left does not change teams, roles or passwords."""


class LastAdministrator(DomainError):
    """There is always somebody who may administer."""


class NotForGuests(DomainError):
    """Portal users and partners belong to no team, lead nobody, and see only what is theirs."""


# -- what it is, and what may be decided about it ----------------------------


class Grant(NamedTuple):
    """A role held: until when (None: for good), and for which team (None: the person's own)."""

    ends_at: datetime | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str
    email: str
    login: str
    team_id: UUID | None
    position: str
    roles: Mapping[str, Grant] = field(default_factory=dict)
    left: bool = False
    kind: PersonKind = PersonKind.STAFF
    customer_id: UUID | None = None
    second_factor: bool = False
    providers: frozenset[str] = frozenset()

    def revise(self, name: str | None, email: str | None, position: str | None) -> list[PersonEvent]:
        """What is None stays."""
        self.require_present()
        wanted = (
            self.name if name is None else checked_name(name),
            self.email if email is None else checked_email(email),
            self.position if position is None else position.strip(),
        )
        if wanted == (self.name, self.email, self.position):
            return []
        return [PersonRevised(self.id, *wanted)]

    def move(self, team_id: UUID | None) -> list[PersonEvent]:
        self.require_present()
        if team_id is not None:
            self.require_staff("belongs to a team")
        return [] if team_id == self.team_id else [PersonMoved(self.id, self.team_id, team_id)]

    def leave(self, reason: str, other_administrators: int) -> list[PersonEvent]:
        if self.left:
            return []
        self._require_another_administrator(other_administrators)
        return [PersonLeft(self.id, reason)]

    def reinstate(self, team_id: UUID | None) -> list[PersonEvent]:
        return [PersonReturned(self.id, team_id)] if self.left else []

    def grant(
        self,
        role: str,
        grant: Grant,
        now: datetime,
        *,
        only_own: bool,
        other_administrators: int,
    ) -> list[PersonEvent]:
        """`only_own`: the role shows its holder nothing but his own. Granting again changes end and team."""
        self.require_present()
        if grant.ends_at is not None and grant.ends_at <= now:
            raise InvalidArgument("ends_at", "lies in the past; say when the grant is to end, or leave it out")
        if self.kind is not PersonKind.STAFF and not only_own:
            raise NotForGuests(f"{role} shows more than one's own; a guest holds only roles of data scope own")
        if grant.team_id is not None:
            self.require_staff("holds a role for a team")
        if self.roles.get(role) == grant:
            return []
        if role not in self.roles and len(self.roles) >= MOST_ROLES:
            raise DomainError(f"one person holds at most {MOST_ROLES} roles")
        if role == ADMIN and grant.ends_at is not None:
            self._require_another_administrator(other_administrators)
        return [RoleGranted(self.id, role, *grant)]

    def withdraw(self, role: str, other_administrators: int) -> list[PersonEvent]:
        if role not in self.roles:
            return []
        if role == ADMIN:
            self._require_another_administrator(other_administrators)
        return [RoleWithdrawn(self.id, role)]

    def end_grant(self, role: str, now: datetime) -> list[PersonEvent]:
        """What the passing of time decides: nothing when the grant was renewed or withdrawn meanwhile."""
        grant = self.roles.get(role)
        if grant is None or grant.ends_at is None or grant.ends_at > now:
            return []
        return [RoleWithdrawn(self.id, role, ended=True)]

    def enrol_second_factor(self) -> list[PersonEvent]:
        self.require_present()
        return [SecondFactorEnrolled(self.id)]

    def remove_second_factor(self, reason: str) -> list[PersonEvent]:
        return [SecondFactorRemoved(self.id, reason)] if self.second_factor else []

    def use_recovery_code(self) -> list[PersonEvent]:
        return [RecoveryCodeUsed(self.id)]

    def link(self, provider: str) -> list[PersonEvent]:
        self.require_present()
        return [ProviderLinked(self.id, provider)]

    def unlink(self, provider: str) -> list[PersonEvent]:
        return [ProviderUnlinked(self.id, provider)] if provider in self.providers else []

    def change_password(self, *, must_change: bool) -> list[PersonEvent]:
        self.require_present()
        return [PasswordChanged(self.id, must_change)]

    def require_present(self) -> None:
        if self.left:
            raise PersonGone(f"person {self.id} has left; reinstate the account first")

    def require_staff(self, what: str) -> None:
        if self.kind is not PersonKind.STAFF:
            raise NotForGuests(f"person {self.id} is a guest of a customer; only staff {what}")

    def _require_another_administrator(self, others: int) -> None:
        held = self.roles.get(ADMIN)
        if held is not None and held.ends_at is None and not others:
            raise LastAdministrator("this is the only administrator; appoint another one first")


def join(
    person_id: UUID,
    name: str,
    email: str,
    login: str,
    team_id: UUID | None,
    position: str,
    kind: PersonKind = PersonKind.STAFF,
    customer_id: UUID | None = None,
) -> list[PersonEvent]:
    if kind is PersonKind.STAFF and customer_id is not None:
        raise InvalidArgument("customer_id", "staff belongs to no customer; say that the person is a guest")
    if kind is not PersonKind.STAFF and customer_id is None:
        raise InvalidArgument("customer_id", "say whose guest the person is")
    if kind is not PersonKind.STAFF and team_id is not None:
        raise InvalidArgument("team_id", "a guest belongs to no team")
    return [
        PersonJoined(
            person_id,
            checked_name(name),
            checked_email(email),
            checked_login(login),
            team_id,
            position.strip(),
            kind,
            customer_id,
        )
    ]


def checked_login(login: str) -> str:
    """Return the login as it is kept: lower case. Raises InvalidArgument."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise InvalidArgument("login", "2 to 64 letters, digits, '.', '_', '-' or '@'")
    return login


def checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 120:
        raise InvalidArgument("name", "1 to 120 characters")
    return name


def checked_email(email: str) -> str:
    """Empty is allowed: not everybody has one."""
    email = email.strip()
    if email and not _EMAIL.fullmatch(email):
        raise InvalidArgument("email", "not an e-mail address")
    return email


# -- how it comes to be ------------------------------------------------------


def evolve(person: Person | None, event: PersonEvent) -> Person:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, PersonJoined):
        return Person(
            event.person_id,
            event.name,
            event.email,
            event.login,
            event.team_id,
            event.position,
            kind=event.kind,
            customer_id=event.customer_id,
        )
    assert person is not None, f"history must begin with PersonJoined, not {type(event).__name__}"
    match event:
        case PersonRevised(name=name, email=email, position=position):
            return replace(person, name=name, email=email, position=position)
        case PersonMoved(to_team_id=team_id):
            return replace(person, team_id=team_id)
        case PersonLeft():
            return replace(person, left=True, team_id=None, roles={}, second_factor=False, providers=frozenset[str]())
        case PersonReturned(team_id=team_id):
            return replace(person, left=False, team_id=team_id)
        case RoleGranted(role=role, ends_at=ends_at, team_id=team_id):
            return replace(person, roles={**person.roles, role: Grant(ends_at, team_id)})
        case RoleWithdrawn(role=role):
            return replace(person, roles={name: grant for name, grant in person.roles.items() if name != role})
        case SecondFactorEnrolled():
            return replace(person, second_factor=True)
        case SecondFactorRemoved():
            return replace(person, second_factor=False)
        case ProviderLinked(provider=provider):
            return replace(person, providers=person.providers | {provider})
        case ProviderUnlinked(provider=provider):
            return replace(person, providers=person.providers - {provider})
        case PasswordChanged() | RecoveryCodeUsed():
            return person
        case _:
            assert_never(event)
