"""How the desk works, as data: calendars, SLA policies, queues, agents, survey rules; each defined whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from kernel.errors import InvalidArgument
from ticketing.domain.business_time import (
    Calendar,
    SpecialDay,
    WorkingHours,
    add_business_time,
    elapsed_business_time,
    zone_of,
)
from ticketing.domain.vocabulary import Priority

# -- what can happen -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CalendarDefined:
    calendar_id: UUID
    version: int
    name: str
    timezone: str
    weekly: tuple[WorkingHours, ...]
    special_days: tuple[SpecialDay, ...]
    made_up_as_weekday: int


@dataclass(frozen=True, slots=True)
class SlaTarget:
    priority: Priority
    first_response_s: int
    resolution_s: int


@dataclass(frozen=True, slots=True)
class EscalationStep:
    after_s: int
    to_person_id: UUID


@dataclass(frozen=True, slots=True)
class SlaPolicyDefined:
    policy_id: UUID
    version: int
    name: str
    calendar_id: UUID
    categories: tuple[str, ...]
    targets: tuple[SlaTarget, ...]
    warn_at_percent: int
    escalation: tuple[EscalationStep, ...]
    close_resolved_after_s: int


@dataclass(frozen=True, slots=True)
class QueueDefined:
    queue_id: UUID
    queue: str
    name: str
    department: str
    supervisor_id: UUID | None


@dataclass(frozen=True, slots=True)
class AgentProfiled:
    agent_id: UUID
    queues: tuple[str, ...]
    skills: tuple[str, ...]
    capacity: int
    available: bool


@dataclass(frozen=True, slots=True)
class SurveyRulesDefined:
    survey_rules_id: UUID
    version: int
    after_s: int
    low_up_to: int
    after_tickets: bool
    after_deals: bool
    supervisor_id: UUID | None


BUILT_IN_SURVEY_RULES = SurveyRulesDefined(UUID(int=0), 0, 0, 2, True, True, None)
"""Hold while none were defined: everybody is asked at once, and 1 and 2 are low."""

Event = CalendarDefined | SlaPolicyDefined | QueueDefined | AgentProfiled | SurveyRulesDefined


def evolve(_: Event | None, event: Event) -> Event:
    """The last definition is the state."""
    return event


# -- what may be decided ---------------------------------------------------------


def define_calendar(before: CalendarDefined | None, wanted: CalendarDefined) -> list[Event]:
    """Check the calendar and give it the next version; nothing when it is as it was."""
    zone_of(wanted.timezone)
    Calendar(wanted.weekly, wanted.special_days, wanted.made_up_as_weekday or 1)
    if before is not None and replace(wanted, version=before.version) == before:
        return []
    return [replace(wanted, version=before.version + 1 if before else 1)]


def with_special_days(before: CalendarDefined, days: tuple[SpecialDay, ...]) -> CalendarDefined:
    """Return the calendar with these days in the place of what it said of them."""
    named = {day.on: day for day in (*before.special_days, *days)}
    return replace(before, special_days=tuple(named[on] for on in sorted(named)))


def define_policy(before: SlaPolicyDefined | None, wanted: SlaPolicyDefined) -> list[Event]:
    """Check the policy and give it the next version; nothing when it is as it was."""
    if not 1 <= wanted.warn_at_percent <= 99:
        raise InvalidArgument("warn_at_percent", "is a share from 1 to 99")
    if len({target.priority for target in wanted.targets}) < len(wanted.targets):
        raise InvalidArgument("targets", "a priority is named twice")
    if not wanted.targets:
        raise InvalidArgument("targets", "a policy promises something for some priority")
    if any(t.first_response_s < 0 or t.resolution_s < 0 for t in wanted.targets):
        raise InvalidArgument("targets", "seconds must not be negative")
    if any(step.after_s < 0 for step in wanted.escalation):
        raise InvalidArgument("escalation", "a step does not come before the one before it")
    if wanted.close_resolved_after_s < 0:
        raise InvalidArgument("close_resolved_after_s", "must not be negative")
    if before is not None and replace(wanted, version=before.version) == before:
        return []
    return [replace(wanted, version=before.version + 1 if before else 1)]


def define_queue(before: QueueDefined | None, wanted: QueueDefined) -> list[Event]:
    return [] if before == wanted else [wanted]


def profile_agent(before: AgentProfiled | None, wanted: AgentProfiled) -> list[Event]:
    if wanted.capacity < 0:
        raise InvalidArgument("capacity", "must not be negative")
    return [] if before == wanted else [wanted]


def without(defined: Event, leaver: UUID, successor: UUID) -> list[Event]:
    """Name the successor where somebody who leaves is named. Nobody inherits skills: an agent is no longer given
    tickets, and who is to have his skills is to be decided."""
    match defined:
        case QueueDefined(supervisor_id=person) if person == leaver:
            return [replace(defined, supervisor_id=successor)]
        case SurveyRulesDefined(supervisor_id=person) if person == leaver:
            return [replace(defined, supervisor_id=successor, version=defined.version + 1)]
        case SlaPolicyDefined():
            steps = tuple(
                replace(step, to_person_id=successor) if step.to_person_id == leaver else step
                for step in defined.escalation
            )
            return define_policy(defined, replace(defined, escalation=steps))
        case AgentProfiled(agent_id=person) if person == leaver:
            return profile_agent(defined, replace(defined, available=False))
        case _:
            return []


def define_survey_rules(before: SurveyRulesDefined | None, wanted: SurveyRulesDefined) -> list[Event]:
    """Check the rules and give them the next version; nothing when they are as they were."""
    if not 1 <= wanted.low_up_to <= 4:
        raise InvalidArgument("low_up_to", "is a score from 1 to 4")
    if wanted.after_s < 0:
        raise InvalidArgument("after_s", "must not be negative")
    if before is not None and replace(wanted, version=before.version) == before:
        return []
    return [replace(wanted, version=before.version + 1 if before else 1)]


# -- what is promised to a ticket ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """A policy on its calendar, and who answers for the ticket's queue: what ticket decisions ask."""

    policy: SlaPolicyDefined
    calendar: CalendarDefined
    supervisor_id: UUID | None = None

    @property
    def calendar_id(self) -> UUID:
        return self.calendar.calendar_id

    def target_s(self, priority: Priority) -> tuple[int, int]:
        """Return business seconds for first response and resolution; 0 where nothing is promised."""
        for target in self.policy.targets:
            if target.priority == priority:
                return target.first_response_s, target.resolution_s
        return 0, 0

    def warn_before_s(self, target_s: int) -> int:
        return target_s - target_s * self.policy.warn_at_percent // 100

    def after(self, start: datetime, seconds: int) -> datetime:
        """Return when so many business seconds are over."""
        return add_business_time(start, timedelta(seconds=seconds), self._hours(), self._zone())

    def between_s(self, start: datetime, end: datetime) -> int:
        """Return whole business seconds between two instants."""
        return int(elapsed_business_time(start, end, self._hours(), self._zone()).total_seconds())

    def escalation_step(self, level: int) -> EscalationStep | None:
        """Return the step to take at this level; level 1 is the supervisor and no step of the policy."""
        chain = [s for s in self.policy.escalation if s.after_s or s.to_person_id != self.supervisor_id]
        return chain[level - 2] if 2 <= level <= len(chain) + 1 else None

    def _hours(self) -> Calendar:
        return hours_of(self.calendar)

    def _zone(self) -> ZoneInfo:
        return zone_of(self.calendar.timezone)


def hours_of(defined: CalendarDefined) -> Calendar:
    """Return the calendar to calculate with."""
    return Calendar(defined.weekly, defined.special_days, defined.made_up_as_weekday or 1)
