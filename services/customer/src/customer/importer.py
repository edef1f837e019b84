"""Customers in bulk: up to 500 rows in one transaction with few statements, and taking an import back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.application import Customers, NewCustomer, clean_tags, fold
from customer.domain import activity as activities
from customer.domain.activity import ActivityKind, ActivityLogged, ActivityOutcome
from customer.domain.customer import (
    Contact,
    Customer,
    CustomerEvent,
    CustomerKind,
    CustomerStatus,
    CustomerStatusChanged,
    evolve,
    register,
)
from customer.domain.importing import (
    IMPORTED,
    CustomerImportReverted,
    CustomersImported,
    ImportedRow,
    RowOutcome,
    completed,
    overwritten,
    undo,
)
from customer.domain.names import core
from customer.domain.policy import Cooperation, Policy
from customer.domain.profile import Profile
from customer.domain.standards import Problem, tidy
from customer.projections import duplicates, imports
from customer.projections.duplicates import Candidate
from kernel.auth import Caller
from kernel.errors import DomainError, InvalidArgument, NotFound
from kernel.ids import derived_id, new_id
from kernel.reversals import Reason
from kernel.store import Transaction

MOST_ROWS = 500
_CERTAIN = 0.95
"""Names at least this similar are the same company for an import; less similar ones are only told."""
_IMPORT_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
Tx = Transaction[Any]


class DuplicatePolicy(Enum):
    """What to do with a row whose customer is there already."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    MERGE = "merge"
    CREATE_ANYWAY = "create anyway"


@dataclass(frozen=True, slots=True)
class PastActivity:
    """Something done with the customer before it was imported."""

    kind: ActivityKind
    happened_at: datetime
    content: str
    result: str = ""
    owner_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One customer to import."""

    new: NewCustomer
    registered_at: datetime | None = None
    status: CustomerStatus = CustomerStatus.UNSPECIFIED
    activities: Sequence[PastActivity] = ()


@dataclass(slots=True)
class Result:
    """What became, or would become, of a row."""

    external_ref: str
    outcome: RowOutcome
    customer_id: UUID | None = None
    problems: list[Problem] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Options:
    """How an import is to go."""

    import_id: str
    policy: DuplicatePolicy = DuplicatePolicy.SKIP
    keep_unreadable_phones: bool = False


@dataclass(slots=True)
class _Pending:
    """A customer as this batch leaves it."""

    customer: Customer
    version: int
    events: list[tuple[CustomerEvent, datetime | None]] = field(default_factory=list)

    def add(self, events: Sequence[CustomerEvent], at: datetime | None = None) -> None:
        self.events += [(event, at) for event in events]
        self.customer = reduce(evolve, events, self.customer)


@dataclass(slots=True)
class _Batch:
    """What this batch has decided so far."""

    options: Options
    owner_id: UUID | None
    at: datetime | None
    pending: dict[UUID, _Pending] = field(default_factory=dict)
    by_mark: dict[tuple[str, str], UUID] = field(default_factory=dict)
    activities: list[ActivityLogged] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Clean:
    profile: Profile
    contacts: list[tuple[Contact, bool]]
    tags: list[str]


class Importer:
    """Imports and takes back."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers

    def check(self, cursor: Cursor[DictRow], caller: Caller, options: Options, rows: Sequence[Row]) -> list[Result]:
        """Tell what would become of each row, and change nothing."""
        results, clean, found = self._examine(cursor, options, rows)
        batch = _Batch(options, None, None)
        for i, row in enumerate(rows):
            if i not in clean or results[i].outcome is not RowOutcome.UNSPECIFIED:
                continue
            self._decide(batch, caller, row, clean[i], results[i], found.get(str(i), []), {})
        return results

    def take(self, tx: Tx, caller: Caller, options: Options, rows: Sequence[Row]) -> list[Result]:
        """Take the rows; those that this import took before are answered as they were."""
        results, clean, found = self._examine(tx.cursor, options, rows)
        batch = _Batch(options, caller.person_id, tx.effective_at)
        present = self._present(tx, found)
        policy = self._customers.policy(tx)
        taken: list[ImportedRow] = []
        for i, row in enumerate(rows):
            result = results[i]
            if i not in clean or result.outcome is not RowOutcome.UNSPECIFIED:
                continue
            self._decide(batch, caller, row, clean[i], result, found.get(str(i), []), present)
            if result.customer_id is not None and not _refused(result):
                taken.append(ImportedRow(result.external_ref, result.customer_id, result.outcome))
        self._save(tx, batch, policy)
        if taken:
            stream = derived_id("customer-import", options.import_id)
            history = tx.history(stream)
            tx.append(stream, len(history), [CustomersImported(options.import_id, tuple(taken))])
        return results

    def revert(
        self, tx: Tx, caller: Caller, import_id: str, preview: bool = False
    ) -> tuple[int, int, list[tuple[UUID, list[str]]]]:
        """Take an import back, or only look; return how many are archived, how many restored, and what stays."""
        rows = imports.rows_of(tx.cursor, import_id)
        if not rows:
            raise NotFound(f"no import {import_id[:100]!r} that could be taken back")
        ids = list(dict.fromkeys(row["customer_id"] for row in rows if row["outcome"] != int(RowOutcome.SKIPPED)))
        busy = self._activities_since(tx, ids, import_id)
        archived = restored = 0
        kept: list[tuple[UUID, list[str]]] = []
        events: list[tuple[UUID, int, Any, datetime | None]] = []
        gone: list[UUID] = []
        for customer_id, history in tx.histories(ids).items():
            if not history:
                continue
            if not caller.sees(fold(history).owner_id):
                kept.append((customer_id, [Reason("in_others_care", "now in somebody else's care")]))
                continue
            undoing = undo(history, import_id)
            if undoing.archived and customer_id in busy:
                kept.append((customer_id, [Reason("activities_since", "activities")]))
                continue
            if undoing.kept:
                kept.append((customer_id, undoing.kept))
            events += [(customer_id, len(history), event, None) for event in undoing.events]
            if undoing.archived:
                archived += 1
                gone.append(customer_id)
            elif undoing.events:
                restored += 1
        if preview:
            return archived, restored, kept
        tx.append_all(events)
        self._retract_activities(tx, ids, import_id, {customer_id for customer_id, _ in kept})
        stream = derived_id("customer-import", import_id)
        tx.append(
            stream,
            len(tx.history(stream)),
            [CustomerImportReverted(import_id, archived, restored, len(kept))],
        )
        for customer_id in gone:
            tx.cancel_timer(f"customer_neglect:{customer_id}")
        return archived, restored, kept

    # -- looking at the rows --

    def _examine(
        self, cursor: Cursor[DictRow], options: Options, rows: Sequence[Row]
    ) -> tuple[list[Result], dict[int, _Clean], dict[str, list[Candidate]]]:
        if not _IMPORT_ID.fullmatch(options.import_id):
            raise InvalidArgument("import_id", "must be 1 to 100 letters, digits, or . _ : -")
        if not 1 <= len(rows) <= MOST_ROWS:
            raise InvalidArgument("rows", f"has {len(rows)} rows; send 1 to {MOST_ROWS} at a time")
        refs = [tidy(row.new.external_ref) for row in rows]
        before = imports.taken_before(cursor, options.import_id, refs)
        results = [Result(ref, RowOutcome.UNSPECIFIED) for ref in refs]
        clean: dict[int, _Clean] = {}
        seen: set[str] = set()
        for i, row in enumerate(rows):
            result = results[i]
            if taken := before.get(refs[i]):
                result.outcome = RowOutcome(taken["outcome"])
                result.customer_id = taken["customer_id"]
                continue
            cleaned = self._clean(row, options, result)
            if not refs[i]:
                result.problems.append(Problem("external_ref", "is required: the row's id in the file it comes from"))
            elif refs[i] in seen:
                result.problems.append(Problem("external_ref", "stands in this batch twice; give every row its own"))
            seen.add(refs[i])
            if any(problem.fatal for problem in result.problems):
                result.outcome = RowOutcome.REFUSED
            else:
                clean[i] = cleaned
        sought = [self._customers.sought(str(i), rows[i].new, c.profile, c.contacts) for i, c in clean.items()]
        return results, clean, duplicates.candidates(cursor, sought)

    def _clean(self, row: Row, options: Options, result: Result) -> _Clean:
        profile, contacts, problems = self._customers.clean_all(row.new, options.keep_unreadable_phones)
        result.problems += problems
        tags: list[str] = []
        try:
            tags = clean_tags(row.new.tags, "tags")
        except InvalidArgument as error:
            result.problems.append(Problem(error.field, error.reason))
        for j, past in enumerate(row.activities):
            if past.kind is ActivityKind.UNSPECIFIED:
                result.problems.append(Problem(f"activities[{j}].kind", "is required"))
        return _Clean(profile, contacts, tags)

    # -- deciding --

    def _present(self, tx: Tx, found: dict[str, list[Candidate]]) -> dict[UUID, _Pending]:
        certain = {c.customer_id for candidates in found.values() for c in candidates[:1] if _certain(c)}
        return {
            identity: _Pending(fold(history), len(history))
            for identity, history in tx.histories(sorted(certain)).items()
            if history
        }

    def _decide(
        self,
        batch: _Batch,
        caller: Caller,
        row: Row,
        clean: _Clean,
        result: Result,
        candidates: list[Candidate],
        present: dict[UUID, _Pending],
    ) -> None:
        result.candidates = candidates
        marks = _marks(clean)
        policy = batch.options.policy
        same = next((batch.by_mark[mark] for mark in marks if mark in batch.by_mark), None)
        if same is None and candidates and _certain(candidates[0]):
            same = candidates[0].customer_id
            if not caller.sees(candidates[0].owner_id) and policy is not DuplicatePolicy.CREATE_ANYWAY:
                policy = DuplicatePolicy.SKIP
                result.problems.append(
                    Problem("profile", "is somebody else's customer already; left alone", fatal=False)
                )
        if same is None or policy is DuplicatePolicy.CREATE_ANYWAY:
            if candidates:
                result.problems.append(Problem("profile.name", "may be there already: see the candidates", fatal=False))
            self._create(batch, row, clean, result)
        elif policy is DuplicatePolicy.SKIP:
            result.outcome, result.customer_id = RowOutcome.SKIPPED, same
        else:
            self._update(batch, row, clean, result, same, policy, present)
        if result.customer_id is not None:
            for mark in marks:
                batch.by_mark.setdefault(mark, result.customer_id)

    def _create(self, batch: _Batch, row: Row, clean: _Clean, result: Result) -> None:
        identity = new_id()
        try:
            events = register(
                identity,
                row.new.kind,
                clean.profile,
                row.new.owner_id or batch.owner_id,
                tidy(row.new.source)[:100],
                result.external_ref[:200],
                batch.options.import_id,
                clean.contacts,
                clean.tags,
            )
        except InvalidArgument as error:
            result.outcome = RowOutcome.REFUSED
            result.problems.append(Problem(error.field, error.reason))
            return
        pending = _Pending(fold(events), 0)
        pending.events = [(event, row.registered_at) for event in events]
        if row.status is CustomerStatus.ARCHIVED:
            pending.add(pending.customer.archive(IMPORTED), row.registered_at)
        elif row.status not in (CustomerStatus.UNSPECIFIED, CustomerStatus.PROSPECT):
            change = CustomerStatusChanged(identity, CustomerStatus.PROSPECT, row.status, IMPORTED, None)
            pending.add([change], row.registered_at)
        batch.pending[identity] = pending
        self._add_activities(batch, row, identity)
        result.outcome, result.customer_id = RowOutcome.CREATED, identity

    def _update(
        self,
        batch: _Batch,
        row: Row,
        clean: _Clean,
        result: Result,
        same: UUID,
        policy: DuplicatePolicy,
        present: dict[UUID, _Pending],
    ) -> None:
        result.customer_id = same
        overwriting = policy is DuplicatePolicy.OVERWRITE
        result.outcome = RowOutcome.OVERWRITTEN if overwriting else RowOutcome.MERGED
        pending = batch.pending.get(same) or present.get(same)
        if pending is None:
            return  # only checked, or in this batch's own future
        customer, import_id = pending.customer, batch.options.import_id
        if customer.kind is not row.new.kind:
            result.outcome = RowOutcome.REFUSED
            result.problems.append(Problem("kind", "differs from the customer that is there: a company and a person"))
            return
        fill = overwritten if overwriting else completed
        try:
            pending.add(customer.revise(fill(customer.profile, clean.profile), import_id), batch.at)
            if clean.tags:
                pending.add(pending.customer.change_tags(clean.tags, (), import_id), batch.at)
            for contact, _ in clean.contacts:
                if not any(_same_contact(contact, known) for known in pending.customer.contacts):
                    pending.add(pending.customer.add_contact(contact, False, import_id), batch.at)
        except DomainError as error:
            result.outcome = RowOutcome.REFUSED
            result.problems.append(Problem("external_ref", str(error)))
            return
        batch.pending[same] = pending
        self._add_activities(batch, row, same)

    def _add_activities(self, batch: _Batch, row: Row, customer_id: UUID) -> None:
        for past in row.activities:
            batch.activities.append(
                ActivityLogged(
                    new_id(),
                    customer_id,
                    None,
                    customer_id,
                    past.kind,
                    ActivityOutcome.UNSPECIFIED,
                    past.owner_id or row.new.owner_id or batch.owner_id,
                    past.happened_at,
                    past.content.strip()[:20_000],
                    past.result.strip()[:2_000],
                    (),
                    None,
                    batch.options.import_id,
                )
            )

    # -- saving --

    def _save(self, tx: Tx, batch: _Batch, policy: Policy) -> None:
        for pending in batch.pending.values():
            if pending.version == 0:
                grade = policy.grade(
                    pending.customer.profile,
                    Cooperation(),
                    tx.effective_at,
                    self._customers.standards.industries,
                    self._customers.standards.regions,
                )
                pending.add(pending.customer.be_graded(grade), pending.events[0][1])
        tx.append_all(
            [
                (identity, pending.version, event, at)
                for identity, pending in batch.pending.items()
                for event, at in pending.events
            ]
        )
        tx.append_all([(a.activity_id, 0, a, a.happened_at) for a in batch.activities])
        last: dict[UUID, datetime] = {}
        for activity in batch.activities:
            if activities.was_a_contact(activity.kind):
                known = last.get(activity.customer_id, activity.happened_at)
                last[activity.customer_id] = max(known, activity.happened_at)
        for identity, pending in batch.pending.items():
            if pending.version == 0:
                since = last.get(identity, pending.events[0][1] or tx.effective_at)
                self._customers.watch_contact(tx, pending.customer, policy, since)

    # -- taking back --

    def _activities_since(self, tx: Tx, ids: Sequence[UUID], import_id: str) -> set[UUID]:
        """Return the customers with whom something was done after they were imported."""
        rows = tx.cursor.execute(
            "select distinct customer_id from timeline where customer_id = any(%s)"
            " and type in ('activity', 'follow_up') and coalesce(details ->> 'import_id', '') <> %s",
            (list(ids), import_id),
        ).fetchall()
        return {row["customer_id"] for row in rows}

    def _retract_activities(self, tx: Tx, ids: Sequence[UUID], import_id: str, kept: set[UUID]) -> None:
        rows = tx.cursor.execute(
            "select subject_id from timeline where customer_id = any(%s) and type = 'activity'"
            " and details ->> 'import_id' = %s order by subject_id",
            ([identity for identity in ids if identity not in kept], import_id),
        ).fetchall()
        events: list[tuple[UUID, int, Any, datetime | None]] = []
        for stream, history in tx.histories([row["subject_id"] for row in rows]).items():
            state = reduce(activities.evolve, history, None)
            if state is not None:
                events += [(stream, len(history), event, None) for event in state.retract("import taken back")]
        tx.append_all(events)


def _refused(result: Result) -> bool:
    return result.outcome is RowOutcome.REFUSED


def _certain(candidate: Candidate) -> bool:
    return candidate.score >= _CERTAIN


def _marks(clean: _Clean) -> list[tuple[str, str]]:
    """Return what tells one row of a batch from another."""
    profile = clean.profile
    marks = [("phone", phone) for phone in profile.phones]
    marks += [("email", email) for email in profile.emails]
    marks += [("phone", phone) for contact, _ in clean.contacts for phone in contact.phones]
    marks += [("email", email) for contact, _ in clean.contacts for email in contact.emails]
    if profile.credit_code:
        marks.append(("credit_code", profile.credit_code))
    if profile.name:
        marks.append(("name", core(profile.name)))
    return marks


def _same_contact(one: Contact, other: Contact) -> bool:
    return (
        one.name == other.name or bool(set(one.phones) & set(other.phones)) or bool(set(one.emails) & set(other.emails))
    )


__all__ = ["CustomerKind", "DuplicatePolicy", "Importer", "Options", "PastActivity", "Result", "Row"]
