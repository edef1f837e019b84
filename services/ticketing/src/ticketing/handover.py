"""What people own on the desk, and how it changes hands when somebody leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import DomainError
from kernel.handover import Owned, Ownership
from kernel.store import Transaction
from ticketing.application.tickets import Ticketing

_EVERYTHING = Caller("service", "ticketing", permissions=("*",), scope="all")


def ownership(ticketing: Ticketing) -> Ownership:
    """Return the kinds of record, open ones only. Clocks run on; the queue stays."""

    def assign(tx: Transaction[Any], ids: Sequence[UUID], _: UUID, to: UUID, reason: str) -> None:
        for ticket_id in ids:
            try:
                ticketing.assign_ticket(tx, _EVERYTHING, ticket_id, to, "", reason)
            except DomainError:
                continue  # counted as left

    open_of = "select ticket_id as id from tickets where assignee_id = %(person_id)s and status < 4"
    return Ownership((Owned("tickets", open_of, assign),))
