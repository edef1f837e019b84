"""A program that may call the public API: what it may do, until when, and who answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from identity.domain.role import WIDER, DataScope, checked_patterns
from kernel.errors import DomainError, InvalidArgument

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiClientRegistered:
    client_id: UUID
    name: str
    permissions: tuple[str, ...]
    data_scope: DataScope
    owner_id: UUID
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiClientRotated:
    client_id: UUID
    older_valid_until: datetime


@dataclass(frozen=True, slots=True)
class ApiClientRevoked:
    client_id: UUID
    reason: str


ApiClientEvent = ApiClientRegistered | ApiClientRotated | ApiClientRevoked


SANDBOX_MARK = "sandbox-"
"""Begins the secrets that a sandbox gives, so that everybody sees what they are, and a real installation knows them."""


class ApiClientGone(DomainError):
    """A revoked client is not changed any more, and never comes back."""


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class ApiClient:
    id: UUID
    permissions: tuple[str, ...]
    data_scope: DataScope
    owner_id: UUID
    expires_at: datetime | None
    revoked: bool = False

    def rotate(self, older_valid_until: datetime) -> list[ApiClientEvent]:
        if self.revoked:
            raise ApiClientGone(f"client {self.id} is revoked; register another one")
        return [ApiClientRotated(self.id, older_valid_until)]

    def revoke(self, reason: str) -> list[ApiClientEvent]:
        return [] if self.revoked else [ApiClientRevoked(self.id, reason)]


def register(
    client_id: UUID,
    name: str,
    permissions: Sequence[str],
    data_scope: DataScope,
    owner_id: UUID,
    owner_scope: DataScope,
    expires_at: datetime | None,
    now: datetime,
) -> list[ApiClientEvent]:
    """Whether the owner has the permissions himself is asked of his token, before."""
    if data_scope is DataScope.OWN:
        raise InvalidArgument("data_scope", "a client owns no records; say whose it sees: those of a team, or all")
    if WIDER.index(data_scope) > WIDER.index(owner_scope):
        raise InvalidArgument("data_scope", "wider than your own; a client sees at most what you see")
    if expires_at is not None and expires_at <= now:
        raise InvalidArgument("expires_at", "lies in the past; say when the client is to end, or leave it out")
    patterns = checked_patterns(permissions)
    return [ApiClientRegistered(client_id, name, patterns, data_scope, owner_id, expires_at)]


def misplaced(secret: str, sandbox: bool) -> str:
    """Why a secret is of another kind of installation than this one, and what to do; empty when it may be of this."""
    if secret.startswith(SANDBOX_MARK) and not sandbox:
        return "this is the key of a sandbox, and this is no sandbox: use a key that was made here"
    if sandbox and not secret.startswith(SANDBOX_MARK):
        return "this is a sandbox, and this is no key of one: use a key that was made here, and rotate the real one"
    return ""


# -- how it comes to be ------------------------------------------------------


def evolve(client: ApiClient | None, event: ApiClientEvent) -> ApiClient:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, ApiClientRegistered):
        return ApiClient(event.client_id, event.permissions, event.data_scope, event.owner_id, event.expires_at)
    assert client is not None, f"history must begin with ApiClientRegistered, not {type(event).__name__}"
    match event:
        case ApiClientRotated():
            return client
        case ApiClientRevoked():
            return replace(client, revoked=True)
        case _:
            assert_never(event)
