"""A journey: steps that a person is led through. This is the map; journey_run.py is the walk.

A map has no circles, so every run ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from marketing.domain.segment import PLAIN, SegmentField

# -- what can happen ---------------------------------------------------------


class StepKind(IntEnum):
    UNSPECIFIED = 0
    SEND = 1
    WAIT = 2
    CONDITION = 3
    TAG = 4
    COUPON = 5
    EXIT = 6


class ConditionKind(IntEnum):
    UNSPECIFIED = 0
    OPENED = 1
    CLICKED = 2
    ORDERED = 3
    FORM_FILLED = 4
    ELAPSED = 5
    FIELD_VALUE = 6


class TriggerKind(IntEnum):
    UNSPECIFIED = 0
    MANUAL = 1
    SEGMENT = 2
    FORM = 3
    ORDER = 4


@dataclass(frozen=True, slots=True)
class JourneyCondition:
    kind: ConditionKind
    step_id: str = ""
    link_tag: str = ""
    form_id: UUID | None = None
    product_id: UUID | None = None
    field: SegmentField = SegmentField.UNSPECIFIED
    values: tuple[str, ...] = ()
    within_s: int = 0


@dataclass(frozen=True, slots=True)
class JourneyStep:
    step_id: str
    name: str
    kind: StepKind
    next_step_id: str = ""
    template_id: UUID | None = None
    wait_s: int = 0
    condition: JourneyCondition | None = None
    yes_step_id: str = ""
    no_step_id: str = ""
    tag: str = ""
    coupon_value: Money | None = None
    coupon_valid_days: int = 0

    @property
    def ways_on(self) -> tuple[str, ...]:
        """The steps that may come next; empty text is the end."""
        if self.kind is StepKind.CONDITION:
            return (self.yes_step_id, self.no_step_id)
        return ("",) if self.kind is StepKind.EXIT else (self.next_step_id,)


@dataclass(frozen=True, slots=True)
class JourneyDefined:
    journey_id: UUID
    name: str
    campaign_id: UUID | None
    owner_id: UUID
    trigger: TriggerKind
    trigger_ref: UUID | None
    reentry: bool
    steps: tuple[JourneyStep, ...]
    goal: JourneyCondition | None


@dataclass(frozen=True, slots=True)
class JourneyRevised:
    journey_id: UUID
    name: str
    campaign_id: UUID | None
    trigger: TriggerKind
    trigger_ref: UUID | None
    reentry: bool
    steps: tuple[JourneyStep, ...]
    goal: JourneyCondition | None
    journey_version: int


@dataclass(frozen=True, slots=True)
class JourneyActivated:
    journey_id: UUID


@dataclass(frozen=True, slots=True)
class JourneyPaused:
    journey_id: UUID


@dataclass(frozen=True, slots=True)
class JourneyHandedOver:
    journey_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


JourneyEvent = JourneyDefined | JourneyRevised | JourneyActivated | JourneyPaused | JourneyHandedOver

# -- the map -----------------------------------------------------------------

_STEP_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MOST_STEPS = 100
_LONGEST_WAIT_S = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a journey. Refuses a map on which somebody could get lost."""

    name: str
    trigger: TriggerKind
    steps: tuple[JourneyStep, ...]
    campaign_id: UUID | None = None
    trigger_ref: UUID | None = None
    reentry: bool = False
    goal: JourneyCondition | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidArgument("name", "is required")
        if self.trigger is TriggerKind.UNSPECIFIED:
            raise InvalidArgument("trigger", "is required")
        needs_ref = self.trigger in (TriggerKind.SEGMENT, TriggerKind.FORM)
        if needs_ref and self.trigger_ref is None:
            raise InvalidArgument("trigger_ref", "name the segment or form that lets people in")
        if not 1 <= len(self.steps) <= _MOST_STEPS:
            raise InvalidArgument("steps", f"a journey has 1 to {_MOST_STEPS} steps")
        ids = [step.step_id for step in self.steps]
        for i, step in enumerate(self.steps):
            _check_step(step, f"steps[{i}]", ids)
            if ids.index(step.step_id) != i:
                raise InvalidArgument(f"steps[{i}].step_id", f"{step.step_id!r} is there twice")
        if self.goal is not None:
            if self.goal.kind is ConditionKind.ELAPSED:
                raise InvalidArgument("goal.kind", "time alone is no goal")
            _check_condition(self.goal, "goal", ids)
        self._refuse_circles()

    def step(self, step_id: str) -> JourneyStep | None:
        """The step of that name; None at the end."""
        return next((step for step in self.steps if step.step_id == step_id), None)

    @property
    def first_step_id(self) -> str:
        return self.steps[0].step_id

    def _refuse_circles(self) -> None:
        ways = {step.step_id: [w for w in step.ways_on if w] for step in self.steps}
        done: set[str] = set()
        for start in ways:
            path: list[tuple[str, int]] = [(start, 0)] if start not in done else []
            on_path = {start}
            while path:
                at, taken = path[-1]
                if taken == len(ways[at]):
                    path.pop()
                    on_path.discard(at)
                    done.add(at)
                    continue
                path[-1] = (at, taken + 1)
                ahead = ways[at][taken]
                if ahead in on_path:
                    raise InvalidArgument("steps", f"step {at!r} leads back to {ahead!r}")
                if ahead not in done:
                    path.append((ahead, 0))
                    on_path.add(ahead)


def _check_step(step: JourneyStep, place: str, ids: list[str]) -> None:
    if not _STEP_ID.fullmatch(step.step_id):
        raise InvalidArgument(f"{place}.step_id", "must be lower case letters, digits, - and _")
    for way in step.ways_on:
        if way and way not in ids:
            raise InvalidArgument(place, f"leads to {way[:40]!r}, which is no step")
    match step.kind:
        case StepKind.UNSPECIFIED:
            raise InvalidArgument(f"{place}.kind", "is required")
        case StepKind.SEND:
            if step.template_id is None:
                raise InvalidArgument(f"{place}.template_id", "is required")
        case StepKind.WAIT:
            if not 1 <= step.wait_s <= _LONGEST_WAIT_S:
                raise InvalidArgument(f"{place}.wait_s", "must be between a second and a year")
        case StepKind.CONDITION:
            if step.condition is None:
                raise InvalidArgument(f"{place}.condition", "is required")
            _check_condition(step.condition, f"{place}.condition", ids)
        case StepKind.TAG:
            if not step.tag.strip():
                raise InvalidArgument(f"{place}.tag", "is required")
        case StepKind.COUPON:
            if step.coupon_value is None or step.coupon_value.minor_units <= 0:
                raise InvalidArgument(f"{place}.coupon_value", "must be above zero")
            if not 1 <= step.coupon_valid_days <= 3660:
                raise InvalidArgument(f"{place}.coupon_valid_days", "must be between 1 and 3660")
        case StepKind.EXIT:
            pass
        case _:
            assert_never(step.kind)


def _check_condition(condition: JourneyCondition, place: str, ids: list[str]) -> None:
    if condition.kind is ConditionKind.UNSPECIFIED:
        raise InvalidArgument(f"{place}.kind", "is required")
    if condition.step_id and condition.step_id not in ids:
        raise InvalidArgument(f"{place}.step_id", f"{condition.step_id[:40]!r} is no step")
    if not 0 <= condition.within_s <= _LONGEST_WAIT_S:
        raise InvalidArgument(f"{place}.within_s", "must be between 0 and a year")
    if condition.kind is ConditionKind.FIELD_VALUE:
        if condition.field not in PLAIN:
            raise InvalidArgument(f"{place}.field", "must be a field of the customer")
        if not condition.values:
            raise InvalidArgument(f"{place}.values", "is required")


# -- what it is, and what may be decided about it ----------------------------


class JourneyState(Enum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Journey:
    id: UUID
    owner_id: UUID
    versions: tuple[Definition, ...]
    state: JourneyState = JourneyState.DRAFT

    @property
    def definition(self) -> Definition:
        """What it is now."""
        return self.versions[-1]

    @property
    def version(self) -> int:
        return len(self.versions)

    def at(self, version: int) -> Definition:
        """What it was in that version, from 1."""
        return self.versions[version - 1]

    def revise(self, definition: Definition) -> list[JourneyEvent]:
        if definition == self.definition:
            return []
        return [
            JourneyRevised(
                self.id,
                definition.name,
                definition.campaign_id,
                definition.trigger,
                definition.trigger_ref,
                definition.reentry,
                definition.steps,
                definition.goal,
                self.version + 1,
            )
        ]

    def activate(self) -> list[JourneyEvent]:
        return [] if self.state is JourneyState.ACTIVE else [JourneyActivated(self.id)]

    def pause(self) -> list[JourneyEvent]:
        return [JourneyPaused(self.id)] if self.state is JourneyState.ACTIVE else []

    def require_active(self) -> None:
        if self.state is not JourneyState.ACTIVE:
            raise DomainError(f"journey {self.id} is {self.state.value}: activate it first")

    def hand_over(self, to_owner_id: UUID) -> list[JourneyEvent]:
        """Somebody else answers for it now."""
        return [] if to_owner_id == self.owner_id else [JourneyHandedOver(self.id, self.owner_id, to_owner_id)]


def define_journey(journey_id: UUID, owner_id: UUID, definition: Definition) -> list[JourneyEvent]:
    """Define a journey."""
    return [
        JourneyDefined(
            journey_id,
            definition.name,
            definition.campaign_id,
            owner_id,
            definition.trigger,
            definition.trigger_ref,
            definition.reentry,
            definition.steps,
            definition.goal,
        )
    ]


# -- how it comes to be ------------------------------------------------------


def evolve(journey: Journey | None, event: JourneyEvent) -> Journey:
    """Fold one event into the state."""
    if isinstance(event, JourneyDefined):
        return Journey(event.journey_id, event.owner_id, (_definition_of(event),))
    assert journey is not None, f"history must begin with JourneyDefined, not {event}"
    match event:
        case JourneyRevised():
            return replace(journey, versions=(*journey.versions, _definition_of(event)))
        case JourneyActivated():
            return replace(journey, state=JourneyState.ACTIVE)
        case JourneyPaused():
            return replace(journey, state=JourneyState.PAUSED)
        case JourneyHandedOver(to_owner_id=owner_id):
            return replace(journey, owner_id=owner_id)
        case _:
            assert_never(event)


def _definition_of(event: JourneyDefined | JourneyRevised) -> Definition:
    """History is never refused, so the map's checks are passed by."""
    definition = object.__new__(Definition)
    for name in Definition.__slots__:
        object.__setattr__(definition, name, getattr(event, name))
    return definition
