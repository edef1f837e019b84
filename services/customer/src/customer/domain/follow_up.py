"""A follow-up: the promise to be in touch with a customer at a certain time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from kernel.errors import DomainError


class FollowUpState(IntEnum):
    """Where a follow-up stands."""

    UNSPECIFIED = 0
    PLANNED = 1
    DUE = 2
    DONE = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True)
class FollowUpPlanned:
    follow_up_id: UUID
    customer_id: UUID
    owner_id: UUID | None
    due_at: datetime
    subject: str  # personal
    contact_id: UUID | None
    data_subject_id: UUID
    suggested_content: str  # personal
    activity_id: UUID | None


@dataclass(frozen=True, slots=True)
class FollowUpMoved:
    follow_up_id: UUID
    customer_id: UUID
    from_due_at: datetime
    to_due_at: datetime


@dataclass(frozen=True, slots=True)
class FollowUpDue:
    follow_up_id: UUID
    customer_id: UUID
    owner_id: UUID | None
    contact_id: UUID | None
    data_subject_id: UUID
    suggested_content: str  # personal
    due_at: datetime


@dataclass(frozen=True, slots=True)
class FollowUpDone:
    follow_up_id: UUID
    customer_id: UUID
    activity_id: UUID | None


@dataclass(frozen=True, slots=True)
class FollowUpCancelled:
    follow_up_id: UUID
    customer_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class FollowUpHandedOver:
    follow_up_id: UUID
    customer_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID


FollowUpEvent = FollowUpPlanned | FollowUpMoved | FollowUpDue | FollowUpDone | FollowUpCancelled | FollowUpHandedOver


class FollowUpClosed(DomainError):
    """A follow-up that was done or called off does not change any more."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The state that decisions are made on."""

    id: UUID
    customer_id: UUID
    owner_id: UUID | None
    contact_id: UUID | None
    data_subject_id: UUID
    due_at: datetime
    subject: str  # personal
    suggested_content: str  # personal
    state: FollowUpState = FollowUpState.PLANNED

    def move(self, due_at: datetime) -> list[FollowUpEvent]:
        """Be in touch at another time."""
        self._require_open()
        if due_at == self.due_at:
            return []
        return [FollowUpMoved(self.id, self.customer_id, self.due_at, due_at)]

    def fall_due(self, last_said: str) -> list[FollowUpEvent]:
        """It is time. What to say is as planned, or made from what was said last."""
        if self.state is not FollowUpState.PLANNED:
            return []
        return [
            FollowUpDue(
                self.id,
                self.customer_id,
                self.owner_id,
                self.contact_id,
                self.data_subject_id,
                self.suggested_content or suggestion(self.subject, last_said),
                self.due_at,
            )
        ]

    def hand_over(self, to_owner_id: UUID) -> list[FollowUpEvent]:
        """Let another owner do it."""
        if self.state in (FollowUpState.DONE, FollowUpState.CANCELLED) or to_owner_id == self.owner_id:
            return []
        return [FollowUpHandedOver(self.id, self.customer_id, self.owner_id, to_owner_id)]

    def complete(self, activity_id: UUID | None) -> list[FollowUpEvent]:
        """Tick it off."""
        if self.state is FollowUpState.DONE:
            return []
        self._require_open()
        return [FollowUpDone(self.id, self.customer_id, activity_id)]

    def cancel(self, reason: str) -> list[FollowUpEvent]:
        """Call it off."""
        if self.state is FollowUpState.CANCELLED:
            return []
        self._require_open()
        return [FollowUpCancelled(self.id, self.customer_id, reason)]

    def _require_open(self) -> None:
        if self.state in (FollowUpState.DONE, FollowUpState.CANCELLED):
            raise FollowUpClosed(f"follow-up {self.id} is {self.state.name.lower()}; plan another one instead")


def suggestion(subject: str, last_said: str) -> str:
    """Return what to say when nobody wrote it down: what it is about, and where you left off."""
    about = subject or "Ask how things stand and agree on the next step."
    return f"{about}\nLast time: {last_said[:300]}" if last_said else about


def evolve(follow_up: FollowUp | None, event: FollowUpEvent) -> FollowUp:
    """Fold one event into the state."""
    if isinstance(event, FollowUpPlanned):
        return FollowUp(
            event.follow_up_id,
            event.customer_id,
            event.owner_id,
            event.contact_id,
            event.data_subject_id,
            event.due_at,
            event.subject,
            event.suggested_content,
        )
    assert follow_up is not None, "history must begin with FollowUpPlanned"
    match event:
        case FollowUpMoved(to_due_at=due_at):
            return replace(follow_up, due_at=due_at, state=FollowUpState.PLANNED)
        case FollowUpDue(suggested_content=content):
            return replace(follow_up, state=FollowUpState.DUE, suggested_content=content)
        case FollowUpHandedOver(to_owner_id=owner_id):
            return replace(follow_up, owner_id=owner_id)
        case FollowUpDone():
            return replace(follow_up, state=FollowUpState.DONE)
        case FollowUpCancelled():
            return replace(follow_up, state=FollowUpState.CANCELLED)
