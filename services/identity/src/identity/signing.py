"""Signs access tokens. Only identity holds the private key; every service verifies with the public one."""

from __future__ import annotations

import hashlib
from datetime import datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

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

    def issue(self, caller: Caller, now: datetime) -> tuple[str, datetime]:
        """Return the token, and when it expires."""
        expires_at = now + TOKEN_LIFE
        claims = claims_of(caller) | {
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        token = jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._key_id})
        return token, expires_at
