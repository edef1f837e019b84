"""Forgets people whose data nothing needs any more: never by itself, only whom somebody looked at and approved.

Some at a time, by a durable timer; each is looked at once more before, and goes the way of any other erasure. Another
timer looks once a day who is due, and says so when somebody is: whoever may approve is told.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain import policy as policies
from customer.domain.policy import Months, Policy, RetentionApproved, RetentionDue, months_after, months_of
from customer.erasures import Erasures
from customer.projections import policies as policies_view
from customer.projections import retention as view
from customer.projections.policies import POLICY_ID
from customer.projections.strangers import LEAD, REQUESTER, SENDER
from kernel.ids import derived_id, new_id
from kernel.store import Transaction

FORGET_NEXT, LOOK = "retention_forget_next", "retention_look"
"""Kinds of timers."""

LOOK_ID = derived_id("customer", "retention look")
"""The stream of what the daily look found."""

AT_ONCE = 5
_PAUSE = timedelta(seconds=10)
_EVERY = timedelta(days=1)
_AT_MOST_ONCE_IN = timedelta(hours=23)

Tx = Transaction[Any]


class Retention:
    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    def set_policy(self, tx: Tx, months: Months, reads_days: int) -> None:
        loaded = tx.load(POLICY_ID, policies.evolve)
        state = loaded.state or Policy()
        tx.append(POLICY_ID, loaded.version, state.set_retention(POLICY_ID, months, reads_days))
        self.look_from_now_on(tx, months)

    def look_from_now_on(self, tx: Tx, months: Months) -> None:
        """Have the timer look who is due, at once and then every day; not where nobody ever is."""
        if months.any:
            self._look_at(tx, tx.recorded_at)
        else:
            tx.cancel_timer(LOOK)

    def look(self, tx: Tx) -> None:
        """The timer: say who is due, when anybody is; not twice in a day."""
        policy = in_force(tx.cursor)
        if not policy.months.any:
            return
        history = tx.recorded(LOOK_ID)
        if not history or tx.recorded_at - history[-1].metadata.recorded_at >= _AT_MOST_ONCE_IN:
            due = view.count_due(tx.cursor, limits(tx.recorded_at, policy.months))
            if due:
                people = sum(count for kind, count in due.items() if kind not in (LEAD, REQUESTER, SENDER))
                strangers = (due.get(kind, 0) for kind in (LEAD, REQUESTER, SENDER))
                tx.append(LOOK_ID, len(history), [RetentionDue(LOOK_ID, people, *strangers)])
        self._look_at(tx, tx.recorded_at + _EVERY)

    def approve(self, tx: Tx, person_ids: list[str], confirmation: str) -> UUID:
        policy = in_force(tx.cursor)
        due = self._due_among(tx, policy.months, person_ids)
        approval_id = new_id()
        events = policy.approve_erasures(approval_id, person_ids, due, confirmation)
        tx.append(approval_id, 0, events)
        self._later(tx, approval_id, 0)
        return approval_id

    def forget_next(self, tx: Tx, approval_id: UUID, done: int) -> None:
        """The timer: the next few, as far as they are still due."""
        (approved,) = [it for it in tx.history(approval_id) if isinstance(it, RetentionApproved)]
        these = approved.person_ids[done : done + AT_ONCE]
        due = self._due_among(tx, months_of(approved), list(these))
        for person_id in these:
            if person_id in due:
                self._erasures.forget_person(tx, UUID(person_id), "retention_ended", f"retention/{approval_id}")
        if done + AT_ONCE < len(approved.person_ids):
            self._later(tx, approval_id, done + AT_ONCE)

    @staticmethod
    def _due_among(tx: Tx, months: Months, person_ids: list[str]) -> dict[str, int]:
        return view.due_among(tx.cursor, limits(tx.recorded_at, months), person_ids) if months.any else {}

    @staticmethod
    def _later(tx: Tx, approval_id: UUID, done: int) -> None:
        payload = {"approval_id": str(approval_id), "done": done}
        tx.set_timer(
            f"{FORGET_NEXT}:{approval_id}", FORGET_NEXT, tx.recorded_at + (_PAUSE if done else timedelta()), payload
        )

    @staticmethod
    def _look_at(tx: Tx, due_at: datetime) -> None:
        tx.set_timer(LOOK, LOOK, due_at, {})


def in_force(cursor: Cursor[DictRow]) -> Policy:
    return reduce(policies.evolve, policies_view.in_force(cursor), Policy())


def limits(now: datetime, months: Months) -> view.Limits:
    """Whoever had no purpose since then is due; None where nobody ever is."""
    found = {field.name: getattr(months, field.name) for field in fields(months)}
    return {name: months_after(now, -count) if count else None for name, count in found.items()}
