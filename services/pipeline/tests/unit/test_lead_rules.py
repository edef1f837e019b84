"""Scoring and assignment: pure, ordered, explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from pipeline.domain.lead_rules import (
    DEFAULT_SCORING,
    AssignmentRule,
    AssignmentRulesDefined,
    AssignmentStrategy,
    Candidate,
    RuleCondition,
    RuleOperator,
    ScoringRule,
    ScoringRulesDefined,
    Trial,
    Workload,
    choose,
    define_assignment,
    fits,
    score,
)

SET = UUID(int=99)
ANNA, BERT, CARL = (UUID(int=n) for n in (1, 2, 3))
NOW = datetime(2026, 5, 1, tzinfo=UTC)
EVERYBODY = (ANNA, BERT, CARL)


def a_rule(strategy: AssignmentStrategy, *people: UUID, skills: tuple[str, ...] = ()) -> AssignmentRule:
    return AssignmentRule("r", "rule", (), strategy, tuple(Candidate(p, skills) for p in people))


def rules(*given: AssignmentRule, fallback: UUID | None = None) -> AssignmentRulesDefined:
    return AssignmentRulesDefined(SET, 2, "ours", given, (), fallback)


@pytest.mark.parametrize(
    ("operator", "values", "holds"),
    [
        (RuleOperator.EQUALS, ("110000",), True),
        (RuleOperator.NOT_EQUALS, ("110000",), False),
        (RuleOperator.IN, ("310000", "110000"), True),
        (RuleOperator.CONTAINS, ("1100",), True),
        (RuleOperator.PRESENT, (), True),
        (RuleOperator.ABSENT, (), False),
        (RuleOperator.AT_LEAST, ("110000",), True),
        (RuleOperator.AT_MOST, ("109999",), False),
    ],
)
def test_a_condition_says_what_its_operator_says(operator: RuleOperator, values: tuple[str, ...], holds: bool) -> None:
    assert fits([RuleCondition("region_code", operator, values)], {"region_code": "110000"}) is holds
    assert fits([RuleCondition("nowhere", RuleOperator.PRESENT, ())], {}) is False


def test_left_contact_downloaded_manual_and_watched_demo_are_high_intent_together() -> None:
    facts = {"phone": "given", "behaviours": ("downloaded_manual", "watched_demo")}
    result = score(DEFAULT_SCORING, facts)
    assert (result.score, result.high_intent) == (80, True)
    assert [reason.rule_id for reason in result.reasons] == ["left-contact", "downloaded-manual", "watched-demo"]
    assert not score(DEFAULT_SCORING, {"phone": "given"}).high_intent


@given(st.lists(st.integers(-50, 50), max_size=8), st.integers(-100, 100))
def test_the_score_is_the_sum_of_its_reasons(points: list[int], threshold: int) -> None:
    defined = ScoringRulesDefined(
        SET, 1, "", tuple(ScoringRule(str(i), "why", p, ()) for i, p in enumerate(points)), threshold
    )
    result = score(defined, {})
    assert result.score == sum(reason.points for reason in result.reasons) == sum(points)
    assert result.high_intent == (result.score >= threshold)


@given(st.lists(st.sampled_from(EVERYBODY), unique=True, min_size=1), st.integers(1, 30))
def test_round_robin_gives_everybody_the_same_number_give_or_take_one(people: list[UUID], leads: int) -> None:
    turns: dict[str, UUID] = {}
    got = []
    for _ in range(leads):
        choice = choose(rules(a_rule(AssignmentStrategy.ROUND_ROBIN, *people)), {}, {}, turns, NOW)
        assert choice.owner_id is not None
        turns[choice.rule_id] = choice.owner_id
        got.append(choice.owner_id)
    counts = [got.count(person) for person in people]
    assert max(counts) - min(counts) <= 1


@given(
    st.dictionaries(st.sampled_from(EVERYBODY), st.integers(0, 20), min_size=1),
    st.sets(st.sampled_from(EVERYBODY)),
)
def test_the_least_loaded_who_is_there_is_chosen(loads: dict[UUID, int], away: set[UUID]) -> None:
    workloads = {person: Workload(load, absent_from=NOW if person in away else None) for person, load in loads.items()}
    choice = choose(rules(a_rule(AssignmentStrategy.BALANCED, *loads)), {}, workloads, {}, NOW)
    there = {person: load for person, load in loads.items() if person not in away}
    if there:
        assert choice.owner_id is not None
        assert there[choice.owner_id] == min(there.values())
    else:
        assert choice.owner_id is None
        assert "nobody is free" in choice.reason


def test_capacity_weighs_the_load_and_a_full_person_gets_nothing() -> None:
    rule = a_rule(AssignmentStrategy.BALANCED, ANNA, BERT)
    workloads = {ANNA: Workload(4, capacity=10), BERT: Workload(3, capacity=5)}
    assert choose(rules(rule), {}, workloads, {}, NOW).owner_id == ANNA
    full = {ANNA: Workload(10, capacity=10), BERT: Workload(5, capacity=5)}
    choice = choose(rules(rule, fallback=CARL), {}, full, {}, NOW)
    assert (choice.owner_id, choice.fallback) == (CARL, True)


def test_absence_has_a_beginning_and_an_end() -> None:
    away = Workload(absent_from=NOW, absent_until=NOW + timedelta(days=3))
    assert [away.is_there(NOW + timedelta(days=n)) for n in (-1, 0, 2, 3)] == [True, False, False, True]


def test_skill_asks_who_knows_the_industry() -> None:
    rule = AssignmentRule(
        "r",
        "makers",
        (),
        AssignmentStrategy.SKILL,
        (Candidate(ANNA, ("finance",)), Candidate(BERT, ("C34", "pumps"))),
    )
    choice = choose(rules(rule), {"industry_code": "C34"}, {}, {}, NOW)
    assert choice.owner_id == BERT
    assert "knows C34" in choice.reason
    assert choose(rules(rule), {"industry_code": "J66"}, {}, {}, NOW).owner_id is None


def test_the_first_rule_that_fits_decides_and_priority_rules_come_first_for_high_intent() -> None:
    beijing = RuleCondition("region_code", RuleOperator.EQUALS, ("110000",))
    first = AssignmentRule("bj", "Beijing", (beijing,), AssignmentStrategy.FIXED, (Candidate(ANNA, ()),))
    rest = AssignmentRule("rest", "rest", (), AssignmentStrategy.FIXED, (Candidate(BERT, ()),))
    closer = AssignmentRule("hot", "hot", (), AssignmentStrategy.FIXED, (Candidate(CARL, ()),))
    defined = AssignmentRulesDefined(SET, 7, "", (first, rest), (closer,), None)
    facts = {"region_code": "110000", "high_intent": False}
    choice = choose(defined, facts, {}, {}, NOW)
    assert (choice.owner_id, choice.rule_id, choice.rule_set_version) == (ANNA, "bj", 7)
    assert choice.reason == "Beijing (rules v7): region_code equals 110000; first candidate who is free"
    assert choose(defined, facts | {"high_intent": True}, {}, {}, NOW).owner_id == CARL
    assert choose(defined, facts, {}, {}, NOW, frozenset([ANNA])).owner_id == BERT
    assert choose(None, facts, {}, {}, NOW).owner_id is None


def test_a_trial_is_the_rules_themselves_so_it_cannot_disagree() -> None:
    defined = rules(a_rule(AssignmentStrategy.ROUND_ROBIN, *EVERYBODY))
    trial = Trial(DEFAULT_SCORING, defined, {})
    owners = [trial.place({"phone": "given"}, NOW)[1].owner_id for _ in range(4)]
    assert owners == [ANNA, BERT, CARL, ANNA]


@pytest.mark.parametrize(
    "broken",
    [
        (a_rule(AssignmentStrategy.FIXED),),
        (a_rule(AssignmentStrategy.FIXED, ANNA, ANNA),),
        (a_rule(AssignmentStrategy.FIXED, ANNA), a_rule(AssignmentStrategy.FIXED, BERT)),
        (
            AssignmentRule(
                "r",
                "r",
                (RuleCondition("score", RuleOperator.AT_LEAST, ("many",)),),
                AssignmentStrategy.FIXED,
                (Candidate(ANNA, ()),),
            ),
        ),
    ],
    ids=["nobody", "the same twice", "the same id twice", "no number"],
)
def test_rules_that_could_never_be_evaluated_are_refused(broken: tuple[AssignmentRule, ...]) -> None:
    with pytest.raises(InvalidArgument):
        define_assignment(rules(*broken))
