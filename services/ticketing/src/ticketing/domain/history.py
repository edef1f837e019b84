"""The history of a ticket in another help desk, as events of ours.

One line there is one event here that keeps the line's name. Where a line only makes sense if something
unsaid came before it (work on a ticket that waited, was resolved or was closed), the resuming or reopening is
added without a name. Nothing is refused: what happened, happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from kernel.errors import InvalidArgument
from ticketing.domain.ticket import Ticket, evolve
from ticketing.domain.ticket_events import (
    Event,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketHandedOver,
    TicketImported,
    TicketOpened,
    TicketPutOnHold,
    TicketReopened,
    TicketReprioritised,
    TicketResolved,
    TicketResponded,
    TicketResumed,
    TicketStepRecorded,
)
from ticketing.domain.vocabulary import Priority, Status

MOST_ACTIVITIES = 500


class ImportedStep(IntEnum):
    OPENED = 1
    PRIORITISED = 2
    ASSIGNED = 3
    RESPONDED = 4
    WAITING = 5
    RESUMED = 6
    HANDED_OVER = 7
    WORKED = 8
    RESOLVED = 9
    REOPENED = 10
    CLOSED = 11
    ESCALATED = 12


# What the lines of known help desks mean. The four in capitals are states of a software defect filed along
# the way, not of the ticket, so they are work and resolve nothing.
KNOWN_ACTIVITIES = {
    "insert ticket": ImportedStep.OPENED,
    "create ticket": ImportedStep.OPENED,
    "opened": ImportedStep.OPENED,
    "assign seriousness": ImportedStep.PRIORITISED,
    "take in charge ticket": ImportedStep.ASSIGNED,
    "assigned": ImportedStep.ASSIGNED,
    "wait": ImportedStep.WAITING,
    "waiting": ImportedStep.WAITING,
    "require upgrade": ImportedStep.WORKED,
    "create sw anomaly": ImportedStep.WORKED,
    "resolve sw anomaly": ImportedStep.WORKED,
    "schedule intervention": ImportedStep.WORKED,
    "verified": ImportedStep.WORKED,
    "resolved": ImportedStep.WORKED,
    "invalid": ImportedStep.WORKED,
    "duplicate": ImportedStep.WORKED,
    "resolve ticket": ImportedStep.RESOLVED,
    "reopen ticket": ImportedStep.REOPENED,
    "closed": ImportedStep.CLOSED,
    "close ticket": ImportedStep.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Activity:
    """A line of the other desk's log. `step` is None to go by the line's name."""

    activity: str
    at: datetime
    step: ImportedStep | None = None
    assignee_id: UUID | None = None
    queue: str = ""
    priority: Priority | None = None
    text: str = ""


Dated = tuple[Event, datetime]


def retell(
    opened: TicketOpened, queue: str, activities: Sequence[Activity], opened_at: datetime | None = None
) -> list[Dated]:
    """Return the dated events of an imported ticket, in the order of the other system's log.

    It was opened at `opened_at`, or else when its history begins.
    """
    if not activities:
        if opened_at is None:
            raise InvalidArgument("activities", "a history has at least one line; give the opening")
        activities = [Activity("", opened_at, ImportedStep.OPENED)]
    if len(activities) > MOST_ACTIVITIES:
        raise InvalidArgument("activities", f"at most {MOST_ACTIVITIES} lines of history")
    first = activities[0]
    if meaning(first) == ImportedStep.OPENED:
        opened, rest = replace(opened, activity=first.activity), activities[1:]
    else:
        rest = activities
    began_at = opened_at or first.at
    events: list[Dated] = [(opened, began_at)]
    ticket = evolve(None, opened)
    if queue:
        events.append((TicketAssigned(ticket.id, None, None, queue, "", 0, "as in the imported system"), first.at))
        ticket = evolve(ticket, events[-1][0])
    for line in rest:
        for event in _events_of(ticket, line):
            events.append((event, line.at))
            ticket = evolve(ticket, event)
    imported = TicketImported(ticket.id, opened.import_id, opened.external_ref, len(activities))
    events.append((imported, activities[-1].at))
    return events


def meaning(line: Activity) -> ImportedStep:
    """Return what a line means: as told, else by its name, else a step of the work."""
    return line.step or KNOWN_ACTIVITIES.get(line.activity.strip().lower(), ImportedStep.WORKED)


def _events_of(ticket: Ticket, line: Activity) -> list[Event]:
    step = meaning(line)
    events: list[Event] = []
    if step not in (ImportedStep.RESOLVED, ImportedStep.CLOSED, ImportedStep.PRIORITISED):
        if ticket.status in (Status.RESOLVED, Status.CLOSED):
            events.append(TicketReopened(ticket.id, ticket.requester_id, ""))
        elif ticket.status == Status.WAITING and step != ImportedStep.WAITING:
            events.append(TicketResumed(ticket.id))
    match step:
        case ImportedStep.OPENED | ImportedStep.WORKED | ImportedStep.REOPENED | ImportedStep.RESUMED:
            events.append(TicketStepRecorded(ticket.id, line.activity, line.assignee_id, line.activity))
        case ImportedStep.PRIORITISED:
            to = line.priority or ticket.priority
            events.append(TicketReprioritised(ticket.id, ticket.priority, to, line.activity))
        case ImportedStep.ASSIGNED:
            events.append(
                TicketAssigned(
                    ticket.id,
                    line.assignee_id or ticket.assignee_id,
                    ticket.assignee_id,
                    line.queue or ticket.queue,
                    "",
                    0,
                    "as in the imported system",
                    line.activity,
                )
            )
        case ImportedStep.RESPONDED:
            events += [
                TicketResponded(
                    ticket.id,
                    ticket.requester_id,
                    line.assignee_id,
                    ticket.channel,
                    line.text,
                    not ticket.responded,
                ),
                TicketStepRecorded(ticket.id, line.activity, line.assignee_id, line.activity),
            ]
        case ImportedStep.WAITING:
            events.append(TicketPutOnHold(ticket.id, ticket.requester_id, line.text, line.activity))
        case ImportedStep.HANDED_OVER:
            events += [
                TicketHandedOver(
                    ticket.id,
                    ticket.requester_id,
                    ticket.queue,
                    line.queue or ticket.queue,
                    ticket.assignee_id,
                    line.text,
                ),
                TicketStepRecorded(ticket.id, line.activity, line.assignee_id, line.activity),
            ]
        case ImportedStep.RESOLVED:
            events.append(
                TicketResolved(
                    ticket.id,
                    ticket.requester_id,
                    ticket.customer_id,
                    ticket.assignee_id,
                    ticket.queue,
                    "imported",
                    "",
                    line.text,
                    line.activity,
                )
            )
        case ImportedStep.CLOSED:
            events.append(
                TicketClosed(
                    ticket.id,
                    ticket.customer_id,
                    ticket.contact_id,
                    ticket.assignee_id,
                    ticket.queue,
                    "imported",
                    line.activity,
                )
            )
        case ImportedStep.ESCALATED:
            events += [
                TicketEscalated(
                    ticket.id,
                    line.assignee_id,
                    ticket.escalation_level + 1,
                    "as in the imported system",
                    None,
                    ticket.assignee_id,
                    ticket.queue,
                    None,
                ),
                TicketStepRecorded(ticket.id, line.activity, line.assignee_id, line.activity),
            ]
    return events
