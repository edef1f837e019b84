"""A role: permission patterns, how much of the data its holder sees, and what of single fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

ADMIN = "admin"
MOST_PATTERNS = 200
MOST_FIELD_RULES = 100

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PART = r"(?:\*|[a-z][a-z0-9_-]*)"
_PATTERN = re.compile(rf"\*|{_PART}\.{_PART}(?:\.{_PART})?")
_FIELD_PATTERN = re.compile(rf"{_PART}\.{_PART}\.(?:\*|[a-z][a-z_]*)")

# -- what can happen ---------------------------------------------------------


class FieldAccess(IntEnum):
    """What a holder may do with a field; a greater value allows less."""

    EDIT = 1
    VIEW = 2
    MASK = 3
    HIDE = 4


@dataclass(frozen=True, slots=True)
class FieldRule:
    """`pattern` is "context.noun.class" with "*" for any part; the class is what kind of data a field holds."""

    pattern: str
    access: FieldAccess


class DataScope(IntEnum):
    """How much of the data a role lets its holder see. TEAM is the department: one's team and those below."""

    OWN = 1
    TEAM = 2
    ALL = 3
    SUBORDINATES = 4


WIDER = (DataScope.OWN, DataScope.SUBORDINATES, DataScope.TEAM, DataScope.ALL)
"""The data scopes, the narrowest first."""


def widest(scopes: Iterable[DataScope]) -> DataScope:
    """OWN when there are none."""
    return max(scopes, key=WIDER.index, default=DataScope.OWN)


@dataclass(frozen=True, slots=True)
class RoleDefined:
    role_id: UUID
    name: str
    title: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    preset: bool
    field_rules: tuple[FieldRule, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleRevised:
    role_id: UUID
    title: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    from_permissions: tuple[str, ...]
    from_data_scope: DataScope
    field_rules: tuple[FieldRule, ...] = ()
    from_field_rules: tuple[FieldRule, ...] = ()


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
    field_rules: tuple[FieldRule, ...] = ()
    retired: bool = False

    def revise(
        self,
        title: str,
        permissions: Sequence[str],
        data_scope: DataScope,
        field_rules: Sequence[FieldRule] | None = None,
    ) -> list[RoleEvent]:
        """An empty title and field rules of None stay as they are."""
        self.require_present()
        if self.name == ADMIN:
            raise RoleProtected("the role admin allows everything and cannot be changed")
        title, patterns = title or self.title, checked_patterns(permissions)
        rules = self.field_rules if field_rules is None else checked_field_rules(field_rules)
        wanted = (title, patterns, data_scope, rules)
        if wanted == (self.title, self.permissions, self.data_scope, self.field_rules):
            return []
        before = (self.permissions, self.data_scope)
        return [RoleRevised(self.id, title, patterns, data_scope, *before, rules, self.field_rules)]

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
    field_rules: Sequence[FieldRule] = (),
    *,
    preset: bool = False,
) -> list[RoleEvent]:
    if not _NAME.fullmatch(name):
        raise InvalidArgument("role", "2 to 40 lower-case letters, digits or _")
    if not title.strip():
        raise InvalidArgument("title", "say what people call the role")
    patterns, rules = checked_patterns(permissions), checked_field_rules(field_rules)
    return [RoleDefined(role_id, name, title, patterns, data_scope, preset, rules)]


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


def checked_field_rules(rules: Sequence[FieldRule]) -> tuple[FieldRule, ...]:
    """Return the rules sorted by pattern, one each. Raises InvalidArgument for a malformed one."""
    if len(rules) > MOST_FIELD_RULES:
        raise InvalidArgument("field_rules", f"at most {MOST_FIELD_RULES} rules")
    access_of: dict[str, FieldAccess] = {}
    for rule in rules:
        if not _FIELD_PATTERN.fullmatch(rule.pattern):
            raise InvalidArgument("field_rules", f"{rule.pattern!r:.80} is not of the form context.noun.class")
        if access_of.setdefault(rule.pattern, rule.access) is not rule.access:
            raise InvalidArgument("field_rules", f"{rule.pattern} is given twice with different access")
    return tuple(FieldRule(pattern, access) for pattern, access in sorted(access_of.items()))


def rules_beside_others(
    permissions: Sequence[str], rules: Sequence[FieldRule], contexts: Sequence[str]
) -> tuple[FieldRule, ...]:
    """The role's rules when other roles are held too, of which the most generous wins.

    A role that allows nothing in one of the contexts must not be the generous one there: it hides all of it.
    """
    reached = {pattern.partition(".")[0] for pattern in permissions}
    beyond = () if "*" in reached else [context for context in contexts if context not in reached]
    return (*rules, *(FieldRule(f"{context}.*.*", FieldAccess.HIDE) for context in beyond))


# -- how it comes to be ------------------------------------------------------


def evolve(role: Role | None, event: RoleEvent) -> Role:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, RoleDefined):
        what = (event.title, event.permissions, event.data_scope, event.preset, event.field_rules)
        return Role(event.role_id, event.name, *what)
    assert role is not None, f"history must begin with RoleDefined, not {type(event).__name__}"
    match event:
        case RoleRevised(title=title, permissions=permissions, data_scope=data_scope, field_rules=rules):
            return replace(role, title=title, permissions=permissions, data_scope=data_scope, field_rules=rules)
        case RoleRetired():
            return replace(role, retired=True)
        case _:
            assert_never(event)
