"""Takes teams and people over from a directory kept elsewhere: by hand first, then on schedule.

Nothing is asked unless the settings name the provider, and nothing is scheduled before somebody has synchronised once
by hand. A run is one transaction; what is too much for one follows in the next. A run that nobody looked at closes
few accounts only. Refuses to touch what was made here, and whoever administers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from identity.application import Identity
from identity.domain import person
from identity.domain.directory import (
    Change,
    Directory,
    Kind,
    Member,
    PersonHere,
    TeamHere,
    most_leavers,
    plan,
)
from identity.domain.role import ADMIN
from identity.projections import teams as teams_view
from identity.provider_sign_in import subject_hash
from identity.providers import OIDC, Provider
from identity.vendors import Vendor, vendor_of
from kernel.errors import DomainError, InvalidArgument, NotFound, Unavailable
from kernel.store import Transaction
from kernel.timers import JobHandler, Timer, Worker

SYNC = "sync_directory"
MOST_CHANGES = 2_000

_AGAIN_AFTER_FAILURE = timedelta(hours=1)
_REST_FOLLOWS = timedelta(minutes=1)
_NOT_IN_LOGINS = re.compile(r"[^\w.@-]+")
_MOST_NAMESAKES = 50

_PERSON = (
    'select p.person_id, p.name, p.email, p.position, p.team_id, p."left",'
    " exists (select from held_roles h where h.person_id = p.person_id and h.role = %s) as administers{more}"
    " from people p"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    done: Mapping[Kind, int]
    held_back: int = 0
    remaining: int = 0
    next_at: datetime | None = None


class DirectorySync:
    def __init__(self, identity: Identity, providers: Mapping[str, Provider]) -> None:
        self._identity = identity
        self.providers = {name: it for name, it in providers.items() if it.kind != OIDC}
        self._vendors: dict[str, Vendor] = {name: vendor_of(it) for name, it in self.providers.items()}

    def jobs(self) -> dict[str, JobHandler]:
        """Only where a directory is configured: otherwise nothing is ever asked."""
        return {SYNC: self.run_scheduled} if self._vendors else {}

    def fetch(self, provider: str) -> Directory:
        """Ask the directory; to be done outside any transaction."""
        if provider not in self._vendors:
            raise NotFound(f"there is no directory {provider!r:.40}; GET /v1/directories lists them")
        found = self._vendors[provider].directory()
        return replace(found, members=[_clean(it) for it in found.members])

    def preview(self, cursor: Cursor[DictRow], provider: str, directory: Directory) -> list[Change]:
        known = _Known(cursor, provider, directory)
        return plan(directory, known.teams, known.people, known.by_email)

    def carry_out(
        self, tx: Transaction[Any], provider: str, directory: Directory, expected_leavers: int | None
    ) -> Outcome:
        """Make it so. `expected_leavers` is what somebody saw in a preview; None when nobody looked."""
        self._identity.lock_organisation(tx)
        known = _Known(tx.cursor, provider, directory)
        changes = plan(directory, known.teams, known.people, known.by_email)
        leavers = sum(it.kind is Kind.LEAVE for it in changes)
        present = sum(not it.left for it in known.people.values())
        held_back = 0
        if leavers > most_leavers(present) and expected_leavers != leavers:
            changes, held_back = [it for it in changes if it.kind is not Kind.LEAVE], leavers
        making = _Making(self._identity, tx, self.providers[provider], known)
        done: Counter[Kind] = Counter()
        for change in changes[:MOST_CHANGES]:
            done[change.kind] += making.make(change)
        remaining = max(0, len(changes) - MOST_CHANGES)
        every = timedelta(hours=self.providers[provider].directory_hours)
        next_at = None
        if every:
            next_at = tx.recorded_at + (_REST_FOLLOWS if remaining else every)
        outcome = Outcome({kind: count for kind, count in done.items() if count}, held_back, remaining, next_at)
        _finish(tx, provider, outcome, "")
        return outcome

    def run_scheduled(self, timer: Timer, worker: Worker) -> None:
        """A job: its row is replaced in the transaction that does the work, so it is done once."""
        name = timer.payload["provider"]
        if name not in self._vendors or not self.providers[name].directory_hours:
            return
        try:
            directory = self.fetch(name)
            with worker.transaction() as tx:
                if _still_due(tx, timer):
                    self.carry_out(tx, name, directory, None)
        except (DomainError, Unavailable) as error:
            with worker.transaction() as tx:
                if _still_due(tx, timer):
                    again = Outcome({}, next_at=tx.recorded_at + _AGAIN_AFTER_FAILURE)
                    _finish(tx, name, again, str(error)[:500])


class _Known:
    """What came from a directory, by the directory's ids; what it no longer names has an id of its own."""

    def __init__(self, cursor: Cursor[DictRow], provider: str, directory: Directory) -> None:
        ids = [*(it.id for it in directory.departments), *(it.id for it in directory.members)]
        outside = {subject_hash(it): it for it in ids}

        def name(row: DictRow) -> str:
            hashed: bytes = bytes(row["outside_hash"])
            return outside.get(hashed, f"#{hashed.hex()}")

        self.teams = {
            name(row): TeamHere(row["team_id"], row["name"], row["parent_team_id"], row["manager_id"])
            for row in cursor.execute(
                "select d.outside_hash, t.* from directory_teams d join teams t using (team_id) where provider = %s",
                (provider,),
            ).fetchall()
        }
        self.people = {
            name(row): _person_here(row)
            for row in cursor.execute(
                _PERSON.format(more=", d.outside_hash")
                + " join directory_people d on d.person_id = p.person_id and d.provider = %s",
                (ADMIN, provider),
            ).fetchall()
        }
        rows = cursor.execute(
            _PERSON.format(more="") + " where not p.\"left\" and p.kind = 0 and p.email <> ''"
            " and not exists (select from directory_people d where d.person_id = p.person_id)",
            (ADMIN,),
        ).fetchall()
        times = Counter(row["email"].lower() for row in rows)
        self.by_email = {
            row["email"].lower(): _person_here(row)
            for row in rows
            if times[row["email"].lower()] == 1 and not row["administers"]
        }


class _Making:
    """Carries changes out in one transaction, remembering what came to be on the way."""

    def __init__(self, identity: Identity, tx: Transaction[Any], provider: Provider, known: _Known) -> None:
        self._identity = identity
        self._tx = tx
        self._provider = provider
        self._teams = {outside: here.id for outside, here in known.teams.items()}
        self._people = {outside: here.id for outside, here in known.people.items()}

    def make(self, change: Change) -> bool:
        """False when there was nothing to do after all."""
        tx, identity = self._tx, self._identity
        department, member = change.department, change.member
        match change.kind:
            case Kind.FORM_TEAM:
                assert department is not None
                team_id, _ = identity.form_team(tx, department.name, self._teams.get(department.parent), None)
                self._teams[department.id] = team_id
                tx.cursor.execute(
                    "insert into directory_teams (provider, outside_hash, team_id) values (%s, %s, %s)"
                    " on conflict (provider, outside_hash) do update set team_id = excluded.team_id",
                    (self._provider.name, subject_hash(department.id), team_id),
                )
            case Kind.RENAME_TEAM:
                assert department is not None
                assert change.id is not None
                identity.rename_team(tx, change.id, department.name, 0)
            case Kind.MOVE_TEAM:
                assert department is not None
                assert change.id is not None
                identity.move_team(tx, change.id, self._teams.get(department.parent), 0)
            case Kind.JOIN:
                assert member is not None
                self._join(member)
            case Kind.RECOGNISE:
                assert member is not None
                assert change.id is not None
                self._belongs(member, change.id)
            case Kind.RETURN:
                assert member is not None
                assert change.id is not None
                identity.reinstate_person(tx, change.id, self._teams.get(member.department), 0)
                self._belongs(member, change.id)
            case Kind.REVISE:
                assert member is not None
                assert change.id is not None
                identity.revise_person(tx, change.id, member.name, member.email or None, member.position or None, 0)
            case Kind.MOVE:
                assert member is not None
                assert change.id is not None
                identity.move_person(tx, change.id, self._teams.get(member.department), 0)
            case Kind.LEAVE:
                assert change.id is not None
                identity.offboard_person(tx, change.id, f"no longer in {self._provider.name}", 0)
            case Kind.APPOINT:
                assert department is not None
                assert member is not None
                team, leader = self._teams.get(department.id), self._people.get(member.id)
                if team is None or leader is None:
                    return False
                identity.appoint_manager(tx, team, leader, 0)
            case Kind.DISSOLVE_TEAM:
                assert change.id is not None
                if any(teams_view.inhabitants(tx.cursor, change.id)):
                    return False  # people of one's own live there
                identity.dissolve_team(tx, change.id, 0)
                tx.cursor.execute("delete from directory_teams where team_id = %s", (change.id,))
            case _:
                assert_never(change.kind)
        return True

    def _join(self, member: Member) -> None:
        person_id, _ = self._identity.register_person(
            self._tx,
            name=member.name,
            email=member.email,
            login=self._free_login(member),
            team_id=self._teams.get(member.department),
            position=member.position,
            roles=self._provider.directory_roles,
            password="",
            must_change=False,
        )
        self._belongs(member, person_id)

    def _belongs(self, member: Member, person_id: UUID) -> None:
        """The person came from the directory, and may sign in through it."""
        self._people[member.id] = person_id
        cursor, what = self._tx.cursor, (self._provider.name, subject_hash(member.id), person_id)
        cursor.execute(
            "insert into directory_people (provider, outside_hash, person_id) values (%s, %s, %s)"
            " on conflict (provider, outside_hash) do nothing",
            what,
        )
        cursor.execute(
            "insert into provider_links (provider, subject_hash, person_id, linked_at) values (%s, %s, %s, %s)"
            " on conflict (provider, subject_hash) do nothing",
            (*what, self._tx.recorded_at),
        )
        loaded = self._tx.load(person_id, person.evolve)
        assert loaded.state is not None, "a row without a history"
        self._tx.append(person_id, loaded.version, loaded.state.link(self._provider.name))

    def _free_login(self, member: Member) -> str:
        wanted = _NOT_IN_LOGINS.sub("", (member.email.partition("@")[0] or member.id).lower())[:50]
        if len(wanted) < 2:
            wanted = f"{self._provider.name}-{subject_hash(member.id).hex()[:12]}"
        options = [wanted, *(f"{wanted}-{number}" for number in range(2, _MOST_NAMESAKES))]
        rows = self._tx.cursor.execute("select login from accounts where login = any(%s)", (options,)).fetchall()
        taken = {row["login"] for row in rows}
        return next(
            (it for it in options if it not in taken), f"{self._provider.name}-{subject_hash(member.id).hex()[:24]}"
        )


def last_runs(cursor: Cursor[DictRow], providers: Sequence[str]) -> dict[str, DictRow]:
    """By provider: the last run, and how many people and teams came from it; nothing for one never tried."""
    rows = cursor.execute(
        "select r.*, (select count(*) from directory_people p where p.provider = r.provider) as people,"
        " (select count(*) from directory_teams t where t.provider = r.provider) as teams"
        " from directory_runs r where r.provider = any(%s)",
        (list(providers),),
    ).fetchall()
    return {row["provider"]: row for row in rows}


def _finish(tx: Transaction[Any], provider: str, outcome: Outcome, failure: str) -> None:
    """Write down how it went, and when it goes on."""
    tx.cursor.execute(
        "insert into directory_runs (provider, ran_at, done, held_back, remaining, failure, next_at)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict (provider) do update set (ran_at, done, held_back, remaining,"
        " failure, next_at) = (excluded.ran_at, excluded.done, excluded.held_back, excluded.remaining,"
        " excluded.failure, excluded.next_at)",
        (
            provider,
            tx.recorded_at,
            Jsonb({str(int(kind)): count for kind, count in outcome.done.items()}),
            outcome.held_back,
            outcome.remaining,
            failure,
            outcome.next_at,
        ),
    )
    key = f"directory:{provider}"
    if outcome.next_at is None:
        tx.cancel_timer(key)
    else:
        tx.set_timer(key, SYNC, outcome.next_at, {"provider": provider})


def _still_due(tx: Transaction[Any], timer: Timer) -> bool:
    """Whether nobody else has done it since; the row stays locked."""
    return (
        tx.cursor.execute(
            "select 1 from timers where key = %s and due_at = %s for update", (timer.key, timer.due_at)
        ).fetchone()
        is not None
    )


def _person_here(row: DictRow) -> PersonHere:
    return PersonHere(
        row["person_id"],
        row["name"],
        row["email"],
        row["position"],
        row["team_id"],
        row["left"],
        row["administers"],
    )


def _clean(member: Member) -> Member:
    """What can be kept here: a name of at most 120 characters, and an address only if it is one."""

    def address(text: str) -> str:
        try:
            return person.checked_email(text)
        except InvalidArgument:
            return ""

    return replace(
        member,
        name=(member.name.strip() or member.id)[:120],
        email=address(member.email),
        company_email=address(member.company_email),
        position=member.position[:120],
    )
