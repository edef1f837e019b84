"""How what people did at the desk is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.reversals import Reversals, kept
from kernel.store import Transaction
from ticketing.application.tickets import Ticketing
from ticketing.domain.taking_back import DESK, SURVEY, TICKET
from ticketing.domain.ticket import Ticket, evolve


def reversals(ticketing: Ticketing) -> tuple[Reversals, ...]:
    """Return how each kind of record is taken back."""

    def save(tx: Transaction[Any], stream: UUID, state: Ticket, version: int, events: Sequence[Any]) -> None:
        ticketing.save_taken_back(tx, state, version, events)

    return (
        Reversals("ticket", TICKET, evolve, save),
        kept("survey", SURVEY),
        *(Reversals(record, changes) for record, changes in DESK.items()),
    )
