from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from ticketing.domain.assignment import (
    Agent,
    AssignmentRule,
    AssignmentRulesDefined,
    Choice,
    Facts,
    choose,
    define_rules,
)
from ticketing.domain.vocabulary import Channel, Priority

ANNA, BO, CHEN = (UUID(int=n) for n in (1, 2, 3))


def a_rule(rule_id, queue, categories=(), skills=(), at_least=None, complaints_only=False):
    return AssignmentRule(rule_id, "", categories, (), at_least, complaints_only, queue, skills)


def an_agent(agent_id, queue="support", skills=(), capacity=0, open_tickets=0):
    return Agent(agent_id, frozenset([queue]), frozenset(skills), capacity, open_tickets)


RULES = AssignmentRulesDefined(
    UUID(int=9),
    3,
    (
        a_rule("complaints", "care", complaints_only=True),
        a_rule("network", "support", ("network",), ("network",)),
        a_rule("urgent", "first-line", at_least=Priority.URGENT),
    ),
    "general",
)


def facts(category="network", priority=Priority.NORMAL, complaint=False):
    return Facts(category, Channel.PHONE, priority, complaint)


@pytest.mark.feature("TIC-03")
def test_skill_then_load_decide_and_the_reason_is_kept():
    agents = [
        an_agent(ANNA, skills=["network"], open_tickets=4),
        an_agent(BO, skills=["network", "english"], open_tickets=2),
        an_agent(CHEN, open_tickets=0),
    ]
    choice = choose(RULES, facts(), agents)
    assert choice == Choice(
        BO, "support", "rule network: queue support, skills network: least busy with 2 open", "network", 3
    )


def test_the_first_rule_that_fits_decides():
    assert choose(RULES, facts(complaint=True), []).rule_id == "complaints"
    assert choose(RULES, facts("printer", Priority.URGENT), []).rule_id == "urgent"
    assert choose(RULES, facts("printer"), []).queue == "general"


def test_a_full_agent_gets_nothing():
    choice = choose(RULES, facts(), [an_agent(ANNA, skills=["network"], capacity=1, open_tickets=1)])
    assert (choice.assignee_id, choice.queue) == (None, "support")
    assert "everybody is full" in choice.reason


def test_rules_are_numbered_and_the_same_rules_are_nothing_new():
    (first,) = define_rules(None, RULES)
    assert first.version == 1
    assert define_rules(first, RULES) == []
    with pytest.raises(InvalidArgument):
        define_rules(None, AssignmentRulesDefined(UUID(int=9), 0, (a_rule("a", "x"), a_rule("a", "y")), ""))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_nobody_less_busy_with_room_is_passed_over(loads):
    agents = [
        an_agent(UUID(int=n), skills=["network"], capacity=capacity, open_tickets=open_tickets)
        for n, (capacity, open_tickets) in enumerate(loads, 1)
    ]
    chosen = choose(RULES, facts(), agents).assignee_id
    free = [a for a in agents if a.has_room]
    if chosen is None:
        assert not free
    else:
        assert min(a.open_tickets for a in free) == next(a for a in free if a.agent_id == chosen).open_tickets
