"""One person's way through a journey: a process manager, driven by what it hears and by time.

The run decides which steps are taken; who carries them out finds the ids of messages and coupons in the
events, and as a map has no circles each step is taken once at most. Replaying it sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from marketing.domain.journey import (
    ConditionKind,
    Definition,
    JourneyCondition,
    JourneyStep,
    StepKind,
)
from marketing.domain.segment import SegmentField

# -- what can happen ---------------------------------------------------------


class LeaveReason(IntEnum):
    UNSPECIFIED = 0
    FINISHED = 1
    GOAL_REACHED = 2
    TAKEN_OUT = 3
    UNSUBSCRIBED = 4


@dataclass(frozen=True, slots=True)
class JourneyEntered:
    run_id: UUID
    journey_id: UUID
    journey_version: int
    customer_id: UUID | None
    contact_id: UUID | None
    submission_id: UUID | None
    campaign_id: UUID | None
    owner_id: UUID | None
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class JourneySignalHeard:
    run_id: UUID
    kind: ConditionKind
    step_id: str
    link_tag: str
    form_id: UUID | None
    product_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JourneyStepTaken:
    run_id: UUID
    journey_id: UUID
    step_id: str
    customer_id: UUID | None
    contact_id: UUID | None
    kind: StepKind
    answer: bool
    send_id: UUID | None
    coupon_id: UUID | None
    next_step_id: str


@dataclass(frozen=True, slots=True)
class JourneyStepAwaited:
    run_id: UUID
    step_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class JourneyLeft:
    run_id: UUID
    journey_id: UUID
    reason: LeaveReason
    customer_id: UUID | None
    contact_id: UUID | None


RunEvent = JourneyEntered | JourneySignalHeard | JourneyStepTaken | JourneyStepAwaited | JourneyLeft

# -- what it is, and what may be decided about it ----------------------------

Fields = Mapping[SegmentField, frozenset[str]]
"""The customer's own fields at the moment a condition asks."""

Ids = Callable[[str], UUID]
"""Gives the id of what a step makes, always the same for the same step of the same run."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something the conditions may ask about."""

    kind: ConditionKind
    step_id: str = ""
    link_tag: str = ""
    form_id: UUID | None = None
    product_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    entered: JourneyEntered
    at_step_id: str | None = None
    waiting_until: datetime | None = None
    heard: tuple[Signal, ...] = ()
    coupon_id: UUID | None = None
    left: bool = False

    @property
    def id(self) -> UUID:
        return self.entered.run_id

    @property
    def recipient_id(self) -> UUID | None:
        """The contact, submission or customer that names the person."""
        return self.entered.contact_id or self.entered.submission_id or self.entered.customer_id

    def hear(self, signal: Signal) -> list[RunEvent]:
        """Take note of something; the same thing twice is news once."""
        if self.left or signal in self.heard:
            return []
        return [
            JourneySignalHeard(
                self.id,
                signal.kind,
                signal.step_id,
                signal.link_tag,
                signal.form_id,
                signal.product_ids,
            )
        ]

    def leave(self, reason: LeaveReason) -> list[RunEvent]:
        return [] if self.left else [self._left(reason)]

    def proceed(self, definition: Definition, now: datetime, fields: Fields, ids: Ids) -> list[RunEvent]:
        """Go on as far as possible: until a step must wait, or the run is over."""
        run, events = self, list[RunEvent]()
        while not run.left:
            more = run._one_step(definition, now, fields, ids)
            if not more:
                break
            events += more
            for event in more:
                run = evolve(run, event)
        return events

    def _one_step(self, definition: Definition, now: datetime, fields: Fields, ids: Ids) -> list[RunEvent]:
        if definition.goal is not None and self._answers(definition.goal, now, fields):
            return [self._left(LeaveReason.GOAL_REACHED)]
        at = definition.first_step_id if self.at_step_id is None else self.at_step_id
        step = definition.step(at)
        if step is None:
            return [self._left(LeaveReason.FINISHED)]
        match step.kind:
            case StepKind.SEND:
                return [self._taken(step, send_id=ids(step.step_id))]
            case StepKind.COUPON:
                return [self._taken(step, coupon_id=ids(step.step_id))]
            case StepKind.TAG:
                return [self._taken(step)]
            case StepKind.WAIT:
                return self._wait(step, now)
            case StepKind.CONDITION:
                return self._ask(step, now, fields)
            case StepKind.EXIT | StepKind.UNSPECIFIED:
                return [self._taken(step), self._left(LeaveReason.FINISHED)]
            case _:
                assert_never(step.kind)

    def _wait(self, step: JourneyStep, now: datetime) -> list[RunEvent]:
        if self.waiting_until is None:
            return [JourneyStepAwaited(self.id, step.step_id, now + timedelta(seconds=step.wait_s))]
        return [self._taken(step)] if now >= self.waiting_until else []

    def _ask(self, step: JourneyStep, now: datetime, fields: Fields) -> list[RunEvent]:
        assert step.condition is not None, step
        condition = step.condition
        if self._answers(condition, now, fields):
            return [self._taken(step, answer=True)]
        waits = condition.within_s > 0 and condition.kind is not ConditionKind.ELAPSED
        if waits and self.waiting_until is None:
            until = now + timedelta(seconds=condition.within_s)
            return [JourneyStepAwaited(self.id, step.step_id, until)]
        if waits and self.waiting_until is not None and now < self.waiting_until:
            return []
        return [self._taken(step, answer=False)]

    def _answers(self, asked: JourneyCondition, now: datetime, fields: Fields) -> bool:
        if asked.kind is ConditionKind.ELAPSED:
            return now >= self.entered.entered_at + timedelta(seconds=asked.within_s)
        if asked.kind is ConditionKind.FIELD_VALUE:
            return bool(fields.get(asked.field, frozenset()) & set(asked.values))
        return any(
            signal.kind is asked.kind
            and asked.step_id in ("", signal.step_id)
            and asked.link_tag in ("", signal.link_tag)
            and asked.form_id in (None, signal.form_id)
            and (asked.product_id is None or str(asked.product_id) in signal.product_ids)
            for signal in self.heard
        )

    def _taken(
        self,
        step: JourneyStep,
        answer: bool = False,
        send_id: UUID | None = None,
        coupon_id: UUID | None = None,
    ) -> JourneyStepTaken:
        if step.kind is StepKind.CONDITION:
            onwards = step.yes_step_id if answer else step.no_step_id
        else:
            onwards = step.ways_on[0]
        return JourneyStepTaken(
            self.id,
            self.entered.journey_id,
            step.step_id,
            self.entered.customer_id,
            self.entered.contact_id,
            step.kind,
            answer,
            send_id,
            coupon_id,
            onwards,
        )

    def _left(self, reason: LeaveReason) -> JourneyLeft:
        it = self.entered
        return JourneyLeft(self.id, it.journey_id, reason, it.customer_id, it.contact_id)


# -- how it comes to be ------------------------------------------------------


def evolve(run: Run | None, event: RunEvent) -> Run:
    """Fold one event into the state."""
    if isinstance(event, JourneyEntered):
        return Run(event)
    assert run is not None, f"history must begin with JourneyEntered, not {event}"
    match event:
        case JourneySignalHeard():
            signal = Signal(event.kind, event.step_id, event.link_tag, event.form_id, event.product_ids)
            return replace(run, heard=(*run.heard, signal))
        case JourneyStepAwaited():
            return replace(run, at_step_id=event.step_id, waiting_until=event.until)
        case JourneyStepTaken():
            return replace(
                run,
                at_step_id=event.next_step_id,
                waiting_until=None,
                coupon_id=event.coupon_id or run.coupon_id,
            )
        case JourneyLeft():
            return replace(run, left=True, waiting_until=None)
        case _:
            assert_never(event)
