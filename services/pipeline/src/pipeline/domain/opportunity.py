"""An opportunity: a deal on its way to being won or lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from pipeline.domain.pipeline_definition import Pipeline, Stage, StageKind

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpportunityOpened:
    opportunity_id: UUID
    customer_id: UUID | None
    pipeline_id: UUID
    stage_id: UUID
    title: str
    amount: Money
    probability: int
    owner_id: UUID | None
    lead_id: UUID | None
    source_channel: str
    campaign_id: UUID | None
    expected_close_on: date | None
    product_ids: tuple[UUID, ...]
    external_ref: str
    contact_ids: tuple[UUID, ...]
    import_id: str


@dataclass(frozen=True, slots=True)
class OpportunityAdvanced:
    opportunity_id: UUID
    from_stage_id: UUID
    to_stage_id: UUID
    probability: int


@dataclass(frozen=True, slots=True)
class OpportunityStageSetBack:
    opportunity_id: UUID
    from_stage_id: UUID
    to_stage_id: UUID
    probability: int
    reason: str


@dataclass(frozen=True, slots=True)
class AmountRevised:
    opportunity_id: UUID
    from_amount: Money
    to_amount: Money


@dataclass(frozen=True, slots=True)
class ExpectedCloseMoved:
    opportunity_id: UUID
    from_on: date | None
    to_on: date | None


@dataclass(frozen=True, slots=True)
class ProbabilityRevised:
    opportunity_id: UUID
    from_probability: int
    to_probability: int


@dataclass(frozen=True, slots=True)
class OpportunityRetitled:
    opportunity_id: UUID
    title: str


@dataclass(frozen=True, slots=True)
class OpportunityProductsChosen:
    opportunity_id: UUID
    product_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OpportunityContactsChosen:
    opportunity_id: UUID
    contact_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OpportunityCustomerNamed:
    opportunity_id: UUID
    from_customer_id: UUID | None
    customer_id: UUID


@dataclass(frozen=True, slots=True)
class OpportunityTransferred:
    opportunity_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class OpportunityWon:
    opportunity_id: UUID
    amount: Money
    reason: str
    customer_id: UUID | None
    competitor: str
    from_stage_id: UUID
    stage_id: UUID
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class OpportunityLost:
    opportunity_id: UUID
    reason: str
    competitor: str
    customer_id: UUID | None
    amount: Money
    from_stage_id: UUID
    stage_id: UUID
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class OpportunityReopened:
    opportunity_id: UUID
    stage_id: UUID
    probability: int
    reason: str


@dataclass(frozen=True, slots=True)
class NextStepPlanned:
    opportunity_id: UUID
    owner_id: UUID | None
    subject: str
    due_on: date


@dataclass(frozen=True, slots=True)
class NextStepTaken:
    opportunity_id: UUID
    subject: str


@dataclass(frozen=True, slots=True)
class OpportunityGotStuck:
    opportunity_id: UUID
    owner_id: UUID | None
    stage_id: UUID
    norm_days: int


@dataclass(frozen=True, slots=True)
class OpportunityTakenBack:
    opportunity_id: UUID
    import_id: str


Event = (
    OpportunityOpened
    | OpportunityAdvanced
    | OpportunityStageSetBack
    | AmountRevised
    | ExpectedCloseMoved
    | ProbabilityRevised
    | OpportunityRetitled
    | OpportunityProductsChosen
    | OpportunityContactsChosen
    | OpportunityCustomerNamed
    | OpportunityTransferred
    | OpportunityWon
    | OpportunityLost
    | OpportunityReopened
    | NextStepPlanned
    | NextStepTaken
    | OpportunityGotStuck
    | OpportunityTakenBack
)


class OpportunityClosed(DomainError):
    """A won or lost opportunity does not change any more; reopen it first."""


class StageIsAnOutcome(DomainError):
    """The won and lost stages are reached by winning and losing, with a reason."""


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Opportunity:
    id: UUID
    pipeline_id: UUID
    stage_id: UUID
    customer_id: UUID | None
    title: str
    amount: Money
    probability: int
    owner_id: UUID | None
    expected_close_on: date | None
    product_ids: tuple[UUID, ...]
    contact_ids: tuple[UUID, ...]
    source_channel: str
    campaign_id: UUID | None
    import_id: str
    next_step: str = ""
    closed: bool = False
    last_open_stage_id: UUID | None = None
    taken_back: bool = False

    def move_to(self, stage: Stage, pipeline: Pipeline, reason: str) -> list[Event]:
        """Move to another open stage. Going back needs a reason; the stage it is in is nothing new."""
        self._require_open()
        if stage.stage_id == self.stage_id:
            return []
        if stage.kind != StageKind.OPEN:
            raise StageIsAnOutcome(f"{stage.name} is an outcome: win or lose the deal instead, with a reason")
        here = next((s.order for s in pipeline.stages if s.stage_id == self.stage_id), 0)
        if stage.order > here:
            return [OpportunityAdvanced(self.id, self.stage_id, stage.stage_id, stage.probability)]
        if not reason:
            raise InvalidArgument("reason", f"say why the deal goes back to {stage.name}")
        return [OpportunityStageSetBack(self.id, self.stage_id, stage.stage_id, stage.probability, reason)]

    def retitle(self, title: str) -> list[Event]:
        self._require_open()
        return [] if title == self.title else [OpportunityRetitled(self.id, title)]

    def revise_amount(self, amount: Money) -> list[Event]:
        self._require_open()
        _require_amount(amount)
        return [] if amount == self.amount else [AmountRevised(self.id, self.amount, amount)]

    def move_expected_close(self, on: date | None) -> list[Event]:
        self._require_open()
        if on == self.expected_close_on:
            return []
        return [ExpectedCloseMoved(self.id, self.expected_close_on, on)]

    def revise_probability(self, probability: int) -> list[Event]:
        self._require_open()
        _require_probability(probability)
        if probability == self.probability:
            return []
        return [ProbabilityRevised(self.id, self.probability, probability)]

    def choose_products(self, product_ids: tuple[UUID, ...]) -> list[Event]:
        self._require_open()
        if product_ids == self.product_ids:
            return []
        return [OpportunityProductsChosen(self.id, product_ids)]

    def choose_contacts(self, contact_ids: tuple[UUID, ...]) -> list[Event]:
        self._require_open()
        if contact_ids == self.contact_ids:
            return []
        return [OpportunityContactsChosen(self.id, contact_ids)]

    def name_customer(self, customer_id: UUID) -> list[Event]:
        self._require_open()
        if customer_id == self.customer_id:
            return []
        return [OpportunityCustomerNamed(self.id, self.customer_id, customer_id)]

    def transfer(self, to_owner_id: UUID, reason: str) -> list[Event]:
        self._require_open()
        if to_owner_id == self.owner_id:
            return []
        return [OpportunityTransferred(self.id, self.owner_id, to_owner_id, reason)]

    def win(self, pipeline: Pipeline, reason: str, competitor: str = "", amount: Money | None = None) -> list[Event]:
        self._require_open()
        if not reason:
            raise InvalidArgument("reason", "say why the deal was won")
        amount = amount or self.amount
        _require_amount(amount)
        return [
            OpportunityWon(
                self.id,
                amount,
                reason,
                self.customer_id,
                competitor,
                self.stage_id,
                pipeline.won.stage_id,
                self.owner_id,
            )
        ]

    def lose(self, pipeline: Pipeline, reason: str, competitor: str) -> list[Event]:
        self._require_open()
        if not reason:
            raise InvalidArgument("reason", "say why the deal was lost")
        if not competitor:
            raise InvalidArgument("competitor", 'say to whom: a name, "none" or "unknown"')
        return [
            OpportunityLost(
                self.id,
                reason,
                competitor,
                self.customer_id,
                self.amount,
                self.stage_id,
                pipeline.lost.stage_id,
                self.owner_id,
            )
        ]

    def reopen(self, pipeline: Pipeline, stage_id: UUID | None, reason: str) -> list[Event]:
        if self.taken_back or not self.closed:
            raise DomainError(f"opportunity {self.id} is not closed")
        if not reason:
            raise InvalidArgument("reason", "say why the deal is alive again")
        stage = pipeline.stage(stage_id or self.last_open_stage_id or pipeline.first.stage_id, "to_stage_id")
        if stage.kind != StageKind.OPEN:
            raise StageIsAnOutcome(f"{stage.name} is an outcome; reopen into an open stage")
        return [OpportunityReopened(self.id, stage.stage_id, stage.probability, reason)]

    def plan_next_step(self, subject: str, due_on: date) -> list[Event]:
        self._require_open()
        return [NextStepPlanned(self.id, self.owner_id, subject, due_on)]

    def take_next_step(self) -> list[Event]:
        self._require_open()
        if not self.next_step:
            raise DomainError("no next step is planned")
        return [NextStepTaken(self.id, self.next_step)]

    def get_stuck(self, stage: Stage) -> list[Event]:
        """What the clock says when the norm has passed: nothing, if the deal moved on."""
        if self.closed or stage.stage_id != self.stage_id:
            return []
        return [OpportunityGotStuck(self.id, self.owner_id, stage.stage_id, stage.norm_days)]

    def take_back(self, import_id: str) -> list[Event]:
        return [] if self.taken_back else [OpportunityTakenBack(self.id, import_id)]

    def _require_open(self) -> None:
        if self.closed:
            raise OpportunityClosed(f"opportunity {self.id} is closed; reopen it to change it")


def open_opportunity(opened: OpportunityOpened, stage: Stage) -> list[Event]:
    if not opened.title:
        raise InvalidArgument("title", "is required")
    if stage.kind != StageKind.OPEN:
        raise StageIsAnOutcome(f"{stage.name} is an outcome; open the deal in an open stage")
    _require_amount(opened.amount)
    _require_probability(opened.probability)
    return [opened]


def _require_amount(amount: Money) -> None:
    if amount.minor_units < 0:
        raise InvalidArgument("amount", "must not be negative")
    if len(amount.currency_code) != 3 or not amount.currency_code.isupper():
        raise InvalidArgument("amount", f"{amount.currency_code[:8]!r} is not an ISO 4217 currency code")


def _require_probability(probability: int) -> None:
    if not 0 <= probability <= 100:
        raise InvalidArgument("probability", "must be 0 to 100 percent")


# -- how it comes to be ------------------------------------------------------


def evolve(opportunity: Opportunity | None, event: Event) -> Opportunity:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, OpportunityOpened):
        return Opportunity(
            event.opportunity_id,
            event.pipeline_id,
            event.stage_id,
            event.customer_id,
            event.title,
            event.amount,
            event.probability,
            event.owner_id,
            event.expected_close_on,
            event.product_ids,
            event.contact_ids,
            event.source_channel,
            event.campaign_id,
            event.import_id,
        )
    assert opportunity is not None, f"history must begin with OpportunityOpened, not {event}"
    match event:
        case OpportunityAdvanced() | OpportunityStageSetBack():
            return replace(opportunity, stage_id=event.to_stage_id, probability=event.probability)
        case AmountRevised(to_amount=amount):
            return replace(opportunity, amount=amount)
        case ExpectedCloseMoved(to_on=on):
            return replace(opportunity, expected_close_on=on)
        case ProbabilityRevised(to_probability=probability):
            return replace(opportunity, probability=probability)
        case OpportunityRetitled(title=title):
            return replace(opportunity, title=title)
        case OpportunityProductsChosen(product_ids=product_ids):
            return replace(opportunity, product_ids=product_ids)
        case OpportunityContactsChosen(contact_ids=contact_ids):
            return replace(opportunity, contact_ids=contact_ids)
        case OpportunityCustomerNamed(customer_id=customer_id):
            return replace(opportunity, customer_id=customer_id)
        case OpportunityTransferred(to_owner_id=owner_id):
            return replace(opportunity, owner_id=owner_id)
        case OpportunityWon() | OpportunityLost():
            return replace(
                opportunity,
                closed=True,
                amount=event.amount,
                probability=100 if isinstance(event, OpportunityWon) else 0,
                last_open_stage_id=opportunity.stage_id,
                stage_id=event.stage_id,
                next_step="",
            )
        case OpportunityReopened(stage_id=stage_id, probability=probability):
            return replace(opportunity, closed=False, stage_id=stage_id, probability=probability)
        case NextStepPlanned(subject=subject):
            return replace(opportunity, next_step=subject)
        case NextStepTaken():
            return replace(opportunity, next_step="")
        case OpportunityGotStuck():
            return opportunity
        case OpportunityTakenBack():
            return replace(opportunity, closed=True, taken_back=True)
        case _:
            assert_never(event)
