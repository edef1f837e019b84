"""Forgetting a person in every service: asks, takes answers, asks again, certifies.

A process manager with a stream of its own. Whatever it does is in the log before anybody sees it, answers
come with inbox rows, and a durable timer repeats what was not answered: it goes on after a crash at any step.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.certificate import Notary, document_of
from customer.domain import erasure
from customer.domain.erasure import Erasure, evolve
from customer.personal import PERSONAL
from customer.projections import erasures as view
from kernel.errors import InvalidArgument, NotFound
from kernel.forgetting import forget_here
from kernel.ids import new_id
from kernel.purged import PersonPurged
from kernel.store import Transaction

ASK_AGAIN, ASK_LAST = "erasure_ask_again", "erasure_ask_last"
"""Kinds of timers."""

_LAST_AFTER = timedelta(seconds=8)
"""Longer than any process remembers a key: what was written with one meanwhile is found in the last round."""
_AGAIN_AFTER = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_OVERDUE_AFTER_TRIES = 2
_MOST_TRIES = 200

Tx = Transaction[Any]


class Erasures:
    """The commands and what follows from them; each runs in the transaction it is given."""

    def __init__(self, notary: Notary, modules: tuple[str, ...]) -> None:
        self._notary = notary
        self.modules = modules
        self.personal = replace(PERSONAL, answer=self.take)

    def forget_person(self, tx: Tx, person_id: UUID, reason: str, request_ref: str) -> tuple[UUID, bool]:
        """Destroy the key now and ask everybody; return the erasure, and whether it was there before."""
        tx.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 20))", (str(person_id),))
        if (known := view.of_subject(tx.cursor, person_id)) is not None:
            return known, True
        erasure_id = new_id()
        tx.append(erasure_id, 0, erasure.request(erasure_id, person_id, reason, request_ref, self.modules))
        self._ask_again_later(tx, erasure_id, 1)
        self._purge_here(tx, erasure_id)
        return erasure_id, False

    def forget_contact(self, tx: Tx, contact_id: UUID, reason: str, request_ref: str) -> tuple[UUID, bool]:
        """Forget a contact of any customer."""
        row = tx.cursor.execute("select from contacts where contact_id = %s", (contact_id,)).fetchone()
        if row is None and view.of_subject(tx.cursor, contact_id) is None and not _was_removed(tx, contact_id):
            raise NotFound(f"no contact {contact_id}")
        return self.forget_person(tx, contact_id, reason, request_ref)

    def forget_customer(self, tx: Tx, customer_id: UUID, reason: str, request_ref: str) -> tuple[UUID, bool]:
        """Forget a private customer. A company is nobody; its contacts are people."""
        row = tx.cursor.execute("select kind from customers where customer_id = %s", (customer_id,)).fetchone()
        if row is None:
            raise NotFound(f"no customer {customer_id}")
        if row["kind"] != 2:
            raise InvalidArgument("person_id", "is a company; forget its contacts, one by one")
        return self.forget_person(tx, customer_id, reason, request_ref)

    def forget_stranger(self, tx: Tx, person_id: UUID, reason: str, request_ref: str) -> tuple[UUID, bool]:
        """Forget somebody whom other services know: a lead, a requester, whoever sent a form."""
        if str(person_id) not in self.people_only(tx.cursor, [str(person_id)]):
            raise InvalidArgument("person_id", "is a customer; say so in person_kind")
        return self.forget_person(tx, person_id, reason, request_ref)

    def take(self, tx: Tx, purged: PersonPurged) -> None:
        """Write a service's answer down, and go on when it was the last one waited for."""
        history = tx.history(purged.erasure_id)
        state = reduce(evolve, history, None)
        if state is None:
            return
        events = state.take(purged, self.people_only(tx.cursor, purged.related_ids))
        tx.append(purged.erasure_id, len(history), events)
        self._go_on(tx, reduce(evolve, events, state), len(history) + len(events))

    def ask_again(self, tx: Tx, erasure_id: UUID, tries: int) -> None:
        """Repeat what was not answered, ever more slowly; say so when it takes too long."""
        state, version = self._load(tx, erasure_id)
        if state.complete or tries > _MOST_TRIES:
            return
        events = state.ask_again()
        if events and tries == _OVERDUE_AFTER_TRIES:
            events += state.fall_overdue()
        tx.append(erasure_id, version, events)
        self._ask_again_later(tx, erasure_id, tries + 1)
        if "customer" in state.waiting_for:
            self._purge_here(tx, erasure_id)

    def ask_last(self, tx: Tx, erasure_id: UUID) -> None:
        """Ask everybody once more, when no process can know a key any more."""
        state, version = self._load(tx, erasure_id)
        if events := state.ask_last():
            tx.append(erasure_id, version, events)
            self._purge_here(tx, erasure_id)

    def _go_on(self, tx: Tx, state: Erasure, version: int) -> None:
        if events := state.ask_further():
            tx.append(state.id, version, events)
            self._purge_here(tx, state.id)
        elif state.is_settled:
            document = document_of(tx.recorded(state.id), tx.recorded_at)
            tx.append(state.id, version, state.certify(document, self._notary.sign(document), self._notary.public_key))
            tx.cancel_timer(f"{ASK_AGAIN}:{state.id}")
        elif state.ask_last():
            key = f"{ASK_LAST}:{state.id}"
            tx.set_timer(key, ASK_LAST, tx.recorded_at + _LAST_AFTER, {"erasure_id": str(state.id)})

    def _purge_here(self, tx: Tx, erasure_id: UUID) -> None:
        state, _ = self._load(tx, erasure_id)
        asked = [UUID(id_) for id_ in state.asked_ids]
        forget_here(tx, self.personal, "customer", erasure_id, state.round, asked)

    def _load(self, tx: Tx, erasure_id: UUID) -> tuple[Erasure, int]:
        loaded = tx.load(erasure_id, evolve)
        if loaded.state is None:
            raise NotFound(f"no erasure {erasure_id}")
        return loaded.state, loaded.version

    def _ask_again_later(self, tx: Tx, erasure_id: UUID, tries: int) -> None:
        pause = min(_AGAIN_AFTER * 2 ** min(tries - 1, 12), _LONGEST_PAUSE)
        payload = {"erasure_id": str(erasure_id), "tries": tries}
        tx.set_timer(f"{ASK_AGAIN}:{erasure_id}", ASK_AGAIN, tx.recorded_at + pause, payload)

    @staticmethod
    def people_only(cursor: Cursor[DictRow], ids: Collection[str]) -> list[str]:
        """Leave out companies: where a reference leads to one, it has not found a person."""
        rows = cursor.execute(
            "select customer_id from customers where kind <> 2 and customer_id = any(%s::uuid[])", (list(ids),)
        )
        companies = {str(row["customer_id"]) for row in rows}
        return [id_ for id_ in ids if id_ not in companies]


def _was_removed(tx: Tx, contact_id: UUID) -> bool:
    """Whether a contact is no longer shown; his key is still there."""
    row = tx.cursor.execute(
        "select from timeline where type = 'contact' and subject_id = %s limit 1", (contact_id,)
    ).fetchone()
    return row is not None
