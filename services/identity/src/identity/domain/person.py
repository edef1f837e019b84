"""A person who works with Headwater: where he belongs, what he may do, and whether he is still here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from identity.domain.role import ADMIN
from kernel.errors import DomainError, InvalidArgument

MOST_ROLES = 20

_LOGIN = re.compile(r"[\w][\w.@-]{1,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonJoined:
    person_id: UUID
    name: str  # personal: sealed at rest, may come back as ERASED
    email: str  # personal
    login: str
    team_id: UUID | None
    position: str


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


@dataclass(frozen=True, slots=True)
class RoleWithdrawn:
    person_id: UUID
    role: str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    person_id: UUID
    must_change: bool


PersonEvent = (
    PersonJoined
    | PersonRevised
    | PersonMoved
    | PersonLeft
    | PersonReturned
    | RoleGranted
    | RoleWithdrawn
    | PasswordChanged
)


class PersonGone(DomainError):
    """Somebody who has left does not change teams, roles or passwords."""


class LastAdministrator(DomainError):
    """There is always somebody who may administer."""


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str
    email: str
    login: str
    team_id: UUID | None
    position: str
    roles: frozenset[str] = frozenset()
    left: bool = False

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
        return [] if team_id == self.team_id else [PersonMoved(self.id, self.team_id, team_id)]

    def leave(self, reason: str, other_administrators: int) -> list[PersonEvent]:
        if self.left:
            return []
        self._require_another_administrator(other_administrators)
        return [PersonLeft(self.id, reason)]

    def reinstate(self, team_id: UUID | None) -> list[PersonEvent]:
        return [PersonReturned(self.id, team_id)] if self.left else []

    def grant(self, role: str) -> list[PersonEvent]:
        self.require_present()
        if role in self.roles:
            return []
        if len(self.roles) >= MOST_ROLES:
            raise DomainError(f"one person holds at most {MOST_ROLES} roles")
        return [RoleGranted(self.id, role)]

    def withdraw(self, role: str, other_administrators: int) -> list[PersonEvent]:
        if role not in self.roles:
            return []
        if role == ADMIN:
            self._require_another_administrator(other_administrators)
        return [RoleWithdrawn(self.id, role)]

    def change_password(self, *, must_change: bool) -> list[PersonEvent]:
        self.require_present()
        return [PasswordChanged(self.id, must_change)]

    def require_present(self) -> None:
        if self.left:
            raise PersonGone(f"person {self.id} has left; reinstate the account first")

    def _require_another_administrator(self, others: int) -> None:
        if ADMIN in self.roles and not others:
            raise LastAdministrator("this is the only administrator; appoint another one first")


def join(person_id: UUID, name: str, email: str, login: str, team_id: UUID | None, position: str) -> list[PersonEvent]:
    return [
        PersonJoined(
            person_id,
            checked_name(name),
            checked_email(email),
            checked_login(login),
            team_id,
            position.strip(),
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
        return Person(event.person_id, event.name, event.email, event.login, event.team_id, event.position)
    assert person is not None, f"history must begin with PersonJoined, not {type(event).__name__}"
    match event:
        case PersonRevised(name=name, email=email, position=position):
            return replace(person, name=name, email=email, position=position)
        case PersonMoved(to_team_id=team_id):
            return replace(person, team_id=team_id)
        case PersonLeft():
            return replace(person, left=True, team_id=None, roles=frozenset())
        case PersonReturned(team_id=team_id):
            return replace(person, left=False, team_id=team_id)
        case RoleGranted(role=role):
            return replace(person, roles=person.roles | {role})
        case RoleWithdrawn(role=role):
            return replace(person, roles=person.roles - {role})
        case PasswordChanged():
            return person
        case _:
            assert_never(event)
