"""What each role allows, and what a person's roles allow together."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.role import DataScope, RoleDefined, RoleRetired, RoleRevised
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case RoleDefined() as defined:
            cursor.execute(
                "insert into roles (role, role_id, title, permissions, data_scope, preset, version)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    defined.name,
                    recorded.stream,
                    defined.title,
                    list(defined.permissions),
                    int(defined.data_scope),
                    defined.preset,
                    recorded.version,
                ),
            )
        case RoleRevised() as revised:
            cursor.execute(
                "update roles set title = %s, permissions = %s, data_scope = %s, version = %s where role_id = %s",
                (
                    revised.title,
                    list(revised.permissions),
                    int(revised.data_scope),
                    recorded.version,
                    recorded.stream,
                ),
            )
        case RoleRetired():
            cursor.execute(
                "update roles set retired = true, version = %s where role_id = %s",
                (recorded.version, recorded.stream),
            )


VIEW = Inline("roles", ("roles",), project)

# -- questions -----------------------------------------------------------------


class Allowed(NamedTuple):
    """What a person's roles allow together: every pattern of any, the widest scope of all."""

    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    data_scope: DataScope


def allowed(cursor: Cursor[DictRow], person_id: UUID) -> Allowed:
    rows = cursor.execute(
        "select r.role, r.permissions, r.data_scope from held_roles h join roles r using (role)"
        " where h.person_id = %s and not r.retired order by r.role",
        (person_id,),
    ).fetchall()
    return Allowed(
        tuple(row["role"] for row in rows),
        tuple(sorted({pattern for row in rows for pattern in row["permissions"]})),
        DataScope(max((row["data_scope"] for row in rows), default=DataScope.OWN)),
    )


def all_roles(cursor: Cursor[DictRow], *, include_retired: bool) -> list[DictRow]:
    return cursor.execute("select * from roles where %s or not retired order by role", (include_retired,)).fetchall()
