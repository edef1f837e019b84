"""Everything one may ask of identity. One method per command, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from identity import accounts
from identity.accounts import Passwords
from identity.api_clients import ApiClients
from identity.domain import person, role, team
from identity.domain import sign_in_policy as policy_of_signing_in
from identity.domain.password import check_password
from identity.domain.person import Grant, Person, PersonEvent, PersonKind
from identity.domain.presets import ALSO_CALLED, PRESETS
from identity.domain.role import ADMIN, DataScope, FieldRule, Role
from identity.domain.sign_in_policy import SignInPolicy
from identity.domain.team import Team, TeamEvent
from identity.projections import people, roles, sign_in_policy, teams
from identity.sessions import Sessions
from kernel.errors import (
    AlreadyExists,
    Conflict,
    InvalidArgument,
    NotFound,
    Unauthenticated,
)
from kernel.ids import derived_id, new_id
from kernel.store import Transaction
from kernel.timers import Timer, TimerHandler

END_GRANT = "end_grant"

_POLICY = derived_id("sign-in-policy")
_ORGANISATION = (4711, 1)  # advisory lock: whoever changes the tree or who is in it, one at a time


class Identity:
    def __init__(self, passwords: Passwords, sessions: Sessions, clients: ApiClients) -> None:
        self._passwords = passwords
        self._clients = clients
        self._sessions = sessions

    # -- passwords -------------------------------------------------------------

    def change_password(
        self,
        tx: Transaction[Any],
        person_id: UUID,
        current: str,
        new: str,
        session_token: str,
    ) -> int:
        """Return how many other sessions were closed."""
        account = accounts.lock_account(tx.cursor, person_id)
        if account is None:
            raise Unauthenticated("sign in again")
        if not self._passwords.verify(account["password_hash"], current):
            raise InvalidArgument("current_password", "wrong")
        self._set_password(tx, person_id, "new_password", new, must_change=False)
        keep = accounts.token_hash(session_token) if session_token else None
        return self._sessions.close_all(tx, person_id, "password changed", keep)

    def set_password(self, tx: Transaction[Any], person_id: UUID, password: str, *, must_change: bool) -> int:
        version = self._set_password(tx, person_id, "password", password, must_change=must_change)
        self._sessions.close_all(tx, person_id, "password changed")
        return version

    # -- people ----------------------------------------------------------------

    def register_person(
        self,
        tx: Transaction[Any],
        *,
        name: str,
        email: str,
        login: str,
        team_id: UUID | None,
        position: str,
        roles: Sequence[str],
        password: str,
        must_change: bool,
        kind: PersonKind = PersonKind.STAFF,
        customer_id: UUID | None = None,
    ) -> tuple[UUID, int]:
        self.lock_organisation(tx)
        self._require_team(tx, team_id, "team_id")
        person_id = new_id()
        login = person.checked_login(login)
        accounts.open_account(tx.cursor, person_id, login)
        joined = person.join(person_id, name, email, login, team_id, position, kind, customer_id)
        version = tx.append(person_id, 0, joined)
        for role_name in dict.fromkeys(roles):
            version = self.grant_role(tx, person_id, role_name, 0)
        if password:
            version = self._set_password(tx, person_id, "password", password, must_change=must_change)
        return person_id, version

    def revise_person(
        self,
        tx: Transaction[Any],
        person_id: UUID,
        name: str | None,
        email: str | None,
        position: str | None,
        expected_version: int,
    ) -> int:
        return self._change_person(tx, person_id, expected_version, lambda it: it.revise(name, email, position))

    def move_person(self, tx: Transaction[Any], person_id: UUID, team_id: UUID | None, expected_version: int) -> int:
        self.lock_organisation(tx)
        self._require_team(tx, team_id, "team_id")
        return self._change_person(tx, person_id, expected_version, lambda it: it.move(team_id))

    def offboard_person(
        self, tx: Transaction[Any], person_id: UUID, reason: str, expected_version: int
    ) -> tuple[int, int]:
        """Return the version, and how many sessions were closed."""
        self.lock_organisation(tx)
        others = people.other_administrators(tx.cursor, person_id)
        version = self._change_person(tx, person_id, expected_version, lambda it: it.leave(reason, others))
        accounts.close_account(tx.cursor, person_id)
        self._clients.revoke_all_of(tx, person_id)
        return version, self._sessions.close_all(tx, person_id, "person left")

    def reinstate_person(
        self, tx: Transaction[Any], person_id: UUID, team_id: UUID | None, expected_version: int
    ) -> int:
        self.lock_organisation(tx)
        self._require_team(tx, team_id, "team_id")
        version = self._change_person(tx, person_id, expected_version, lambda it: it.reinstate(team_id))
        accounts.reopen_account(tx.cursor, person_id)
        return version

    def grant_role(
        self,
        tx: Transaction[Any],
        person_id: UUID,
        role_name: str,
        expected_version: int,
        grant: Grant = Grant(),
    ) -> int:
        """A grant with an end gets a timer; the token maker ignores it after its end in any case."""
        self.lock_organisation(tx)
        self._require_team(tx, grant.team_id, "team_id")
        held = self._role(tx, role_name)[0]
        held.require_present()
        others = people.other_administrators(tx.cursor, person_id)
        only_own = held.data_scope is DataScope.OWN
        version = self._change_person(
            tx,
            person_id,
            expected_version,
            lambda it: it.grant(held.name, grant, tx.effective_at, only_own=only_own, other_administrators=others),
        )
        key = _grant_key(person_id, held.name)
        if grant.ends_at is None:
            tx.cancel_timer(key)
        else:
            payload = {"person_id": str(person_id), "role": held.name}
            tx.set_timer(key, END_GRANT, grant.ends_at, payload)
        return version

    def withdraw_role(self, tx: Transaction[Any], person_id: UUID, role_name: str, expected_version: int) -> int:
        self.lock_organisation(tx)
        others = people.other_administrators(tx.cursor, person_id)
        role_name = ALSO_CALLED.get(role_name, role_name)
        tx.cancel_timer(_grant_key(person_id, role_name))
        return self._change_person(tx, person_id, expected_version, lambda it: it.withdraw(role_name, others))

    def end_grant(self, timer: Timer, tx: Transaction[Any]) -> None:
        """The timer of a grant that has reached its end."""
        person_id, role_name = UUID(timer.payload["person_id"]), timer.payload["role"]
        loaded = tx.load(person_id, person.evolve)
        if loaded.state is not None:
            now = max(tx.effective_at, timer.due_at)
            tx.append(person_id, loaded.version, loaded.state.end_grant(role_name, now))

    # -- teams -----------------------------------------------------------------

    def form_team(
        self,
        tx: Transaction[Any],
        name: str,
        parent_team_id: UUID | None,
        manager_id: UUID | None,
    ) -> tuple[UUID, int]:
        self.lock_organisation(tx)
        self._require_team(tx, parent_team_id, "parent_team_id")
        self._require_person(tx, manager_id)
        team_id = new_id()
        line = teams.line_above(tx.cursor, parent_team_id)
        events = team.form_team(team_id, name, parent_team_id, manager_id, line)
        return team_id, tx.append(team_id, 0, events)

    def rename_team(self, tx: Transaction[Any], team_id: UUID, name: str, expected_version: int) -> int:
        return self._change_team(tx, team_id, expected_version, lambda it: it.rename(name))

    def move_team(
        self,
        tx: Transaction[Any],
        team_id: UUID,
        parent_team_id: UUID | None,
        expected_version: int,
    ) -> int:
        self.lock_organisation(tx)
        self._require_team(tx, parent_team_id, "parent_team_id")
        line = teams.line_above(tx.cursor, parent_team_id)
        return self._change_team(tx, team_id, expected_version, lambda it: it.move(parent_team_id, line))

    def appoint_manager(
        self, tx: Transaction[Any], team_id: UUID, manager_id: UUID | None, expected_version: int
    ) -> int:
        self._require_person(tx, manager_id)
        return self._change_team(tx, team_id, expected_version, lambda it: it.appoint(manager_id))

    def dissolve_team(self, tx: Transaction[Any], team_id: UUID, expected_version: int) -> int:
        self.lock_organisation(tx)
        inside, below = teams.inhabitants(tx.cursor, team_id)
        return self._change_team(tx, team_id, expected_version, lambda it: it.dissolve(inside, below))

    # -- roles -----------------------------------------------------------------

    def define_role(
        self,
        tx: Transaction[Any],
        name: str,
        title: str,
        permissions: Sequence[str],
        data_scope: DataScope,
        field_rules: Sequence[FieldRule] = (),
    ) -> int:
        if name in ALSO_CALLED:
            raise AlreadyExists(f"{name} is another name of the role {ALSO_CALLED[name]}; take another one")
        role_id = role_stream(name)
        if tx.load(role_id, role.evolve).state is not None:
            raise AlreadyExists(f"there is a role {name} already; revise it or take another name")
        return tx.append(role_id, 0, role.define_role(role_id, name, title, permissions, data_scope, field_rules))

    def revise_role(
        self,
        tx: Transaction[Any],
        name: str,
        title: str,
        permissions: Sequence[str],
        data_scope: DataScope,
        field_rules: Sequence[FieldRule] | None = None,
    ) -> int:
        """Field rules of None stay."""
        state, version = self._role(tx, name)
        return tx.append(state.id, version, state.revise(title, permissions, data_scope, field_rules))

    def retire_role(self, tx: Transaction[Any], name: str) -> int:
        state, version = self._role(tx, name)
        return tx.append(state.id, version, state.retire())

    # -- rules of signing in -----------------------------------------------------

    def set_sign_in_policy(self, tx: Transaction[Any], wanted: SignInPolicy) -> int:
        for name in wanted.second_factor_roles:
            self._role(tx, name)
        wanted = replace(
            wanted,
            second_factor_roles=tuple(sorted({ALSO_CALLED.get(it, it) for it in wanted.second_factor_roles})),
        )
        loaded = tx.load(_POLICY, policy_of_signing_in.evolve)
        state = loaded.state or SignInPolicy()
        return tx.append(_POLICY, loaded.version, state.revise(_POLICY, wanted))

    def close_sessions(self, tx: Transaction[Any], person_id: UUID) -> int:
        """Return how many sessions of the person were closed."""
        return self._sessions.close_all(tx, person_id, "closed by an administrator")

    def unlink_provider(self, tx: Transaction[Any], person_id: UUID, provider: str) -> int:
        tx.cursor.execute("delete from provider_links where person_id = %s and provider = %s", (person_id, provider))
        return self._change_person(tx, person_id, 0, lambda it: it.unlink(provider))

    # -- installation ----------------------------------------------------------

    def install_presets(self, tx: Transaction[Any]) -> int:
        """Define the preset roles, and bring those up to date that nobody changed; return how many that was."""
        made = 0
        for preset in PRESETS:
            role_id = role_stream(preset.name)
            what = (preset.title, preset.permissions, preset.data_scope, preset.field_rules)
            loaded = tx.load(role_id, role.evolve)
            if loaded.state is None:
                events = role.define_role(role_id, preset.name, *what, preset=True)
            elif preset.name == ADMIN or roles.changed_by_people(tx.cursor, role_id):
                continue
            else:
                events = loaded.state.revise(*what)
            if events:
                tx.append(role_id, loaded.version, events)
                made += 1
        return made

    def install_administrator(
        self, tx: Transaction[Any], *, login: str, password: str, name: str, email: str
    ) -> UUID | None:
        """Take in the first administrator; None when there is one already."""
        self.lock_organisation(tx)
        if people.other_administrators(tx.cursor, UUID(int=0)):
            return None
        person_id, _ = self.register_person(
            tx,
            name=name,
            email=email,
            login=login,
            team_id=None,
            position="",
            roles=[ADMIN],
            password=password,
            must_change=False,
        )
        return person_id

    # -- below -----------------------------------------------------------------

    def _set_password(
        self,
        tx: Transaction[Any],
        person_id: UUID,
        field: str,
        password: str,
        *,
        must_change: bool,
    ) -> int:
        loaded = tx.load(person_id, person.evolve)
        if loaded.state is None:
            raise NotFound(f"no person {person_id}")
        check_password(field, password, loaded.state.login)
        events = loaded.state.change_password(must_change=must_change)
        remembered = sign_in_policy.policy(tx.cursor).remembered
        for former in accounts.former_passwords(tx.cursor, person_id, max(1, remembered)):
            if self._passwords.verify(former, password):
                raise InvalidArgument(field, "was used before; choose one that is new")
        accounts.remember_password(tx.cursor, person_id, tx.recorded_at, remembered)
        accounts.set_password_hash(
            tx.cursor,
            person_id,
            self._passwords.hash(password),
            tx.recorded_at,
            must_change=must_change,
        )
        return tx.append(person_id, loaded.version, events)

    def _change_person(
        self,
        tx: Transaction[Any],
        person_id: UUID,
        expected_version: int,
        decide: Callable[[Person], Sequence[PersonEvent]],
    ) -> int:
        loaded = tx.load(person_id, person.evolve)
        if loaded.state is None:
            raise NotFound(f"no person {person_id}")
        _require_version("person", person_id, expected_version, loaded.version)
        return tx.append(person_id, loaded.version, decide(loaded.state))

    def _change_team(
        self,
        tx: Transaction[Any],
        team_id: UUID,
        expected_version: int,
        decide: Callable[[Team], Sequence[TeamEvent]],
    ) -> int:
        loaded = tx.load(team_id, team.evolve)
        if loaded.state is None:
            raise NotFound(f"no team {team_id}")
        _require_version("team", team_id, expected_version, loaded.version)
        return tx.append(team_id, loaded.version, decide(loaded.state))

    @staticmethod
    def _role(tx: Transaction[Any], name: str) -> tuple[Role, int]:
        loaded = tx.load(role_stream(name), role.evolve)
        if loaded.state is None:
            raise NotFound(f"no role {name}")
        return loaded.state, loaded.version

    @staticmethod
    def _require_team(tx: Transaction[Any], team_id: UUID | None, field: str) -> None:
        if team_id is not None and not teams.line_above(tx.cursor, team_id):
            raise InvalidArgument(field, f"there is no team {team_id}")

    @staticmethod
    def _require_person(tx: Transaction[Any], person_id: UUID | None) -> None:
        if person_id is None:
            return
        row = people.person(tx.cursor, person_id, tx.recorded_at)
        if row is None or row["left"] or row["kind"] != PersonKind.STAFF:
            raise InvalidArgument("manager_id", f"there is nobody on the staff with the id {person_id}")

    @staticmethod
    def lock_organisation(tx: Transaction[Any]) -> None:
        """Nobody else changes the tree or who is in it until the transaction ends."""
        tx.cursor.execute("select pg_advisory_xact_lock(%s, %s)", _ORGANISATION)


def timers(identity: Identity) -> dict[str, TimerHandler]:
    return {END_GRANT: identity.end_grant}


def role_stream(name: str) -> UUID:
    """The stream of a role, by its name or by what a preset is also called."""
    return derived_id("role", ALSO_CALLED.get(name, name))


def _grant_key(person_id: UUID, role_name: str) -> str:
    return f"grant:{person_id}:{role_name}"


def _require_version(what: str, stream: UUID, expected: int, actual: int) -> None:
    if expected and expected != actual:
        raise Conflict(f"{what} {stream} is at version {actual}, not {expected}; reload and try again")
