"""Tickets of other help desks with their dated histories, and taking them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, Literal
from uuid import UUID

from kernel.errors import InvalidArgument
from kernel.ids import derived_id
from kernel.store import Transaction
from ticketing.application.tickets import set_alarms
from ticketing.domain.history import Activity, retell
from ticketing.domain.ticket import Ticket, evolve
from ticketing.domain.ticket_events import TicketOpened
from ticketing.domain.vocabulary import Channel, Priority
from ticketing.projections import ticket_list

MOST_ROWS = 500
_LONGEST_LINE = 200
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket of another help desk."""

    external_ref: str
    customer_id: UUID | None
    contact_id: UUID | None
    channel: Channel
    category: str
    priority: Priority
    product_id: str
    subject: str
    description: str
    complaint: bool
    queue: str
    activities: tuple[Activity, ...]
    attributes: dict[str, str]
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row."""

    external_ref: str
    outcome: Literal["created", "skipped", "refused"]
    ticket_id: UUID | None = None
    field: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reverted:
    """What was taken back, and what was not because people worked on it since."""

    withdrawn: int
    changed: tuple[UUID, ...]
    remaining: int


class Imports:
    def import_tickets(
        self,
        tx: Transaction[Any],
        import_id: str,
        rows: Sequence[Row | Result],
        check_only: bool = False,
    ) -> list[Result]:
        """Bring rows in, each once. A `Result` among the rows was refused while it was read."""
        if len(rows) > MOST_ROWS:
            raise InvalidArgument("tickets", f"{len(rows)} rows; at most {MOST_ROWS} fit in a call")
        known = ticket_list.imported(tx.cursor, [row.external_ref for row in rows])
        results: list[Result] = []
        appended: list[tuple[UUID, int, Any, datetime | None]] = []
        for row in rows:
            if isinstance(row, Result):
                results.append(row)
                continue
            if row.external_ref in known:
                results.append(Result(row.external_ref, "skipped", known[row.external_ref]))
                continue
            ticket_id = derived_id("ticketing", "import", import_id, row.external_ref)
            try:
                _check(row, tx.recorded_at)
                dated = retell(_opened(ticket_id, import_id, row), row.queue, row.activities, row.opened_at)
            except InvalidArgument as error:
                results.append(Result(row.external_ref, "refused", None, error.field, error.reason))
                continue
            known[row.external_ref] = ticket_id
            appended += [(ticket_id, 0, event, at) for event, at in dated]
            results.append(Result(row.external_ref, "created", ticket_id))
        if not check_only:
            with tx.cursor.connection.pipeline():  # the views' statements wait for no answers
                tx.append_all(appended)
        return results

    def revert_import(
        self, tx: Transaction[Any], import_id: str, including_changed: bool, preview: bool = False
    ) -> Reverted:
        """Withdraw an import's tickets, a call's worth at a time, or only look; those worked on since are named."""
        rows = ticket_list.of_import(tx.cursor, import_id, 100_000)
        changed = [row["ticket_id"] for row in rows if row["changed"]]
        taken = [row for row in rows if including_changed or not row["changed"]]
        histories = tx.histories([row["ticket_id"] for row in taken[:MOST_ROWS]])
        appended: list[tuple[UUID, int, Any, datetime | None]] = []
        with tx.cursor.connection.pipeline():
            for ticket_id, history in histories.items():
                ticket: Ticket | None = reduce(evolve, history, None)
                assert ticket is not None, f"ticket {ticket_id} is in a view and not in the log"
                for event in ticket.withdraw(import_id, "the import was taken back"):
                    appended.append((ticket_id, len(history), event, None))
                    if not preview:
                        set_alarms(tx, ticket, evolve(ticket, event))
            if not preview:
                tx.append_all(appended)
        return Reverted(
            len(appended),
            tuple(changed[:MOST_ROWS]),
            max(len(taken) - MOST_ROWS, 0),
        )


def _check(row: Row, now: datetime) -> None:
    if not row.external_ref:
        raise InvalidArgument("external_ref", "is required: it makes the import repeatable")
    for name in ("external_ref", "category", "product_id", "queue"):
        if len(getattr(row, name)) > _LONGEST_LINE:
            raise InvalidArgument(name, f"at most {_LONGEST_LINE} characters fit")
    for name in ("subject", "description"):
        if len(getattr(row, name)) > _LONGEST_TEXT:
            raise InvalidArgument(name, f"at most {_LONGEST_TEXT} characters fit")
    if row.opened_at is not None and row.opened_at > now:
        raise InvalidArgument("opened_at", f"lies in the future: {row.opened_at.isoformat()}")
    for line in row.activities:
        if not line.activity:
            raise InvalidArgument("activities", "a line has no name")
        if line.at > now:
            raise InvalidArgument("activities", f"{line.activity} lies in the future: {line.at.isoformat()}")


def _opened(ticket_id: UUID, import_id: str, row: Row) -> TicketOpened:
    return TicketOpened(
        ticket_id,
        row.customer_id,
        row.contact_id,
        row.contact_id or row.customer_id or ticket_id,
        row.channel,
        row.category,
        row.priority,
        row.product_id,
        row.subject,
        row.description,
        row.complaint,
        row.external_ref,
        None,
        import_id,
        "",
        None,
        row.attributes,
    )
