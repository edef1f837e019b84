"""A deal: stages, outcomes, and nothing after the close but a reason to reopen."""

from __future__ import annotations

from datetime import date
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from pipeline.domain.opportunity import (
    Event,
    Opportunity,
    OpportunityAdvanced,
    OpportunityClosed,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageSetBack,
    OpportunityTakenBack,
    OpportunityWon,
    StageIsAnOutcome,
    evolve,
    open_opportunity,
)
from pipeline.domain.pipeline_definition import (
    PipelineDefined,
    Stage,
    StageKind,
    check_stages,
)
from pipeline.domain.pipeline_definition import evolve as evolve_pipeline

ID, CUSTOMER, OWNER, PIPELINE = (UUID(int=n) for n in (1, 2, 3, 4))
FIRST, SECOND, THIRD, WON, LOST = stages = tuple(
    Stage(UUID(int=10 + n), name, probability, 5, n, kind)
    for n, (name, probability, kind) in enumerate(
        [
            ("first", 10, StageKind.OPEN),
            ("second", 40, StageKind.OPEN),
            ("third", 70, StageKind.OPEN),
            ("won", 100, StageKind.WON),
            ("lost", 0, StageKind.LOST),
        ],
        start=1,
    )
)
AMOUNT = Money(120_000, "CNY")
pipeline = evolve_pipeline(None, PipelineDefined(PIPELINE, "p", stages, True))
opened = OpportunityOpened(
    ID, CUSTOMER, PIPELINE, FIRST.stage_id, "Pumps", AMOUNT, 10, OWNER, None, "", None, None, (), "", (), ""
)


def a_deal(*history: Event) -> Opportunity:
    state: Opportunity | None = reduce(evolve, history, None)
    assert state is not None
    return state


def test_moving_on_records_where_it_came_from_and_going_back_why() -> None:
    assert a_deal(opened).move_to(SECOND, pipeline, "") == [
        OpportunityAdvanced(ID, FIRST.stage_id, SECOND.stage_id, 40)
    ]
    there = a_deal(opened, OpportunityAdvanced(ID, FIRST.stage_id, THIRD.stage_id, 70))
    assert there.move_to(FIRST, pipeline, "budget") == [
        OpportunityStageSetBack(ID, THIRD.stage_id, FIRST.stage_id, 10, "budget")
    ]
    assert there.move_to(THIRD, pipeline, "") == []
    with pytest.raises(InvalidArgument, match="reason"):
        there.move_to(FIRST, pipeline, "")
    with pytest.raises(StageIsAnOutcome):
        there.move_to(WON, pipeline, "")


def test_a_loss_names_its_reason_and_competitor() -> None:
    for reason, competitor in (("", "X"), ("price", "")):
        with pytest.raises(InvalidArgument):
            a_deal(opened).lose(pipeline, reason, competitor)
    (lost,) = a_deal(opened).lose(pipeline, "price", "X")
    assert isinstance(lost, OpportunityLost)
    assert (lost.stage_id, lost.amount, lost.customer_id) == (LOST.stage_id, AMOUNT, CUSTOMER)


def test_the_clock_finds_nothing_stuck_that_moved_on() -> None:
    assert a_deal(opened).get_stuck(FIRST)
    assert a_deal(opened).get_stuck(SECOND) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"amount": Money(-1, "CNY")},
        {"amount": Money(1, "yuan")},
        {"probability": 101},
    ],
)
def test_a_deal_that_makes_no_sense_is_not_opened(wrong: dict[str, object]) -> None:
    from dataclasses import replace

    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        open_opportunity(replace(opened, **wrong), FIRST)  # type: ignore[arg-type]


asks = st.one_of(
    st.sampled_from(stages).map(lambda stage: lambda it: it.move_to(stage, pipeline, "why")),
    st.integers(-5, 10**9).map(lambda n: lambda it: it.revise_amount(Money(n, "CNY"))),
    st.integers(-5, 105).map(lambda n: lambda it: it.revise_probability(n)),
    st.just(lambda it: it.win(pipeline, "good")),
    st.just(lambda it: it.lose(pipeline, "price", "none")),
    st.just(lambda it: it.reopen(pipeline, None, "they called")),
    st.just(lambda it: it.plan_next_step("call", date(2026, 1, 1))),
    st.just(lambda it: it.take_next_step()),
    st.just(lambda it: it.transfer(UUID(int=9), "moved")),
    st.just(lambda it: it.take_back("import")),
)


@given(st.lists(asks, max_size=30))
def test_whatever_is_asked_nothing_follows_a_close_but_reopening(asked: list[object]) -> None:
    state, history = a_deal(opened), [opened]
    for ask in asked:
        try:
            new = ask(state)  # type: ignore[operator]
        except DomainError:
            continue
        if state.closed:
            assert all(isinstance(event, OpportunityReopened | OpportunityTakenBack) for event in new)
        history += new
        state = reduce(evolve, new, state)
        assert state.amount.minor_units >= 0
        assert 0 <= state.probability <= 100
    assert state == a_deal(*history)
    closing = (OpportunityWon, OpportunityLost, OpportunityTakenBack)
    assert state.closed == any(
        isinstance(event, closing)
        for event in history[max((i for i, e in enumerate(history) if isinstance(e, OpportunityReopened)), default=0) :]
    )


def test_a_closed_deal_refuses_changes() -> None:
    closed = a_deal(opened, *a_deal(opened).win(pipeline, "good"))
    assert (closed.probability, closed.stage_id) == (100, WON.stage_id)
    for ask in (lambda: closed.move_to(SECOND, pipeline, "x"), lambda: closed.transfer(CUSTOMER, "x")):
        with pytest.raises(OpportunityClosed):
            ask()
    (reopened,) = closed.reopen(pipeline, None, "they called")
    assert evolve(closed, reopened).stage_id == FIRST.stage_id


@pytest.mark.parametrize(
    "broken",
    [stages[3:], stages[:3], (*stages, WON), (FIRST, FIRST, WON, LOST)],
    ids=["none open", "no outcome", "two won", "the same twice"],
)
def test_stages_a_deal_could_not_go_through_are_refused(broken: tuple[Stage, ...]) -> None:
    with pytest.raises(InvalidArgument, match="stages"):
        check_stages(broken)


@given(st.permutations(stages))
def test_outcomes_stand_behind_the_open_stages_whatever_the_order(given_: list[Stage]) -> None:
    checked = check_stages(given_)
    assert [stage.order for stage in checked] == [1, 2, 3, 4, 5]
    assert [stage.kind for stage in checked[3:]] == [StageKind.WON, StageKind.LOST]
    assert [s.name for s in checked[:3]] == [s.name for s in given_ if s.kind == StageKind.OPEN]
