"""What each role allows, and what a person's roles allow together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from identity.domain.role import (
    DataScope,
    FieldAccess,
    FieldRule,
    RoleDefined,
    RoleRetired,
    RoleRevised,
    rules_beside_others,
    widest,
)
from kernel.config import CONTEXTS
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case RoleDefined() as defined:
            cursor.execute(
                "insert into roles (role, role_id, title, permissions, data_scope, preset, field_rules, version)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    defined.name,
                    recorded.stream,
                    defined.title,
                    list(defined.permissions),
                    int(defined.data_scope),
                    defined.preset,
                    _pairs(defined.field_rules),
                    recorded.version,
                ),
            )
        case RoleRevised() as revised:
            cursor.execute(
                "update roles set title = %s, permissions = %s, data_scope = %s, field_rules = %s, version = %s"
                " where role_id = %s",
                (
                    revised.title,
                    list(revised.permissions),
                    int(revised.data_scope),
                    _pairs(revised.field_rules),
                    recorded.version,
                    recorded.stream,
                ),
            )
        case RoleRetired():
            cursor.execute(
                "update roles set retired = true, version = %s where role_id = %s",
                (recorded.version, recorded.stream),
            )


def _pairs(rules: Sequence[FieldRule]) -> Jsonb:
    return Jsonb([[rule.pattern, int(rule.access)] for rule in rules])


VIEW = Inline("roles", ("roles",), project)

# -- questions -----------------------------------------------------------------


class Allowed(NamedTuple):
    """What a person's roles allow together: every pattern of any, the widest scope of all.

    `field_rules` has one entry for every role, in the order of `roles`. `team_id` is the team that a single
    role is held for.
    """

    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    data_scope: DataScope
    field_rules: tuple[tuple[FieldRule, ...], ...] = ()
    team_id: UUID | None = None


def allowed(cursor: Cursor[DictRow], person_id: UUID, now: datetime, only: str = "") -> Allowed:
    """`only`: the one role that is worn in this session. A grant whose end has passed allows nothing."""
    rows = cursor.execute(
        "select r.role, r.permissions, r.data_scope, r.field_rules, h.team_id"
        " from held_roles h join roles r using (role)"
        " where h.person_id = %s and not r.retired and (h.ends_at is null or h.ends_at > %s)"
        " and (%s = '' or r.role = %s) order by r.role",
        (person_id, now, only, only),
    ).fetchall()
    return Allowed(
        tuple(row["role"] for row in rows),
        tuple(sorted({pattern for row in rows for pattern in row["permissions"]})),
        widest(DataScope(row["data_scope"]) for row in rows),
        _together(rows),
        rows[0]["team_id"] if len(rows) == 1 else None,
    )


def field_rules_of(cursor: Cursor[DictRow], names: Sequence[str]) -> list[tuple[str, tuple[FieldRule, ...]]]:
    """What each of the roles withholds; nothing when one of them withholds nothing."""
    rows = cursor.execute(
        "select role, permissions, field_rules from roles where role = any(%s) and not retired order by role",
        (list(names),),
    ).fetchall()
    together = _together(rows)
    return [(row["role"], rules) for row, rules in zip(rows, together, strict=True)] if all(together) else []


def data_scope_of(cursor: Cursor[DictRow], names: Sequence[str]) -> DataScope:
    """The widest data scope of the roles."""
    rows = cursor.execute(
        "select data_scope from roles where role = any(%s) and not retired", (list(names),)
    ).fetchall()
    return widest(DataScope(row["data_scope"]) for row in rows)


def _together(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[FieldRule, ...], ...]:
    if len(rows) == 1 or not any(row["field_rules"] for row in rows):
        return tuple(field_rules(row) for row in rows)
    return tuple(rules_beside_others(row["permissions"], field_rules(row), CONTEXTS) for row in rows)


def field_rules(row: Mapping[str, Any]) -> tuple[FieldRule, ...]:
    return tuple(FieldRule(pattern, FieldAccess(access)) for pattern, access in row["field_rules"])


def all_roles(cursor: Cursor[DictRow], *, include_retired: bool) -> list[DictRow]:
    return cursor.execute("select * from roles where %s or not retired order by role", (include_retired,)).fetchall()


def changed_by_people(cursor: Cursor[DictRow], role_id: UUID) -> bool:
    """Whether anybody but an installation ever changed the role."""
    row = cursor.execute(
        "select from events where originator_id = %s and actor not like 'service:%%' limit 1", (role_id,)
    ).fetchone()
    return row is not None
