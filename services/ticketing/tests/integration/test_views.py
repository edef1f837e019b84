"""Every view survives the same events twice, and is built again to the same rows."""

import pytest

from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.ids import new_id
from kernel.rebuild import compare, rebuild
from kernel.store import Cause
from ticketing.bootstrap import INLINE


@pytest.fixture
def busy_desk(desk_of_two):
    """A desk with tickets in every state."""
    stub = desk_of_two.stub
    for n in range(3):
        ask = {"ticket_id": desk_of_two.open(customer_id=str(new_id()), complaint=n == 2).ticket_id}
        stub.RespondToTicket(pb.RespondToTicketRequest(**ask, text="We look into it"))
        stub.PutTicketOnHold(pb.PutTicketOnHoldRequest(**ask, reason="serial number"))
        desk_of_two.move(hours=3)
        stub.RecordCustomerReply(pb.RecordCustomerReplyRequest(**ask, text="SN 12"))
        stub.HandOverTicket(pb.HandOverTicketRequest(**ask, to_queue="billing"))
        desk_of_two.move(hours=9)
        stub.ResolveTicket(pb.ResolveTicketRequest(**ask, solution="new fuse"))
        stub.ReopenTicket(pb.ReopenTicketRequest(**ask, reason="again"))
        stub.ResolveTicket(pb.ResolveTicketRequest(**ask, solution="new board"))
        if n == 0:
            stub.CloseTicket(pb.CloseTicketRequest(**ask))
            desk_of_two.move(seconds=1)
    (survey,) = stub.ListSurveys(pb.ListSurveysRequest()).surveys
    token = stub.GetSurveyLink(pb.GetSurveyLinkRequest(survey_id=survey.survey_id)).token
    stub.AnswerSurvey(pb.AnswerSurveyRequest(token=token, score=1, comment="slow"))
    return desk_of_two


def rows_of(store, tables):
    with store.query() as cursor:
        return {
            table: sorted(row["row"] for row in cursor.execute(f"select t::text as row from {table} t"))
            for table in tables
        }


def test_every_view_is_built_again_to_the_same_rows(busy_desk):
    for view in INLINE:
        assert compare(busy_desk.service, view).equal, view.name
        assert rebuild(busy_desk.service, view).equal, view.name


def test_the_same_events_twice_leave_the_same_rows(busy_desk):
    store = busy_desk.service.store
    for view in INLINE:
        before = rows_of(store, view.tables)
        with store.transaction(Cause.of("service:test")) as tx:
            streams = tx.cursor.execute("select distinct originator_id from events").fetchall()
            for row in streams:
                for recorded in tx.recorded(row["originator_id"]):
                    view.project(tx.cursor, recorded)
        assert any(before.values()), view.name
        assert rows_of(store, view.tables) == before, view.name
