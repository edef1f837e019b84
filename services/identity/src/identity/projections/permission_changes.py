"""What was changed in who may do what: one row per event that changes somebody's rights, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from identity.domain import api_client, person, role, team
from identity.domain.role import DataScope, FieldRule
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event
    row: dict[str, Any] = {}
    match event:
        case person.RoleGranted():
            row = {"person_id": event.person_id, "role": event.role, "team_id": event.team_id}
            row["details"] = {"ends_at": event.ends_at.isoformat()} if event.ends_at else {}
        case person.RoleWithdrawn():
            row = {"person_id": event.person_id, "role": event.role, "details": {"ended": str(event.ended).lower()}}
        case person.PersonLeft() | person.SecondFactorEnrolled() | person.SecondFactorRemoved():
            row = {"person_id": event.person_id}
        case person.PersonReturned():
            row = {"person_id": event.person_id, "team_id": event.team_id}
        case person.PersonMoved():
            row = {"person_id": event.person_id, "team_id": event.to_team_id}
            row["details"] = {"from_team_id": str(event.from_team_id or "")}
        case role.RoleDefined():
            row = {"role_id": event.role_id, "details": _what(event.permissions, event.data_scope, event.field_rules)}
        case role.RoleRevised():
            before = _what(event.from_permissions, event.from_data_scope, event.from_field_rules)
            details = _what(event.permissions, event.data_scope, event.field_rules)
            row = {
                "role_id": event.role_id,
                "details": details | {f"from_{name}": text for name, text in before.items()},
            }
        case team.TeamManagerAppointed():
            row = {"person_id": event.to_manager_id, "team_id": event.team_id}
            row["details"] = {"from_manager_id": str(event.from_manager_id or "")}
        case team.TeamFormed():
            row = {"person_id": event.manager_id, "team_id": event.team_id}
            row["details"] = {"parent_team_id": str(event.parent_team_id or "")}
        case team.TeamMoved():
            row = {"team_id": event.team_id, "details": {"parent_team_id": str(event.to_parent_team_id or "")}}
        case api_client.ApiClientRegistered():
            row = {"client_id": event.client_id, "person_id": event.owner_id}
            row["details"] = _what(event.permissions, event.data_scope, ()) | {"name": event.name}
        case api_client.ApiClientRotated() | api_client.ApiClientRevoked():
            row = {"client_id": event.client_id}
        case role.RoleRetired():
            row = {"role_id": event.role_id}
        case _:
            return
    metadata = recorded.metadata
    cursor.execute(
        "insert into permission_changes (position, recorded_at, effective_at, actor, what, person_id, role, role_id,"
        " team_id, client_id, details) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (
            recorded.position,
            metadata.recorded_at,
            metadata.effective_at,
            metadata.actor,
            type(event).__name__,
            row.get("person_id"),
            row.get("role", ""),
            row.get("role_id"),
            row.get("team_id"),
            row.get("client_id"),
            Jsonb(row.get("details", {})),
        ),
    )


def _what(permissions: Sequence[str], scope: DataScope, rules: Sequence[FieldRule]) -> dict[str, str]:
    return {
        "permissions": " ".join(permissions),
        "data_scope": scope.name.lower(),
        "field_rules": " ".join(f"{rule.pattern}={rule.access.name.lower()}" for rule in rules),
    }


VIEW = Inline("permission_changes", ("permission_changes",), project)

# -- questions -----------------------------------------------------------------


def changes(
    cursor: Cursor[DictRow],
    *,
    person_id: UUID | None,
    role: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: int | None,
) -> list[DictRow]:
    """Changes before position `after`, the newest first, with the role's name."""
    conditions, values = ["true"], []
    for condition, value in (
        ("c.person_id = %s", person_id),
        ("coalesce(nullif(c.role, ''), r.role) = %s", role or None),
        ("c.recorded_at >= %s", since),
        ("c.recorded_at < %s", until),
        ("c.position < %s", after),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return cursor.execute(
        "select c.*, coalesce(nullif(c.role, ''), r.role, '') as role_name from permission_changes c"
        f" left join roles r on r.role_id = c.role_id where {' and '.join(conditions)}"
        " order by c.position desc limit %s",
        (*values, limit),
    ).fetchall()
