"""Who asks, in tests: callers, the tokens identity would issue for them, and the calls they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kernel.auth import ALGORITHM, AUDIENCE, Caller, Scope, claims_of
from kernel.fields import FieldRules
from kernel.ids import new_id
from kernel.rpc import Call
from kernel.store import Cause, EventStore

OF_A_TEST = timedelta(hours=1)
"""How long tests' tokens are good: longer than any module's fixture, however slow the machine."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A pair of keys as identity has one, both as PEM."""

    private_pem: str
    public_pem: str


@cache
def signing_key() -> SigningKey:
    """The session's keys, made on first use."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(private.decode(), public.decode())


def a_caller(
    permissions: Sequence[str] = ("*",),
    scope: Scope = "all",
    person_id: UUID | None = None,
    owners: Sequence[UUID] = (),
    roles: Sequence[str] = (),
    fields: FieldRules = (),
    guest_of: UUID | None = None,
    teams: Sequence[UUID] = (),
) -> Caller:
    """A person who may do everything and sees everything, unless told otherwise; a guest only what is his."""
    subject = str(person_id or new_id())
    if guest_of is not None:
        scope = "own"
    return Caller(
        "person", subject, tuple(roles), tuple(permissions), scope, tuple(owners), fields, guest_of, tuple(teams)
    )


def a_token(caller: Caller | None = None, issued_at: datetime | None = None, life: timedelta = OF_A_TEST) -> str:
    """A token for the caller, signed with the session's key; expired if issued long ago."""
    issued = issued_at or datetime.now(UTC)
    times = {"iat": issued, "exp": issued + life, "aud": AUDIENCE}
    claims = claims_of(caller or a_caller()) | times
    return jwt.encode(claims, signing_key().private_pem, algorithm=ALGORITHM)


def a_call(
    store: EventStore[Any] | None = None,
    caller: Caller | None = None,
    request_id: str = "",
    effective_at: datetime | None = None,
    timeline_id: str = "",
    peers: Mapping[str, Any] | None = None,
) -> Call:
    """A call as a handler gets it. Close it to commit: `call.close()`, or use `carried_out`."""
    asking = caller or a_caller()
    cause = Cause(
        actor=asking.actor,
        request_id=request_id or str(new_id()),
        correlation_id=new_id(),
        effective_at=effective_at,
        timeline_id=timeline_id,
    )
    return Call(asking, cause, store, a_token(asking), (peers or {}).__getitem__)
