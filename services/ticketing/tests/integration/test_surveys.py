from uuid import UUID

import grpc
import pytest

from crm.pipeline.v1.opportunity_events_pb2 import OpportunityWon
from crm.ticketing.v1 import survey_events_pb2 as survey_events
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from kernel.store import Cause
from kernel.wire import channel_to
from ticketing.reactions import when_opportunity_won

CHIEF = "00000000-0000-0000-0000-00000000025b"


@pytest.fixture
def nobody(desk_of_two):
    """The stub of a customer: no token at all."""
    channel = channel_to(desk_of_two.target)
    yield TicketingServiceStub(channel)
    channel.close()


def close_a_ticket(desk_of_two, **fields):
    ask = {"ticket_id": desk_of_two.open(customer_id=str(new_id()), **fields).ticket_id}
    desk_of_two.stub.ResolveTicket(pb.ResolveTicketRequest(**ask))
    desk_of_two.stub.CloseTicket(pb.CloseTicketRequest(**ask))
    desk_of_two.move(seconds=1)
    return ask["ticket_id"]


def the_survey(desk_of_two, **which):
    (survey,) = desk_of_two.stub.ListSurveys(pb.ListSurveysRequest(**which)).surveys
    link = desk_of_two.stub.GetSurveyLink(pb.GetSurveyLinkRequest(survey_id=survey.survey_id))
    return survey, link.token


@pytest.mark.feature("TIC-21")
def test_closing_a_ticket_asks_the_customer_whose_answer_stays_on_the_record(desk_of_two, nobody):
    ticket_id = close_a_ticket(desk_of_two)
    survey, token = the_survey(desk_of_two, ticket_id=ticket_id)
    assert len(token) >= 32
    assert nobody.GetSurveyForm(pb.GetSurveyFormRequest(token=token)).subject == "It broke"
    nobody.AnswerSurvey(pb.AnswerSurveyRequest(token=token, score=5, comment="quick!"))
    ticket = desk_of_two.stub.GetTicket(pb.GetTicketRequest(ticket_id=ticket_id))
    assert (ticket.ticket.survey_score, ticket.entries[-1].text) == (5, "quick!")
    with pytest.raises(grpc.RpcError) as caught:
        nobody.AnswerSurvey(pb.AnswerSurveyRequest(token=token, score=1))
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert desk_of_two.kinds(survey.survey_id) == ["SurveySent", "SurveyAnswered"]


@pytest.mark.feature("TIC-22")
def test_a_low_score_opens_a_ticket_for_the_supervisor(desk_of_two, nobody):
    ticket_id = close_a_ticket(desk_of_two)
    _, token = the_survey(desk_of_two, ticket_id=ticket_id)
    nobody.AnswerSurvey(pb.AnswerSurveyRequest(token=token, score=1, comment="never again"))
    survey, _ = the_survey(desk_of_two, low=True)
    follow_up = desk_of_two.stub.GetTicket(pb.GetTicketRequest(ticket_id=survey.follow_up_ticket_id))
    assert follow_up.ticket.assignee_id == CHIEF
    assert follow_up.ticket.related_ticket_id == ticket_id
    assert follow_up.description == "never again"


def test_a_token_nobody_was_given_opens_nothing(desk_of_two, nobody):
    close_a_ticket(desk_of_two)
    for ask, request in (
        (nobody.GetSurveyForm, pb.GetSurveyFormRequest(token="guess")),
        (nobody.AnswerSurvey, pb.AnswerSurveyRequest(token="guess", score=5)),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            ask(request)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_ticket_reopened_in_time_is_not_asked_about(desk_of_two):
    desk_of_two.stub.DefineSurveyRules(pb.DefineSurveyRulesRequest(after_s=3600, low_up_to=2, after_tickets=True))
    ticket_id = close_a_ticket(desk_of_two)
    desk_of_two.stub.ReopenTicket(pb.ReopenTicketRequest(ticket_id=ticket_id, reason="again"))
    desk_of_two.move(hours=2)
    assert not desk_of_two.stub.ListSurveys(pb.ListSurveysRequest()).surveys


@pytest.mark.feature("TIC-21")
def test_a_won_deal_is_asked_about_once(desk_of_two):
    opportunity, customer = new_id(), new_id()
    won = OpportunityWon(opportunity_id=str(opportunity), customer_id=str(customer))
    store = desk_of_two.service.store
    now = store.clock()
    metadata = Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", "")
    delivered = Delivered("pipeline", 0, 1, opportunity, 1, won.DESCRIPTOR.full_name, metadata, won)
    for _ in range(2):
        with store.transaction(Cause.from_event("ticketing", metadata)) as tx:
            when_opportunity_won(delivered, tx)
        desk_of_two.move(seconds=1)
    survey, _ = the_survey(desk_of_two, customer_id=str(customer))
    assert survey.about == survey_events.SURVEY_SUBJECT_DEAL
    assert UUID(survey.opportunity_id) == opportunity
