"""Forgets people whose data nothing needs any more: never by itself, only whom somebody looked at and approved.

Some at a time, by a durable timer; each is looked at once more before, and goes the way of any other erasure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain import policy as policies
from customer.domain.policy import Policy, RetentionApproved, months_after
from customer.erasures import Erasures
from customer.projections import policies as policies_view
from customer.projections import retention as view
from customer.projections.policies import POLICY_ID
from kernel.ids import new_id
from kernel.store import Transaction

FORGET_NEXT = "retention_forget_next"
"""Kind of the timer."""

AT_ONCE = 5
_PAUSE = timedelta(seconds=10)

Tx = Transaction[Any]


class Retention:
    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    def set_policy(self, tx: Tx, person_months: int, reads_days: int) -> None:
        loaded = tx.load(POLICY_ID, policies.evolve)
        state = loaded.state or Policy()
        tx.append(POLICY_ID, loaded.version, state.set_retention(POLICY_ID, person_months, reads_days))

    def approve(self, tx: Tx, person_ids: list[str], confirmation: str) -> UUID:
        policy = in_force(tx.cursor)
        due = self._due_among(tx, policy.person_months, person_ids)
        approval_id = new_id()
        events = policy.approve_erasures(approval_id, person_ids, due, confirmation)
        tx.append(approval_id, 0, events)
        self._later(tx, approval_id, 0)
        return approval_id

    def forget_next(self, tx: Tx, approval_id: UUID, done: int) -> None:
        """The timer: the next few, as far as they are still due."""
        (approved,) = [it for it in tx.history(approval_id) if isinstance(it, RetentionApproved)]
        these = approved.person_ids[done : done + AT_ONCE]
        due = self._due_among(tx, approved.person_months, list(these))
        for person_id in these:
            if person_id in due:
                self._erasures.forget_person(tx, UUID(person_id), "retention_ended", f"retention/{approval_id}")
        if done + AT_ONCE < len(approved.person_ids):
            self._later(tx, approval_id, done + AT_ONCE)

    @staticmethod
    def _due_among(tx: Tx, months: int, person_ids: list[str]) -> dict[str, int]:
        return view.due_among(tx.cursor, due_before(tx.recorded_at, months), person_ids) if months else {}

    @staticmethod
    def _later(tx: Tx, approval_id: UUID, done: int) -> None:
        payload = {"approval_id": str(approval_id), "done": done}
        tx.set_timer(
            f"{FORGET_NEXT}:{approval_id}", FORGET_NEXT, tx.recorded_at + (_PAUSE if done else timedelta()), payload
        )


def in_force(cursor: Cursor[DictRow]) -> Policy:
    return reduce(policies.evolve, policies_view.in_force(cursor), Policy())


def due_before(now: datetime, months: int) -> datetime:
    """Whoever had no purpose since then is due."""
    return months_after(now, -months)
