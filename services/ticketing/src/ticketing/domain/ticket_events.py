"""What can happen to a ticket. Fields pair by name with crm.ticketing.v1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ticketing.domain.vocabulary import Channel, Clock, Priority


@dataclass(frozen=True, slots=True)
class TicketOpened:
    ticket_id: UUID
    customer_id: UUID | None
    contact_id: UUID | None
    requester_id: UUID
    channel: Channel
    category: str
    priority: Priority
    product_id: str
    subject: str  # personal
    description: str  # personal
    complaint: bool
    external_ref: str
    policy_id: UUID | None
    import_id: str
    activity: str
    related_ticket_id: UUID | None
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class TicketAssigned:
    ticket_id: UUID
    assignee_id: UUID | None
    from_assignee_id: UUID | None
    queue: str
    rule_id: str
    rule_set_version: int
    reason: str
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TicketReprioritised:
    ticket_id: UUID
    from_priority: Priority
    to_priority: Priority
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TicketRecategorised:
    ticket_id: UUID
    from_category: str
    to_category: str
    product_id: str


@dataclass(frozen=True, slots=True)
class TicketRequesterIdentified:
    ticket_id: UUID
    customer_id: UUID
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class TicketResponded:
    ticket_id: UUID
    requester_id: UUID
    responder_id: UUID | None
    channel: Channel
    text: str  # personal
    first: bool


@dataclass(frozen=True, slots=True)
class CustomerReplied:
    ticket_id: UUID
    requester_id: UUID
    channel: Channel
    text: str  # personal


@dataclass(frozen=True, slots=True)
class TicketNoted:
    ticket_id: UUID
    requester_id: UUID
    text: str  # personal


@dataclass(frozen=True, slots=True)
class TicketStepRecorded:
    ticket_id: UUID
    step: str
    by_person_id: UUID | None
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TicketPutOnHold:
    ticket_id: UUID
    requester_id: UUID
    reason: str  # personal
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TicketResumed:
    ticket_id: UUID


@dataclass(frozen=True, slots=True)
class TicketHandedOver:
    ticket_id: UUID
    requester_id: UUID
    from_queue: str
    to_queue: str
    from_assignee_id: UUID | None
    note: str  # personal


@dataclass(frozen=True, slots=True)
class SlaClockStarted:
    ticket_id: UUID
    clock: Clock
    policy_id: UUID
    policy_version: int
    calendar_id: UUID
    target_s: int
    warn_before_s: int
    warn_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SlaClockPaused:
    ticket_id: UUID
    clock: Clock
    remaining_s: int
    target_s: int
    warn_before_s: int


@dataclass(frozen=True, slots=True)
class SlaClockResumed:
    ticket_id: UUID
    clock: Clock
    target_s: int
    warn_before_s: int
    warn_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class SlaClockStopped:
    ticket_id: UUID
    clock: Clock
    met: bool


@dataclass(frozen=True, slots=True)
class SlaWarned:
    ticket_id: UUID
    clock: Clock
    due_at: datetime
    assignee_id: UUID | None
    queue: str
    supervisor_id: UUID | None


@dataclass(frozen=True, slots=True)
class SlaBreached:
    ticket_id: UUID
    clock: Clock
    due_at: datetime
    assignee_id: UUID | None
    queue: str
    supervisor_id: UUID | None


@dataclass(frozen=True, slots=True)
class SlaBreachWithdrawn:
    ticket_id: UUID
    clock: Clock
    done_at: datetime


@dataclass(frozen=True, slots=True)
class TicketEscalated:
    ticket_id: UUID
    to_person_id: UUID | None
    level: int
    reason: str
    clock: Clock | None
    assignee_id: UUID | None
    queue: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class RootCauseRecorded:
    ticket_id: UUID
    requester_id: UUID
    cause_code: str
    cause: str  # personal
    remedy: str  # personal


@dataclass(frozen=True, slots=True)
class ComplaintFollowedUp:
    ticket_id: UUID
    requester_id: UUID
    satisfied: bool
    note: str  # personal


@dataclass(frozen=True, slots=True)
class ComplaintConfirmed:
    ticket_id: UUID
    customer_id: UUID | None
    cause_code: str


@dataclass(frozen=True, slots=True)
class TicketResolved:
    ticket_id: UUID
    requester_id: UUID
    customer_id: UUID | None
    assignee_id: UUID | None
    queue: str
    resolution_code: str
    cause: str  # personal
    solution: str  # personal
    activity: str = ""
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketReopened:
    ticket_id: UUID
    requester_id: UUID
    reason: str  # personal


@dataclass(frozen=True, slots=True)
class TicketClosed:
    ticket_id: UUID
    customer_id: UUID | None
    contact_id: UUID | None
    assignee_id: UUID | None
    queue: str
    reason: str
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TicketImported:
    ticket_id: UUID
    import_id: str
    external_ref: str
    activities: int


@dataclass(frozen=True, slots=True)
class TicketWithdrawn:
    ticket_id: UUID
    import_id: str
    reason: str


Event = (
    TicketOpened
    | TicketAssigned
    | TicketReprioritised
    | TicketRecategorised
    | TicketRequesterIdentified
    | TicketResponded
    | CustomerReplied
    | TicketNoted
    | TicketStepRecorded
    | TicketPutOnHold
    | TicketResumed
    | TicketHandedOver
    | SlaClockStarted
    | SlaClockPaused
    | SlaClockResumed
    | SlaClockStopped
    | SlaWarned
    | SlaBreached
    | SlaBreachWithdrawn
    | TicketEscalated
    | RootCauseRecorded
    | ComplaintFollowedUp
    | ComplaintConfirmed
    | TicketResolved
    | TicketReopened
    | TicketClosed
    | TicketImported
    | TicketWithdrawn
)
