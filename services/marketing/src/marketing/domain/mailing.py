"""A mailing: one template to everybody who belongs to a segment when it is launched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from marketing.domain.template import MessageChannel

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailingPlanned:
    mailing_id: UUID
    name: str
    campaign_id: UUID | None
    segment_id: UUID
    template_id: UUID
    channel: MessageChannel
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class MailingLaunched:
    mailing_id: UUID
    template_version: int


@dataclass(frozen=True, slots=True)
class MailingQueued:
    mailing_id: UUID
    recipients: int


@dataclass(frozen=True, slots=True)
class MailingCancelled:
    mailing_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class MailingHandedOver:
    mailing_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


MailingEvent = MailingPlanned | MailingLaunched | MailingQueued | MailingCancelled | MailingHandedOver


class MailingOver(DomainError):
    """A cancelled mailing is not launched, and one already launched not launched again."""


# -- what it is, and what may be decided about it ----------------------------


class MailingState(Enum):
    PLANNED = "planned"
    LAUNCHED = "launched"
    QUEUED = "queued"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Mailing:
    id: UUID
    campaign_id: UUID | None
    segment_id: UUID
    template_id: UUID
    channel: MessageChannel
    owner_id: UUID
    template_version: int = 0
    state: MailingState = MailingState.PLANNED

    def launch(self, template_version: int) -> list[MailingEvent]:
        match self.state:
            case MailingState.PLANNED:
                return [MailingLaunched(self.id, template_version)]
            case MailingState.CANCELLED:
                raise MailingOver(f"mailing {self.id} was cancelled; plan a new one")
            case _:
                return []

    def queued(self, recipients: int) -> list[MailingEvent]:
        if self.state is not MailingState.LAUNCHED:
            return []
        return [MailingQueued(self.id, recipients)]

    def cancel(self, reason: str) -> list[MailingEvent]:
        if self.state is MailingState.CANCELLED:
            return []
        return [MailingCancelled(self.id, reason)]

    def hand_over(self, to_owner_id: UUID) -> list[MailingEvent]:
        """Somebody else answers for it now."""
        return [] if to_owner_id == self.owner_id else [MailingHandedOver(self.id, self.owner_id, to_owner_id)]


def plan_mailing(
    mailing_id: UUID,
    name: str,
    campaign_id: UUID | None,
    segment_id: UUID,
    template_id: UUID,
    channel: MessageChannel,
    owner_id: UUID,
) -> list[MailingEvent]:
    """Plan a mailing."""
    if not name:
        raise InvalidArgument("name", "is required")
    return [MailingPlanned(mailing_id, name, campaign_id, segment_id, template_id, channel, owner_id)]


# -- how it comes to be ------------------------------------------------------


def evolve(mailing: Mailing | None, event: MailingEvent) -> Mailing:
    """Fold one event into the state."""
    if isinstance(event, MailingPlanned):
        return Mailing(
            event.mailing_id,
            event.campaign_id,
            event.segment_id,
            event.template_id,
            event.channel,
            event.owner_id,
        )
    assert mailing is not None, f"history must begin with MailingPlanned, not {event}"
    match event:
        case MailingLaunched():
            return replace(mailing, state=MailingState.LAUNCHED, template_version=event.template_version)
        case MailingQueued():
            return replace(mailing, state=MailingState.QUEUED)
        case MailingCancelled():
            return replace(mailing, state=MailingState.CANCELLED)
        case MailingHandedOver(to_owner_id=owner_id):
            return replace(mailing, owner_id=owner_id)
        case _:
            assert_never(event)
