from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from ticketing.domain.assignment import Choice
from ticketing.domain.business_time import WorkingHours
from ticketing.domain.desk import CalendarDefined, EscalationStep, SlaPolicyDefined, SlaTarget, Terms
from ticketing.domain.ticket import ComplaintUnconfirmed, Ticket, TicketClosedAlready, evolve, open_ticket
from ticketing.domain.ticket_events import (
    ComplaintConfirmed,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaClockPaused,
    SlaClockResumed,
    SlaClockStarted,
    SlaClockStopped,
    SlaWarned,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketHandedOver,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketResponded,
)
from ticketing.domain.vocabulary import Channel, Clock, Priority, Status

ID, CUSTOMER, CONTACT, ANNA, BO, CHIEF, HEAD, POLICY, CALENDAR = (UUID(int=n) for n in range(1, 10))
HOUR = 3600
AROUND = CalendarDefined(
    CALENDAR, 1, "around the clock", "UTC", tuple(WorkingHours(d, 0, 1440) for d in range(1, 8)), (), 1
)
PROMISE = SlaPolicyDefined(
    POLICY,
    1,
    "usual",
    CALENDAR,
    (),
    (SlaTarget(Priority.NORMAL, 4 * HOUR, 8 * HOUR), SlaTarget(Priority.URGENT, HOUR, 2 * HOUR)),
    75,
    (EscalationStep(2 * HOUR, HEAD),),
    24 * HOUR,
)
TERMS = Terms(PROMISE, AROUND, CHIEF)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TO_ANNA = Choice(ANNA, "support", "least busy")
opened = TicketOpened(
    ID, CUSTOMER, CONTACT, CONTACT, Channel.EMAIL, "repair", Priority.NORMAL, "", "It broke", "Since Monday",
    False, "", POLICY, "", "", None, {},
)  # fmt: skip


def at(hours):
    return NOON + timedelta(hours=hours)


def a_ticket(*asked, terms=TERMS, complaint=False):
    """A ticket that lived through what was asked of it."""
    from dataclasses import replace

    history = open_ticket(replace(opened, complaint=complaint), TO_ANNA, NOON, terms)
    ticket = reduce(evolve, history, None)
    for ask in asked:
        ticket = reduce(evolve, ask(ticket), ticket)
    return ticket


def kinds(events):
    return [type(event) for event in events]


@pytest.mark.feature("TIC-04")
def test_opening_starts_both_clocks_by_priority():
    clocks = [e for e in open_ticket(opened, TO_ANNA, NOON, TERMS) if isinstance(e, SlaClockStarted)]
    assert [(c.clock, c.warn_at, c.due_at) for c in clocks] == [
        (Clock.FIRST_RESPONSE, at(3), at(4)),
        (Clock.RESOLUTION, at(6), at(8)),
    ]


def test_the_first_answer_in_time_meets_its_deadline_and_the_second_says_nothing_of_it():
    ticket = a_ticket()
    events = ticket.respond(ANNA, None, "We look into it", at(1), TERMS)
    assert kinds(events) == [TicketResponded, SlaClockStopped]
    assert events[0].first
    assert events[1].met
    again = reduce(evolve, events, ticket).respond(ANNA, None, "Still at it", at(2), TERMS)
    assert kinds(again) == [TicketResponded]
    assert not again[0].first


@pytest.mark.feature("TIC-05")
def test_a_clock_warns_once_breaches_once_and_escalates_to_the_supervisor():
    ticket = a_ticket()
    warned = ticket.ring(Clock.FIRST_RESPONSE, at(3), TERMS)
    assert kinds(warned) == [SlaWarned]
    ticket = reduce(evolve, warned, ticket)
    assert ticket.ring(Clock.FIRST_RESPONSE, at(3), TERMS) == []
    breached = ticket.ring(Clock.FIRST_RESPONSE, at(4), TERMS)
    assert kinds(breached) == [SlaBreached, TicketEscalated]
    assert breached[1].to_person_id == CHIEF
    assert breached[1].next_at == at(6)
    ticket = reduce(evolve, breached, ticket)
    assert ticket.ring(Clock.FIRST_RESPONSE, at(5), TERMS) == []
    ticket = reduce(evolve, ticket.escalate_on(at(6), TERMS), ticket)
    assert ticket.escalation_level == 2
    assert ticket.escalate_on(at(7), TERMS) == []


def test_the_second_step_of_the_chain_names_its_person():
    ticket = a_ticket(lambda t: t.ring(Clock.FIRST_RESPONSE, at(4), TERMS))
    (event,) = ticket.escalate_on(at(6), TERMS)
    assert (event.to_person_id, event.level, event.next_at) == (HEAD, 2, None)


def test_waiting_for_the_customer_pauses_the_clocks():
    ticket = a_ticket()
    paused = ticket.put_on_hold("the serial number", at(2), TERMS)
    assert [e.remaining_s for e in paused if isinstance(e, SlaClockPaused)] == [2 * HOUR, 6 * HOUR]
    ticket = reduce(evolve, paused, ticket)
    assert ticket.alarms() == ()
    assert ticket.ring(Clock.FIRST_RESPONSE, at(50), TERMS) == []
    resumed = ticket.resume(at(102), TERMS)
    assert [e.due_at for e in resumed if isinstance(e, SlaClockResumed)] == [at(104), at(108)]


def test_the_customers_word_ends_the_wait():
    ticket = a_ticket(lambda t: t.put_on_hold("x", at(1), TERMS))
    assert reduce(evolve, ticket.receive_reply(None, "SN 12", at(2), TERMS), ticket).status == Status.IN_PROGRESS


def test_an_answer_after_the_deadline_is_a_breach_even_when_no_timer_has_rung():
    ticket = a_ticket()
    events = ticket.respond(ANNA, None, "Sorry", at(5), TERMS)
    assert kinds(events) == [SlaBreached, TicketEscalated, TicketResponded, SlaClockStopped]
    assert not events[-1].met
    ticket = reduce(evolve, events, ticket)
    assert ticket.ring(Clock.FIRST_RESPONSE, at(5), TERMS) == []


def test_an_answer_entered_late_but_given_in_time_takes_the_breach_back():
    ticket = a_ticket(lambda t: t.ring(Clock.FIRST_RESPONSE, at(4), TERMS))
    events = ticket.respond(ANNA, None, "We called at one", at(1), TERMS)
    assert kinds(events) == [TicketResponded, SlaBreachWithdrawn, SlaClockStopped]
    assert events[-1].met


def test_a_higher_priority_counts_the_time_used():
    ticket = a_ticket()
    resumed = [e for e in ticket.reprioritise(Priority.URGENT, at(0.5), TERMS) if isinstance(e, SlaClockResumed)]
    assert [e.due_at for e in resumed] == [at(1), at(2)]


@pytest.mark.feature("TIC-07")
def test_a_hand_over_leaves_its_trace():
    handed, assigned = a_ticket().hand_over(Choice(BO, "billing", "least busy"), "check the bill", at(1), TERMS)
    assert handed == TicketHandedOver(ID, CONTACT, "support", "billing", ANNA, "check the bill")
    assert isinstance(assigned, TicketAssigned)
    assert (assigned.assignee_id, assigned.from_assignee_id) == (BO, ANNA)
    with pytest.raises(InvalidArgument):
        a_ticket().hand_over(TO_ANNA, "", at(1), TERMS)


def test_resolve_reopen_resolve_close():
    ticket = a_ticket(
        lambda t: t.resolve("fixed", "", "new fuse", at(1), TERMS),
        lambda t: t.reopen("again", at(2), TERMS),
    )
    assert ticket.status == Status.IN_PROGRESS
    assert [a.name for a in ticket.alarms()] == ["resolution/due", "resolution/warn"]
    ticket = reduce(evolve, ticket.resolve("fixed", "", "new board", at(3), TERMS), ticket)
    closed = ticket.close("confirmed")
    assert kinds(closed) == [TicketClosed]
    ticket = reduce(evolve, closed, ticket)
    with pytest.raises(TicketClosedAlready):
        ticket.resolve("fixed", "", "", at(4), TERMS)
    with pytest.raises(TicketClosedAlready):
        ticket.assign(Choice(BO, "support", ""), at(4), TERMS)


def test_a_resolved_ticket_closes_by_itself_when_nobody_answers():
    ticket = a_ticket(lambda t: t.resolve("fixed", "", "", at(1), TERMS))
    assert [(a.name, a.due_at) for a in ticket.alarms()] == [("close", at(25))]
    assert ticket.close_in_time(at(24), TERMS) == []
    assert kinds(ticket.close_in_time(at(25), TERMS)) == [TicketClosed]


@pytest.mark.feature("TIC-23")
def test_a_complaint_is_closed_only_once_its_cause_is_known_and_the_customer_content():
    ticket = a_ticket(lambda t: t.resolve("refunded", "", "", at(1), TERMS), complaint=True)
    with pytest.raises(ComplaintUnconfirmed):
        ticket.close("done")
    with pytest.raises(ComplaintUnconfirmed, match="root cause"):
        ticket.follow_up(True, "fine", at(2), TERMS)
    ticket = reduce(evolve, ticket.record_root_cause("late", "the van broke down", "a second van"), ticket)
    unhappy = ticket.follow_up(False, "still angry", at(2), TERMS)
    assert TicketReopened in kinds(unhappy)
    content = ticket.follow_up(True, "fine", at(2), TERMS)
    assert ComplaintConfirmed in kinds(content)
    assert kinds(reduce(evolve, content, ticket).close("confirmed")) == [TicketClosed]


def test_an_unconfirmed_complaint_goes_to_the_supervisor_instead_of_closing():
    ticket = a_ticket(lambda t: t.resolve("refunded", "", "", at(1), TERMS), complaint=True)
    (event,) = ticket.close_in_time(at(25), TERMS)
    assert (type(event), event.to_person_id) == (TicketEscalated, CHIEF)


def test_without_a_policy_there_are_no_clocks():
    ticket = a_ticket(terms=None)
    assert ticket.clocks == ()
    assert kinds(ticket.resolve("fixed", "", "", at(100), None)) == [TicketResolved]


asks = st.one_of(
    st.just(lambda t, when: t.respond(ANNA, None, "x", when, TERMS)),
    st.just(lambda t, when: t.receive_reply(None, "x", when, TERMS)),
    st.just(lambda t, when: t.put_on_hold("x", when, TERMS)),
    st.just(lambda t, when: t.resume(when, TERMS)),
    st.just(lambda t, when: t.resolve("fixed", "", "", when, TERMS)),
    st.just(lambda t, when: t.reopen("x", when, TERMS)),
    st.just(lambda t, when: t.close("x")),
    st.sampled_from([Choice(ANNA, "support", ""), Choice(BO, "billing", ""), Choice(None, "billing", "")]).map(
        lambda choice: lambda t, when: t.hand_over(choice, "", when, TERMS)
    ),
    st.sampled_from(Priority).map(lambda p: lambda t, when: t.reprioritise(p, when, TERMS)),
    st.sampled_from(Clock).map(lambda clock: lambda t, when: t.ring(clock, when, TERMS)),
    st.just(lambda t, when: t.escalate_on(when, TERMS)),
    st.just(lambda t, when: t.close_in_time(when, TERMS)),
)


@given(st.lists(st.tuples(asks, st.integers(-30, 600)), max_size=40), st.booleans())
def test_whatever_is_asked_in_whatever_order_of_time_promises_are_broken_once(asked, complaint):
    from dataclasses import replace

    history = open_ticket(replace(opened, complaint=complaint), TO_ANNA, NOON, TERMS)
    ticket = reduce(evolve, history, None)
    for ask, minutes in asked:
        try:
            new = ask(ticket, NOON + timedelta(minutes=minutes))
        except DomainError:
            continue
        history += new
        ticket = reduce(evolve, new, ticket)
    assert ticket == reduce(evolve, history, None)
    for clock in Clock:
        run = []
        for event in history:
            if getattr(event, "clock", None) != clock:
                continue
            if isinstance(event, SlaClockStarted):
                run = []
            run.append(type(event))
            assert run.count(SlaWarned) <= 1
            assert 0 <= run.count(SlaBreached) - run.count(SlaBreachWithdrawn) <= 1
            assert run.count(SlaClockStopped) <= 1
    assert ticket.status != Status.CLOSED or ticket.alarms() == ()
    if complaint and ticket.status == Status.CLOSED:
        assert ticket.confirmed


@given(st.lists(st.sampled_from([
    TicketClosed(ID, None, None, None, "q", "imported", "Closed"),
    TicketResolved(ID, CONTACT, None, None, "q", "imported", "", "", "Resolve ticket"),
    TicketAssigned(ID, ANNA, None, "q", "", 0, "", "Take in charge ticket"),
    TicketReopened(ID, CONTACT, ""),
    SlaWarned(ID, Clock.RESOLUTION, NOON, None, "q", None),
    SlaClockStopped(ID, Clock.FIRST_RESPONSE, True),
]), max_size=20))  # fmt: skip
def test_no_history_is_refused(history):
    assert isinstance(reduce(evolve, [opened, *history], None), Ticket)
