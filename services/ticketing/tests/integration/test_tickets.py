from uuid import UUID

import grpc
import pytest

from crm.ticketing.v1 import ticket_events_pb2 as tickets
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from kernel.ids import new_id
from testkit import a_caller

BO = UUID(int=602)
CHANNELS = [n for n in tickets.Channel.values() if n]


def refused(code, ask, request):
    with pytest.raises(grpc.RpcError) as caught:
        ask(request)
    assert caught.value.code() == code
    return caught.value.details()


@pytest.mark.feature("TIC-01")
def test_requests_from_every_channel_stand_in_one_queue(desk_of_two):
    for channel in CHANNELS:
        desk_of_two.open(channel=channel, subject=f"打印机坏了 {channel}")
    found = desk_of_two.stub.ListTickets(pb.ListTicketsRequest(queue="support"))
    assert sorted(t.channel for t in found.tickets) == CHANNELS
    assert found.total_size == len(CHANNELS)
    assert desk_of_two.stub.ListTickets(pb.ListTicketsRequest(search="打印")).total_size == len(CHANNELS)


@pytest.mark.feature("TIC-01")
def test_the_same_message_opens_one_ticket(desk_of_two):
    first = desk_of_two.open(external_ref="<42@mail>")
    second = desk_of_two.open(external_ref="<42@mail>")
    assert (second.ticket_id, first.existed, second.existed) == (first.ticket_id, False, True)


@pytest.mark.feature("TIC-02", "TIC-03")
def test_a_ticket_holds_what_was_asked_and_finds_its_agent(desk_of_two):
    customer, contact = str(new_id()), str(new_id())
    opened = desk_of_two.open(
        customer_id=customer,
        contact_id=contact,
        product_id="P-1",
        priority=tickets.PRIORITY_HIGH,
        description="Since Monday",
    )
    found = desk_of_two.stub.GetTicket(pb.GetTicketRequest(ticket_id=opened.ticket_id))
    ticket = found.ticket
    assert (ticket.customer_id, ticket.contact_id, ticket.product_id) == (customer, contact, "P-1")
    assert (ticket.category, ticket.priority, ticket.subject) == ("repair", tickets.PRIORITY_HIGH, "It broke")
    assert found.description == "Since Monday"
    assert ticket.status == pb.TICKET_STATUS_IN_PROGRESS
    assert (ticket.queue, "rule repairs" in ticket.assignment_reason) == ("support", True)
    assert [c.target_s for c in ticket.clocks] == [4 * 3600, 8 * 3600]


@pytest.mark.feature("TIC-07")
def test_a_hand_over_is_seen_at_once_by_the_other_department_and_traced(desk_of_two):

    bo = a_caller(permissions=["ticketing.ticket.write"], scope="own", person_id=BO)
    opened = desk_of_two.open()
    with desk_of_two.as_caller(bo) as channel:
        other = TicketingServiceStub(channel)
        refused(grpc.StatusCode.NOT_FOUND, other.GetTicket, pb.GetTicketRequest(ticket_id=opened.ticket_id))
        desk_of_two.stub.HandOverTicket(
            pb.HandOverTicketRequest(ticket_id=opened.ticket_id, to_queue="billing", note="check the bill")
        )
        found = other.GetTicket(pb.GetTicketRequest(ticket_id=opened.ticket_id))
        assert found.ticket.assignee_id == str(BO)
        assert [(e.kind, e.text) for e in found.entries] == [("hand-over", "check the bill")]
        steps = other.ListTicketSteps(pb.ListTicketStepsRequest(ticket_id=opened.ticket_id)).steps
    assert [(s.step, s.queue) for s in steps][-2:] == [("handed over", "billing"), ("assigned", "billing")]


@pytest.mark.feature("TIC-24")
def test_every_step_has_its_duration(desk_of_two):
    opened = desk_of_two.open()
    desk_of_two.move(hours=1)
    ask = {"ticket_id": opened.ticket_id}
    desk_of_two.stub.PutTicketOnHold(pb.PutTicketOnHoldRequest(**ask, reason="serial number"))
    desk_of_two.move(hours=3)
    desk_of_two.stub.RecordCustomerReply(pb.RecordCustomerReplyRequest(**ask, text="SN 12"))
    desk_of_two.move(hours=2)
    desk_of_two.stub.ResolveTicket(pb.ResolveTicketRequest(**ask, solution="new fuse"))
    found = desk_of_two.stub.ListTicketSteps(pb.ListTicketStepsRequest(**ask))
    assert [(s.step, s.seconds, s.business_seconds) for s in found.steps] == [
        ("opened", 0, 0),
        ("assigned", 3600, 3600),
        ("waiting", 3 * 3600, 3 * 3600),
        ("resumed", 2 * 3600, 2 * 3600),
        ("resolved", 0, 0),
    ]
    assert {s.status: s.seconds for s in found.by_status}[pb.TICKET_STATUS_WAITING] == 3 * 3600
    assert desk_of_two.ticket(opened.ticket_id).age_s == 6 * 3600


@pytest.mark.feature("TIC-05")
def test_a_forgotten_ticket_warns_breaches_and_climbs_the_chain_once_each(desk_of_two):
    opened = desk_of_two.open()
    for _ in range(14):
        desk_of_two.move(minutes=30)
    kinds = desk_of_two.kinds(opened.ticket_id)
    assert [k for k in kinds if k.startswith("Sla") and "Clock" not in k] == [
        "SlaWarned",
        "SlaBreached",
        "SlaWarned",
    ]
    assert [
        (str(r.event.to_person_id)[-3:], r.event.level)
        for r in desk_of_two.events(opened.ticket_id)
        if type(r.event).__name__ == "TicketEscalated"
    ] == [("25b", 1), ("25c", 2)]
    ticket = desk_of_two.ticket(opened.ticket_id)
    assert ticket.overdue
    assert desk_of_two.stub.ListTickets(pb.ListTicketsRequest(overdue=True)).total_size == 1


@pytest.mark.feature("TIC-04")
def test_no_clock_runs_while_the_customer_is_waited_for(desk_of_two):
    opened = desk_of_two.open()
    desk_of_two.move(hours=1)
    desk_of_two.stub.PutTicketOnHold(pb.PutTicketOnHoldRequest(ticket_id=opened.ticket_id, reason="x"))
    desk_of_two.move(days=10)
    assert "SlaBreached" not in desk_of_two.kinds(opened.ticket_id)
    desk_of_two.stub.ResumeTicket(pb.ResumeTicketRequest(ticket_id=opened.ticket_id))
    desk_of_two.move(hours=2, minutes=59)
    assert "SlaBreached" not in desk_of_two.kinds(opened.ticket_id)
    desk_of_two.move(minutes=1)
    assert "SlaBreached" in desk_of_two.kinds(opened.ticket_id)


@pytest.mark.feature("TIC-23")
def test_a_complaint_goes_on_until_the_customer_is_content(desk_of_two):
    ask = {"ticket_id": desk_of_two.open(complaint=True).ticket_id}
    stub = desk_of_two.stub
    stub.ResolveTicket(pb.ResolveTicketRequest(**ask, solution="refunded"))
    refused(grpc.StatusCode.FAILED_PRECONDITION, stub.CloseTicket, pb.CloseTicketRequest(**ask))
    stub.RecordRootCause(pb.RecordRootCauseRequest(**ask, cause_code="late", cause="the van broke down"))
    stub.FollowUpComplaint(pb.FollowUpComplaintRequest(**ask, satisfied=False, note="still angry"))
    assert desk_of_two.ticket(ask["ticket_id"]).status == pb.TICKET_STATUS_IN_PROGRESS
    stub.ResolveTicket(pb.ResolveTicketRequest(**ask, solution="and a voucher"))
    stub.FollowUpComplaint(pb.FollowUpComplaintRequest(**ask, satisfied=True, note="fine now"))
    stub.CloseTicket(pb.CloseTicketRequest(**ask))
    ticket = desk_of_two.ticket(ask["ticket_id"])
    assert (ticket.status, ticket.complaint_confirmed) == (pb.TICKET_STATUS_CLOSED, True)
    assert (ticket.cause_code, ticket.times_resolved) == ("late", 2)


def test_a_stale_version_is_refused_with_both_versions(desk_of_two):
    opened = desk_of_two.open()
    request = pb.AddTicketNoteRequest(ticket_id=opened.ticket_id, expected_version=1, text="x")
    told = refused(grpc.StatusCode.ABORTED, desk_of_two.stub.AddTicketNote, request)
    assert f"version {opened.version}" in told
    assert "version 1" in told


def test_a_request_without_a_subject_names_the_field(desk_of_two):
    request = pb.OpenTicketRequest(channel=1, category="repair")
    assert "subject" in refused(grpc.StatusCode.INVALID_ARGUMENT, desk_of_two.stub.OpenTicket, request)


def test_pages_follow_each_other_in_every_order(desk_of_two):
    made = []
    for n in range(7):
        made.append(desk_of_two.open(priority=n % 4 + 1).ticket_id)
        desk_of_two.move(minutes=1)
    for order in range(1, 5):
        seen, token = [], ""
        for _ in range(4):
            page = desk_of_two.stub.ListTickets(pb.ListTicketsRequest(order=order, page_size=2, page_token=token))
            seen += [t.ticket_id for t in page.tickets]
            token = page.next_page_token
        assert (token, sorted(seen)) == ("", sorted(made)), order


def test_queues_know_what_they_hold_and_how_old_it_is(desk_of_two):
    desk_of_two.open()
    desk_of_two.move(hours=2)
    desk_of_two.open()
    queues = {q.queue: q for q in desk_of_two.stub.ListQueues(pb.ListQueuesRequest()).queues}
    held = queues["support"]
    assert (held.open, held.oldest_age_s, held.mean_age_s) == (2, 7200, 3600)
    assert queues["billing"].open == 0
    agents = {a.agent_id[-3:]: a.open for a in desk_of_two.stub.ListAgents(pb.ListAgentsRequest()).agents}
    assert agents == {"259": 2, "25a": 0}
