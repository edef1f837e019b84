"""From the quote to the money over gRPC and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.pipeline.v1 import approval_events_pb2 as approvals
from crm.pipeline.v1 import catalogue_service_pb2 as catalogue
from crm.pipeline.v1 import contract_events_pb2 as contracts
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import product_events_pb2 as products
from crm.pipeline.v1 import sales_service_pb2 as pb
from testkit import a_caller


def yuan(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="CNY")


def a_product(crm: SimpleNamespace, sku: str, price: int, tax: int = 1300) -> str:
    request = catalogue.AddProductRequest(
        sku=sku, name=f"泵 {sku}", category="pumps", list_price=yuan(price), tax_basis_points=tax
    )
    return crm.catalogue.AddProduct(request).product_id


def a_deal(crm: SimpleNamespace, customer_id: str = "") -> str:
    request = deals.OpenOpportunityRequest(customer_id=customer_id or str(uuid4()), title="Pumps", amount=yuan(1))
    return crm.deals.OpenOpportunity(request).opportunity_id


def drafted(crm: SimpleNamespace, product_id: str, discount: int = 0, customer_id: str = "") -> str:
    line = pb.QuoteLineDraft(product_id=product_id, quantity="3", discount_basis_points=discount)
    request = pb.DraftQuoteRequest(opportunity_id=a_deal(crm, customer_id), lines=[line])
    return crm.sales.DraftQuote(request).quote_id


def accepted(crm: SimpleNamespace, product_id: str) -> str:
    quote_id = drafted(crm, product_id)
    crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=quote_id))
    crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=quote_id))
    crm.sales.AcceptQuote(pb.AcceptQuoteRequest(quote_id=quote_id))
    return quote_id


def the_quote(crm: SimpleNamespace, quote_id: str) -> pb.GetQuoteResponse:
    return crm.sales.GetQuote(pb.GetQuoteRequest(quote_id=quote_id))


def the_order(crm: SimpleNamespace, order_id: str) -> pb.GetOrderResponse:
    return crm.sales.GetOrder(pb.GetOrderRequest(order_id=order_id))


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


@pytest.mark.feature("PIP-36")
def test_a_dealer_pays_his_own_list_and_others_the_catalogue(crm: SimpleNamespace) -> None:
    product, dealer = a_product(crm, "P-1", 10_000), str(uuid4())
    crm.catalogue.DefineCategory(catalogue.DefineCategoryRequest(name="pumps"))
    defined = crm.catalogue.DefinePriceList(
        catalogue.DefinePriceListRequest(
            price_list=catalogue.PriceList(
                name="Dealers 2026",
                kind=products.PRICE_LIST_KIND_DEALER,
                customer_ids=[dealer],
                currency_code="CNY",
                entries=[products.PriceEntry(product_id=product, unit_price=yuan(8_000))],
                valid_until=in_days(30),
            )
        )
    )

    def price(customer_id: str = "", on: str = "") -> tuple[int, str]:
        request = catalogue.GetPriceRequest(product_id=product, customer_id=customer_id, on=on)
        answer = crm.catalogue.GetPrice(request)
        return answer.unit_price.minor_units, answer.price_list_id

    assert price() == (10_000, "")
    assert price(dealer) == (8_000, defined.price_list_id)
    assert price(dealer, in_days(31)) == (10_000, ""), "the list has run out"
    quote = the_quote(crm, drafted(crm, product, customer_id=dealer)).quote
    assert quote.lines[0].unit_price.minor_units == 8_000
    assert quote.discount_basis_points == 0, "a dealer's price is no discount"
    found = crm.catalogue.ListProducts(catalogue.ListProductsRequest(search="泵", category="pumps"))
    assert [p.sku for p in found.products] == ["P-1"]
    assert [c.name for c in crm.catalogue.ListCategories(catalogue.ListCategoriesRequest()).categories] == ["pumps"]
    with pytest.raises(grpc.RpcError) as twice:
        a_product(crm, "P-1", 1)
    assert twice.value.code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.feature("PIP-37")
def test_a_quote_has_exact_totals_versions_and_an_end(crm: SimpleNamespace, days_later: Callable[[int], int]) -> None:
    product = a_product(crm, "P-2", 3_333)
    quote_id = drafted(crm, product, discount=500)
    quote = the_quote(crm, quote_id).quote
    # 3 x 33.33 = 99.99, less 5 % = 94.9905 -> 94.99; 13 % of 94.9905 = 12.348765 -> 12.35
    amounts = (quote.net_total.minor_units, quote.tax_total.minor_units, quote.total.minor_units)
    assert amounts == (9_499, 1_235, 10_734)
    line = pb.QuoteLineDraft(product_id=product, quantity="1.5", tax_basis_points=0)
    crm.sales.ReviseQuote(pb.ReviseQuoteRequest(quote_id=quote_id, lines=[line], valid_until=in_days(10)))
    both = the_quote(crm, quote_id)
    assert [(v.quote_version, v.total.minor_units) for v in both.versions] == [(1, 10_734), (2, 5_000)]
    crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=quote_id))
    crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=quote_id))
    assert days_later(12) == 2, "the quote's end and the deal's norm"
    assert the_quote(crm, quote_id).quote.state == pb.QUOTE_STATE_EXPIRED


@pytest.mark.feature("PIP-40")
def test_a_discount_beyond_the_limit_waits_for_its_approval(crm: SimpleNamespace, asked_by: Callable[..., Any]) -> None:
    boss, stranger = a_caller(scope="own"), a_caller(scope="own")
    crm.sales.SetDiscountPolicy(
        pb.SetDiscountPolicyRequest(limit_basis_points=1_000, fallback_approver_id=str(boss.person_id))
    )
    product = a_product(crm, "P-3", 10_000)
    within = drafted(crm, product, discount=1_000)
    assert crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=within)).approval_id == ""
    beyond = drafted(crm, product, discount=1_001)
    with pytest.raises(grpc.RpcError, match="submit"):
        crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=beyond))
    approval_id = crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=beyond)).approval_id
    with pytest.raises(grpc.RpcError, match="waits for its approval") as waits:
        crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=beyond))
    assert waits.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    shown = asked_by(boss).sales.GetQuote(pb.GetQuoteRequest(quote_id=beyond))
    assert shown.quote.lines, "whoever decides sees what on, though it is another team's"
    with pytest.raises(grpc.RpcError) as unseen:
        asked_by(stranger).sales.GetQuote(pb.GetQuoteRequest(quote_id=beyond))
    assert unseen.value.code() is grpc.StatusCode.NOT_FOUND
    asked_by(boss).sales.GiveOpinion(
        pb.GiveOpinionRequest(approval_id=approval_id, decision=approvals.DECISION_APPROVE)
    )
    crm.sales.SendQuote(pb.SendQuoteRequest(quote_id=beyond))
    line = pb.QuoteLineDraft(product_id=product, quantity="1", unit_price=yuan(5_000))
    crm.sales.ReviseQuote(pb.ReviseQuoteRequest(quote_id=beyond, lines=[line]))
    again = crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=beyond))
    assert again.approval_id, "a lowered unit price is a discount too, and a new version needs its own approval"


@pytest.mark.feature("PIP-50", "PIP-51")
def test_steps_conditions_all_any_delegate_return_withdraw_and_the_record(
    crm: SimpleNamespace, asked_by: Callable[..., Any]
) -> None:
    lead, finance, legal, stand_in = (asked_by(a_caller(scope="own")) for _ in range(4))
    ids = [who.person_id for who in (lead, finance, legal)]
    crm.sales.DefineApprovalFlow(
        pb.DefineApprovalFlowRequest(
            name="Big discounts",
            subject_kind=approvals.SUBJECT_KIND_QUOTE,
            min_discount_basis_points=2_000,
            steps=[
                approvals.FlowStep(name="lead", approver_ids=ids[:2], rule=approvals.STEP_RULE_ANY_OF),
                approvals.FlowStep(name="both", approver_ids=ids[1:], rule=approvals.STEP_RULE_ALL_OF),
                approvals.FlowStep(name="board", approver_ids=ids[:1], min_amount=yuan(10_000_000)),
            ],
        )
    )
    quote_id = drafted(crm, a_product(crm, "P-4", 10_000), discount=2_500)

    def submitted() -> str:
        return crm.sales.SubmitQuote(pb.SubmitQuoteRequest(quote_id=quote_id)).approval_id

    def says(who: SimpleNamespace, approval: str, decision: int, opinion: str = "") -> int:
        request = pb.GiveOpinionRequest(approval_id=approval, decision=decision, opinion=opinion)  # type: ignore[arg-type]
        return who.sales.GiveOpinion(request).state

    def waiting() -> set[str]:
        answer = crm.sales.GetApproval(pb.GetApprovalRequest(approval_id=approval))
        return set(answer.approval.waiting_for)

    approval = submitted()
    assert waiting() == set(ids[:2])
    mine = finance.sales.ListApprovals(pb.ListApprovalsRequest(waiting_for="me")).approvals
    assert [a.approval_id for a in mine] == [approval]
    assert not stand_in.sales.ListApprovals(pb.ListApprovalsRequest()).approvals
    with pytest.raises(grpc.RpcError) as not_yet:
        says(legal, approval, approvals.DECISION_APPROVE)
    assert not_yet.value.code() is grpc.StatusCode.PERMISSION_DENIED
    says(lead, approval, approvals.DECISION_APPROVE, "fine")
    assert waiting() == set(ids[1:])
    legal.sales.DelegateApproval(
        pb.DelegateApprovalRequest(approval_id=approval, to_person_id=stand_in.person_id, reason="holiday")
    )
    assert says(finance, approval, approvals.DECISION_APPROVE) == pb.APPROVAL_STATE_PENDING
    assert says(stand_in, approval, approvals.DECISION_APPROVE) == pb.APPROVAL_STATE_GRANTED
    with pytest.raises(grpc.RpcError, match="decided"):
        says(stand_in, approval, approvals.DECISION_REJECT, "no")
    record = crm.sales.GetApproval(pb.GetApprovalRequest(approval_id=approval)).record
    assert [entry.what for entry in record] == [
        "requested",
        "opinion",
        "step_reached",
        "delegated",
        "opinion",
        "opinion",
        "granted",
    ]
    assert (record[1].person_id, record[1].opinion, record[1].subject_version) == (ids[0], "fine", 1)
    assert all(entry.HasField("at") for entry in record)

    line = pb.QuoteLineDraft(product_name="Other", quantity="1", unit_price=yuan(7), discount_basis_points=3_000)
    crm.sales.ReviseQuote(pb.ReviseQuoteRequest(quote_id=quote_id, lines=[line]))
    approval = submitted()
    with pytest.raises(grpc.RpcError, match="opinion"):
        says(lead, approval, approvals.DECISION_RETURN)
    assert says(lead, approval, approvals.DECISION_RETURN, "too low") == pb.APPROVAL_STATE_RETURNED
    assert the_quote(crm, quote_id).quote.state == pb.QUOTE_STATE_DRAFT
    approval = submitted()
    with pytest.raises(grpc.RpcError):
        legal.sales.WithdrawApproval(pb.WithdrawApprovalRequest(approval_id=approval))
    crm.sales.WithdrawApproval(pb.WithdrawApprovalRequest(approval_id=approval, reason="mistake"))
    assert the_quote(crm, quote_id).quote.state == pb.QUOTE_STATE_DRAFT


@pytest.mark.feature("PIP-45")
def test_a_contract_gets_the_next_number_and_keeps_its_versions(
    crm: SimpleNamespace, days_later: Callable[[int], int], log_of: Callable[[str], list[Any]]
) -> None:
    quote_id = accepted(crm, a_product(crm, "P-5", 10_000))
    year = datetime.now(UTC).year

    def draw_up(**more: Any) -> pb.DrawUpContractResponse:
        said = {"title": "Pumps 2026", "quote_id": quote_id, "starts_on": in_days(0), "ends_on": in_days(100)}
        return crm.sales.DrawUpContract(pb.DrawUpContractRequest(**{**said, **more}))

    first = draw_up(
        parties=[
            contracts.Party(role="seller", name="Headwater", signatory="Li"),
            contracts.Party(role="buyer", name="张伟"),
        ],
        files=[contracts.FileReference(file_id="f1", name="draft.pdf", media_type="application/pdf")],
    )
    with pytest.raises(grpc.RpcError, match="ends_on"):
        draw_up(ends_on="2001-01-01")
    second = draw_up()
    assert [first.number, second.number] == [f"HT-{year}-00001", f"HT-{year}-00002"], "no gap by the refused one"
    crm.sales.SetContractPolicy(pb.SetContractPolicyRequest(number_pattern="C{yy}/{seq:3}", expiry_warning_days=14))
    assert draw_up().number == f"C{year % 100}/003"
    crm.sales.AttachContractFile(
        pb.AttachContractFileRequest(
            contract_id=first.contract_id, file=contracts.FileReference(file_id="f2", name="annex.pdf")
        )
    )
    crm.sales.ReviseContract(
        pb.ReviseContractRequest(
            contract_id=first.contract_id,
            title="Pumps 2026-27",
            parties=[contracts.Party(role="buyer", name="张伟")],
            amount=yuan(99),
            starts_on=in_days(0),
            ends_on=in_days(100),
        )
    )
    with pytest.raises(grpc.RpcError, match="before it is signed"):
        crm.sales.SignContract(pb.SignContractRequest(contract_id=first.contract_id))
    assert crm.sales.SubmitContract(pb.SubmitContractRequest(contract_id=first.contract_id)).approval_id == ""
    crm.sales.SignContract(pb.SignContractRequest(contract_id=first.contract_id))
    got = crm.sales.GetContract(pb.GetContractRequest(contract_id=first.contract_id))
    assert (got.contract.state, got.contract.amount.minor_units) == (pb.CONTRACT_STATE_SIGNED, 99)
    assert [f.name for f in got.contract.files] == ["draft.pdf", "annex.pdf"]
    assert [(v.contract_version, v.amount.minor_units, len(v.parties)) for v in got.versions] == [
        (1, 33_900, 2),
        (2, 99, 1),
    ]
    assert got.contract.opportunity_id == the_quote(crm, quote_id).quote.opportunity_id
    days_later(90)
    assert type(log_of(first.contract_id)[-1].event).__name__ == "ContractExpiryNear"
    found = crm.sales.ListContracts(pb.ListContractsRequest(search="2026-27")).contracts
    assert [c.contract_id for c in found] == [first.contract_id]


def test_contracts_drawn_up_at_once_leave_no_gap_and_no_number_twice(crm: SimpleNamespace) -> None:
    request = pb.DrawUpContractRequest(title="C", customer_id=str(uuid4()), starts_on="2026-01-01", amount=yuan(1))
    with ThreadPoolExecutor(6) as at_once:
        drawn_up = list(at_once.map(lambda _: crm.sales.DrawUpContract(request).number, range(18)))
    assert sorted(int(number[-5:]) for number in drawn_up) == list(range(1, 19))


@pytest.mark.feature("PIP-56")
def test_an_order_comes_from_an_accepted_quote_and_goes_its_way(crm: SimpleNamespace) -> None:
    product = a_product(crm, "P-6", 10_000)
    open_quote = drafted(crm, product)
    with pytest.raises(grpc.RpcError, match="not accepted"):
        crm.sales.PlaceOrder(pb.PlaceOrderRequest(quote_id=open_quote))
    quote_id = accepted(crm, product)
    placed = crm.sales.PlaceOrder(pb.PlaceOrderRequest(quote_id=quote_id))
    assert placed.total.minor_units == the_quote(crm, quote_id).quote.total.minor_units == 33_900
    order_id = placed.order_id
    with pytest.raises(grpc.RpcError, match="confirmed"):
        crm.sales.ShipOrder(pb.ShipOrderRequest(order_id=order_id))
    crm.sales.ConfirmOrder(pb.ConfirmOrderRequest(order_id=order_id))
    crm.sales.ShipOrder(pb.ShipOrderRequest(order_id=order_id, carrier="SF", tracking_number="SF1"))
    crm.sales.DeliverOrder(pb.DeliverOrderRequest(order_id=order_id))
    order = the_order(crm, order_id).order
    assert (order.state, order.tracking_number) == (pb.ORDER_STATE_DELIVERED, "SF1")
    assert [(line.product_id, line.quantity) for line in order.lines] == [(product, "3")]
    with pytest.raises(grpc.RpcError, match="left the house"):
        crm.sales.CancelOrder(pb.CancelOrderRequest(order_id=order_id, reason="no"))
    contract = crm.sales.DrawUpContract(pb.DrawUpContractRequest(title="T", quote_id=quote_id, starts_on=in_days(0)))
    with pytest.raises(grpc.RpcError, match="not signed"):
        crm.sales.PlaceOrder(pb.PlaceOrderRequest(contract_id=contract.contract_id))
    crm.sales.SubmitContract(pb.SubmitContractRequest(contract_id=contract.contract_id))
    crm.sales.SignContract(pb.SignContractRequest(contract_id=contract.contract_id))
    by_contract = crm.sales.PlaceOrder(pb.PlaceOrderRequest(contract_id=contract.contract_id))
    assert by_contract.total.minor_units == 33_900


def test_an_order_flow_must_be_granted_before_the_order_is_confirmed(crm: SimpleNamespace) -> None:
    crm.sales.DefineApprovalFlow(
        pb.DefineApprovalFlowRequest(
            name="Orders",
            subject_kind=approvals.SUBJECT_KIND_ORDER,
            min_amount=yuan(100),
            steps=[approvals.FlowStep(approver_ids=[crm.person_id])],
        )
    )
    line = pb.OrderLineDraft(product_name="Thing", quantity="1", unit_price=yuan(100))
    order_id = crm.sales.PlaceOrder(pb.PlaceOrderRequest(customer_id=str(uuid4()), lines=[line])).order_id
    with pytest.raises(grpc.RpcError, match="needs an approval"):
        crm.sales.ConfirmOrder(pb.ConfirmOrderRequest(order_id=order_id))
    approval_id = crm.sales.SubmitOrder(pb.SubmitOrderRequest(order_id=order_id)).approval_id
    crm.sales.GiveOpinion(pb.GiveOpinionRequest(approval_id=approval_id, decision=approvals.DECISION_APPROVE))
    crm.sales.ConfirmOrder(pb.ConfirmOrderRequest(order_id=order_id))
    assert the_order(crm, order_id).order.state == pb.ORDER_STATE_CONFIRMED


@pytest.mark.feature("PIP-59")
def test_payments_settle_the_oldest_first_and_what_is_late_is_listed(
    crm: SimpleNamespace, asked_by: Callable[..., Any], days_later: Callable[[int], int]
) -> None:
    line = pb.OrderLineDraft(product_name="Thing", quantity="1", unit_price=yuan(1_000))
    order_id = crm.sales.PlaceOrder(pb.PlaceOrderRequest(customer_id=str(uuid4()), lines=[line])).order_id
    with pytest.raises(grpc.RpcError, match="exceed"):
        crm.sales.PlanReceivables(
            pb.PlanReceivablesRequest(
                order_id=order_id, instalments=[pb.PlannedInstalment(due_on=in_days(1), amount=yuan(1_001))]
            )
        )
    early, middle, late = crm.sales.PlanReceivables(
        pb.PlanReceivablesRequest(
            order_id=order_id,
            instalments=[
                pb.PlannedInstalment(due_on=in_days(-20), amount=yuan(300)),
                pb.PlannedInstalment(due_on=in_days(-5), amount=yuan(300)),
                pb.PlannedInstalment(due_on=in_days(30), amount=yuan(400)),
            ],
        )
    ).receivable_ids
    payment = pb.RecordPaymentRequest(order_id=order_id, amount=yuan(450), method="bank", reference="B-1")
    assert crm.sales.RecordPayment(payment).outstanding.minor_units == 550
    again = asked_by().sales.RecordPayment(payment)
    assert again.outstanding.minor_units == 550, "the same reference twice is one payment"
    got = the_order(crm, order_id)
    owed = {r.receivable_id: r.outstanding.minor_units for r in got.receivables}
    assert owed == {early: 0, middle: 150, late: 400}
    overdue = crm.sales.ListReceivables(pb.ListReceivablesRequest(overdue=True))
    assert [(r.receivable_id, r.days_overdue) for r in overdue.receivables] == [(middle, 5)]
    assert [m.minor_units for m in overdue.outstanding] == [150]
    assert days_later(0) == 1, "the clock says so once, and not for what is paid"
    crm.sales.WriteOffReceivable(pb.WriteOffReceivableRequest(order_id=order_id, receivable_id=middle, reason="small"))
    assert not crm.sales.ListReceivables(pb.ListReceivablesRequest(overdue=True)).receivables
    rest = crm.sales.RecordPayment(pb.RecordPaymentRequest(order_id=order_id, amount=yuan(500)))
    assert (rest.unallocated.minor_units, rest.outstanding.minor_units) == (100, 0)


def a_cost(crm: SimpleNamespace, product_id: str, unit_cost: int, valid_from: str = "") -> None:
    request = catalogue.SetProductCostRequest(
        product_id=product_id, unit_cost=yuan(unit_cost), valid_from=valid_from or in_days(-1)
    )
    crm.catalogue.SetProductCost(request)


@pytest.mark.feature("ANA-08")
def test_an_order_keeps_the_costs_of_its_day_and_only_who_may_sees_them(
    crm: SimpleNamespace, asked_by: Callable[..., Any], log_of: Callable[[str], list[Any]]
) -> None:
    costed, uncosted = a_product(crm, "P-20", 10_000), a_product(crm, "P-21", 10_000)
    a_cost(crm, costed, 6_000)
    a_cost(crm, costed, 9_999, in_days(1))
    lines = [pb.OrderLineDraft(product_id=product, quantity="2") for product in (costed, uncosted)]
    request = pb.PlaceOrderRequest(customer_id=str(uuid4()), lines=lines)
    order_id = crm.sales.PlaceOrder(request).order_id
    from_quote = crm.sales.PlaceOrder(pb.PlaceOrderRequest(quote_id=accepted(crm, costed))).order_id
    a_cost(crm, costed, 7_000, in_days(0))

    assert [(c.line_id, c.unit_cost) for c in the_order(crm, order_id).costs] == [("1", yuan(6_000))]
    assert [c.unit_cost for c in the_order(crm, from_quote).costs] == [yuan(6_000)]
    assert [type(recorded.event).__name__ for recorded in log_of(order_id)] == ["OrderPlaced", "OrderCosted"]
    assert not the_order(crm, crm.sales.PlaceOrder(
        pb.PlaceOrderRequest(customer_id=str(uuid4()), lines=lines[1:])
    ).order_id).costs  # fmt: skip

    def shown(who: SimpleNamespace) -> list[Money | None]:
        listed = who.catalogue.ListProducts(catalogue.ListProductsRequest(search="P-2")).products
        one = who.catalogue.GetProduct(catalogue.GetProductRequest(product_id=costed)).product
        return [p.unit_cost if p.HasField("unit_cost") else None for p in (*listed, one)]

    assert shown(crm) == [yuan(7_000), None, yuan(7_000)]
    rep = asked_by(a_caller(permissions=("pipeline.product.write", "pipeline.order.write")))
    assert shown(rep) == [None, None, None]
    assert not the_order(rep, order_id).costs
    with pytest.raises(grpc.RpcError) as refused:
        a_cost(rep, costed, 1)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
