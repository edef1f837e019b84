"""A role: permission patterns and how much of the data its holder sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

ADMIN = "admin"
MOST_PATTERNS = 200

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PART = r"(?:\*|[a-z][a-z0-9_-]*)"
_PATTERN = re.compile(rf"\*|{_PART}\.{_PART}(?:\.{_PART})?")

# -- what can happen ---------------------------------------------------------


class DataScope(IntEnum):
    """How much of the data a role lets its holder see; a greater value sees more."""

    OWN = 1
    TEAM = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class RoleDefined:
    role_id: UUID
    name: str
    title: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    preset: bool


@dataclass(frozen=True, slots=True)
class RoleRevised:
    role_id: UUID
    title: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    from_permissions: tuple[str, ...]
    from_data_scope: DataScope


@dataclass(frozen=True, slots=True)
class RoleRetired:
    role_id: UUID


RoleEvent = RoleDefined | RoleRevised | RoleRetired


class RoleGone(DomainError):
    """A retired role is neither changed nor granted."""


class RoleProtected(DomainError):
    """The administrator's role stays as it is, and a preset role is not retired."""


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Role:
    id: UUID
    name: str
    title: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    preset: bool
    retired: bool = False

    def revise(self, title: str, permissions: Sequence[str], data_scope: DataScope) -> list[RoleEvent]:
        self.require_present()
        if self.name == ADMIN:
            raise RoleProtected("the role admin allows everything and cannot be changed")
        title, patterns = title or self.title, checked_patterns(permissions)
        if (title, patterns, data_scope) == (self.title, self.permissions, self.data_scope):
            return []
        return [RoleRevised(self.id, title, patterns, data_scope, self.permissions, self.data_scope)]

    def retire(self) -> list[RoleEvent]:
        if self.retired:
            return []
        if self.preset:
            raise RoleProtected(f"the role {self.name} came with Headwater and cannot be retired")
        return [RoleRetired(self.id)]

    def require_present(self) -> None:
        if self.retired:
            raise RoleGone(f"the role {self.name} is retired")


def define_role(
    role_id: UUID,
    name: str,
    title: str,
    permissions: Sequence[str],
    data_scope: DataScope,
    *,
    preset: bool = False,
) -> list[RoleEvent]:
    if not _NAME.fullmatch(name):
        raise InvalidArgument("role", "2 to 40 lower-case letters, digits or _")
    return [RoleDefined(role_id, name, title, checked_patterns(permissions), data_scope, preset)]


def checked_patterns(permissions: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns sorted and without doubles. Raises InvalidArgument for a malformed one."""
    if not permissions:
        raise InvalidArgument("permissions", "a role allows at least something")
    if len(permissions) > MOST_PATTERNS:
        raise InvalidArgument("permissions", f"at most {MOST_PATTERNS} patterns")
    for pattern in permissions:
        if not _PATTERN.fullmatch(pattern):
            raise InvalidArgument("permissions", f"{pattern!r:.80} is not of the form context.noun.verb")
    return tuple(sorted(set(permissions)))


# -- how it comes to be ------------------------------------------------------


def evolve(role: Role | None, event: RoleEvent) -> Role:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, RoleDefined):
        return Role(event.role_id, event.name, event.title, event.permissions, event.data_scope, event.preset)
    assert role is not None, f"history must begin with RoleDefined, not {type(event).__name__}"
    match event:
        case RoleRevised(title=title, permissions=permissions, data_scope=data_scope):
            return replace(role, title=title, permissions=permissions, data_scope=data_scope)
        case RoleRetired():
            return replace(role, retired=True)
        case _:
            assert_never(event)
