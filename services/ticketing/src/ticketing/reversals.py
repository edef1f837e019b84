"""How what people did to tickets is taken back, ticket by ticket; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

from kernel.reversals import Reversals
from kernel.store import Transaction
from ticketing.application.tickets import Ticketing
from ticketing.domain import taking_back, ticket_events
from ticketing.domain.ticket import Ticket, evolve


def reversals(ticketing: Ticketing) -> tuple[Reversals, ...]:
    """Return how tickets are taken back."""

    def save(tx: Transaction[Any], stream: UUID, state: Ticket, version: int, events: Sequence[Any]) -> None:
        ticketing.save_taken_back(tx, state, version, events)

    return (Reversals("ticket", get_args(ticket_events.Event), evolve, taking_back.touches, taking_back.TICKET, save),)
