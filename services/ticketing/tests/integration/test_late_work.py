"""Work entered late is judged by when it was done; simulated months keep their own clock."""

from datetime import timedelta

import pytest

from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from kernel.ids import new_id


@pytest.fixture
def at(desk_of_two):
    """`at(hours).RespondToTicket(…)`: a stub whose work was done so many hours after some day last year."""
    from contextlib import ExitStack

    start = desk_of_two.at - timedelta(days=200)
    with ExitStack() as stack:

        def stub(hours, timeline="simulation-1"):
            when = (start + timedelta(hours=hours)).isoformat()
            metadata = [("effective-at", when), ("timeline-id", timeline), ("request-id", str(new_id()))]
            return TicketingServiceStub(stack.enter_context(desk_of_two.as_caller(None, metadata)))

        stub.start = start
        yield stub


def open_ticket(stub):
    return stub.OpenTicket(pb.OpenTicketRequest(channel=1, category="repair", subject="It broke")).ticket_id


@pytest.mark.feature("TIC-05")
def test_a_simulated_deadline_passes_when_the_simulation_passes_it(desk_of_two, at):
    ticket_id = open_ticket(at(0))
    desk_of_two.move(seconds=1)
    assert "SlaWarned" not in desk_of_two.kinds(ticket_id)
    at(10).AddTicketNote(pb.AddTicketNoteRequest(ticket_id=ticket_id, text="still nobody"))
    desk_of_two.move(seconds=1)
    found = {type(r.event).__name__: r.metadata for r in desk_of_two.events(ticket_id)}
    assert found["SlaBreached"].effective_at in (at.start + timedelta(hours=4), at.start + timedelta(hours=8))
    assert found["SlaBreached"].timeline_id == "simulation-1"


def test_an_answer_entered_late_takes_a_breach_back(desk_of_two, at):
    ticket_id = open_ticket(at(0))
    at(5).AddTicketNote(pb.AddTicketNoteRequest(ticket_id=ticket_id, text="x"))
    desk_of_two.move(seconds=1)
    assert desk_of_two.ticket(ticket_id).clocks[0].breached
    at(1).RespondToTicket(pb.RespondToTicketRequest(ticket_id=ticket_id, text="We called at once"))
    clock = desk_of_two.ticket(ticket_id).clocks[0]
    assert (clock.breached, clock.met) == (False, True)
    assert desk_of_two.ticket(ticket_id).first_response_at.ToDatetime() == (at.start + timedelta(hours=1)).replace(
        tzinfo=None
    )


def test_a_survey_of_a_simulated_ticket_is_sent_in_its_own_time(desk_of_two, at):
    customer = str(new_id())
    ticket_id = (
        at(0)
        .OpenTicket(pb.OpenTicketRequest(channel=1, category="repair", subject="It broke", customer_id=customer))
        .ticket_id
    )
    at(1).ResolveTicket(pb.ResolveTicketRequest(ticket_id=ticket_id))
    at(2).CloseTicket(pb.CloseTicketRequest(ticket_id=ticket_id))
    at(3).AddTicketNote(pb.AddTicketNoteRequest(ticket_id=ticket_id, text="x"))
    desk_of_two.move(seconds=1)
    (survey,) = desk_of_two.stub.ListSurveys(pb.ListSurveysRequest(ticket_id=ticket_id)).surveys
    assert survey.sent_at.ToDatetime() == (at.start + timedelta(hours=2)).replace(tzinfo=None)
