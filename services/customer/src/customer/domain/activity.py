"""An activity: one thing done with a customer, as it was written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID


class ActivityKind(IntEnum):
    """How we were in touch."""

    UNSPECIFIED = 0
    CALL = 1
    VISIT = 2
    EMAIL = 3
    MESSAGE = 4
    MEETING = 5
    DEMO = 6
    NOTE = 7


class ActivityOutcome(IntEnum):
    """What came of it."""

    UNSPECIFIED = 0
    REACHED = 1
    NO_ANSWER = 2
    INTERESTED = 3
    NOT_INTERESTED = 4
    AGREED = 5


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, stored beside the log under its hash."""

    name: str  # personal
    size_bytes: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class ActivityLogged:
    activity_id: UUID
    customer_id: UUID
    contact_id: UUID | None
    data_subject_id: UUID
    kind: ActivityKind
    outcome: ActivityOutcome
    owner_id: UUID | None
    happened_at: datetime
    content: str  # personal
    result: str  # personal
    attachments: tuple[Attachment, ...]
    follow_up_id: UUID | None
    import_id: str


@dataclass(frozen=True, slots=True)
class ActivityRetracted:
    activity_id: UUID
    customer_id: UUID
    reason: str


ActivityEvent = ActivityLogged | ActivityRetracted


@dataclass(frozen=True, slots=True)
class Activity:
    """The state that decisions are made on."""

    id: UUID
    customer_id: UUID
    retracted: bool = False

    def retract(self, reason: str) -> list[ActivityEvent]:
        """It never took place, or does not belong here."""
        return [] if self.retracted else [ActivityRetracted(self.id, self.customer_id, reason)]


def was_a_contact(kind: ActivityKind) -> bool:
    """Whether somebody was contacted: a note for the file is none."""
    return kind is not ActivityKind.NOTE


def evolve(activity: Activity | None, event: ActivityEvent) -> Activity:
    """Fold one event into the state."""
    match event:
        case ActivityLogged():
            return Activity(event.activity_id, event.customer_id)
        case ActivityRetracted():
            assert activity is not None, "history must begin with ActivityLogged"
            return replace(activity, retracted=True)
