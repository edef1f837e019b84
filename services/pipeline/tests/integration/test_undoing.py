"""One request's changes of deals and leads are taken back, by the rules that hold for everybody."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from crm.audit.v1 import undo_service_pb2 as undo
from crm.audit.v1.undo_service_pb2_grpc import UndoServiceStub
from crm.common.v1.money_pb2 import Money
from crm.pipeline.v1 import catalogue_service_pb2 as catalogue
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as pb
from crm.pipeline.v1 import sales_service_pb2 as sales
from testkit import a_caller
from testkit.grpc_server import channel_as


def test_a_run_over_deals_and_leads_is_taken_back_but_for_what_was_changed_since(
    crm: SimpleNamespace, asked_by: Callable[..., Any], target: str, log_of: Callable[[str], list[Any]]
) -> None:
    deal = {"customer_id": str(uuid4()), "title": "Line 1", "amount": Money(minor_units=100, currency_code="CNY")}
    kept = crm.deals.OpenOpportunity(pb.OpenOpportunityRequest(**deal)).opportunity_id
    won = crm.deals.OpenOpportunity(pb.OpenOpportunityRequest(**deal)).opportunity_id
    crm.deals.ReviseOpportunity(pb.ReviseOpportunityRequest(opportunity_id=kept, probability=33))
    lead = crm.leads.CaptureLead(leads.CaptureLeadRequest(lead={"source_channel": "web", "phone": "13800138000"}))
    stages = [s.stage_id for s in crm.deals.ListPipelines(pb.ListPipelinesRequest()).pipelines[0].stages]

    correlation, other = str(uuid4()), str(uuid4())
    run = asked_by(None, ("correlation-id", correlation))
    run.deals.AdvanceOpportunity(pb.AdvanceOpportunityRequest(opportunity_id=kept, to_stage_id=stages[2]))
    run.deals.TransferOpportunity(
        pb.TransferOpportunityRequest(opportunity_id=kept, to_owner_id=other, reason="on leave")
    )
    dearer = Money(minor_units=200, currency_code="CNY")
    revised = pb.ReviseOpportunityRequest(opportunity_id=kept, amount=dearer, title="Line 2")
    run.deals.ReviseOpportunity(revised)
    run.leads.ChangeLeadStatus(leads.ChangeLeadStatusRequest(lead_id=lead.lead_id, status_id="quoting"))
    run.deals.ReviseOpportunity(pb.ReviseOpportunityRequest(opportunity_id=won, amount=dearer))
    crm.deals.ReviseOpportunity(pb.ReviseOpportunityRequest(opportunity_id=kept, title="Line 3"))
    crm.deals.WinOpportunity(pb.WinOpportunityRequest(opportunity_id=won, reason="price"))

    with channel_as(target, a_caller(), ()) as channel:
        undoing, cause = UndoServiceStub(channel), {"context": "pipeline", "correlation_id": correlation}
        before = len(log_of(kept))
        preview = undoing.PreviewUndo(undo.PreviewUndoRequest(**cause))
        done = undoing.Undo(undo.UndoRequest(**cause, fingerprint=preview.fingerprint))
        again = undoing.PreviewUndo(undo.PreviewUndoRequest(**cause))
    found = crm.deals.GetOpportunity(pb.GetOpportunityRequest(opportunity_id=kept)).opportunity
    assert (found.stage_id, found.probability, found.owner_id) == (stages[0], 33, crm.person_id)
    assert (found.title, found.amount.minor_units) == ("Line 3", 100)
    got = crm.leads.GetLead(leads.GetLeadRequest(lead_id=lead.lead_id)).lead
    assert got.status_id == "first_contact"
    stays = {(r.record_id, k.field): k.reason for r in done.records for c in r.changes for k in c.kept}
    assert set(stays) == {(kept, "title"), (won, "amount")}
    assert "changed since by person:" in stays[kept, "title"]
    assert "reopen it" in stays[won, "amount"]
    assert [type(r.event).__name__ for r in log_of(kept)[before:]] == [
        "AmountRevised",
        "OpportunityTransferred",
        "OpportunityStageSetBack",
        "ProbabilityRevised",
    ]
    assert sum(record.compensating_events for record in again.records) == 0


def test_from_the_product_to_the_money_a_run_is_taken_back_and_what_others_act_on_is_said(
    crm: SimpleNamespace, asked_by: Callable[..., Any], target: str
) -> None:
    boss, correlation = a_caller(), str(uuid4())
    policy = sales.SetDiscountPolicyRequest(limit_basis_points=1_000, fallback_approver_id=str(boss.person_id))
    crm.sales.SetDiscountPolicy(policy)
    deal = {"customer_id": str(uuid4()), "title": "Line", "amount": Money(minor_units=1, currency_code="CNY")}
    opened = crm.deals.OpenOpportunity(pb.OpenOpportunityRequest(**deal)).opportunity_id
    price = Money(minor_units=1_000, currency_code="CNY")
    line = {"product_name": "Pump", "quantity": "1", "unit_price": price}
    dear = sales.QuoteLineDraft(**line, discount_basis_points=2_000)
    quote = crm.sales.DraftQuote(sales.DraftQuoteRequest(opportunity_id=opened, lines=[dear])).quote_id
    paid, kept = (_order(crm, line) for _ in range(2))

    run = asked_by(None, ("correlation-id", correlation))
    approval = run.sales.SubmitQuote(sales.SubmitQuoteRequest(quote_id=quote)).approval_id
    product = run.catalogue.AddProduct(catalogue.AddProductRequest(sku="P-1", name="Pump", list_price=price)).product_id
    ordered = _order(run, line)
    begun, alone = (run.deals.OpenOpportunity(pb.OpenOpportunityRequest(**deal)).opportunity_id for _ in range(2))
    _order(crm, line, begun)
    run.sales.RecordPayment(sales.RecordPaymentRequest(order_id=paid, amount=price, method="bank", reference="B-1"))
    run.sales.ConfirmOrder(sales.ConfirmOrderRequest(order_id=kept))
    run.sales.SetDiscountPolicy(sales.SetDiscountPolicyRequest(limit_basis_points=9_000))
    contract = run.sales.DrawUpContract(
        sales.DrawUpContractRequest(title="T", opportunity_id=opened, amount=price, starts_on="2026-01-01")
    ).contract_id

    with channel_as(target, a_caller(), ()) as channel:
        undoing, cause = UndoServiceStub(channel), {"context": "pipeline", "correlation_id": correlation}
        preview = undoing.PreviewUndo(undo.PreviewUndoRequest(**cause))
        done = undoing.Undo(undo.UndoRequest(**cause, fingerprint=preview.fingerprint))
        again = undoing.PreviewUndo(undo.PreviewUndoRequest(**cause))
    assert done.records == preview.records
    assert sum(record.compensating_events for record in again.records) == 0

    def state(order_id: str) -> int:
        return int(crm.sales.GetOrder(sales.GetOrderRequest(order_id=order_id)).order.state)

    assert crm.sales.GetQuote(sales.GetQuoteRequest(quote_id=quote)).quote.state == sales.QUOTE_STATE_DRAFT
    assert state(ordered) == sales.ORDER_STATE_CANCELLED
    assert (state(paid), state(kept)) == (sales.ORDER_STATE_PLACED, sales.ORDER_STATE_CONFIRMED)
    assert not crm.catalogue.ListProducts(catalogue.ListProductsRequest()).products
    found = crm.sales.GetContract(sales.GetContractRequest(contract_id=contract)).contract
    assert found.state == sales.CONTRACT_STATE_TERMINATED
    verdicts = {record.record_id: record.changes[-1].verdict for record in done.records}
    assert verdicts[approval] == verdicts[product] == undo.UNDO_VERDICT_TAKEN_BACK
    assert verdicts[quote] == undo.UNDO_VERDICT_GOES_ALONG
    stays = {(r.kind, field.field): field.reason for r in done.records for c in r.changes for field in c.kept}
    assert stays["order", "money"] == "money that came in stays booked: pay it back"
    assert "cancel it" in stays["order", "state"]
    assert stays["opportunity", "record"].endswith(" hangs on it: settle that first, or lose the deal")
    assert verdicts[alone] == undo.UNDO_VERDICT_TAKEN_BACK
    assert verdicts[begun] == undo.UNDO_VERDICT_KEPT
    assert "no gaps" in stays["contract number", "record"]
    again_beyond = asked_by(boss).sales.SubmitQuote(sales.SubmitQuoteRequest(quote_id=quote))
    assert again_beyond.approval_id, "the former limit holds again"


def _order(crm: Any, line: dict[str, Any], opportunity_id: str = "") -> str:
    lines = [sales.OrderLineDraft(**line)]
    asked = sales.PlaceOrderRequest(customer_id=str(uuid4()), opportunity_id=opportunity_id, lines=lines)
    placed = crm.sales.PlaceOrder(asked)
    return str(placed.order_id)
