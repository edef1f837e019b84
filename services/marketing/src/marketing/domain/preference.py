"""What people want to receive, and how much the firm allows itself. Asked before every message leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never
from uuid import UUID

from kernel.errors import InvalidArgument
from marketing.domain.message import WithholdReason
from marketing.domain.template import MessageChannel

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    recipient_id: UUID
    channel: MessageChannel
    customer_id: UUID | None
    contact_id: UUID | None
    send_id: UUID | None
    campaign_id: UUID | None


@dataclass(frozen=True, slots=True)
class Resubscribed:
    recipient_id: UUID
    channel: MessageChannel
    customer_id: UUID | None
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class ContactPolicySet:
    policy_id: UUID
    most_messages: int
    window_days: int
    consent_required: bool


PreferenceEvent = Unsubscribed | Resubscribed
PolicyEvent = ContactPolicySet

# -- one person's wishes -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preference:
    """The channels by which a person wants nothing."""

    silenced: frozenset[MessageChannel] = frozenset()

    def unsubscribe(
        self,
        recipient_id: UUID,
        channel: MessageChannel,
        customer_id: UUID | None,
        contact_id: UUID | None,
        send_id: UUID | None = None,
        campaign_id: UUID | None = None,
    ) -> list[PreferenceEvent]:
        if channel is MessageChannel.UNSPECIFIED:
            raise InvalidArgument("channel", "is required")
        if channel in self.silenced:
            return []
        return [Unsubscribed(recipient_id, channel, customer_id, contact_id, send_id, campaign_id)]

    def resubscribe(
        self,
        recipient_id: UUID,
        channel: MessageChannel,
        customer_id: UUID | None,
        contact_id: UUID | None,
    ) -> list[PreferenceEvent]:
        if channel not in self.silenced:
            return []
        return [Resubscribed(recipient_id, channel, customer_id, contact_id)]


def evolve(preference: Preference | None, event: PreferenceEvent) -> Preference:
    """Fold one event into the state."""
    silenced = preference.silenced if preference else frozenset()
    match event:
        case Unsubscribed():
            return Preference(silenced | {event.channel})
        case Resubscribed():
            return Preference(silenced - {event.channel})
        case _:
            assert_never(event)


# -- the firm's restraint ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """At most `most_messages` to one person by one channel in `window_days`; 0 means no cap."""

    most_messages: int = 5
    window_days: int = 7
    consent_required: bool = False

    def set(self, policy_id: UUID, wanted: ContactPolicy) -> list[PolicyEvent]:
        if not 0 <= wanted.most_messages <= 1000:
            raise InvalidArgument("most_messages", "must be between 0 and 1000")
        if not 1 <= wanted.window_days <= 366:
            raise InvalidArgument("window_days", "must be between 1 and 366")
        if wanted == self:
            return []
        return [ContactPolicySet(policy_id, wanted.most_messages, wanted.window_days, wanted.consent_required)]


def evolve_policy(policy: ContactPolicy | None, event: PolicyEvent) -> ContactPolicy:
    """Fold one event into the policy."""
    return replace(
        policy or ContactPolicy(),
        most_messages=event.most_messages,
        window_days=event.window_days,
        consent_required=event.consent_required,
    )


class Consent(Enum):
    UNSAID = "unsaid"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known about one recipient on one channel at the moment a message would leave."""

    silenced: bool = False
    consent: Consent = Consent.UNSAID
    recent_messages: int = 0
    gone: bool = False
    cancelled: bool = False
    channel_configured: bool = True
    has_address: bool = True


def reason_to_withhold(policy: ContactPolicy, standing: Standing) -> WithholdReason | None:
    """Return why a message must not leave; None when it may. What the person wants comes first."""
    if standing.cancelled:
        return WithholdReason.CANCELLED
    if standing.gone:
        return WithholdReason.GONE
    if standing.silenced:
        return WithholdReason.UNSUBSCRIBED
    if standing.consent is Consent.WITHDRAWN:
        return WithholdReason.NO_CONSENT
    if policy.consent_required and standing.consent is not Consent.GIVEN:
        return WithholdReason.NO_CONSENT
    if policy.most_messages and standing.recent_messages >= policy.most_messages:
        return WithholdReason.FREQUENCY_CAP
    if not standing.channel_configured:
        return WithholdReason.CHANNEL_NOT_CONFIGURED
    if not standing.has_address:
        return WithholdReason.NO_ADDRESS
    return None
