"""One message to one person. That it leaves is recorded before it does, so it leaves at most once.

planned → dispatched → sent | deferred (tried again) | bounced | outcome lost; planned → withheld.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError
from marketing.domain.template import MessageChannel

# -- what can happen ---------------------------------------------------------


class WithholdReason(IntEnum):
    UNSPECIFIED = 0
    UNSUBSCRIBED = 1
    NO_CONSENT = 2
    FREQUENCY_CAP = 3
    NO_ADDRESS = 4
    CHANNEL_NOT_CONFIGURED = 5
    CANCELLED = 6
    GONE = 7


@dataclass(frozen=True, slots=True)
class MessagePlanned:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    mailing_id: UUID | None
    journey_id: UUID | None
    run_id: UUID | None
    step_id: str
    template_id: UUID
    template_version: int
    variables: dict[str, str]
    owner_id: UUID | None
    test_address: str  # personal: sealed at rest


@dataclass(frozen=True, slots=True)
class MessageDispatched:
    send_id: UUID
    message_ref: str
    attempt: int


@dataclass(frozen=True, slots=True)
class MessageSent:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class MessageWithheld:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    reason: WithholdReason


@dataclass(frozen=True, slots=True)
class MessageDeferred:
    send_id: UUID
    reply_code: str


@dataclass(frozen=True, slots=True)
class MessageBounced:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    reply_code: str


@dataclass(frozen=True, slots=True)
class MessageOutcomeLost:
    send_id: UUID
    campaign_id: UUID | None
    channel: MessageChannel


@dataclass(frozen=True, slots=True)
class MessageRequeued:
    send_id: UUID


@dataclass(frozen=True, slots=True)
class MessageOpened:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    inferred: bool
    run_id: UUID | None
    step_id: str


@dataclass(frozen=True, slots=True)
class MessageClicked:
    send_id: UUID
    campaign_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    channel: MessageChannel
    submission_id: UUID | None
    link_number: int
    link_tag: str
    run_id: UUID | None
    step_id: str


MessageEvent = (
    MessagePlanned
    | MessageDispatched
    | MessageSent
    | MessageWithheld
    | MessageDeferred
    | MessageBounced
    | MessageOutcomeLost
    | MessageRequeued
    | MessageOpened
    | MessageClicked
)


class NotOutstanding(DomainError):
    """The message has left, was withheld or refused already."""


# -- what it is, and what may be decided about it ----------------------------

MOST_ATTEMPTS = 5


class MessageState(Enum):
    PLANNED = "planned"
    DISPATCHED = "dispatched"
    SENT = "sent"
    WITHHELD = "withheld"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    planned: MessagePlanned
    state: MessageState = MessageState.PLANNED
    attempts: int = 0
    opened: bool = False
    followed: frozenset[int] = frozenset()

    @property
    def outstanding(self) -> bool:
        """It may still be sent without anybody's word."""
        return self.state in (MessageState.PLANNED, MessageState.DEFERRED)

    @property
    def recipient_id(self) -> UUID | None:
        """The contact, submission or customer that names the person; None for a test."""
        it = self.planned
        return it.contact_id or it.submission_id or it.customer_id

    @property
    def is_test(self) -> bool:
        return bool(self.planned.test_address)

    def dispatch(self, message_ref: str) -> list[MessageEvent]:
        """Take the message in hand: nobody else will send it now."""
        if not self.outstanding:
            raise NotOutstanding(f"message {self.planned.send_id} is {self.state.value}")
        return [MessageDispatched(self.planned.send_id, message_ref, self.attempts + 1)]

    def withhold(self, reason: WithholdReason) -> list[MessageEvent]:
        if not self.outstanding:
            return []
        it = self.planned
        return [
            MessageWithheld(
                it.send_id,
                it.campaign_id,
                it.customer_id,
                it.contact_id,
                it.channel,
                it.submission_id,
                reason,
            )
        ]

    def sent(self, simulated: bool = False) -> list[MessageEvent]:
        """The channel took it. Somebody may have opened it before we knew."""
        if self.state not in (MessageState.DISPATCHED, MessageState.UNKNOWN):
            return []
        it = self.planned
        return [
            MessageSent(
                it.send_id,
                it.campaign_id,
                it.customer_id,
                it.contact_id,
                it.channel,
                it.submission_id,
                simulated,
            )
        ]

    def defer(self, reply_code: str) -> list[MessageEvent]:
        """The channel refused it for now; after so many times that is for good."""
        if self.state is not MessageState.DISPATCHED:
            return []
        if self.attempts >= MOST_ATTEMPTS:
            return self.bounce(reply_code)
        return [MessageDeferred(self.planned.send_id, reply_code)]

    def bounce(self, reply_code: str) -> list[MessageEvent]:
        if self.state is not MessageState.DISPATCHED:
            return []
        it = self.planned
        return [
            MessageBounced(
                it.send_id,
                it.campaign_id,
                it.customer_id,
                it.contact_id,
                it.channel,
                it.submission_id,
                reply_code,
            )
        ]

    def lose_outcome(self) -> list[MessageEvent]:
        """Whoever took it in hand is gone, and nobody saw what became of it."""
        if self.state is not MessageState.DISPATCHED:
            return []
        it = self.planned
        return [MessageOutcomeLost(it.send_id, it.campaign_id, it.channel)]

    def requeue(self) -> list[MessageEvent]:
        if self.state is not MessageState.UNKNOWN:
            raise DomainError(
                f"message {self.planned.send_id} is {self.state.value}: only one of unknown outcome can be sent again"
            )
        return [MessageRequeued(self.planned.send_id)]

    def open(self, inferred: bool = False) -> list[MessageEvent]:
        """The person opened it: it did arrive, whatever we knew."""
        if self.opened or not self._can_have_arrived():
            return []
        it = self.planned
        return [
            *self.sent(),
            MessageOpened(
                it.send_id,
                it.campaign_id,
                it.customer_id,
                it.contact_id,
                it.channel,
                it.submission_id,
                inferred,
                it.run_id,
                it.step_id,
            ),
        ]

    def click(self, link_number: int, link_tag: str) -> list[MessageEvent]:
        """The person followed a link; who clicks has opened."""
        if link_number in self.followed or not self._can_have_arrived():
            return []
        it = self.planned
        return [
            *self.open(inferred=True),
            MessageClicked(
                it.send_id,
                it.campaign_id,
                it.customer_id,
                it.contact_id,
                it.channel,
                it.submission_id,
                link_number,
                link_tag,
                it.run_id,
                it.step_id,
            ),
        ]

    def _can_have_arrived(self) -> bool:
        return self.state in (MessageState.SENT, MessageState.DISPATCHED, MessageState.UNKNOWN)


# -- how it comes to be ------------------------------------------------------


def evolve(message: Message | None, event: MessageEvent) -> Message:
    """Fold one event into the state."""
    if isinstance(event, MessagePlanned):
        return Message(event)
    assert message is not None, f"history must begin with MessagePlanned, not {event}"
    match event:
        case MessageDispatched():
            return replace(message, state=MessageState.DISPATCHED, attempts=event.attempt)
        case MessageSent():
            return replace(message, state=MessageState.SENT)
        case MessageWithheld():
            return replace(message, state=MessageState.WITHHELD)
        case MessageDeferred():
            return replace(message, state=MessageState.DEFERRED)
        case MessageBounced():
            return replace(message, state=MessageState.BOUNCED)
        case MessageOutcomeLost():
            return replace(message, state=MessageState.UNKNOWN)
        case MessageRequeued():
            return replace(message, state=MessageState.PLANNED, attempts=0)
        case MessageOpened():
            return replace(message, opened=True)
        case MessageClicked():
            return replace(message, followed=message.followed | {event.link_number})
        case _:
            assert_never(event)
