"""Secrets at rest: password hashes, session tokens, service secrets and the count of sign-in attempts.

State tables, not views: nothing here is ever in an event, and nothing rebuilds it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import argon2
from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.errors import AlreadyExists, Unavailable

ATTEMPTS: Final = 5
"""Attempts of one login from one source in a window; the next is refused before it is looked at."""

ATTEMPTS_OF_LOGIN: Final = 100
ATTEMPTS_OF_SOURCE: Final = 300
CODES: Final = 10
"""Wrong second-factor codes of one login in a window, wherever they come from."""

WINDOW: Final = timedelta(minutes=15)

_HASHES_AT_ONCE = 4
_HASH_WAIT_S = 3.0
_SWEEP = 200


class Passwords:
    """Hashes and verifies with argon2id. Bounded: each hash takes tens of MiB for tens of ms."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turn = threading.BoundedSemaphore(_HASHES_AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        with _Turn(self._turn):
            return self._hasher.hash(normalised(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Takes as long for an account that does not exist, so that nobody learns which do."""
        with _Turn(self._turn):
            try:
                self._hasher.verify(password_hash or self._nobody, normalised(password))
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)


def normalised(password: str) -> str:
    """One form for what keyboards type in several."""
    return unicodedata.normalize("NFKC", password)


class _Turn:
    def __init__(self, semaphore: threading.BoundedSemaphore) -> None:
        self._semaphore = semaphore

    def __enter__(self) -> None:
        if not self._semaphore.acquire(timeout=_HASH_WAIT_S):
            raise Unavailable("too many people sign in at this moment; try again")

    def __exit__(self, *_: object) -> None:
        self._semaphore.release()


def new_token() -> str:
    """An opaque token of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """How an opaque token or a generated secret is kept: it has no pattern to guess, so SHA-256 does."""
    return hashlib.sha256(token.encode()).digest()


# -- accounts --------------------------------------------------------------------


def open_account(cursor: Cursor[DictRow], person_id: UUID, login: str) -> None:
    """Raises AlreadyExists when the login was ever somebody's."""
    cursor.execute(
        "insert into accounts (person_id, login) values (%s, %s) on conflict do nothing",
        (person_id, login),
    )
    if not cursor.rowcount:
        raise AlreadyExists(f"the login {login} is taken, or was somebody's; choose another one")


def refresh_password_hash(cursor: Cursor[DictRow], person_id: UUID, hashed: str) -> None:
    """The same password, hashed as hashing is done today."""
    cursor.execute("update accounts set password_hash = %s where person_id = %s", (hashed, person_id))


def former_passwords(cursor: Cursor[DictRow], person_id: UUID, how_many: int) -> list[str]:
    """Hashes of the passwords before, the present one first."""
    rows = cursor.execute(
        "select password_hash from (select password_hash, 'infinity'::timestamptz as until from accounts"
        " where person_id = %(person)s and password_hash is not null union all"
        " select password_hash, until from former_passwords where person_id = %(person)s) f"
        " order by until desc limit %(most)s",
        {"person": person_id, "most": how_many},
    ).fetchall()
    return [row["password_hash"] for row in rows]


def remember_password(cursor: Cursor[DictRow], person_id: UUID, at: datetime, how_many: int) -> None:
    """Keep the present hash among the former ones, and not more of them than are refused."""
    cursor.execute(
        "insert into former_passwords (person_id, password_hash, until)"
        " select person_id, password_hash, %s from accounts where person_id = %s and password_hash is not null",
        (at, person_id),
    )
    cursor.execute(
        "delete from former_passwords where person_id = %(person)s and ctid not in (select ctid from"
        " former_passwords where person_id = %(person)s order by until desc limit %(most)s)",
        {"person": person_id, "most": how_many},
    )


def close_account(cursor: Cursor[DictRow], person_id: UUID) -> None:
    """Every secret of the account goes with it."""
    cursor.execute("update accounts set closed = true, password_hash = null where person_id = %s", (person_id,))
    for table in ("former_passwords", "second_factors", "recovery_codes", "provider_links"):
        cursor.execute(f"delete from {table} where person_id = %s", (person_id,))


def reopen_account(cursor: Cursor[DictRow], person_id: UUID) -> None:
    cursor.execute("update accounts set closed = false where person_id = %s", (person_id,))


def set_password_hash(
    cursor: Cursor[DictRow], person_id: UUID, hashed: str, at: datetime, *, must_change: bool
) -> None:
    cursor.execute(
        "update accounts set password_hash = %s, must_change = %s, changed_at = %s where person_id = %s",
        (hashed, must_change, at, person_id),
    )


def account_by_login(cursor: Cursor[DictRow], login: str) -> DictRow | None:
    return cursor.execute("select * from accounts where login = %s and not closed", (login,)).fetchone()


def lock_account(cursor: Cursor[DictRow], person_id: UUID) -> DictRow | None:
    """The account unless it is closed; nobody else changes it until the transaction ends."""
    return cursor.execute(
        "select * from accounts where person_id = %s and not closed for update", (person_id,)
    ).fetchone()


# -- sessions --------------------------------------------------------------------


def keep_session(
    cursor: Cursor[DictRow],
    session_id: UUID,
    person_id: UUID,
    token: str,
    opened_at: datetime,
    expires_at: datetime,
    source: str,
    device: str,
    via: str,
) -> None:
    """Also drops expired sessions, a limited number at a time."""
    cursor.execute(
        "delete from sessions where session_id in (select session_id from sessions"
        " where expires_at <= %s order by expires_at limit %s for update skip locked)",
        (opened_at, _SWEEP),
    )
    cursor.execute(
        "insert into sessions (session_id, person_id, token_hash, opened_at, expires_at, source,"
        " device, via, last_used_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (session_id, person_id, token_hash(token), opened_at, expires_at, source, device, via, opened_at),
    )


def session_by_token(cursor: Cursor[DictRow], token: str) -> DictRow | None:
    """The session, expired or not, with its account's state; None once it is closed."""
    return cursor.execute(
        "select s.*, a.must_change, a.changed_at from sessions s join accounts a using (person_id)"
        " where s.token_hash = %s and not a.closed",
        (token_hash(token),),
    ).fetchone()


def sessions_of(cursor: Cursor[DictRow], person_id: UUID, now: datetime) -> list[DictRow]:
    return cursor.execute(
        "select * from sessions where person_id = %s and expires_at > %s order by opened_at desc limit 100",
        (person_id, now),
    ).fetchall()


def sessions_in_use_elsewhere(cursor: Cursor[DictRow], person_id: UUID, source: str, since: datetime) -> list[DictRow]:
    """The person's sessions that were used since then from other addresses."""
    return cursor.execute(
        "select session_id, source from sessions where person_id = %s and source <> %s and last_used_at >= %s"
        " order by opened_at desc limit 100",
        (person_id, source, since),
    ).fetchall()


def take_sessions(cursor: Cursor[DictRow], person_id: UUID, keep: bytes | None = None) -> list[UUID]:
    """Delete every session of the person except the one with the kept token hash; return their ids."""
    rows = cursor.execute(
        "delete from sessions where person_id = %s and token_hash is distinct from %s returning session_id",
        (person_id, keep),
    ).fetchall()
    return [row["session_id"] for row in rows]


def take_session(cursor: Cursor[DictRow], token: str) -> UUID | None:
    row = cursor.execute(
        "delete from sessions where token_hash = %s returning session_id", (token_hash(token),)
    ).fetchone()
    return None if row is None else row["session_id"]


# -- sign-in attempts --------------------------------------------------------------


class Limited(NamedTuple):
    """How long to stay away, and whether this was the first attempt that was one too many."""

    stay_away: timedelta
    first: bool

    @property
    def minutes(self) -> int:
        return max(1, -(-int(self.stay_away.total_seconds()) // 60))


def count_attempt(
    cursor: Cursor[DictRow], login: str, source: str, now: datetime, *, comes_often: bool = False
) -> Limited | None:
    """Count before looking at the password, so that many at once do not slip through.

    Somebody who comes often from this address is stopped by his own failures there only: the attempts of
    others on his login, or from his address, do not lock him out. To be committed either way.
    """
    pair = attempt_key("pair", login, source)
    limits = {
        pair: ATTEMPTS,
        attempt_key("login", login): ATTEMPTS_OF_LOGIN,
        attempt_key("source", source): ATTEMPTS_OF_SOURCE,
    }
    return _count(cursor, limits, [pair] if comes_often else list(limits), now)


def count_code(cursor: Cursor[DictRow], login: str, now: datetime) -> Limited | None:
    """Count a second-factor code before looking at it. Only who knows the password gets here."""
    key = attempt_key("code", login)
    return _count(cursor, {key: CODES}, [key], now)


def count_beginning(cursor: Cursor[DictRow], source: str, now: datetime) -> Limited | None:
    """Count a sign-in begun through a provider: each leaves a row for a while."""
    key = attempt_key("begin", source)
    return _count(cursor, {key: ATTEMPTS_OF_SOURCE}, [key], now)


def forgive_codes(cursor: Cursor[DictRow], login: str) -> None:
    cursor.execute("delete from sign_in_attempts where key = %s", (attempt_key("code", login),))


def _count(
    cursor: Cursor[DictRow], limits: Mapping[bytes, int], binding: Sequence[bytes], now: datetime
) -> Limited | None:
    rows = cursor.execute(
        "insert into sign_in_attempts as a (key, attempts, since)"
        " select k, 1, %(now)s from unnest(%(keys)s::bytea[]) k order by k"
        " on conflict (key) do update set"
        " attempts = case when a.since < %(start)s then 1 else a.attempts + 1 end,"
        " since = case when a.since < %(start)s then %(now)s else a.since end"
        " returning key, attempts, since",
        {"now": now, "start": now - WINDOW, "keys": list(limits)},
    ).fetchall()
    # After the insert, and skipping what is locked: so nobody waits for somebody who waits for him.
    cursor.execute(
        "delete from sign_in_attempts where key in (select key from sign_in_attempts"
        " where since < %s order by since limit %s for update skip locked)",
        (now - WINDOW, _SWEEP),
    )
    over = {
        row["since"]: row["attempts"] - limits[bytes(row["key"])]
        for row in rows
        if bytes(row["key"]) in binding and row["attempts"] > limits[bytes(row["key"])]
    }
    return Limited(max(over) + WINDOW - now, min(over.values()) == 1) if over else None


def forgive_attempt(cursor: Cursor[DictRow], login: str, source: str) -> None:
    """The password was right: only failures count."""
    pair = attempt_key("pair", login, source)
    others = [attempt_key("login", login), attempt_key("source", source)]
    cursor.execute("select from sign_in_attempts where key = any(%s) order by key for update", ([pair, *others],))
    cursor.execute("delete from sign_in_attempts where key = %s", (pair,))
    cursor.execute(
        "update sign_in_attempts set attempts = attempts - 1 where key = any(%s) and attempts > 0",
        (others,),
    )


def attempt_key(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


# -- services --------------------------------------------------------------------


def keep_service(
    cursor: Cursor[DictRow], service: str, secret: str, permissions: tuple[str, ...], at: datetime
) -> bool:
    """Make or renew a service's account; return whether anything changed."""
    cursor.execute(
        "insert into service_accounts as s (service, secret_hash, permissions, changed_at)"
        " values (%s, %s, %s, %s) on conflict (service) do update set"
        " secret_hash = excluded.secret_hash, permissions = excluded.permissions,"
        " changed_at = excluded.changed_at"
        " where (s.secret_hash, s.permissions) is distinct from"
        " (excluded.secret_hash, excluded.permissions)",
        (service, token_hash(secret), list(permissions), at),
    )
    return cursor.rowcount > 0


def service_permissions(cursor: Cursor[DictRow], service: str, secret: str) -> tuple[str, ...] | None:
    """What the service may do; None when there is no such service or the secret is wrong."""
    row = cursor.execute(
        "select secret_hash, permissions from service_accounts where service = %s", (service,)
    ).fetchone()
    expected = bytes(row["secret_hash"]) if row else bytes(32)
    matches = hmac.compare_digest(expected, token_hash(secret))
    return tuple(row["permissions"]) if row and matches else None
