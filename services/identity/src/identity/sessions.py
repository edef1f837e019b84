"""Opening, changing and ending sessions: by password and code, or through an identity provider.

What must hold even when a sign-in is refused (the count of attempts, the sign-in log) is committed on its
own, before the refusal is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from identity import accounts, sign_in_log
from identity.accounts import Passwords
from identity.domain import person, session
from identity.domain.session import AccountSharingSuspected, SessionEvent, SessionOpened
from identity.projections import sign_in_policy
from identity.second_factor import SecondFactors, otpauth_uri, text_of
from kernel.errors import DomainError, InvalidArgument, NotFound, TooMany, Unauthenticated
from kernel.ids import new_id
from kernel.store import Cause, EventStore, Transaction

SESSION_LASTS = timedelta(hours=12)
IN_USE = timedelta(minutes=15)
"""A session that was used within this time counts as in use, when it is asked who shares an account."""

_TOUCH_EVERY = timedelta(seconds=60)
PASSWORD = "password"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Without a session token when a second factor is required and was not given."""

    person_id: UUID
    session_token: str
    expires_at: datetime | None
    must_change_password: bool
    second_factor_required: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from: network address, and program or browser."""

    source: str
    device: str


class Sessions:
    def __init__(self, store: EventStore[Any], passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self.factors = SecondFactors(store)

    # -- by password -------------------------------------------------------------

    def sign_in(self, login: str, password: str, code: str, origin: Origin) -> SignedIn:
        login = login.strip().lower()
        self._count(login, origin)
        with self._store.query() as cursor:
            account = accounts.account_by_login(cursor, login)
        known_hash = account["password_hash"] if account else None
        matches = self._passwords.verify(known_hash, password)
        if account is None or known_hash is None or not matches:
            self._refuse(account["person_id"] if account else None, sign_in_log.WRONG_PASSWORD, origin)
        person_id: UUID = account["person_id"]
        with self._store.query() as cursor:
            enrolled = self.factors.is_enrolled(cursor, person_id)
        if enrolled and not code:
            with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
                accounts.forgive_attempt(tx.cursor, login, origin.source)
                self._note(tx, sign_in_log.CODE_NEEDED, person_id, PASSWORD, origin)
            return SignedIn(person_id, "", None, False, second_factor_required=True)
        if enrolled:
            self._count_code(login, person_id, origin)
        fresh_hash = self._passwords.hash(password) if self._passwords.outdated(known_hash) else None
        with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
            # The account as it is now: somebody may have closed it while the hash was computed.
            now_account = accounts.lock_account(tx.cursor, person_id)
            if now_account is None or now_account["password_hash"] != known_hash:
                raise Unauthenticated("login or password is wrong")
            if fresh_hash:
                accounts.refresh_password_hash(tx.cursor, person_id, fresh_hash)
            proof = self.factors.take(tx.cursor, person_id, code, tx.recorded_at) if enrolled else ""
            signed_in = None
            if proof or not enrolled:
                accounts.forgive_attempt(tx.cursor, login, origin.source)
                accounts.forgive_codes(tx.cursor, login)
                if proof == "recovery code":
                    self._append_to_person(tx, person_id, lambda it: it.use_recovery_code())
                via = f"{PASSWORD} and {proof}" if proof else PASSWORD
                token, expires_at = self._open(tx, person_id, via, origin)
                policy = sign_in_policy.policy(tx.cursor)
                old = policy.too_old(now_account["changed_at"], tx.recorded_at)
                signed_in = SignedIn(person_id, token, expires_at, now_account["must_change"] or old)
        if signed_in is None:
            self._refuse(person_id, sign_in_log.WRONG_CODE, origin)
        return signed_in

    # -- by another way ------------------------------------------------------------

    def open(self, person_id: UUID, via: str, origin: Origin) -> SignedIn:
        """Open a session for somebody whom a provider has vouched for."""
        with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
            if accounts.lock_account(tx.cursor, person_id) is None:
                raise Unauthenticated("this account is closed")
            token, expires_at = self._open(tx, person_id, via, origin)
        return SignedIn(person_id, token, expires_at, False)

    def refuse(self, person_id: UUID | None, outcome: str, via: str, origin: Origin) -> None:
        """Put a refusal on record."""
        with self._store.transaction(Cause.of("service:identity")) as tx:
            self._note(tx, outcome, person_id, via, origin)

    # -- open sessions ---------------------------------------------------------------

    def touch(self, session_token: str, now: datetime) -> None:
        """Note that a session is in use, about once a minute."""
        with self._store.connection() as connection:
            connection.execute(
                "update sessions set last_used_at = %s where token_hash = %s"
                " and (last_used_at is null or last_used_at < %s)",
                (now, accounts.token_hash(session_token), now - _TOUCH_EVERY),
            )

    def sign_out(self, session_token: str) -> None:
        with self._store.query() as cursor:
            found = accounts.session_by_token(cursor, session_token)
        if found is None:
            return
        with self._store.transaction(Cause.of(f"person:{found['person_id']}")) as tx:
            session_id = accounts.take_session(tx.cursor, session_token)
            if session_id is not None:
                self.record_closing(tx, [session_id], "signed out")

    def switch(self, tx: Transaction[Any], person_id: UUID, session_token: str, role: str) -> None:
        """Wear one of the roles held, in this session only; an empty one for all of them."""
        found = accounts.session_by_token(tx.cursor, session_token)
        if found is None or found["person_id"] != person_id:
            raise InvalidArgument("session_token", "is not a session of yours; sign in again")
        if role:
            held = tx.load(person_id, person.evolve).state
            grant = held.roles.get(role) if held else None
            if grant is None or (grant.ends_at is not None and grant.ends_at <= tx.recorded_at):
                raise InvalidArgument("role", f"you do not hold {role}; GET /v1/me/identities lists what you hold")
        loaded = tx.load(found["session_id"], session.evolve)
        if loaded.state is not None:
            tx.append(found["session_id"], loaded.version, loaded.state.switch(role))
        tx.cursor.execute("update sessions set role = %s where session_id = %s", (role, found["session_id"]))

    def close_all(self, tx: Transaction[Any], person_id: UUID, reason: str, keep: bytes | None = None) -> int:
        """Close every session but the one with the kept token hash; return how many those were."""
        session_ids = accounts.take_sessions(tx.cursor, person_id, keep)
        self.record_closing(tx, session_ids, reason)
        return len(session_ids)

    @staticmethod
    def record_closing(tx: Transaction[Any], session_ids: Sequence[UUID], reason: str) -> None:
        for session_id in session_ids:
            loaded = tx.load(session_id, session.evolve)
            if loaded.state is not None:
                tx.append(session_id, loaded.version, loaded.state.close(reason))

    # -- second factor -----------------------------------------------------------------
    # In transactions of their own: an answer that holds a secret must not be kept with the command.

    def begin_second_factor(self, person_id: UUID, password: str) -> tuple[str, str]:
        """Return the secret and its otpauth URI; nothing is asked for until it is confirmed."""
        with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
            login = self._require_password(tx, person_id, password)
            if self.factors.is_enrolled(tx.cursor, person_id):
                raise DomainError("there is a second factor already; remove it first")
            secret = self.factors.begin(tx.cursor, person_id)
        return text_of(secret), otpauth_uri(secret, login)

    def confirm_second_factor(self, person_id: UUID, code: str) -> list[str]:
        """Return the recovery codes."""
        self._count_code(f"person:{person_id}", person_id, None)
        with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
            codes = self.factors.confirm(tx.cursor, person_id, code, tx.recorded_at)
            if codes is None:
                raise InvalidArgument("code", "wrong; type the code that the app shows now, or begin again")
            accounts.forgive_codes(tx.cursor, f"person:{person_id}")
            self._append_to_person(tx, person_id, lambda it: it.enrol_second_factor())
        return codes

    def remove_second_factor(self, person_id: UUID, password: str, code: str) -> None:
        self._count_code(f"person:{person_id}", person_id, None)
        with self._store.transaction(Cause.of(f"person:{person_id}")) as tx:
            self._require_password(tx, person_id, password)
            if not self.factors.take(tx.cursor, person_id, code, tx.recorded_at):
                raise InvalidArgument("code", "wrong, or used before; wait for the next one")
            accounts.forgive_codes(tx.cursor, f"person:{person_id}")
            self.factors.remove(tx.cursor, person_id)
            self._append_to_person(tx, person_id, lambda it: it.remove_second_factor("removed"))

    def reset_second_factor(self, tx: Transaction[Any], person_id: UUID) -> int:
        """For somebody who lost it: remove it and close his sessions."""
        self.factors.remove(tx.cursor, person_id)
        version = self._append_to_person(tx, person_id, lambda it: it.remove_second_factor("reset"))
        self.close_all(tx, person_id, "second factor reset")
        return version

    # -- below -----------------------------------------------------------------------

    def _open(self, tx: Transaction[Any], person_id: UUID, via: str, origin: Origin) -> tuple[str, datetime]:
        session_id, token, expires_at = new_id(), accounts.new_token(), tx.recorded_at + SESSION_LASTS
        events: list[SessionEvent] = [
            SessionOpened(session_id, person_id, expires_at, origin.source, origin.device, via)
        ]
        others = accounts.sessions_in_use_elsewhere(tx.cursor, person_id, origin.source, tx.recorded_at - IN_USE)
        addresses = len({row["source"] for row in others}) + 1
        if addresses > sign_in_policy.policy(tx.cursor).most_addresses:
            other_ids = tuple(row["session_id"] for row in others)
            events.append(AccountSharingSuspected(session_id, person_id, other_ids, addresses))
        tx.append(session_id, 0, events)
        accounts.keep_session(
            tx.cursor,
            session_id,
            person_id,
            token,
            tx.recorded_at,
            expires_at,
            origin.source,
            origin.device,
            via,
        )
        self._note(tx, sign_in_log.OPENED, person_id, via, origin, session_id)
        return token, expires_at

    def _count(self, login: str, origin: Origin) -> None:
        with self._store.transaction(Cause.of("service:identity")) as tx:
            known = sign_in_log.comes_often(tx.cursor, login, origin.source, tx.recorded_at)
            limited = accounts.count_attempt(tx.cursor, login, origin.source, tx.recorded_at, comes_often=known)
            if limited is not None and limited.first:
                account = accounts.account_by_login(tx.cursor, login)
                person_id = account["person_id"] if account else None
                self._note(tx, sign_in_log.TOO_MANY, person_id, PASSWORD, origin)
        if limited is not None:
            raise TooMany(f"too many attempts to sign in; try again in {limited.minutes} minutes")

    def _count_code(self, login: str, person_id: UUID, origin: Origin | None) -> None:
        with self._store.transaction(Cause.of("service:identity")) as tx:
            limited = accounts.count_code(tx.cursor, login, tx.recorded_at)
            if limited is not None and limited.first and origin is not None:
                self._note(tx, sign_in_log.TOO_MANY, person_id, PASSWORD, origin)
        if limited is not None:
            raise TooMany(f"too many wrong codes; try again in {limited.minutes} minutes")

    def _refuse(self, person_id: UUID | None, outcome: str, origin: Origin) -> NoReturn:
        self.refuse(person_id, outcome, PASSWORD, origin)
        if outcome == sign_in_log.WRONG_CODE:
            raise Unauthenticated("the code is wrong or was used before; wait for the next one")
        raise Unauthenticated("login or password is wrong")

    def _require_password(self, tx: Transaction[Any], person_id: UUID, password: str) -> str:
        """Return the login."""
        account = accounts.lock_account(tx.cursor, person_id)
        if account is None:
            raise Unauthenticated("sign in again")
        if not self._passwords.verify(account["password_hash"], password):
            raise InvalidArgument("current_password", "wrong")
        login: str = account["login"]
        return login

    @staticmethod
    def _append_to_person(tx: Transaction[Any], person_id: UUID, decide: Any) -> int:
        loaded = tx.load(person_id, person.evolve)
        if loaded.state is None:
            raise NotFound(f"no person {person_id}")
        return tx.append(person_id, loaded.version, decide(loaded.state))

    @staticmethod
    def _note(
        tx: Transaction[Any],
        outcome: str,
        person_id: UUID | None,
        via: str,
        origin: Origin,
        session_id: UUID | None = None,
    ) -> None:
        sign_in_log.note(
            tx.cursor,
            tx.recorded_at,
            outcome,
            person_id=person_id,
            via=via,
            source=origin.source,
            device=origin.device,
            session_id=session_id,
        )
