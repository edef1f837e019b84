"""Whose tickets are seen beside one's own: those of a key account one is in, and, as a guest, one's own alone."""

from uuid import UUID

import grpc
import pytest

from crm.customer.v1 import customer_events_pb2, key_account_events_pb2
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from testkit import a_caller
from ticketing.projections import customer_cards

FIRM, ABSORBED, OTHER = (UUID(int=n) for n in (801, 802, 803))
MAY = ("ticketing.*.*",)


def happened(desk_of_two, *messages):
    now = desk_of_two.service.store.clock()
    batch = []
    for n, message in enumerate(messages):
        metadata = Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", "")
        name = message.DESCRIPTOR.full_name
        batch.append(Delivered(name.split(".")[1], 0, n + 1, new_id(), 1, name, metadata, message))
    for _ in range(2):  # fed twice: the same rows
        with desk_of_two.service.store.connection() as connection, connection.cursor() as cursor:
            customer_cards.project(cursor, batch)


@pytest.fixture
def of_each(desk_of_two):
    happened(desk_of_two, customer_events_pb2.CustomersMerged(customer_id=str(FIRM), absorbed_id=str(ABSORBED)))
    return {firm: desk_of_two.open(customer_id=str(firm)).ticket_id for firm in (FIRM, ABSORBED, OTHER)}


def listed(stub):
    return {ticket.ticket_id for ticket in stub.ListTickets(pb.ListTicketsRequest()).tickets}


def refused(code, call, request):
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)
    assert refusal.value.code() is code, refusal.value.details()


@pytest.mark.feature("CUS-40")
def test_a_member_of_a_key_account_sees_its_tickets_until_he_leaves(desk_of_two, of_each):
    member = a_caller(MAY, scope="own")
    ids = {"key_account_id": str(new_id()), "customer_id": str(FIRM)}
    with desk_of_two.as_caller(member) as channel:
        stub = TicketingServiceStub(channel)
        assert not listed(stub)
        added = key_account_events_pb2.KeyAccountMemberAdded(**ids, member_id=str(member.person_id))
        happened(desk_of_two, added)
        assert listed(stub) == {of_each[FIRM], of_each[ABSORBED]}
        stub.AddTicketNote(pb.AddTicketNoteRequest(ticket_id=of_each[FIRM], text="I know their plant"))
        other = pb.GetTicketRequest(ticket_id=of_each[OTHER])
        refused(grpc.StatusCode.NOT_FOUND, stub.GetTicket, other)
        removed = key_account_events_pb2.KeyAccountMemberRemoved(**ids, member_id=str(member.person_id))
        happened(desk_of_two, removed)
        assert not listed(stub)
        refused(grpc.StatusCode.NOT_FOUND, stub.GetTicket, pb.GetTicketRequest(ticket_id=of_each[FIRM]))


@pytest.mark.feature("IDN-16")
def test_a_guest_asks_and_reads_for_his_own_firm_and_sees_nothing_of_the_desk(desk_of_two, of_each):
    ticket_id = of_each[FIRM]
    desk_of_two.stub.AddTicketNote(pb.AddTicketNoteRequest(ticket_id=ticket_id, text="they always complain"))
    desk_of_two.stub.RespondToTicket(pb.RespondToTicketRequest(ticket_id=ticket_id, text="We send a fuse"))
    with desk_of_two.as_caller(a_caller(("*",), guest_of=FIRM)) as channel:
        guest = TicketingServiceStub(channel)
        assert listed(guest) == {ticket_id, of_each[ABSORBED]}
        refused(grpc.StatusCode.NOT_FOUND, guest.GetTicket, pb.GetTicketRequest(ticket_id=of_each[OTHER]))
        got = guest.GetTicket(pb.GetTicketRequest(ticket_id=ticket_id))
        assert [entry.kind for entry in got.entries] == ["response"]
        staff = ("complain", "support", str(UUID(int=601)))
        assert not [word for word in staff if word in str(got)]
        assert not got.ticket.clocks

        guest.RecordCustomerReply(pb.RecordCustomerReplyRequest(ticket_id=ticket_id, text="It came, thanks"))
        for code, call, request in (
            (
                grpc.StatusCode.NOT_FOUND,
                guest.RecordCustomerReply,
                pb.RecordCustomerReplyRequest(ticket_id=of_each[OTHER], text="x"),
            ),
            (
                grpc.StatusCode.PERMISSION_DENIED,
                guest.AddTicketNote,
                pb.AddTicketNoteRequest(ticket_id=ticket_id, text="x"),
            ),
            (grpc.StatusCode.PERMISSION_DENIED, guest.ListTickets, pb.ListTicketsRequest(queue="support")),
            (grpc.StatusCode.NOT_FOUND, guest.OpenTicket, a_request(customer_id=str(OTHER))),
            (grpc.StatusCode.PERMISSION_DENIED, guest.OpenTicket, a_request(priority=4)),
        ):
            refused(code, call, request)
        opened = guest.OpenTicket(a_request())
        assert (opened.queue, opened.assignee_id, opened.reason) == ("", "", "")
        assert desk_of_two.ticket(opened.ticket_id).customer_id == str(FIRM), "his own, without being said"


def a_request(**fields):
    return pb.OpenTicketRequest(channel=1, category="repair", subject="It broke again", **fields)
