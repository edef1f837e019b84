"""Whose records are seen beside one's own: those of a key account one is in, and, as a guest, one's own alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer
from crm.customer.v1 import key_account_events_pb2 as account
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import sales_service_pb2 as pb
from kernel.delivered import Delivered
from kernel.ids import new_id
from kernel.log import Metadata
from kernel.service import Service
from testkit import a_caller

MAY = ("pipeline.*.*",)
ABSORBED, FIRM, OTHER = (str(uuid4()) for _ in range(3))


def happened(service: Service, *messages: Any) -> None:
    at = datetime.now(UTC)
    batch = []
    for position, message in enumerate(messages, start=1):
        metadata = Metadata(new_id(), at, at, "person:x", "r", new_id(), None, "", "")
        name = message.DESCRIPTOR.full_name
        batch.append(Delivered("customer", 0, position, UUID(FIRM), 1, name, metadata, message))
    for _ in range(2):  # fed twice: the same rows
        with service.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            service.eventual[0].project(cursor, batch)


@pytest.fixture
def of_each(crm: SimpleNamespace, service: Service) -> dict[str, dict[str, str]]:
    """One of everything for three customers, the first of them merged into the second."""
    happened(service, customer.CustomersMerged(customer_id=FIRM, absorbed_id=ABSORBED))
    return {firm: one_of_everything(crm, firm) for firm in (ABSORBED, FIRM, OTHER)}


def one_of_everything(crm: SimpleNamespace, customer_id: str) -> dict[str, str]:
    price = Money(minor_units=10_000, currency_code="CNY")
    deal = deals.OpenOpportunityRequest(customer_id=customer_id, title="Pumps", amount=price)
    opportunity_id = crm.deals.OpenOpportunity(deal).opportunity_id
    line = pb.QuoteLineDraft(product_name="Pump", quantity="3", unit_price=price, tax_basis_points=0)
    quotes = [
        crm.sales.DraftQuote(pb.DraftQuoteRequest(opportunity_id=opportunity_id, lines=[line])).quote_id
        for _ in range(2)
    ]
    crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=quotes[0]))
    crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=quotes[0]))
    contract = pb.DrawUpContractRequest(
        customer_id=customer_id, title="Pumps", amount=price, starts_on="2026-01-05", ends_on="2126-01-05"
    )
    contracts = [crm.sales.DrawUpContract(contract).contract_id for _ in range(2)]
    crm.sales.SubmitContract(pb.SubmitContractRequest(contract_id=contracts[0]))
    crm.sales.SignContract(pb.SignContractRequest(contract_id=contracts[0], signed_on="2026-01-05"))
    ordered = pb.OrderLineDraft(product_name="Pump", quantity="1", unit_price=price)
    order_id = crm.sales.PlaceOrder(pb.PlaceOrderRequest(customer_id=customer_id, lines=[ordered])).order_id
    crm.sales.SubmitOrder(pb.SubmitOrderRequest(order_id=order_id))
    crm.sales.ConfirmOrder(pb.ConfirmOrderRequest(order_id=order_id))
    return {
        "deal": opportunity_id,
        "sent quote": quotes[0],
        "draft quote": quotes[1],
        "signed contract": contracts[0],
        "draft contract": contracts[1],
        "order": order_id,
    }


def shown_to(who: SimpleNamespace, *, with_deals: bool) -> set[str]:
    """Ids of everything in who's lists."""
    found = {it.quote_id for it in who.sales.ListQuotes(pb.ListQuotesRequest()).quotes}
    found |= {it.contract_id for it in who.sales.ListContracts(pb.ListContractsRequest()).contracts}
    found |= {it.order_id for it in who.sales.ListOrders(pb.ListOrdersRequest()).orders}
    owed = {it.order_id for it in who.sales.ListReceivables(pb.ListReceivablesRequest()).receivables}
    assert owed <= found
    if with_deals:
        found |= {
            it.opportunity_id for it in who.deals.ListOpportunities(deals.ListOpportunitiesRequest()).opportunities
        }
    return found


def opened(who: SimpleNamespace, records: dict[str, str]) -> set[str]:
    """Names of the records that open one by one."""
    ways: dict[str, Callable[[str], Any]] = {
        "deal": lambda id_: who.deals.GetOpportunity(deals.GetOpportunityRequest(opportunity_id=id_)),
        "quote": lambda id_: who.sales.GetQuote(pb.GetQuoteRequest(quote_id=id_)),
        "contract": lambda id_: who.sales.GetContract(pb.GetContractRequest(contract_id=id_)),
        "order": lambda id_: who.sales.GetOrder(pb.GetOrderRequest(order_id=id_)),
    }
    found = set()
    for name, id_ in records.items():
        try:
            ways[name.rpartition(" ")[2]](id_)
        except grpc.RpcError as refusal:
            if refusal.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED):
                raise
        else:
            found.add(name)
    return found


@pytest.mark.feature("CUS-40")
def test_a_member_of_a_key_account_sees_its_deals_and_sales_until_he_leaves(
    asked_by: Callable[..., Any], service: Service, of_each: dict[str, dict[str, str]]
) -> None:
    team = new_id()
    mate = asked_by(a_caller(MAY, scope="own"))
    colleague = asked_by(a_caller(MAY, scope="team", teams=[team]))
    stranger = asked_by(a_caller(MAY, scope="own"))
    ids = {"key_account_id": str(uuid4()), "customer_id": FIRM}
    happened(
        service,
        account.KeyAccountMemberAdded(**ids, member_id=mate.person_id),
        account.KeyAccountMemberAdded(**ids, member_id=str(team), is_team=True),
    )
    theirs = {*of_each[FIRM].values(), *of_each[ABSORBED].values()}
    for member in (mate, colleague):
        assert shown_to(member, with_deals=True) == theirs
        assert opened(member, of_each[FIRM]) == opened(member, of_each[ABSORBED]) == set(of_each[FIRM])
        assert not opened(member, of_each[OTHER])
    assert not shown_to(stranger, with_deals=True)
    happened(service, account.KeyAccountMemberRemoved(**ids, member_id=str(team)))
    assert shown_to(mate, with_deals=True) == theirs
    assert not shown_to(colleague, with_deals=True)
    happened(service, account.KeyAccountTeamDissolved(**ids))
    assert not shown_to(mate, with_deals=True)
    assert not opened(mate, of_each[FIRM])


@pytest.mark.feature("IDN-16")
def test_a_guest_sees_his_own_sales_once_they_are_his_to_see_no_field_of_staff_and_calls_nothing_else(
    crm: SimpleNamespace, asked_by: Callable[..., Any], of_each: dict[str, dict[str, str]]
) -> None:
    guest = asked_by(a_caller(("*",), guest_of=UUID(FIRM)))
    final = {"sent quote", "signed contract", "order"}
    for firm in (FIRM, ABSORBED):
        assert opened(guest, of_each[firm]) == final
    assert not opened(guest, of_each[OTHER])
    assert shown_to(guest, with_deals=False) == {of_each[firm][name] for firm in (FIRM, ABSORBED) for name in final}
    order = guest.sales.GetOrder(pb.GetOrderRequest(order_id=of_each[FIRM]["order"]))
    assert order.order.total.minor_units
    quote = guest.sales.GetQuote(pb.GetQuoteRequest(quote_id=of_each[FIRM]["sent quote"]))
    assert quote.quote.lines
    contract = guest.sales.GetContract(pb.GetContractRequest(contract_id=of_each[FIRM]["signed contract"]))
    for answer in (order, quote, contract, *guest.sales.ListOrders(pb.ListOrdersRequest()).orders):
        assert crm.person_id not in str(answer), "who of ours is accountable"
        assert of_each[FIRM]["deal"] not in str(answer)
    assert not quote.versions
    for refused in (
        lambda: guest.deals.ListOpportunities(deals.ListOpportunitiesRequest()),
        lambda: guest.leads.ListLeads(leads.ListLeadsRequest()),
        lambda: guest.sales.CancelOrder(pb.CancelOrderRequest(order_id=of_each[FIRM]["order"], reason="x")),
        lambda: guest.sales.GetSalesTotals(pb.GetSalesTotalsRequest()),
        lambda: guest.sales.ListOrders(pb.ListOrdersRequest(owner_id=guest.person_id)),
    ):
        with pytest.raises(grpc.RpcError) as refusal:
            refused()
        assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
