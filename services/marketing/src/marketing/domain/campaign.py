"""A campaign: money and time spent to bring people in. Costs may come in after it has ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money

# -- what can happen ---------------------------------------------------------


class CampaignKind(IntEnum):
    UNSPECIFIED = 0
    EMAIL = 1
    EVENT = 2
    WEBINAR = 3
    EXHIBITION = 4
    ADVERTISING = 5
    CONTENT = 6
    SOCIAL = 7
    REFERRAL = 8
    OTHER = 9


@dataclass(frozen=True, slots=True)
class CampaignPlanned:
    campaign_id: UUID
    name: str
    kind: CampaignKind
    channel: str
    budget: Money
    owner_id: UUID
    starts_on: date
    ends_on: date
    segment_id: UUID | None
    expected_leads: int


@dataclass(frozen=True, slots=True)
class CampaignRevised:
    campaign_id: UUID
    name: str
    kind: CampaignKind
    channel: str
    budget: Money
    starts_on: date
    ends_on: date
    segment_id: UUID | None
    expected_leads: int


@dataclass(frozen=True, slots=True)
class CampaignLaunched:
    campaign_id: UUID


@dataclass(frozen=True, slots=True)
class CampaignCostBooked:
    campaign_id: UUID
    amount: Money
    purpose: str
    booked_on: date
    cost_id: UUID


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    campaign_id: UUID
    conclusion: str


@dataclass(frozen=True, slots=True)
class CampaignHandedOver:
    campaign_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


CampaignEvent = (
    CampaignPlanned | CampaignRevised | CampaignLaunched | CampaignCostBooked | CampaignEnded | CampaignHandedOver
)


class CampaignOver(DomainError):
    """A campaign that has ended is not changed or started any more."""


# -- what it is, and what may be decided about it ----------------------------

_CHANNEL = re.compile(r"[\w][\w.-]{0,49}")


def checked_channel(field: str, text: str) -> str:
    """Return a channel's code as it is compared everywhere: trimmed and in lower case."""
    code = text.strip().lower()
    if not _CHANNEL.fullmatch(code):
        raise InvalidArgument(field, "must be a short code such as email, wechat or search-ads")
    return code


@dataclass(frozen=True, slots=True)
class Plan:
    """What a marketer decides about a campaign. Refuses what cannot be."""

    name: str
    kind: CampaignKind
    channel: str
    budget: Money
    starts_on: date
    ends_on: date
    segment_id: UUID | None = None
    expected_leads: int = 0

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidArgument("name", "is required")
        if self.kind is CampaignKind.UNSPECIFIED:
            raise InvalidArgument("kind", "is required")
        if self.budget.minor_units < 0:
            raise InvalidArgument("budget", "must not be negative")
        if self.ends_on < self.starts_on:
            raise InvalidArgument("ends_on", f"{self.ends_on} is before the first day {self.starts_on}")
        if self.expected_leads < 0:
            raise InvalidArgument("expected_leads", "must not be negative")
        object.__setattr__(self, "channel", checked_channel("channel", self.channel))


def plan_campaign(campaign_id: UUID, owner_id: UUID, plan: Plan) -> list[CampaignEvent]:
    """Plan a campaign."""
    return [
        CampaignPlanned(
            campaign_id,
            plan.name,
            plan.kind,
            plan.channel,
            plan.budget,
            owner_id,
            plan.starts_on,
            plan.ends_on,
            plan.segment_id,
            plan.expected_leads,
        )
    ]


@dataclass(frozen=True, slots=True)
class Campaign:
    id: UUID
    owner_id: UUID
    plan: Plan
    cost: Money
    launched: bool = False
    ended: bool = False

    @property
    def over_budget(self) -> bool:
        return self.cost > self.plan.budget

    def revise(self, plan: Plan) -> list[CampaignEvent]:
        self._require_not_over()
        if plan == self.plan:
            return []
        if self.cost.minor_units and plan.budget.currency_code != self.plan.budget.currency_code:
            raise DomainError(f"costs are booked in {self.cost.currency_code}: the budget's currency cannot change")
        return [
            CampaignRevised(
                self.id,
                plan.name,
                plan.kind,
                plan.channel,
                plan.budget,
                plan.starts_on,
                plan.ends_on,
                plan.segment_id,
                plan.expected_leads,
            )
        ]

    def launch(self) -> list[CampaignEvent]:
        self._require_not_over()
        return [] if self.launched else [CampaignLaunched(self.id)]

    def book_cost(self, cost_id: UUID, amount: Money, purpose: str, booked_on: date) -> list[CampaignEvent]:
        if amount.minor_units == 0:
            raise InvalidArgument("amount", "must not be zero")
        if amount.currency_code != self.plan.budget.currency_code:
            raise InvalidArgument("amount", f"must be in the budget's currency {self.plan.budget.currency_code}")
        if (self.cost + amount).minor_units < 0:
            raise DomainError("more would be taken back than was ever booked")
        return [CampaignCostBooked(self.id, amount, purpose, booked_on, cost_id)]

    def end(self, conclusion: str) -> list[CampaignEvent]:
        return [] if self.ended else [CampaignEnded(self.id, conclusion)]

    def hand_over(self, to_owner_id: UUID) -> list[CampaignEvent]:
        if to_owner_id == self.owner_id:
            return []
        return [CampaignHandedOver(self.id, self.owner_id, to_owner_id)]

    def _require_not_over(self) -> None:
        if self.ended:
            raise CampaignOver(f"campaign {self.id} has ended; plan a new one")


# -- how it comes to be ------------------------------------------------------


def evolve(campaign: Campaign | None, event: CampaignEvent) -> Campaign:
    """Fold one event into the state."""
    if isinstance(event, CampaignPlanned):
        plan = _plan_of(event)
        return Campaign(event.campaign_id, event.owner_id, plan, Money(0, event.budget.currency_code))
    assert campaign is not None, f"history must begin with CampaignPlanned, not {event}"
    match event:
        case CampaignRevised():
            cost = campaign.cost
            if not cost.minor_units:
                cost = Money(0, event.budget.currency_code)
            return replace(campaign, plan=_plan_of(event), cost=cost)
        case CampaignLaunched():
            return replace(campaign, launched=True)
        case CampaignCostBooked():
            return replace(campaign, cost=campaign.cost + event.amount)
        case CampaignEnded():
            return replace(campaign, ended=True)
        case CampaignHandedOver():
            return replace(campaign, owner_id=event.to_owner_id)
        case _:
            assert_never(event)


def _plan_of(event: CampaignPlanned | CampaignRevised) -> Plan:
    """History is never refused, so the plan's checks are passed by."""
    plan = object.__new__(Plan)
    for name in Plan.__slots__:
        object.__setattr__(plan, name, getattr(event, name))
    return plan
