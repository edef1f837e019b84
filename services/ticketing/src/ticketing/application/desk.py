"""How the desk is set up: one method per definition, and the terms that tickets are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id
from kernel.store import Transaction
from ticketing.domain import assignment, desk
from ticketing.domain.assignment import Agent, AssignmentRulesDefined
from ticketing.domain.business_time import SpecialDay
from ticketing.domain.desk import (
    AgentProfiled,
    CalendarDefined,
    QueueDefined,
    SlaPolicyDefined,
    SurveyRulesDefined,
    Terms,
)
from ticketing.projections import desk as definitions
from ticketing.projections import ticket_list

RULE_SET_ID = derived_id("ticketing", "assignment rules")
SURVEY_RULES_ID = derived_id("ticketing", "survey rules")
BUILT_IN_SURVEY_RULES = replace(desk.BUILT_IN_SURVEY_RULES, survey_rules_id=SURVEY_RULES_ID)


class Desk:
    def define_calendar(self, tx: Transaction[Any], wanted: CalendarDefined) -> int:
        loaded = tx.load(wanted.calendar_id, desk.evolve)
        before = loaded.state if isinstance(loaded.state, CalendarDefined) else None
        return tx.append(wanted.calendar_id, loaded.version, desk.define_calendar(before, wanted))

    def import_holidays(self, tx: Transaction[Any], calendar_id: UUID, days: Sequence[SpecialDay]) -> int:
        loaded = tx.load(calendar_id, desk.evolve)
        if not isinstance(loaded.state, CalendarDefined):
            raise NotFound(f"no calendar {calendar_id}: define it before importing its holidays")
        wanted = desk.with_special_days(loaded.state, tuple(days))
        return tx.append(calendar_id, loaded.version, desk.define_calendar(loaded.state, wanted))

    def define_sla_policy(self, tx: Transaction[Any], wanted: SlaPolicyDefined) -> int:
        if definitions.definition(tx.cursor, "calendar", str(wanted.calendar_id)) is None:
            raise InvalidArgument("calendar_id", f"there is no calendar {wanted.calendar_id}: define it first")
        loaded = tx.load(wanted.policy_id, desk.evolve)
        before = loaded.state if isinstance(loaded.state, SlaPolicyDefined) else None
        return tx.append(wanted.policy_id, loaded.version, desk.define_policy(before, wanted))

    def define_queue(self, tx: Transaction[Any], wanted: QueueDefined) -> int:
        loaded = tx.load(wanted.queue_id, desk.evolve)
        before = loaded.state if isinstance(loaded.state, QueueDefined) else None
        return tx.append(wanted.queue_id, loaded.version, desk.define_queue(before, wanted))

    def profile_agent(self, tx: Transaction[Any], wanted: AgentProfiled) -> int:
        stream = derived_id("ticketing", "agent", wanted.agent_id)
        loaded = tx.load(stream, desk.evolve)
        before = loaded.state if isinstance(loaded.state, AgentProfiled) else None
        return tx.append(stream, loaded.version, desk.profile_agent(before, wanted))

    def define_assignment_rules(self, tx: Transaction[Any], wanted: AssignmentRulesDefined) -> int:
        loaded = tx.load(RULE_SET_ID, assignment.evolve)
        wanted = replace(wanted, rule_set_id=RULE_SET_ID)
        return tx.append(RULE_SET_ID, loaded.version, assignment.define_rules(loaded.state, wanted))

    def define_survey_rules(self, tx: Transaction[Any], wanted: SurveyRulesDefined) -> int:
        loaded = tx.load(SURVEY_RULES_ID, desk.evolve)
        before = loaded.state if isinstance(loaded.state, SurveyRulesDefined) else None
        wanted = replace(wanted, survey_rules_id=SURVEY_RULES_ID)
        return tx.append(SURVEY_RULES_ID, loaded.version, desk.define_survey_rules(before, wanted))


def queue_stream(queue: str) -> UUID:
    """Return the stream of the queue with this short name."""
    return derived_id("ticketing", "queue", queue)


def policy_for(tx: Transaction[Any], category: str) -> UUID | None:
    """Return the policy that names the category, else one for all."""
    for_all: UUID | None = None
    for policy in definitions.definitions(tx.cursor, "policy"):
        if category in policy["categories"]:
            return UUID(policy["policy_id"])
        if not policy["categories"] and for_all is None:
            for_all = UUID(policy["policy_id"])
    return for_all


def terms_of(tx: Transaction[Any], policy_id: UUID | None, queue: str) -> Terms | None:
    """Return what is promised under a policy, and who answers for the queue."""
    if policy_id is None:
        return None
    policy = tx.load(policy_id, desk.evolve).state
    assert isinstance(policy, SlaPolicyDefined), f"{policy_id} is not a policy"
    calendar = tx.load(policy.calendar_id, desk.evolve).state
    assert isinstance(calendar, CalendarDefined), f"{policy.calendar_id} is not a calendar"
    return Terms(policy, calendar, supervisor_of(tx, queue))


def supervisor_of(tx: Transaction[Any], queue: str) -> UUID | None:
    """Return who answers for a queue."""
    if not queue:
        return None
    found = definitions.definition(tx.cursor, "queue", queue)
    return UUID(found["supervisor_id"]) if found and found["supervisor_id"] else None


def agents_of(tx: Transaction[Any]) -> list[Agent]:
    """Return the agents who are given tickets now, and how busy they are."""
    busy = ticket_list.open_by_assignee(tx.cursor)
    return [
        Agent(
            UUID(agent["agent_id"]),
            frozenset(agent["queues"]),
            frozenset(agent["skills"]),
            agent["capacity"],
            busy.get(UUID(agent["agent_id"]), 0),
        )
        for agent in definitions.definitions(tx.cursor, "agent")
        if agent["available"]
    ]


def rules_of(tx: Transaction[Any]) -> AssignmentRulesDefined | None:
    """Return the assignment rules in force."""
    return tx.load(RULE_SET_ID, assignment.evolve).state


def survey_rules_of(tx: Transaction[Any]) -> SurveyRulesDefined:
    """Return the survey rules in force; the built-in ones while none were defined."""
    found = tx.load(SURVEY_RULES_ID, desk.evolve).state
    return found if isinstance(found, SurveyRulesDefined) else BUILT_IN_SURVEY_RULES
