"""Handing over what a leaver owns in every service: asks, takes answers, asks again, goes on looking for a while.

A process manager with a stream of its own, as for forgetting a person. Whatever it does is in the log before
anybody sees it, answers come with inbox rows, and durable timers go on after a crash at any step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from customer.domain import follow_up as follow_ups
from customer.domain import group as groups
from customer.domain import handover as handing
from customer.domain import key_account as key_accounts
from customer.domain.customer import evolve as evolve_customer
from customer.domain.handover import Handover, HandoverCompleted, HandoverEvent, evolve
from customer.projections import handovers as view
from kernel.config import CONTEXTS
from kernel.errors import AlreadyExists, NotFound
from kernel.handed_over import HandoverAsked, RecordsHandedOver, SuccessorFor
from kernel.handover import Owned, Ownership, begin, by_decision
from kernel.ids import new_id
from kernel.store import Transaction

ASK_AGAIN, LOOK_AGAIN = "handover_ask_again", "handover_look_again"
"""Kinds of timers."""

_AGAIN_AFTER = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(hours=1)
_OVERDUE_AFTER_TRIES = 3
_MOST_TRIES = 200
_LOOK_EVERY = timedelta(days=1)
_MOST_LOOKS = 90

Tx = Transaction[Any]

KINDS = (
    Owned(
        "customers",
        "select customer_id as id from customers"
        " where owner_id = %(person_id)s and merged_into is null and not taken_back",
        by_decision(evolve_customer, lambda it, _, to, reason: it.transfer(to, reason)),
    ),
    Owned(
        "follow_ups",
        "select follow_up_id as id from follow_ups where owner_id = %(person_id)s and state in (1, 2)",
        by_decision(follow_ups.evolve, lambda it, _, to, __: it.hand_over(to)),
    ),
    Owned(
        "customer_groups",
        "select group_id as id from customer_groups where owner_id = %(person_id)s",
        by_decision(groups.evolve, lambda it, _, to, __: it.hand_over(to)),
    ),
    Owned(
        "key_accounts",
        "select key_account_id as id from key_account_members where member_id = %(person_id)s and until is null"
        " union select key_account_id from key_account_goals where owner_id = %(person_id)s and state = 1",
        by_decision(key_accounts.evolve, lambda it, leaver, to, reason: it.hand_over(leaver, to, reason)),
    ),
)


class Handovers:
    """The commands and what follows from them; each runs in the transaction it is given."""

    def __init__(self, modules: Collection[str] = CONTEXTS) -> None:
        self.contexts = tuple(sorted(context for context in handing.KINDS if context in modules))
        self.owned = Ownership(KINDS, self.take)

    def order_handover(
        self,
        tx: Tx,
        leaver_id: UUID,
        to_person_id: UUID,
        exceptions: Sequence[SuccessorFor],
        reason: str,
        keep_watching: bool,
    ) -> UUID:
        """Have everything moved that a person owns. A later order takes the place of an earlier one's watch."""
        tx.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 40))", (str(leaver_id),))
        for earlier in view.of_leaver(tx.cursor, leaver_id):
            if earlier["state"] != "complete":
                raise AlreadyExists(
                    f"handover {earlier['handover_id']} of that person is {earlier['state']};"
                    " see how far it is, and order another when it is complete"
                )
            tx.cancel_timer(f"{LOOK_AGAIN}:{earlier['handover_id']}")
        handover_id = new_id()
        events = handing.order(handover_id, leaver_id, to_person_id, exceptions, reason, self.contexts, keep_watching)
        self._append(tx, handover_id, 0, events)
        self._ask_again_later(tx, handover_id, 1)
        return handover_id

    def repeat_handover(self, tx: Tx, handover_id: UUID) -> int:
        """Move what arrived since it was complete; return the round."""
        state, version = self._load(tx, handover_id)
        events = state.look_again()
        self._append(tx, handover_id, version, events)
        return state.round + 1

    def take(self, tx: Tx, said: RecordsHandedOver) -> None:
        """Write a service's answer down, and go on when it was the last one waited for."""
        tx.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 41))", (str(said.handover_id),))
        history = tx.history(said.handover_id)
        state = reduce(evolve, history, None)
        if state is None:
            return
        events = state.take(said)
        events += reduce(evolve, events, state).go_on()
        self._append(tx, said.handover_id, len(history), events)
        if any(isinstance(event, HandoverCompleted) for event in events):
            tx.cancel_timer(f"{ASK_AGAIN}:{said.handover_id}")
            if state.keep_watching:
                self._look_later(tx, said.handover_id, 1)

    def ask_again(self, tx: Tx, handover_id: UUID, tries: int) -> None:
        """Repeat what was not answered or could not be moved, ever more slowly; say so when it takes too long."""
        state, version = self._load(tx, handover_id)
        if state.complete or tries > _MOST_TRIES:
            return
        events = state.fall_overdue() if tries == _OVERDUE_AFTER_TRIES else []
        self._append(tx, handover_id, version, [*events, *state.ask_again()], state.round)
        self._ask_again_later(tx, handover_id, tries + 1)

    def look_again(self, tx: Tx, handover_id: UUID, looks: int) -> None:
        """Once a day: move what arrived for the leaver since."""
        state, version = self._load(tx, handover_id)
        if not state.waiting_for:
            self._append(tx, handover_id, version, state.look_again())
        if looks < _MOST_LOOKS:
            self._look_later(tx, handover_id, looks + 1)

    def _append(
        self, tx: Tx, handover_id: UUID, version: int, events: Sequence[HandoverEvent], running_round: int = 0
    ) -> None:
        """Append; what others are asked, this service does too. A round that runs here already goes on by itself."""
        tx.append(handover_id, version, events)
        for event in events:
            if isinstance(event, HandoverAsked) and event.round != running_round:
                begin(tx, event)

    def _load(self, tx: Tx, handover_id: UUID) -> tuple[Handover, int]:
        loaded = tx.load(handover_id, evolve)
        if loaded.state is None:
            raise NotFound(f"no handover {handover_id}")
        return loaded.state, loaded.version

    def _ask_again_later(self, tx: Tx, handover_id: UUID, tries: int) -> None:
        pause = min(_AGAIN_AFTER * 2 ** min(tries - 1, 12), _LONGEST_PAUSE)
        payload = {"handover_id": str(handover_id), "tries": tries}
        tx.set_timer(f"{ASK_AGAIN}:{handover_id}", ASK_AGAIN, tx.recorded_at + pause, payload)

    def _look_later(self, tx: Tx, handover_id: UUID, looks: int) -> None:
        payload = {"handover_id": str(handover_id), "looks": looks}
        tx.set_timer(f"{LOOK_AGAIN}:{handover_id}", LOOK_AGAIN, tx.recorded_at + _LOOK_EVERY, payload)
