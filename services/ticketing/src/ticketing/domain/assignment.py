"""Who gets a ticket: ordered rules choose queue and skills, load chooses the agent. Rules are data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kernel.errors import InvalidArgument
from ticketing.domain.vocabulary import Channel, Priority

MOST_RULES = 200


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    rule_id: str
    name: str
    categories: tuple[str, ...]
    channels: tuple[Channel, ...]
    at_least: Priority | None
    complaints_only: bool
    queue: str
    skills: tuple[str, ...]

    def fits(self, facts: Facts) -> bool:
        return (
            (not self.categories or facts.category in self.categories)
            and (not self.channels or facts.channel in self.channels)
            and (self.at_least is None or facts.priority >= self.at_least)
            and (facts.complaint or not self.complaints_only)
        )


@dataclass(frozen=True, slots=True)
class AssignmentRulesDefined:
    rule_set_id: UUID
    version: int
    rules: tuple[AssignmentRule, ...]
    fallback_queue: str


Event = AssignmentRulesDefined


def evolve(_: AssignmentRulesDefined | None, event: AssignmentRulesDefined) -> AssignmentRulesDefined:
    """The last definition is in force."""
    return event


def define_rules(before: AssignmentRulesDefined | None, wanted: AssignmentRulesDefined) -> list[AssignmentRulesDefined]:
    """Check the rules and give them the next version; nothing when they are as they were."""
    if len(wanted.rules) > MOST_RULES:
        raise InvalidArgument("rules", f"at most {MOST_RULES} rules")
    if any(not rule.rule_id or not rule.queue for rule in wanted.rules):
        raise InvalidArgument("rules", "every rule has a rule_id and a queue")
    if len({rule.rule_id for rule in wanted.rules}) < len(wanted.rules):
        raise InvalidArgument("rules", "a rule_id is given twice")
    if before is not None and replace(wanted, version=before.version) == before:
        return []
    return [replace(wanted, version=before.version + 1 if before else 1)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at."""

    category: str
    channel: Channel
    priority: Priority
    complaint: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who may get tickets, and how many he has open."""

    agent_id: UUID
    queues: frozenset[str]
    skills: frozenset[str]
    capacity: int
    open_tickets: int

    @property
    def has_room(self) -> bool:
        return not self.capacity or self.open_tickets < self.capacity


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets the ticket, and why."""

    assignee_id: UUID | None
    queue: str
    reason: str
    rule_id: str = ""
    rule_set_version: int = 0


def choose(rules: AssignmentRulesDefined | None, facts: Facts, agents: Sequence[Agent]) -> Choice:
    """Take the first rule that fits; among the agents of its queue who have its skills, the least busy."""
    if rules is not None:
        for rule in rules.rules:
            if rule.fits(facts):
                found = within(rule.queue, agents, rule.skills)
                return replace(
                    found,
                    reason=f"rule {rule.name or rule.rule_id}: {found.reason}",
                    rule_id=rule.rule_id,
                    rule_set_version=rules.version,
                )
    queue = rules.fallback_queue if rules is not None and rules.fallback_queue else "general"
    found = within(queue, agents)
    return replace(
        found,
        reason=f"no rule fits: {found.reason}",
        rule_set_version=rules.version if rules is not None else 0,
    )


def within(queue: str, agents: Sequence[Agent], skills: Sequence[str] = ()) -> Choice:
    """Return the least busy agent of a queue who has the skills and room; nobody if there is none."""
    able = [a for a in agents if queue in a.queues and a.skills.issuperset(skills)]
    free = [a for a in able if a.has_room]
    told = f"queue {queue}" + (f", skills {', '.join(skills)}" if skills else "")
    if not free:
        return Choice(None, queue, f"{told}: {'everybody is full' if able else 'nobody is able'}")
    best = min(free, key=lambda a: (a.open_tickets, a.agent_id))
    return Choice(best.agent_id, queue, f"{told}: least busy with {best.open_tickets} open")
