"""What a handover decides: whom to ask, when it is complete, and what is left."""

from __future__ import annotations

from functools import reduce
from uuid import UUID

import pytest

from customer.domain.handover import KINDS, Handover, HandoverCompleted, HandoverOverdue, HandoverRunning, evolve, order
from kernel.errors import InvalidArgument
from kernel.handed_over import HandoverAsked, RecordsHandedOver, SuccessorFor

pytestmark = pytest.mark.feature("CUS-38")
ID, LEAVER, HEIR, OTHER = (UUID(int=n) for n in range(1, 5))
WHERE = sorted(KINDS)


def ordered() -> Handover:
    state = reduce(evolve, order(ID, LEAVER, HEIR, [SuccessorFor("tickets", OTHER)], "left", WHERE, True), None)
    assert state is not None
    return state


def batch(context: str, round_: int, number: int, *ids: str) -> RecordsHandedOver:
    return RecordsHandedOver(ID, context, round_, number, "things", HEIR, ids, False, 0)


def end(context: str, round_: int, number: int = 1, left: int = 0) -> RecordsHandedOver:
    return RecordsHandedOver(ID, context, round_, number, "", None, (), True, left)


def after(state: Handover, *said: RecordsHandedOver) -> Handover:
    for answer in said:
        state = reduce(evolve, state.take(answer), state)
    return state


def test_it_is_complete_when_a_whole_round_found_nothing_more() -> None:
    others = [end(context, 1) for context in KINDS if context != "pipeline"]
    state = after(ordered(), *others, batch("pipeline", 1, 1, "a", "b"))
    assert state.waiting_for == ("pipeline",)
    assert state.go_on() == []
    state = after(state, end("pipeline", 1, 2))
    [asked] = state.go_on()
    assert isinstance(asked, HandoverAsked)
    assert (asked.round, asked.successor("tickets"), asked.successor("leads")) == (2, OTHER, HEIR)
    state = after(evolve(state, asked), *(end(context, 2) for context in KINDS))
    assert state.go_on() == [HandoverCompleted(ID, LEAVER, 2)]


def test_answers_may_come_in_any_order_and_more_than_once() -> None:
    state = after(ordered(), end("pipeline", 1, 3), batch("pipeline", 1, 2, "b"))
    assert "pipeline" in state.waiting_for, "the first batch is still under way"
    [done] = state.take(batch("pipeline", 1, 1, "a"))
    assert done.context_done  # type: ignore[union-attr]
    state = evolve(state, done)
    assert "pipeline" not in state.waiting_for
    assert state.take(batch("pipeline", 1, 1, "a")) == []
    assert state.moved == 2


def test_what_cannot_be_moved_is_not_forgotten() -> None:
    state = after(ordered(), *(end(context, 1, left=context == "ticketing") for context in KINDS))
    assert state.go_on() == [], "not complete: one ticket is left"
    assert state.fall_overdue() == [HandoverOverdue(ID, (), 1)]
    [asked] = state.ask_again()
    assert isinstance(asked, HandoverAsked)
    assert asked.round == 2


def test_it_looks_again_only_when_everybody_has_answered() -> None:
    with pytest.raises(HandoverRunning, match="customer"):
        ordered().look_again()
    state = after(ordered(), *(end(context, 1) for context in KINDS))
    state = reduce(evolve, state.go_on(), state)
    assert state.complete
    assert [event.round for event in state.look_again() if isinstance(event, HandoverAsked)] == [2]


def test_an_order_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="leaver himself"):
        order(ID, LEAVER, LEAVER, [], "left", WHERE, True)
    with pytest.raises(InvalidArgument, match="leaver himself"):
        order(ID, LEAVER, HEIR, [SuccessorFor("leads", LEAVER)], "left", WHERE, True)
    with pytest.raises(InvalidArgument, match="none of"):
        order(ID, LEAVER, HEIR, [SuccessorFor("desks", OTHER)], "left", WHERE, True)
    with pytest.raises(InvalidArgument, match="reason"):
        order(ID, LEAVER, HEIR, [], "because", WHERE, True)


def test_only_services_of_this_installation_are_waited_for() -> None:
    state = reduce(evolve, order(ID, LEAVER, HEIR, [], "left", ["customer", "pipeline"], True), None)
    assert state is not None
    assert state.waiting_for == ("customer", "pipeline")
