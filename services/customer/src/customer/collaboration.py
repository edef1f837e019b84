"""Key accounts and shares: the commands, and what ends shares in time. Each runs in the transaction it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customer.application import Customers
from customer.domain import key_account, share
from customer.domain.key_account import KeyAccount, KeyAccountEvent, Member
from customer.projections import shares as shares_view
from kernel.auth import Caller
from kernel.errors import Forbidden, NotFound
from kernel.ids import derived_id, new_id
from kernel.store import Transaction

SHARE_ENDS = "share_ends"
"""Kind of timer."""

Tx = Transaction[Any]


def key_account_of(customer_id: UUID) -> UUID:
    """Return the stream of a customer's key account; a customer has at most one."""
    return derived_id(customer_id, "key account")


class Collaboration:
    """The commands; nothing changes when one is refused."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers

    # -- key accounts: the owner says who is in, every member works on the plan --

    def form_team(self, tx: Tx, caller: Caller, customer_id: UUID, members: Sequence[Member]) -> tuple[UUID, int]:
        """Form a team around a customer."""
        customer_id = self._customers.owned(tx, caller, customer_id)[1].id
        stream = key_account_of(customer_id)
        loaded = tx.load(stream, key_account.evolve)
        events = loaded.state.form_again(members) if loaded.state else key_account.form(stream, customer_id, members)
        return stream, tx.append(stream, loaded.version, events)

    def add_member(self, tx: Tx, caller: Caller, customer_id: UUID, member: Member) -> int:
        """Let another one look after the customer."""
        customer_id = self._customers.owned(tx, caller, customer_id)[1].id
        return self._change(tx, customer_id, lambda it: it.add(member))

    def remove_member(self, tx: Tx, caller: Caller, customer_id: UUID, member_id: UUID, reason: str) -> int:
        """Take a member off."""
        customer_id = self._customers.owned(tx, caller, customer_id)[1].id
        return self._change(tx, customer_id, lambda it: it.remove(member_id, reason))

    def dissolve_team(self, tx: Tx, caller: Caller, customer_id: UUID, reason: str) -> int:
        """End the team."""
        customer_id = self._customers.owned(tx, caller, customer_id)[1].id
        return self._change(tx, customer_id, lambda it: it.dissolve(reason))

    def set_goal(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        goal_id: UUID | None,
        title: str,
        due_on: date,
        owner_id: UUID | None,
    ) -> tuple[UUID, int]:
        """Set a goal of the plan, or set it anew."""
        customer_id = self._customers.seen(tx, caller, customer_id).id
        goal = goal_id or new_id()
        if goal_id is not None:
            state = tx.load(key_account_of(customer_id), key_account.evolve).state
            if state is None or goal_id not in state.goals:
                raise NotFound(f"no open goal {goal_id}")
        return goal, self._change(tx, customer_id, lambda it: it.set_goal(goal, title, due_on, owner_id))

    def close_goal(self, tx: Tx, caller: Caller, customer_id: UUID, goal_id: UUID, reached: bool, note: str) -> int:
        """Write down that a goal was reached or given up."""
        customer_id = self._customers.seen(tx, caller, customer_id).id
        return self._change(tx, customer_id, lambda it: it.close_goal(goal_id, reached, note))

    def _change(self, tx: Tx, customer_id: UUID, decide: Callable[[KeyAccount], list[KeyAccountEvent]]) -> int:
        stream = key_account_of(customer_id)
        loaded = tx.load(stream, key_account.evolve)
        if loaded.state is None:
            raise NotFound(f"customer {customer_id} has no key account team; form one first")
        return tx.append(stream, loaded.version, decide(loaded.state))

    # -- shares --

    def share_customers(
        self,
        tx: Tx,
        caller: Caller,
        grantee_id: UUID,
        customer_ids: Sequence[UUID],
        field_classes: Sequence[str],
        ends_at: datetime,
        project: str,
    ) -> UUID:
        """Show customers to somebody outside until a date."""
        share_id = new_id()
        events = share.share(
            share_id, grantee_id, customer_ids, field_classes, ends_at, project, caller.person_id, tx.recorded_at
        )
        for customer_id in dict.fromkeys(customer_ids):
            self._customers.owned(tx, caller, customer_id)
        tx.append(share_id, 0, events)
        tx.set_timer(f"{SHARE_ENDS}:{share_id}", SHARE_ENDS, ends_at, {"share_id": str(share_id)})
        return share_id

    def revoke_share(self, tx: Tx, caller: Caller, share_id: UUID, reason: str) -> None:
        """End a share at once. Whoever has one of its customers in his data scope may."""
        loaded = tx.load(share_id, share.evolve)
        if loaded.state is None or not self._may_end(tx, caller, loaded.state.customer_ids):
            raise NotFound(f"no share {share_id}")
        self._end(tx, share_id, reason)

    def end_project(self, tx: Tx, caller: Caller, project: str) -> int:
        """End the shares of a project that is over; return how many."""
        ended = 0
        for row in shares_view.of_project(tx.cursor, project):
            if self._may_end(tx, caller, row["customer_ids"]):
                self._end(tx, row["share_id"], "project ended")
                ended += 1
        return ended

    def share_expires(self, tx: Tx, share_id: UUID) -> None:
        """Its date has come."""
        self._end(tx, share_id, "expired")

    def _end(self, tx: Tx, share_id: UUID, reason: str) -> None:
        loaded = tx.load(share_id, share.evolve)
        if loaded.state is not None:
            tx.append(share_id, loaded.version, loaded.state.end(reason))
            tx.cancel_timer(f"{SHARE_ENDS}:{share_id}")

    def _may_end(self, tx: Tx, caller: Caller, customer_ids: Sequence[UUID]) -> bool:
        for customer_id in customer_ids:
            try:
                self._customers.owned(tx, caller, customer_id)
            except (NotFound, Forbidden):
                continue
            return True
        return False
