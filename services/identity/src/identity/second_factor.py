"""Time-based one-time codes (RFC 6238: SHA-1, 6 digits, 30 seconds) and recovery codes.

The secret is sealed under the person's key, so it is gone when the person is forgotten. A code is good once:
the step of the last one used is kept, and no step up to it is taken again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b32encode
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.store import EventStore
from kernel.vault import seal, unseal

STEP_S: Final = 30
DIGITS: Final = 6
DRIFT: Final = 1
"""Steps before and after the present one that are taken, for clocks that differ and people who type slowly."""

RECOVERY_CODES: Final = 10
_SECRET_BYTES = 20
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is mistaken for something else


def code_at(secret: bytes, step: int) -> str:
    """HOTP of RFC 4226, section 5.3, over the step."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(code: str, secret: bytes, now: datetime, last_step: int) -> int | None:
    """The step that the code proves, None for a wrong or used one."""
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > last_step:
            found = step
    return found


def otpauth_uri(secret: bytes, login: str) -> str:
    """What an authenticator app reads as a QR code (Key URI format of Google Authenticator)."""
    label = quote(f"Headwater:{login}")
    return f"otpauth://totp/{label}?{urlencode({'secret': text_of(secret), 'issuer': 'Headwater'})}"


def text_of(secret: bytes) -> str:
    return b32encode(secret).decode().rstrip("=")


def new_recovery_codes() -> list[str]:
    """Ten codes of 60 random bits, in two halves."""
    letters = ["".join(secrets.choice(_ALPHABET) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    return [f"{it[:6]}-{it[6:]}" for it in letters]


class SecondFactors:
    """Keeps them; every method works in the caller's transaction."""

    def __init__(self, store: EventStore[object]) -> None:
        self._store = store

    def begin(self, cursor: Cursor[DictRow], person_id: UUID) -> bytes:
        """Make a secret that is not asked for yet; an earlier one that was not confirmed is gone."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        key = self._store.keys(cursor).obtain({str(person_id)})[str(person_id)]
        cursor.execute(
            "insert into second_factors (person_id, sealed) values (%s, %s) on conflict (person_id)"
            " do update set sealed = excluded.sealed, last_step = 0 where second_factors.enrolled_at is null",
            (person_id, seal(key, secret.hex(), _binding(person_id))),
        )
        return secret

    def is_enrolled(self, cursor: Cursor[DictRow], person_id: UUID) -> bool:
        row = cursor.execute(
            "select from second_factors where person_id = %s and enrolled_at is not null", (person_id,)
        ).fetchone()
        return row is not None

    def confirm(self, cursor: Cursor[DictRow], person_id: UUID, code: str, now: datetime) -> list[str] | None:
        """Take the first code: from then on codes are asked for. Returns recovery codes, None for a wrong code."""
        if not self._take_code(cursor, person_id, code, now, enrolled=False):
            return None
        cursor.execute("update second_factors set enrolled_at = %s where person_id = %s", (now, person_id))
        codes = new_recovery_codes()
        cursor.execute("delete from recovery_codes where person_id = %s", (person_id,))
        cursor.execute(
            "insert into recovery_codes (person_id, code_hash) select %s, unnest(%s::bytea[])",
            (person_id, [_hash(person_id, code) for code in codes]),
        )
        return codes

    def take(self, cursor: Cursor[DictRow], person_id: UUID, code: str, now: datetime) -> str:
        """Use a code up: "code" or "recovery code"; empty when it is wrong or was used."""
        code = code.strip().lower()
        if self._take_code(cursor, person_id, code, now, enrolled=True):
            return "code"
        cursor.execute(
            "delete from recovery_codes where person_id = %s and code_hash = %s", (person_id, _hash(person_id, code))
        )
        return "recovery code" if cursor.rowcount else ""

    def remove(self, cursor: Cursor[DictRow], person_id: UUID) -> None:
        cursor.execute("delete from second_factors where person_id = %s", (person_id,))
        cursor.execute("delete from recovery_codes where person_id = %s", (person_id,))

    def _take_code(self, cursor: Cursor[DictRow], person_id: UUID, code: str, now: datetime, *, enrolled: bool) -> bool:
        row = cursor.execute(
            "select sealed, last_step from second_factors"
            " where person_id = %s and (enrolled_at is not null) = %s for update",
            (person_id, enrolled),
        ).fetchone()
        key = self._store.keys(cursor).find({str(person_id)})[str(person_id)] if row else None
        if row is None or key is None:
            return False
        secret = bytes.fromhex(unseal(key, row["sealed"], _binding(person_id)))
        step = step_of(code.strip(), secret, now, row["last_step"])
        if step is None:
            return False
        cursor.execute("update second_factors set last_step = %s where person_id = %s", (step, person_id))
        return True


def _binding(person_id: UUID) -> str:
    return f"second-factor/{person_id}"


def _hash(person_id: UUID, code: str) -> bytes:
    """Codes are random, so a plain hash does; the person goes in so that equal codes do not look equal."""
    return hashlib.sha256(f"{person_id}\x1f{code.replace('-', '')}".encode()).digest()
