from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import grpc
import pytest

from crm.customer.v1 import customer_events_pb2, customer_service_pb2
from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceServicer, add_CustomerServiceServicer_to_server
from crm.pipeline.v1 import opportunity_events_pb2, sales_service_pb2
from crm.pipeline.v1.sales_service_pb2_grpc import SalesServiceServicer, add_SalesServiceServicer_to_server
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from ticketing.projections import customer_cards

CUSTOMER, ABSORBED, OWNER = (UUID(int=n) for n in (701, 702, 703))


class Customers(CustomerServiceServicer):
    def GetCustomer(self, request, context):
        card = customer_service_pb2.CustomerCard(customer_id=request.customer_id, name="华北机械", level=4)
        return customer_service_pb2.GetCustomerResponse(card=card)

    def GetTimeline(self, request, context):
        entry = customer_service_pb2.TimelineEntry(event_id="e", type="call", content="asked for a fuse")
        call = customer_service_pb2.TimelineEntry(event_id="f", type="activity", title="Call", content="It hums")
        call.details["kind"] = "call"
        return customer_service_pb2.GetTimelineResponse(entries=[entry, call])


class Orders(SalesServiceServicer):
    def ListOrders(self, request, context):
        order = sales_service_pb2.Order(order_id="o-1", placed_on="2026-02-01", state=3)
        order.lines.add(product_name="Pump")
        return sales_service_pb2.ListOrdersResponse(orders=[order])


@pytest.fixture
def peer_targets():
    server = grpc.server(ThreadPoolExecutor(4))
    add_CustomerServiceServicer_to_server(Customers(), server)
    add_SalesServiceServicer_to_server(Orders(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    targets = {"customer": f"127.0.0.1:{port}", "pipeline": f"127.0.0.1:{port}"}
    yield targets
    server.stop(1).wait()


def deliver(desk_of_two, *messages):
    now = desk_of_two.service.store.clock()
    batch = []
    for n, message in enumerate(messages):
        metadata = Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", "")
        name = message.DESCRIPTOR.full_name
        batch.append(Delivered(name.split(".")[1], 0, n + 1, new_id(), 1, name, metadata, message))
    with desk_of_two.service.store.connection() as connection, connection.cursor() as cursor:
        customer_cards.project(cursor, batch)
        customer_cards.project(cursor, batch)


def known(desk_of_two):
    deliver(
        desk_of_two,
        customer_events_pb2.CustomerRegistered(customer_id=str(CUSTOMER), owner_id=str(OWNER)),
        customer_events_pb2.CustomerStatusChanged(customer_id=str(CUSTOMER), to_status=2),
        customer_events_pb2.CustomersMerged(customer_id=str(CUSTOMER), absorbed_id=str(ABSORBED)),
        opportunity_events_pb2.OpportunityOpened(opportunity_id=str(new_id()), customer_id=str(ABSORBED)),
    )


@pytest.mark.feature("TIC-09")
def test_at_pick_up_the_agent_sees_purchases_service_and_communication(desk_of_two):
    known(desk_of_two)
    earlier = desk_of_two.open(customer_id=str(ABSORBED), subject="The pump hums")
    opened = desk_of_two.open(customer_id=str(CUSTOMER))
    found = desk_of_two.stub.GetTicketContext(pb.GetTicketContextRequest(ticket_id=opened.ticket_id))
    assert list(found.missing) == []
    assert (found.customer.name, found.customer.level) == ("华北机械", "VIP")
    assert found.customer.open_opportunities == 1
    assert [p.products for p in found.purchases] == [["Pump"]]
    assert [(c.kind, c.summary) for c in found.communications] == [
        ("call", "asked for a fuse"),
        ("activity.call", "It hums"),  # not its English title: whoever shows it says "Call" in his language
    ]
    assert [t.ticket_id for t in found.tickets] == [earlier.ticket_id]


class TestWhenOnePeerIsAway:
    @pytest.fixture
    def peer_targets(self, peer_targets):
        return {"customer": peer_targets["customer"]}

    def test_the_rest_is_given_and_the_missing_one_named(self, desk_of_two):
        known(desk_of_two)
        opened = desk_of_two.open(customer_id=str(CUSTOMER))
        found = desk_of_two.stub.GetTicketContext(pb.GetTicketContextRequest(ticket_id=opened.ticket_id))
        assert list(found.missing) == ["pipeline"]
        assert found.customer.name == "华北机械"


def test_unmerging_gives_each_customer_its_own_tickets_back(desk_of_two):
    known(desk_of_two)
    desk_of_two.open(customer_id=str(ABSORBED))
    of_survivor = pb.ListTicketsRequest(customer_id=str(CUSTOMER))
    (ticket,) = desk_of_two.stub.ListTickets(of_survivor).tickets
    assert ticket.customer_id == str(CUSTOMER)
    deliver(
        desk_of_two,
        customer_events_pb2.CustomersUnmerged(customer_id=str(CUSTOMER), absorbed_id=str(ABSORBED)),
    )
    assert desk_of_two.stub.ListTickets(of_survivor).total_size == 0
