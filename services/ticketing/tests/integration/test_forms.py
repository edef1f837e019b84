from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from crm.marketing.v1 import form_events_pb2, marketing_service_pb2
from crm.marketing.v1.marketing_service_pb2_grpc import (
    MarketingServiceServicer,
    add_MarketingServiceServicer_to_server,
)
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from kernel.store import Cause
from kernel.timers import JobRunner
from kernel.wire import Peers


class Forms(MarketingServiceServicer):
    def GetFormSubmission(self, request, context):
        found = marketing_service_pb2.FormSubmission(
            submission_id=request.submission_id, person_name="王芳", phone="13800000000"
        )
        found.answers.add(key="service_request", value="The pump hums\nsince Monday")
        found.answers.add(key="service_category", value="repair")
        return marketing_service_pb2.GetFormSubmissionResponse(submission=found)


@pytest.fixture
def marketing():
    server = grpc.server(ThreadPoolExecutor(2))
    add_MarketingServiceServicer_to_server(Forms(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    peers = Peers({"marketing": f"127.0.0.1:{port}"})
    yield peers
    peers.close()
    server.stop(1).wait()


def submitted(desk_of_two, *keys):
    now = desk_of_two.service.store.clock()
    event = form_events_pb2.FormSubmitted(submission_id=str(new_id()))
    for key in keys:
        event.answers.add(key=key, value="sealed")
    metadata = Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", "")
    name = event.DESCRIPTOR.full_name
    delivered = Delivered("marketing", 0, 1, new_id(), 1, name, metadata, event)
    with desk_of_two.service.store.transaction(Cause.from_event("ticketing", metadata)) as tx:
        desk_of_two.service.reactions[type(event)](delivered, tx)


@pytest.mark.feature("TIC-01")
def test_a_form_that_asks_for_service_becomes_a_ticket_by_itself(desk_of_two, marketing):
    service = desk_of_two.service
    runner = JobRunner("ticketing", service.store, service.jobs, lambda context, _: marketing.channel(context))
    submitted(desk_of_two, "service_request", "service_category")
    submitted(desk_of_two, "budget")
    assert runner.run_once() == 1
    (ticket,) = desk_of_two.stub.ListTickets(pb.ListTicketsRequest()).tickets
    assert (ticket.channel, ticket.category, ticket.subject) == (tickets.CHANNEL_FORM, "repair", "The pump hums")
    assert ticket.queue == "support"
    found = desk_of_two.stub.GetTicket(pb.GetTicketRequest(ticket_id=ticket.ticket_id))
    assert "since Monday" in found.description
    assert "王芳" in found.description
