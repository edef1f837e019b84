"""What one person or one import did to a ticket is taken back, and nothing that came after or was said."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from kernel.reversals import Plan, Reversals, Step, Verdict, plan
from ticketing.domain.assignment import Choice
from ticketing.domain.desk import AgentProfiled, SurveyRulesDefined
from ticketing.domain.taking_back import DESK, REASON, TICKET
from ticketing.domain.ticket import Ticket, evolve
from ticketing.domain.ticket_events import (
    Event,
    TicketAssigned,
    TicketOpened,
    TicketRecategorised,
    TicketReprioritised,
    TicketRequesterIdentified,
    TicketResponded,
    TicketWithdrawn,
)
from ticketing.domain.vocabulary import Channel, Priority, Status

TICKETS = Reversals("ticket", TICKET, evolve)
ID, ANNA, BO, ONE, TWO = (UUID(int=n) for n in range(1, 6))
OPENED = TicketOpened(
    ID,
    ONE,
    None,
    ONE,
    Channel.EMAIL,
    "pump",
    Priority.NORMAL,
    "P1",
    "It leaks",
    "",
    False,
    "",
    None,
    "march",
    "",
    None,
    {},
)
WITH_ANNA = TicketAssigned(ID, ANNA, None, "north", "", 0, "picked by hand")


def planned(*told: tuple[bool, Event]) -> Plan:
    steps = [Step(event, mine, who="Bo") for mine, event in told]
    return plan(TICKETS, steps, lambda _: ())


def verdicts(found: Plan) -> dict[int, Verdict]:
    return {outcome.index: outcome.verdict for outcome in found.outcomes}


def after(told: list[tuple[bool, Event]], found: Plan) -> Ticket:
    state: Any = reduce(evolve, [*(event for _, event in told), *found.events], None)
    assert isinstance(state, Ticket)
    return state


def test_who_had_it_what_it_is_about_and_whose_it_is_come_back() -> None:
    ticket = reduce(evolve, [OPENED, WITH_ANNA], None)
    assert isinstance(ticket, Ticket)
    told: list[tuple[bool, Event]] = [(False, OPENED), (False, WITH_ANNA)]
    told += [(True, TicketRecategorised(ID, "pump", "valve", "P2")), (True, TicketRequesterIdentified(ID, TWO, BO))]
    told += [(True, TicketAssigned(ID, BO, ANNA, "south", "", 0, "picked by hand"))]
    now = after(told, found := planned(*told))
    assert (now.category, now.product_id, now.customer_id, now.contact_id) == ("pump", "P1", ONE, None)
    assert (now.assignee_id, now.queue, now.status) == (ANNA, "north", Status.IN_PROGRESS)
    assert set(verdicts(found).values()) == {Verdict.TAKEN_BACK}
    assert {event.reason for event in found.events if isinstance(event, TicketAssigned)} == {REASON}


def test_what_somebody_changed_since_stays_and_is_named() -> None:
    told: list[tuple[bool, Event]] = [(False, OPENED), (True, TicketRecategorised(ID, "pump", "valve", "P2"))]
    found = planned(*told, (False, TicketRecategorised(ID, "valve", "seal", "P2")))
    assert found.events == ()
    assert found.outcomes[0].kept == (("category", "changed since by Bo"),)


@pytest.mark.parametrize(
    "event",
    [
        TicketReprioritised(ID, Priority.NORMAL, Priority.URGENT),
        TicketResponded(ID, ONE, ANNA, Channel.EMAIL, "We come tomorrow", True),
    ],
)
def test_what_clocks_ran_on_and_what_was_said_stays_with_the_reason(event: Event) -> None:
    found = planned((False, OPENED), (True, event))
    assert found.events == ()
    assert verdicts(found) == {1: Verdict.KEPT}
    assert "changed since" not in found.outcomes[0].kept[0][1]


def test_a_ticket_that_only_the_import_touched_goes_as_a_whole_but_not_one_that_was_answered() -> None:
    found = planned((True, OPENED), (True, WITH_ANNA))
    assert found.events == (TicketWithdrawn(ID, "march", REASON),)
    assert verdicts(found) == {0: Verdict.TAKEN_BACK, 1: Verdict.GOES_ALONG}
    answered = planned((True, OPENED), (True, TicketResponded(ID, ONE, ANNA, Channel.EMAIL, "Yes", True)))
    assert answered.events == ()
    assert "unsaid" in dict(answered.outcomes[-1].kept)[""]


def test_giving_back_to_the_same_one_is_nothing() -> None:
    ticket = reduce(evolve, [OPENED, WITH_ANNA], None)
    assert isinstance(ticket, Ticket)
    assert ticket.give_back(ANNA, "north", REASON) == []
    assert ticket.give_back(None, "north", REASON) == [ticket._assigned(Choice(None, "north", REASON))]


def test_how_the_desk_works_is_as_defined_before_and_an_agent_nobody_had_gets_nothing() -> None:
    was, is_ = (AgentProfiled(ANNA, (queue,), (), 5, True) for queue in ("north", "south"))
    agents = Reversals("agent", DESK["agent"])
    found = plan(agents, [Step(was), Step(is_, True)], lambda _: ())
    assert found.events == (was,)
    assert plan(agents, [Step(is_, True)], lambda _: ()).events == (replace(is_, available=False),)
    rules = SurveyRulesDefined(ID, 4, 60, 3, False, True, BO)
    found = plan(Reversals("survey rules", DESK["survey rules"]), [Step(rules, True)], lambda _: ())
    assert found.events == (SurveyRulesDefined(ID, 5, 0, 2, True, True, None),)
