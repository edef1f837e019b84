"""Signs access tokens. Only identity holds the private key; every service verifies with the public one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from identity.domain.role import FieldRule
from kernel.auth import ALGORITHM, AUDIENCE, TOKEN_LIFE, Caller, claims_of


class Signer:
    """Issues tokens that `kernel.auth.Verifier` accepts for a minute. Raises ValueError for another key."""

    def __init__(self, private_key_pem: str) -> None:
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the signing key must be an Ed25519 private key in PEM")
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._key_id = hashlib.sha256(raw).hexdigest()[:16]

    def public_key_pem(self) -> str:
        public = self._key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def issue(self, caller: Caller, now: datetime, further: Mapping[str, Any] | None = None) -> tuple[str, datetime]:
        """Return the token, and when it expires. `further` are claims beyond the caller's."""
        expires_at = now + TOKEN_LIFE
        claims = (
            claims_of(caller)
            | dict(further or {})
            | {
                "aud": AUDIENCE,
                "iat": int(now.timestamp()),
                "exp": int(expires_at.timestamp()),
            }
        )
        token = jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._key_id})
        return token, expires_at


def fields_claim(rules_by_role: Sequence[Sequence[FieldRule]]) -> dict[str, Any]:
    """The claim "fields": for each role a list of [pattern, access]; none when some role withholds nothing."""
    if not rules_by_role or not all(rules_by_role):
        return {}
    return {"fields": [[[rule.pattern, rule.access.name.lower()] for rule in rules] for rules in rules_by_role]}
