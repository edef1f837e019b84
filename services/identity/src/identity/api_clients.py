"""API clients: registering, rotating and revoking them, and what their secret is exchanged for.

During a rotation two secrets are good; the older one ends by itself. A client ends with whoever answers for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from identity import accounts
from identity.domain import api_client
from identity.domain.api_client import ApiClient
from identity.domain.role import DataScope
from identity.projections import api_clients
from kernel.errors import InvalidArgument, NotFound, TooMany, Unauthenticated
from kernel.ids import new_id
from kernel.store import Cause, EventStore, Transaction

ROTATION: Final = timedelta(days=7)
LONGEST_ROTATION: Final = timedelta(days=90)
_TOUCH_EVERY = timedelta(seconds=60)


class ApiClients:
    def __init__(self, store: EventStore[Any], sandbox: bool = False) -> None:
        self._store = store
        self._sandbox = sandbox

    # In transactions of their own: an answer that holds a secret must not be kept with the command.

    def register(
        self,
        owner_id: UUID,
        name: str,
        permissions: Sequence[str],
        data_scope: DataScope,
        owner_scope: DataScope,
        expires_at: datetime | None,
        cause: Cause,
    ) -> tuple[UUID, str]:
        """Return the client's id and its secret, which is shown only now."""
        client_id, secret = new_id(), self._new_secret()
        with self._store.transaction(cause) as tx:
            events = api_client.register(
                client_id, name, permissions, data_scope, owner_id, owner_scope, expires_at, tx.recorded_at
            )
            tx.append(client_id, 0, events)
            _keep(tx, client_id, secret)
        return client_id, secret

    def rotate(self, client_id: UUID, older_valid_until: datetime | None, cause: Cause) -> str:
        """Return another secret; all older ones end then, the oldest of three at once."""
        secret = self._new_secret()
        with self._store.transaction(cause) as tx:
            until = older_valid_until or tx.recorded_at + ROTATION
            if until > tx.recorded_at + LONGEST_ROTATION:
                raise InvalidArgument("older_valid_until", f"at most {LONGEST_ROTATION.days} days from now")
            loaded = tx.load(client_id, api_client.evolve)
            if loaded.state is None:
                raise NotFound(f"no client {client_id}")
            tx.append(client_id, loaded.version, loaded.state.rotate(until))
            tx.cursor.execute(
                "delete from api_client_secrets where client_id = %(id)s and secret_hash not in (select secret_hash"
                " from api_client_secrets where client_id = %(id)s order by made_at desc limit 1)",
                {"id": client_id},
            )
            tx.cursor.execute(
                "update api_client_secrets set valid_until = least(coalesce(valid_until, %(until)s), %(until)s)"
                " where client_id = %(id)s",
                {"id": client_id, "until": until},
            )
            _keep(tx, client_id, secret)
        return secret

    def revoke(self, tx: Transaction[Any], client_id: UUID, reason: str) -> int:
        loaded = tx.load(client_id, api_client.evolve)
        if loaded.state is None:
            raise NotFound(f"no client {client_id}")
        tx.cursor.execute("delete from api_client_secrets where client_id = %s", (client_id,))
        return tx.append(client_id, loaded.version, loaded.state.revoke(reason))

    def revoke_all_of(self, tx: Transaction[Any], owner_id: UUID) -> int:
        """Return how many clients ended with the person who answered for them."""
        found = api_clients.live_clients_of(tx.cursor, owner_id)
        for client_id in found:
            self.revoke(tx, client_id, "its owner left")
        return len(found)

    def proved(self, client_id: UUID, secret: str, source: str, now: datetime) -> ApiClient:
        """The client whose secret this is. Raises Unauthenticated alike for whatever is wrong, but for a secret of
        another kind of installation, which is said."""
        if wrong := api_client.misplaced(secret, self._sandbox):
            raise Unauthenticated(wrong)
        with self._store.transaction(Cause.of("service:identity")) as tx:
            limited = accounts.count_attempt(tx.cursor, str(client_id), source, tx.recorded_at)
        if limited is not None:
            raise TooMany(f"too many attempts; try again in {limited.minutes} minutes")
        with self._store.transaction(Cause.of("service:identity")) as tx:
            client = tx.load(client_id, api_client.evolve).state
            known = _is_secret_of(tx.cursor, client_id, secret, now)
            expired = client is not None and client.expires_at is not None and client.expires_at <= now
            if client is None or client.revoked or expired or not known:
                raise Unauthenticated("client or secret is wrong, or the client has ended")
            accounts.forgive_attempt(tx.cursor, str(client_id), source)
            tx.cursor.execute(
                "insert into api_client_uses as u (client_id, last_used_at, source) values (%s, %s, %s)"
                " on conflict (client_id) do update set last_used_at = excluded.last_used_at,"
                " source = excluded.source where u.last_used_at < %s",
                (client_id, now, source, now - _TOUCH_EVERY),
            )
        return client

    def _new_secret(self) -> str:
        return (api_client.SANDBOX_MARK if self._sandbox else "") + accounts.new_token()


def _keep(tx: Transaction[Any], client_id: UUID, secret: str) -> None:
    tx.cursor.execute(
        "insert into api_client_secrets (client_id, secret_hash, made_at) values (%s, %s, %s)",
        (client_id, accounts.token_hash(secret), tx.recorded_at),
    )


def _is_secret_of(cursor: Cursor[DictRow], client_id: UUID, secret: str, now: datetime) -> bool:
    row = cursor.execute(
        "select from api_client_secrets where client_id = %s and secret_hash = %s"
        " and (valid_until is null or valid_until > %s)",
        (client_id, accounts.token_hash(secret), now),
    ).fetchone()
    return row is not None
