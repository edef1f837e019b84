"""Which programs may call the public API, and what each of them may do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.api_client import ApiClientRegistered, ApiClientRevoked, ApiClientRotated
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case ApiClientRegistered() as client:
            cursor.execute(
                "insert into api_clients (client_id, name, permissions, data_scope, owner_id, registered_at,"
                " expires_at, version) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    recorded.stream,
                    client.name,
                    list(client.permissions),
                    int(client.data_scope),
                    client.owner_id,
                    recorded.metadata.recorded_at,
                    client.expires_at,
                    recorded.version,
                ),
            )
        case ApiClientRotated():
            cursor.execute(
                "update api_clients set version = %s where client_id = %s", (recorded.version, recorded.stream)
            )
        case ApiClientRevoked():
            cursor.execute(
                "update api_clients set revoked_at = %s, version = %s where client_id = %s",
                (recorded.metadata.recorded_at, recorded.version, recorded.stream),
            )


VIEW = Inline("api_clients", ("api_clients",), project)

# -- questions -----------------------------------------------------------------


def clients(cursor: Cursor[DictRow], *, include_revoked: bool, limit: int, after: tuple[str, ...]) -> list[DictRow]:
    """Clients by name after (name, id), with when and from where each was last used."""
    onwards = "and (c.name, c.client_id) > (%s, %s::uuid)" if after else ""
    return cursor.execute(
        "select c.*, u.last_used_at, u.source, (select count(*) from api_client_secrets s"
        " where s.client_id = c.client_id) as secrets from api_clients c left join api_client_uses u using (client_id)"
        f" where (%s or c.revoked_at is null) {onwards} order by c.name, c.client_id limit %s",
        (include_revoked, *after, limit),
    ).fetchall()


def live_clients_of(cursor: Cursor[DictRow], owner_id: UUID) -> list[UUID]:
    """The clients that somebody answers for."""
    rows = cursor.execute(
        "select client_id from api_clients where owner_id = %s and revoked_at is null order by client_id", (owner_id,)
    ).fetchall()
    return [row["client_id"] for row in rows]
