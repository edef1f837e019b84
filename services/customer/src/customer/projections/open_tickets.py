"""How many tickets of a customer are not resolved, from ticketing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.ticketing.v1 import ticket_events_pb2 as messages
from kernel.projections import Delivered, Eventual


def project(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    """Open and close tickets."""
    for delivered in batch:
        match delivered.message:
            case messages.TicketOpened(ticket_id=ticket_id, customer_id=customer_id) if customer_id:
                cursor.execute(
                    "insert into tickets (ticket_id, customer_id, is_open) values (%s, %s, true)"
                    " on conflict (ticket_id) do nothing",
                    (UUID(ticket_id), UUID(customer_id)),
                )
            case messages.TicketReopened(ticket_id=ticket_id):
                _set_open(cursor, ticket_id, True)
            case (
                messages.TicketResolved(ticket_id=ticket_id)
                | messages.TicketClosed(ticket_id=ticket_id)
                | messages.TicketWithdrawn(ticket_id=ticket_id)
            ):
                _set_open(cursor, ticket_id, False)


def _set_open(cursor: Cursor[DictRow], ticket_id: str, is_open: bool) -> None:
    cursor.execute("update tickets set is_open = %s where ticket_id = %s", (is_open, UUID(ticket_id)))


OPEN_TICKETS = Eventual("open_tickets", ("tickets",), ("ticketing",), project)
