"""Signing in through an identity provider, in two steps with the person's browser in between.

The second step must come from the browser that took the first: it shows a secret that only that browser got.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from identity import accounts, sign_in_log
from identity.domain import person
from identity.projections import people
from identity.providers import OIDC, OpenIdConnect, Provider, SignsIn, Vouched
from identity.sessions import Origin, Sessions, SignedIn
from identity.vendors import vendor_of
from kernel.errors import NotFound, TooMany, Unauthenticated
from kernel.store import Cause, EventStore

PENDING_FOR = timedelta(minutes=10)
_SWEEP = 200


def subject_hash(subject: str) -> bytes:
    """How a provider's id of a person is kept."""
    return hashlib.sha256(subject.encode()).digest()


class Begun(NamedTuple):
    """Where to send the browser, and the secret it has to show when it comes back."""

    authorization_url: str
    browser_token: str


class ProviderSignIn:
    def __init__(self, store: EventStore[Any], sessions: Sessions, providers: Mapping[str, Provider]) -> None:
        self._store = store
        self._sessions = sessions
        self.providers = providers
        self._clients = {name: _client_of(provider) for name, provider in providers.items()}

    def begin(self, provider: str, origin: Origin) -> Begun:
        client = self._client(provider)
        state, nonce, verifier, browser = (accounts.new_token() for _ in range(4))
        with self._store.transaction(Cause.of("service:identity")) as tx:
            limited = accounts.count_beginning(tx.cursor, origin.source, tx.recorded_at)
            if limited is None:
                tx.cursor.execute(
                    "delete from pending_sign_ins where state_hash in (select state_hash from pending_sign_ins"
                    " where expires_at <= %s order by expires_at limit %s for update skip locked)",
                    (tx.recorded_at, _SWEEP),
                )
                tx.cursor.execute(
                    "insert into pending_sign_ins (state_hash, browser_hash, provider, nonce, verifier, expires_at)"
                    " values (%s, %s, %s, %s, %s, %s)",
                    (
                        accounts.token_hash(state),
                        accounts.token_hash(browser),
                        provider,
                        nonce,
                        verifier,
                        tx.recorded_at + PENDING_FOR,
                    ),
                )
        if limited is not None:
            raise TooMany(f"too many attempts to sign in; try again in {limited.minutes} minutes")
        return Begun(client.authorization_url(state, nonce, verifier), browser)

    def finish(self, state: str, code: str, browser_token: str, origin: Origin) -> SignedIn:
        """A state is good once, whatever becomes of it."""
        with self._store.transaction(Cause.of("service:identity")) as tx:
            row = tx.cursor.execute(
                "delete from pending_sign_ins where state_hash = %s returning *", (accounts.token_hash(state),)
            ).fetchone()
            now = tx.recorded_at
        if (
            row is None
            or row["expires_at"] <= now
            or bytes(row["browser_hash"]) != accounts.token_hash(browser_token)
            or row["provider"] not in self._clients
        ):
            raise Unauthenticated("this sign-in was not begun here, or too long ago; begin again")
        name: str = row["provider"]
        try:
            vouched = self._clients[name].vouched(code, row["nonce"], row["verifier"])
            person_id = self._person_of(name, vouched)
        except Unauthenticated:
            self._sessions.refuse(None, sign_in_log.PROVIDER_REFUSED, name, origin)
            raise
        return self._sessions.open(person_id, name, origin)

    def _person_of(self, provider: str, vouched: Vouched) -> UUID:
        """By an earlier link; else by a verified e-mail address that exactly one person here has."""
        subject = subject_hash(vouched.subject)
        with self._store.transaction(Cause.of("service:identity")) as tx:
            row = tx.cursor.execute(
                "select person_id from provider_links where provider = %s and subject_hash = %s", (provider, subject)
            ).fetchone()
            if row is not None:
                known: UUID = row["person_id"]
                return known
            matching = people.present_with_email(tx.cursor, vouched.email) if vouched.email else []
            if len(matching) != 1:
                raise Unauthenticated(
                    "nobody here is known by what the provider says; ask an administrator to enter your e-mail address"
                )
            (person_id,) = matching
            loaded = tx.load(person_id, person.evolve)
            assert loaded.state is not None, "a row without a history"
            tx.append(person_id, loaded.version, loaded.state.link(provider))
            tx.cursor.execute(
                "insert into provider_links (provider, subject_hash, person_id, linked_at) values (%s, %s, %s, %s)",
                (provider, subject, person_id, tx.recorded_at),
            )
        return person_id

    def _client(self, provider: str) -> SignsIn:
        client = self._clients.get(provider)
        if client is None:
            raise NotFound(f"there is no provider {provider!r:.40}; GET /v1/session/providers lists them")
        return client


def _client_of(provider: Provider) -> SignsIn:
    return OpenIdConnect(provider) if provider.kind == OIDC else vendor_of(provider)
