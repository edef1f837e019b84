"""The rules that score leads and choose their owners: data, versioned, evaluated by pure functions.

The same functions answer live captures and what-if questions, so a trial cannot disagree with the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from kernel.errors import InvalidArgument
from pipeline.domain.lead import ScoreReason

Facts = Mapping[str, str | int | bool | tuple[str, ...]]


class RuleOperator(IntEnum):
    EQUALS = 1
    NOT_EQUALS = 2
    IN = 3
    CONTAINS = 4
    PRESENT = 5
    ABSENT = 6
    AT_LEAST = 7
    AT_MOST = 8


class AssignmentStrategy(IntEnum):
    FIXED = 1
    ROUND_ROBIN = 2
    BALANCED = 3
    SKILL = 4


@dataclass(frozen=True, slots=True)
class RuleCondition:
    field: str
    operator: RuleOperator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoringRule:
    rule_id: str
    reason: str
    points: int
    conditions: tuple[RuleCondition, ...]


@dataclass(frozen=True, slots=True)
class ScoringRulesDefined:
    rule_set_id: UUID
    version: int
    name: str
    rules: tuple[ScoringRule, ...]
    high_intent_threshold: int


@dataclass(frozen=True, slots=True)
class Candidate:
    person_id: UUID
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    rule_id: str
    name: str
    conditions: tuple[RuleCondition, ...]
    strategy: AssignmentStrategy
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class AssignmentRulesDefined:
    rule_set_id: UUID
    version: int
    name: str
    rules: tuple[AssignmentRule, ...]
    priority_rules: tuple[AssignmentRule, ...]
    fallback_owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class AgentAvailabilitySet:
    person_id: UUID
    capacity: int
    absent_from: datetime | None
    absent_until: datetime | None


@dataclass(frozen=True, slots=True)
class LeadStatus:
    status_id: str
    name: str


@dataclass(frozen=True, slots=True)
class LeadStatusesDefined:
    settings_id: UUID
    statuses: tuple[LeadStatus, ...]


@dataclass(frozen=True, slots=True)
class LeadPoolPolicySet:
    settings_id: UUID
    recycle_after_days: int
    reply_after_days: int
    pool_assign_after_days: int
    accountable_id: UUID | None


Event = ScoringRulesDefined | AssignmentRulesDefined | AgentAvailabilitySet | LeadStatusesDefined | LeadPoolPolicySet

DEFAULT_STATUSES = (
    LeadStatus("first_contact", "首次联系"),
    LeadStatus("needs_confirmed", "需求确认"),
    LeadStatus("quoting", "报价中"),
    LeadStatus("awaiting_reply", "等待回复"),
)
"""What a new installation begins with; DefineLeadStatuses replaces it."""

DEFAULT_POOL_POLICY = LeadPoolPolicySet(UUID(int=0), 7, 3, 1, None)
"""Recycle after 7 days without work, remind after 3 without a reply, assign from the pool after 1."""


def _did(rule_id: str, reason: str, points: int, behaviour: str) -> ScoringRule:
    return ScoringRule(rule_id, reason, points, (RuleCondition("behaviours", RuleOperator.CONTAINS, (behaviour,)),))


DEFAULT_SCORING = ScoringRulesDefined(
    UUID(int=0),
    0,
    "preset",
    (
        ScoringRule(
            "left-contact",
            "left a phone number",
            20,
            (RuleCondition("phone", RuleOperator.PRESENT, ()),),
        ),
        _did("downloaded-manual", "downloaded the manual", 20, "downloaded_manual"),
        _did("watched-demo", "watched the demo", 40, "watched_demo"),
    ),
    60,
)
"""Holds as version 0 until rules are defined."""


# -- scoring -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    score: int
    high_intent: bool
    rule_set_version: int
    reasons: tuple[ScoreReason, ...]


def score(rules: ScoringRulesDefined, facts: Facts) -> Score:
    """Return the sum of the points of every rule that fits, and why."""
    reasons = tuple(
        ScoreReason(rule.rule_id, rule.points, rule.reason) for rule in rules.rules if fits(rule.conditions, facts)
    )
    points = sum(reason.points for reason in reasons)
    return Score(points, points >= rules.high_intent_threshold, rules.version, reasons)


def fits(conditions: Sequence[RuleCondition], facts: Facts) -> bool:
    """Whether every condition holds. A field nobody knows says nothing."""
    return all(_holds(condition, facts.get(condition.field, "")) for condition in conditions)


def _holds(condition: RuleCondition, value: str | int | bool | tuple[str, ...]) -> bool:
    wanted = condition.values
    match condition.operator:
        case RuleOperator.PRESENT:
            return bool(value)
        case RuleOperator.ABSENT:
            return not value
        case RuleOperator.EQUALS:
            return _text(value) == wanted[0]
        case RuleOperator.NOT_EQUALS:
            return _text(value) != wanted[0]
        case RuleOperator.IN:
            return _text(value) in wanted
        case RuleOperator.CONTAINS:
            return wanted[0] in value if isinstance(value, tuple) else wanted[0] in _text(value)
        case RuleOperator.AT_LEAST:
            return _number(value) >= int(wanted[0])
        case RuleOperator.AT_MOST:
            return _number(value) <= int(wanted[0])


def _text(value: str | int | bool | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _number(value: str | int | bool | tuple[str, ...]) -> int:
    if isinstance(value, tuple):
        return len(value)
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return int(text) if text.lstrip("-").isdecimal() else 0


# -- choosing an owner -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workload:
    """How much a person has, can take, and when he is away. Capacity 0: no limit."""

    open_leads: int = 0
    capacity: int = 0
    absent_from: datetime | None = None
    absent_until: datetime | None = None

    def is_there(self, at: datetime) -> bool:
        if self.absent_from is None or at < self.absent_from:
            return True
        return self.absent_until is not None and at >= self.absent_until

    def has_room(self) -> bool:
        return self.capacity == 0 or self.open_leads < self.capacity


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets a lead, by which rule, and one sentence why. Without an owner it goes to the pool."""

    owner_id: UUID | None
    rule_id: str
    rule_set_version: int
    reason: str
    fallback: bool = False


def choose(
    rules: AssignmentRulesDefined | None,
    facts: Facts,
    workloads: Mapping[UUID, Workload],
    last_turns: Mapping[str, UUID],
    at: datetime,
    excluded: frozenset[UUID] = frozenset(),
) -> Choice:
    """Return the owner by the first rule that fits and has somebody free; else the fallback owner."""
    if rules is None:
        return Choice(None, "", 0, "no assignment rules are defined")
    busy: list[str] = []
    ordered = (*rules.priority_rules, *rules.rules) if facts.get("high_intent") else rules.rules
    for rule in ordered:
        if not fits(rule.conditions, facts):
            continue
        free = [
            candidate
            for candidate in rule.candidates
            if candidate.person_id not in excluded
            and workloads.get(candidate.person_id, Workload()).is_there(at)
            and workloads.get(candidate.person_id, Workload()).has_room()
        ]
        chosen, how = _by_strategy(rule, free, facts, workloads, last_turns.get(rule.rule_id))
        if chosen is None:
            busy.append(rule.name)
            continue
        because = _because(rule.conditions)
        return Choice(chosen, rule.rule_id, rules.version, f"{rule.name} (rules v{rules.version}): {because}; {how}")
    nobody = (
        f"nobody is free under {', '.join(busy)} (rules v{rules.version})"
        if busy
        else f"no rule fits (rules v{rules.version})"
    )
    fallback = rules.fallback_owner_id
    if fallback is None or fallback in excluded:
        return Choice(None, "", rules.version, nobody)
    return Choice(fallback, "fallback", rules.version, f"{nobody}; the fallback owner takes it", True)


def _by_strategy(
    rule: AssignmentRule,
    free: Sequence[Candidate],
    facts: Facts,
    workloads: Mapping[UUID, Workload],
    last_turn: UUID | None,
) -> tuple[UUID | None, str]:
    match rule.strategy:
        case AssignmentStrategy.FIXED:
            return (free[0].person_id, "first candidate who is free") if free else (None, "")
        case AssignmentStrategy.ROUND_ROBIN:
            return _next_in_turn(rule.candidates, free, last_turn)
        case AssignmentStrategy.BALANCED:
            return _least_loaded(free, workloads)
        case AssignmentStrategy.SKILL:
            wanted = {facts.get("industry_code"), facts.get("product_interest")} - {"", None}
            skilled = [c for c in free if wanted & set(c.skills)]
            chosen, how = _least_loaded(skilled, workloads)
            known = sorted(str(w) for w in wanted)
            return chosen, f"knows {' or '.join(known)}, {how}"


def _next_in_turn(
    everybody: Sequence[Candidate], free: Sequence[Candidate], last_turn: UUID | None
) -> tuple[UUID | None, str]:
    order = [candidate.person_id for candidate in everybody]
    start = order.index(last_turn) + 1 if last_turn in order else 0
    available = {candidate.person_id for candidate in free}
    for person_id in order[start:] + order[:start]:
        if person_id in available:
            return person_id, f"next in turn of {len(order)}"
    return None, ""


def _least_loaded(free: Sequence[Candidate], workloads: Mapping[UUID, Workload]) -> tuple[UUID | None, str]:
    if not free:
        return None, ""
    loads = [workloads.get(candidate.person_id, Workload()) for candidate in free]
    largest = max(load.capacity for load in loads) or 1
    best = min(
        range(len(free)),
        key=lambda i: (loads[i].open_leads / (loads[i].capacity or largest), loads[i].open_leads, i),
    )
    load = loads[best]
    room = f" of {load.capacity}" if load.capacity else ""
    return free[best].person_id, f"least loaded of {len(free)} with {load.open_leads}{room} open leads"


def _because(conditions: Sequence[RuleCondition]) -> str:
    if not conditions:
        return "always"
    return " and ".join(
        f"{c.field} {c.operator.name.lower().replace('_', ' ')} {', '.join(c.values)}".strip() for c in conditions
    )


class Trial:
    """Rules tried on leads one after the other, as if they had been in force: what-if."""

    def __init__(
        self,
        scoring: ScoringRulesDefined,
        assignment: AssignmentRulesDefined | None,
        people: Mapping[UUID, Workload],
    ) -> None:
        self._scoring = scoring
        self._assignment = assignment
        self._loads = {person_id: replace(load, open_leads=0) for person_id, load in people.items()}
        self._turns: dict[str, UUID] = {}

    def place(self, facts: Facts, at: datetime) -> tuple[Score, Choice]:
        """Return what the rules make of the next lead; remember whose turn it was and who has how much."""
        scored = score(self._scoring, facts)
        known = {**facts, "score": scored.score, "high_intent": scored.high_intent}
        choice = choose(self._assignment, known, self._loads, self._turns, at)
        if choice.owner_id is not None:
            if not choice.fallback:
                self._turns[choice.rule_id] = choice.owner_id
            load = self._loads.get(choice.owner_id, Workload())
            self._loads[choice.owner_id] = replace(load, open_leads=load.open_leads + 1)
        return scored, choice


# -- defining rules ------------------------------------------------------------


def define_scoring(defined: ScoringRulesDefined) -> list[Event]:
    """Refuse rules that could never be evaluated; return the event that puts them in force."""
    _require_unique([rule.rule_id for rule in defined.rules], "rules")
    for rule in defined.rules:
        _require_conditions(rule.conditions)
    return [defined]


def define_assignment(defined: AssignmentRulesDefined) -> list[Event]:
    """Refuse rules that could never be evaluated; return the event that puts them in force."""
    every = (*defined.priority_rules, *defined.rules)
    _require_unique([rule.rule_id for rule in every], "rules")
    for rule in every:
        _require_conditions(rule.conditions)
        if not rule.candidates:
            raise InvalidArgument("candidates", f"rule {rule.rule_id} names nobody")
        _require_unique([str(c.person_id) for c in rule.candidates], "candidates")
    return [defined]


def replace_person(defined: AssignmentRulesDefined, leaver: UUID, successor: UUID) -> list[Event]:
    """Name the successor where somebody who leaves is named; he keeps his own place where he has one."""

    def instead(rule: AssignmentRule) -> AssignmentRule:
        there = {candidate.person_id for candidate in rule.candidates}
        return replace(
            rule,
            candidates=tuple(
                replace(candidate, person_id=successor) if candidate.person_id == leaver else candidate
                for candidate in rule.candidates
                if candidate.person_id != leaver or successor not in there
            ),
        )

    fallback = successor if defined.fallback_owner_id == leaver else defined.fallback_owner_id
    changed = replace(
        defined,
        rules=tuple(instead(rule) for rule in defined.rules),
        priority_rules=tuple(instead(rule) for rule in defined.priority_rules),
        fallback_owner_id=fallback,
    )
    return [] if changed == defined else [replace(changed, version=defined.version + 1)]


def define_statuses(settings_id: UUID, statuses: tuple[LeadStatus, ...]) -> list[Event]:
    if not statuses:
        raise InvalidArgument("statuses", "at least one status is needed")
    for status in statuses:
        if not status.name.strip():
            raise InvalidArgument("statuses", "every status needs a name")
    _require_unique([status.status_id for status in statuses], "statuses")
    return [LeadStatusesDefined(settings_id, statuses)]


def set_pool_policy(policy: LeadPoolPolicySet) -> list[Event]:
    for field in ("recycle_after_days", "reply_after_days", "pool_assign_after_days"):
        if not 0 <= getattr(policy, field) <= 3650:
            raise InvalidArgument(field, "must be 0 to 3650 days")
    return [policy]


def set_availability(availability: AgentAvailabilitySet) -> list[Event]:
    if availability.capacity < 0:
        raise InvalidArgument("capacity", "must not be negative")
    begins, ends = availability.absent_from, availability.absent_until
    if begins is None and ends is not None:
        raise InvalidArgument("absent_from", "is required with absent_until")
    if begins is not None and ends is not None and ends <= begins:
        raise InvalidArgument("absent_until", "must be after absent_from")
    return [availability]


def _require_unique(names: Sequence[str], field: str) -> None:
    if not all(names):
        raise InvalidArgument(field, "every one needs an id")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InvalidArgument(field, f"{twice[0]} occurs twice")


def _require_conditions(conditions: Sequence[RuleCondition]) -> None:
    without_values = (RuleOperator.PRESENT, RuleOperator.ABSENT)
    for condition in conditions:
        if not condition.field:
            raise InvalidArgument("conditions", "every condition names a field")
        if condition.operator not in without_values and not condition.values:
            raise InvalidArgument("conditions", f"{condition.field} is compared with nothing")
        if condition.operator in (RuleOperator.AT_LEAST, RuleOperator.AT_MOST):
            value = condition.values[0]
            if not value.lstrip("-").isdecimal():
                raise InvalidArgument("conditions", f"{condition.field}: {value!r} is no whole number")
