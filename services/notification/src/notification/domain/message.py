"""A message to a person: arranged, queued, tried, sent, read. It leaves once, or somebody is told it did not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError

MOST_ATTEMPTS = 6
_FIRST_BACKOFF = timedelta(seconds=30)
_LONGEST_BACKOFF = timedelta(hours=2)
UNKNOWN_OUTCOME = "the sender stopped while it was leaving: it may have arrived"

# -- what can happen -----------------------------------------------------------


class Channel(IntEnum):
    IN_APP = 1
    EMAIL = 2


class RecipientKind(IntEnum):
    PERSON = 1
    CONTACT = 2


@dataclass(frozen=True, slots=True)
class MessageScheduled:
    message_id: UUID
    recipient_id: UUID
    recipient_kind: RecipientKind
    customer_id: UUID | None
    channel: Channel
    kind: str
    subject_kind: str
    subject_id: str
    fields: dict[str, str]
    title: str  # personal
    text: str  # personal
    send_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleCancelled:
    message_id: UUID


@dataclass(frozen=True, slots=True)
class MessageQueued:
    message_id: UUID
    recipient_id: UUID
    recipient_kind: RecipientKind
    customer_id: UUID | None
    channel: Channel
    kind: str
    subject_kind: str
    subject_id: str
    fields: dict[str, str]
    title: str  # personal
    text: str  # personal
    historic: bool
    cause_event_id: UUID | None
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class MessageAttempted:
    message_id: UUID
    attempt: int
    smtp_message_id: str


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    message_id: UUID
    channel: Channel
    attempt: int


@dataclass(frozen=True, slots=True)
class MessageFailed:
    message_id: UUID
    attempt: int
    reason: str
    final: bool
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageRead:
    message_id: UUID


@dataclass(frozen=True, slots=True)
class MessageRetried:
    message_id: UUID


Event = (
    MessageScheduled
    | ScheduleCancelled
    | MessageQueued
    | MessageAttempted
    | MessageDelivered
    | MessageFailed
    | MessageRead
    | MessageRetried
)


class State(IntEnum):
    SCHEDULED = 1
    QUEUED = 2
    ATTEMPTED = 3
    SENT = 4
    RETRYING = 5
    FAILED = 6
    READ = 7
    CANCELLED = 8


class TooLate(DomainError):
    """The message has left, or was taken back."""


# -- what it is, and what may be decided about it ---------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    recipient_id: UUID
    recipient_kind: RecipientKind
    customer_id: UUID | None
    channel: Channel
    kind: str
    subject_kind: str
    subject_id: str
    fields: dict[str, str]
    title: str
    text: str
    state: State
    attempts: int = 0
    tries_left: int = MOST_ATTEMPTS

    def release(self, historic: bool, not_before: datetime | None = None) -> list[Event]:
        """The arranged time has come."""
        if self.state != State.SCHEDULED:
            return []
        channel = Channel.IN_APP if historic else self.channel
        return queue(
            MessageQueued(
                self.id,
                self.recipient_id,
                self.recipient_kind,
                self.customer_id,
                channel,
                self.kind,
                self.subject_kind,
                self.subject_id,
                self.fields,
                self.title,
                self.text,
                historic,
                None,
                not_before,
            )
        )

    def cancel(self) -> list[Event]:
        if self.state == State.CANCELLED:
            return []
        if self.state != State.SCHEDULED:
            raise TooLate(f"message {self.id} is {self.state.name.lower()}: it cannot be taken back")
        return [ScheduleCancelled(self.id)]

    def attempt(self, smtp_message_id: str) -> list[Event]:
        """Record that it is about to leave; nothing if it may not leave (again)."""
        if self.channel != Channel.EMAIL or self.state not in (State.QUEUED, State.RETRYING):
            return []
        return [MessageAttempted(self.id, self.attempts + 1, smtp_message_id)]

    def give_up_on_unknown(self) -> list[Event]:
        """An attempt began and nobody knows how it ended: sending again might send twice."""
        if self.state != State.ATTEMPTED:
            return []
        return [MessageFailed(self.id, self.attempts, UNKNOWN_OUTCOME, True, None)]

    def delivered(self) -> list[Event]:
        if self.state != State.ATTEMPTED:
            return []
        return [MessageDelivered(self.id, self.channel, self.attempts)]

    def failed(self, reason: str, permanent: bool, at: datetime) -> list[Event]:
        """The attempt did not work: try again later, each time later still, or give up."""
        if self.state != State.ATTEMPTED:
            return []
        if permanent or self.tries_left <= 0:
            return [MessageFailed(self.id, self.attempts, reason, True, None)]
        tried = MOST_ATTEMPTS - self.tries_left - 1
        wait = min(_FIRST_BACKOFF * 4 ** max(tried, 0), _LONGEST_BACKOFF)
        return [MessageFailed(self.id, self.attempts, reason, False, at + wait)]

    def read(self) -> list[Event]:
        return [MessageRead(self.id)] if self.state == State.SENT else []

    def retry(self) -> list[Event]:
        """Somebody wants it tried again."""
        if self.state != State.FAILED:
            raise DomainError(f"message {self.id} is {self.state.name.lower()}: only a failed one is retried")
        return [MessageRetried(self.id)]


def schedule(scheduled: MessageScheduled) -> list[Event]:
    return [scheduled]


def queue(queued: MessageQueued) -> list[Event]:
    """A message is on its way; in the notification centre it has arrived."""
    if queued.channel == Channel.IN_APP:
        return [queued, MessageDelivered(queued.message_id, Channel.IN_APP, 0)]
    return [queued]


def evolve(message: Message | None, event: Event) -> Message:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, MessageScheduled | MessageQueued):
        return Message(
            event.message_id,
            event.recipient_id,
            event.recipient_kind,
            event.customer_id,
            event.channel,
            event.kind,
            event.subject_kind,
            event.subject_id,
            event.fields,
            event.title,
            event.text,
            State.SCHEDULED if isinstance(event, MessageScheduled) else State.QUEUED,
        )
    assert message is not None, f"history must begin with a message, not {type(event).__name__}"
    match event:
        case ScheduleCancelled():
            return replace(message, state=State.CANCELLED)
        case MessageAttempted(attempt=attempt):
            left = message.tries_left - 1
            return replace(message, state=State.ATTEMPTED, attempts=attempt, tries_left=left)
        case MessageDelivered():
            return replace(message, state=State.SENT)
        case MessageFailed(final=final):
            return replace(message, state=State.FAILED if final else State.RETRYING)
        case MessageRead():
            return replace(message, state=State.READ)
        case MessageRetried():
            return replace(message, state=State.RETRYING, tries_left=MOST_ATTEMPTS)
        case _:
            assert_never(event)
