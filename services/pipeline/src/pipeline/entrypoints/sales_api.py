"""Quotes, approvals, contracts, orders and receivables over gRPC. No decisions here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.pipeline.v1 import approval_events_pb2 as approval_pb
from crm.pipeline.v1 import contract_events_pb2 as contract_pb
from crm.pipeline.v1 import order_events_pb2 as order_pb
from crm.pipeline.v1 import quote_events_pb2 as quote_pb
from crm.pipeline.v1 import sales_service_pb2 as pb
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id
from kernel.money import Money, decimals_of
from kernel.request import (
    optional_date,
    optional_text,
    optional_uuid,
    page_of,
    required_date,
    required_text,
    required_uuid,
)
from kernel.rpc import Call
from kernel.store import EventStore, Recorded
from pipeline.application.imports import Imports, OnDuplicate, OrderHistoryEntry, OrderRow
from pipeline.application.sales import LineAsked, Sales
from pipeline.application.streams import CONTRACT_POLICY, DISCOUNT_POLICY, read
from pipeline.domain import approval as approvals
from pipeline.domain import contract as contracts
from pipeline.domain import order as orders
from pipeline.domain import quote as quotes
from pipeline.domain.quote import LineDraft
from pipeline.entrypoints.import_rows import Rows
from pipeline.entrypoints.messages import (
    SEES_COSTS,
    day_text,
    enum_of,
    id_text,
    ids_of,
    money,
    money_of,
    money_out,
    required_time,
    stamp,
    time_of,
    today,
)
from pipeline.entrypoints.sight import seen
from pipeline.projections import approvals as approvals_view
from pipeline.projections import contracts as contracts_view
from pipeline.projections import orders as orders_view
from pipeline.projections import quotes as quotes_view
from pipeline.projections import receivables as receivables_view

_MOST_LINES = 500


class SalesApi:
    def __init__(self, store: EventStore[Any], sales: Sales, imports: Imports) -> None:
        self._store = store
        self._sales = sales
        self._imports = imports

    # -- quotes ----------------------------------------------------------------

    def DraftQuote(self, request: pb.DraftQuoteRequest, call: Call) -> pb.DraftQuoteResponse:
        quote_id = optional_uuid(request, "quote_id") or _own_id("quote", call)
        drafted, version = self._sales.draft_quote(
            call.transaction(),
            call.caller,
            quote_id,
            required_uuid(request, "opportunity_id"),
            _lines(request.lines),
            optional_date(request, "valid_until"),
            optional_uuid(request, "price_list_id"),
            optional_text(request, "currency_code", 3),
        )
        return pb.DraftQuoteResponse(
            quote_id=str(quote_id), number=drafted.number, total=money(drafted.total), version=version
        )

    def ReviseQuote(self, request: pb.ReviseQuoteRequest, call: Call) -> pb.ReviseQuoteResponse:
        quote, version = self._sales.revise_quote(
            call.transaction(),
            call.caller,
            required_uuid(request, "quote_id"),
            _lines(request.lines),
            optional_date(request, "valid_until"),
            request.expected_version,
        )
        return pb.ReviseQuoteResponse(quote_version=quote.quote_version, total=money(quote.total), version=version)

    def SubmitQuote(self, request: pb.SubmitQuoteRequest, call: Call) -> pb.SubmitQuoteResponse:
        approval_id, version = self._sales.submit_quote(
            call.transaction(), call.caller, required_uuid(request, "quote_id")
        )
        return pb.SubmitQuoteResponse(approval_id=id_text(approval_id), version=version)

    def SendQuote(self, request: pb.SendQuoteRequest, call: Call) -> pb.SendQuoteResponse:
        quote_id = required_uuid(request, "quote_id")
        return pb.SendQuoteResponse(version=self._sales.send_quote(call.transaction(), call.caller, quote_id))

    def AcceptQuote(self, request: pb.AcceptQuoteRequest, call: Call) -> pb.AcceptQuoteResponse:
        quote_id = required_uuid(request, "quote_id")
        version = self._sales.accept_quote(call.transaction(), call.caller, quote_id)
        return pb.AcceptQuoteResponse(version=version)

    def DeclineQuote(self, request: pb.DeclineQuoteRequest, call: Call) -> pb.DeclineQuoteResponse:
        version = self._sales.decline_quote(
            call.transaction(),
            call.caller,
            required_uuid(request, "quote_id"),
            required_text(request, "reason"),
        )
        return pb.DeclineQuoteResponse(version=version)

    def GetQuote(self, request: pb.GetQuoteRequest, call: Call) -> pb.GetQuoteResponse:
        quote_id = required_uuid(request, "quote_id")
        row = quotes_view.one(call.query(), quote_id)
        _require_seen(call, row, "quote", quote_id, quotes_view.FIRST_SENT)
        history = read(self._store, call.query(), [quote_id])[quote_id]
        versions = [_quote_version(r) for r in history if isinstance(r.event, _WRITTEN_QUOTES)]
        quote = _quote(row)
        quote.lines.extend(versions[-1].lines)
        return pb.GetQuoteResponse(quote=quote, versions=versions)

    def ListQuotes(self, request: pb.ListQuotesRequest, call: Call) -> pb.ListQuotesResponse:
        page = page_of(request)
        rows = quotes_view.quotes(
            call.query(),
            call.caller,
            page,
            optional_uuid(request, "opportunity_id"),
            optional_uuid(request, "customer_id"),
            optional_uuid(request, "owner_id"),
            request.state,
        )
        shown = rows[: page.limit]
        last = (shown[-1]["drafted_at"], shown[-1]["quote_id"]) if shown else ()
        return pb.ListQuotesResponse(quotes=[_quote(row) for row in shown], next_page_token=page.next_token(rows, last))

    def SetDiscountPolicy(self, request: pb.SetDiscountPolicyRequest, call: Call) -> pb.SetDiscountPolicyResponse:
        policy = quotes.DiscountPolicySet(
            UUID(int=0), request.limit_basis_points, optional_uuid(request, "fallback_approver_id")
        )
        return pb.SetDiscountPolicyResponse(version=self._sales.set_discount_policy(call.transaction(), policy))

    def GetDiscountPolicy(self, _: pb.GetDiscountPolicyRequest, call: Call) -> pb.GetDiscountPolicyResponse:
        policy = self._setting(call, DISCOUNT_POLICY, quotes.DEFAULT_DISCOUNT_POLICY)
        return pb.GetDiscountPolicyResponse(
            limit_basis_points=policy.limit_basis_points,
            fallback_approver_id=id_text(policy.fallback_approver_id),
        )

    # -- approvals -------------------------------------------------------------

    def DefineApprovalFlow(self, request: pb.DefineApprovalFlowRequest, call: Call) -> pb.DefineApprovalFlowResponse:
        flow_id = optional_uuid(request, "flow_id") or _own_id("approval flow", call)
        flow = approvals.ApprovalFlowDefined(
            flow_id,
            0,
            required_text(request, "name"),
            enum_of(request, "subject_kind", approvals.SubjectKind),
            tuple(_flow_step(step, i) for i, step in enumerate(request.steps, start=1)),
            money_of(request, "min_amount"),
            request.min_discount_basis_points,
            request.priority,
            not request.inactive,
        )
        version = self._sales.define_approval_flow(call.transaction(), flow)
        return pb.DefineApprovalFlowResponse(flow_id=str(flow_id), version=version)

    def ListApprovalFlows(self, request: pb.ListApprovalFlowsRequest, call: Call) -> pb.ListApprovalFlowsResponse:
        ids = approvals_view.flow_ids(call.query(), request.subject_kind)
        streams = read(self._store, call.query(), ids)
        return pb.ListApprovalFlowsResponse(flows=[_flow_out(streams[id_][-1].event) for id_ in ids])

    def GiveOpinion(self, request: pb.GiveOpinionRequest, call: Call) -> pb.GiveOpinionResponse:
        _, events, version = self._sales.give_opinion(
            call.transaction(),
            call.caller,
            required_uuid(request, "approval_id"),
            enum_of(request, "decision", approvals.Decision),
            optional_text(request, "opinion", 2000),
        )
        state = _OUTCOMES.get(type(events[-1]), pb.APPROVAL_STATE_PENDING)
        return pb.GiveOpinionResponse(state=state, version=version)

    def DelegateApproval(self, request: pb.DelegateApprovalRequest, call: Call) -> pb.DelegateApprovalResponse:
        version = self._sales.delegate_approval(
            call.transaction(),
            call.caller,
            required_uuid(request, "approval_id"),
            required_uuid(request, "to_person_id"),
            optional_text(request, "reason"),
        )
        return pb.DelegateApprovalResponse(version=version)

    def WithdrawApproval(self, request: pb.WithdrawApprovalRequest, call: Call) -> pb.WithdrawApprovalResponse:
        version = self._sales.withdraw_approval(
            call.transaction(),
            call.caller,
            required_uuid(request, "approval_id"),
            optional_text(request, "reason"),
        )
        return pb.WithdrawApprovalResponse(version=version)

    def GetApproval(self, request: pb.GetApprovalRequest, call: Call) -> pb.GetApprovalResponse:
        approval_id = required_uuid(request, "approval_id")
        row = approvals_view.one(call.query(), call.caller, approval_id)
        if row is None:
            raise NotFound(f"no approval {approval_id}")
        history = read(self._store, call.query(), [approval_id])[approval_id]
        approval = _approval(row)
        approval.steps.extend(_step_out(step) for step in history[0].event.steps)
        return pb.GetApprovalResponse(approval=approval, record=[_entry(r) for r in history])

    def ListApprovals(self, request: pb.ListApprovalsRequest, call: Call) -> pb.ListApprovalsResponse:
        page = page_of(request)
        mine = request.waiting_for == "me"
        waiting_for = call.caller.person_id if mine else optional_uuid(request, "waiting_for")
        rows = approvals_view.approvals(
            call.query(),
            call.caller,
            page,
            waiting_for,
            request.state,
            request.subject_kind,
            optional_uuid(request, "subject_id"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["requested_at"], shown[-1]["approval_id"]) if shown else ()
        return pb.ListApprovalsResponse(
            approvals=[_approval(row) for row in shown], next_page_token=page.next_token(rows, last)
        )

    # -- contracts -------------------------------------------------------------

    def DrawUpContract(self, request: pb.DrawUpContractRequest, call: Call) -> pb.DrawUpContractResponse:
        contract_id = optional_uuid(request, "contract_id") or _own_id("contract", call)
        amount = money_of(request, "amount")
        if amount is None and not request.quote_id:
            raise InvalidArgument("amount", "is required without a quote")
        number, version = self._sales.draw_up_contract(
            call.transaction(),
            call.caller,
            contracts.ContractDrawnUp(
                contract_id,
                "",
                required_text(request, "title"),
                optional_uuid(request, "customer_id"),
                optional_uuid(request, "opportunity_id"),
                optional_uuid(request, "quote_id"),
                None,
                _parties(request.parties),
                amount or Money(0, ""),
                required_date(request, "starts_on"),
                optional_date(request, "ends_on"),
                tuple(map(_file, request.files)),
                1,
            ),
        )
        return pb.DrawUpContractResponse(contract_id=str(contract_id), number=number, version=version)

    def ReviseContract(self, request: pb.ReviseContractRequest, call: Call) -> pb.ReviseContractResponse:
        amount = money_of(request, "amount")
        if amount is None:
            raise InvalidArgument("amount", "is required")
        written, version = self._sales.revise_contract(
            call.transaction(),
            call.caller,
            contracts.ContractRevised(
                required_uuid(request, "contract_id"),
                0,
                required_text(request, "title"),
                _parties(request.parties),
                amount,
                required_date(request, "starts_on"),
                optional_date(request, "ends_on"),
            ),
            request.expected_version,
        )
        return pb.ReviseContractResponse(contract_version=written, version=version)

    def AttachContractFile(self, request: pb.AttachContractFileRequest, call: Call) -> pb.AttachContractFileResponse:
        version = self._sales.attach_contract_file(
            call.transaction(),
            call.caller,
            required_uuid(request, "contract_id"),
            _file(request.file),
        )
        return pb.AttachContractFileResponse(version=version)

    def SubmitContract(self, request: pb.SubmitContractRequest, call: Call) -> pb.SubmitContractResponse:
        approval_id, version = self._sales.submit_contract(
            call.transaction(), call.caller, required_uuid(request, "contract_id")
        )
        return pb.SubmitContractResponse(approval_id=id_text(approval_id), version=version)

    def SignContract(self, request: pb.SignContractRequest, call: Call) -> pb.SignContractResponse:
        version = self._sales.sign_contract(
            call.transaction(),
            call.caller,
            required_uuid(request, "contract_id"),
            optional_date(request, "signed_on"),
        )
        return pb.SignContractResponse(version=version)

    def TerminateContract(self, request: pb.TerminateContractRequest, call: Call) -> pb.TerminateContractResponse:
        version = self._sales.terminate_contract(
            call.transaction(),
            call.caller,
            required_uuid(request, "contract_id"),
            optional_date(request, "ended_on"),
            required_text(request, "reason"),
        )
        return pb.TerminateContractResponse(version=version)

    def GetContract(self, request: pb.GetContractRequest, call: Call) -> pb.GetContractResponse:
        contract_id = required_uuid(request, "contract_id")
        row = contracts_view.one(call.query(), contract_id)
        _require_seen(call, row, "contract", contract_id, contracts_view.FIRST_SIGNED)
        history = read(self._store, call.query(), [contract_id])[contract_id]
        versions = [_contract_version(r) for r in history if isinstance(r.event, _WRITTEN_CONTRACTS)]
        contract = _contract(row)
        contract.parties.extend(versions[-1].parties)
        files = list(history[0].event.files)
        files += [r.event.file for r in history if isinstance(r.event, contracts.ContractFileAttached)]
        contract.files.extend(_file_out(file) for file in files)
        return pb.GetContractResponse(contract=contract, versions=versions)

    def ListContracts(self, request: pb.ListContractsRequest, call: Call) -> pb.ListContractsResponse:
        page = page_of(request)
        rows = contracts_view.contracts(
            call.query(),
            call.caller,
            page,
            optional_uuid(request, "customer_id"),
            optional_uuid(request, "owner_id"),
            request.state,
            optional_text(request, "search"),
            optional_date(request, "ends_before"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["drawn_up_at"], shown[-1]["contract_id"]) if shown else ()
        return pb.ListContractsResponse(
            contracts=[_contract(row) for row in shown], next_page_token=page.next_token(rows, last)
        )

    def SetContractPolicy(self, request: pb.SetContractPolicyRequest, call: Call) -> pb.SetContractPolicyResponse:
        policy = contracts.ContractPolicySet(
            UUID(int=0), required_text(request, "number_pattern", 60), request.expiry_warning_days
        )
        return pb.SetContractPolicyResponse(version=self._sales.set_contract_policy(call.transaction(), policy))

    def GetContractPolicy(self, _: pb.GetContractPolicyRequest, call: Call) -> pb.GetContractPolicyResponse:
        policy = self._setting(call, CONTRACT_POLICY, contracts.DEFAULT_CONTRACT_POLICY)
        return pb.GetContractPolicyResponse(
            number_pattern=policy.number_pattern, expiry_warning_days=policy.expiry_warning_days
        )

    # -- orders ----------------------------------------------------------------

    def PlaceOrder(self, request: pb.PlaceOrderRequest, call: Call) -> pb.PlaceOrderResponse:
        order_id = optional_uuid(request, "order_id") or _own_id("order", call)
        placed, version = self._sales.place_order(
            call.transaction(),
            call.caller,
            order_id,
            [_order_line(line) for line in request.lines[:_MOST_LINES]],
            optional_uuid(request, "quote_id"),
            optional_uuid(request, "contract_id"),
            optional_uuid(request, "customer_id"),
            optional_uuid(request, "opportunity_id"),
            optional_date(request, "placed_on"),
            optional_text(request, "external_ref"),
            _delivery(request.delivery) if request.HasField("delivery") else None,
        )
        return pb.PlaceOrderResponse(
            order_id=str(order_id), number=placed.number, total=money(placed.total), version=version
        )

    def SubmitOrder(self, request: pb.SubmitOrderRequest, call: Call) -> pb.SubmitOrderResponse:
        approval_id, version = self._sales.submit_order(
            call.transaction(), call.caller, required_uuid(request, "order_id")
        )
        return pb.SubmitOrderResponse(approval_id=id_text(approval_id), version=version)

    def ConfirmOrder(self, request: pb.ConfirmOrderRequest, call: Call) -> pb.ConfirmOrderResponse:
        order_id = required_uuid(request, "order_id")
        version = self._sales.confirm_order(call.transaction(), call.caller, order_id)
        return pb.ConfirmOrderResponse(version=version)

    def ShipOrder(self, request: pb.ShipOrderRequest, call: Call) -> pb.ShipOrderResponse:
        version = self._sales.ship_order(
            call.transaction(),
            call.caller,
            required_uuid(request, "order_id"),
            optional_date(request, "shipped_on"),
            optional_text(request, "carrier"),
            optional_text(request, "tracking_number"),
        )
        return pb.ShipOrderResponse(version=version)

    def DeliverOrder(self, request: pb.DeliverOrderRequest, call: Call) -> pb.DeliverOrderResponse:
        version = self._sales.deliver_order(
            call.transaction(),
            call.caller,
            required_uuid(request, "order_id"),
            optional_date(request, "delivered_on"),
        )
        return pb.DeliverOrderResponse(version=version)

    def CancelOrder(self, request: pb.CancelOrderRequest, call: Call) -> pb.CancelOrderResponse:
        version = self._sales.cancel_order(
            call.transaction(),
            call.caller,
            required_uuid(request, "order_id"),
            required_text(request, "reason"),
        )
        return pb.CancelOrderResponse(version=version)

    def GetOrder(self, request: pb.GetOrderRequest, call: Call) -> pb.GetOrderResponse:
        order_id = required_uuid(request, "order_id")
        row = orders_view.one(call.query(), order_id)
        _require_seen(call, row, "order", order_id)
        events = [recorded.event for recorded in read(self._store, call.query(), [order_id])[order_id]]
        placed = events[0]
        costed = next((e for e in events if isinstance(e, orders.OrderCosted)), None)
        order = _order(row)
        order.lines.extend(_order_line_out(line) for line in placed.lines)
        if placed.delivery is not None:
            order.delivery.CopyFrom(_delivery_out(placed.delivery))
        planned, paid = receivables_view.of_order(call.query(), order_id)
        return pb.GetOrderResponse(
            order=order,
            receivables=[_receivable(r, today()) for r in planned],
            payments=[
                pb.Payment(
                    payment_id=str(p["payment_id"]),
                    amount=money_out(p["amount"], p["currency_code"]),
                    received_on=day_text(p["received_on"]),
                    method=p["method"],
                    reference=p["reference"],
                    unallocated=money_out(p["unallocated"], p["currency_code"]),
                )
                for p in paid
            ],
            costs=[
                order_pb.CostedLine(line_id=line.line_id, unit_cost=money(line.unit_cost))
                for line in (costed.lines if costed and call.caller.may(SEES_COSTS) else ())
            ],
        )

    def ListOrders(self, request: pb.ListOrdersRequest, call: Call) -> pb.ListOrdersResponse:
        page = page_of(request)
        rows, total = orders_view.orders(
            call.query(),
            call.caller,
            page,
            customer_id=optional_uuid(request, "customer_id"),
            owner_id=optional_uuid(request, "owner_id"),
            state=request.state,
            placed_from=optional_date(request, "placed_from"),
            placed_until=optional_date(request, "placed_until"),
            search=optional_text(request, "search"),
            opportunity_id=optional_uuid(request, "opportunity_id"),
            contract_id=optional_uuid(request, "contract_id"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["placed_on"], shown[-1]["order_id"]) if shown else ()
        return pb.ListOrdersResponse(
            orders=[_order(row) for row in shown],
            next_page_token=page.next_token(rows, last),
            total_size=total,
        )

    def GetSalesTotals(self, request: pb.GetSalesTotalsRequest, call: Call) -> pb.GetSalesTotalsResponse:
        rows = orders_view.sales_totals(
            call.query(),
            call.caller,
            optional_date(request, "placed_from"),
            optional_date(request, "placed_until"),
            optional_uuid(request, "customer_id"),
        )
        return pb.GetSalesTotalsResponse(
            totals=[
                pb.SalesTotal(
                    orders=row["orders"],
                    lines=row["lines"],
                    net_sales=money_out(_minor(row["net_exact"], row["currency_code"]), row["currency_code"]),
                    net_exact=f"{row['net_exact']:f}",
                )
                for row in rows
            ]
        )

    def ImportOrders(self, request: pb.ImportOrdersRequest, call: Call) -> pb.ImportOrdersResponse:
        rows = Rows(request.rows, lambda row: _import_row(row, call.caller.person_id))
        results = self._imports.import_orders(
            call.transaction(),
            required_text(request, "import_id", 100),
            rows.good,
            enum_of(request, "on_duplicate", OnDuplicate, OnDuplicate.SKIP),
        )
        return pb.ImportOrdersResponse(results=rows.answers(results))

    # -- receivables -----------------------------------------------------------

    def PlanReceivables(self, request: pb.PlanReceivablesRequest, call: Call) -> pb.PlanReceivablesResponse:
        instalments = []
        for i, instalment in enumerate(request.instalments[:_MOST_LINES]):
            amount = money_of(instalment, "amount")
            if amount is None:
                raise InvalidArgument(f"instalments[{i}].amount", "is required")
            instalments.append((required_date(instalment, "due_on"), amount))
        ids, version = self._sales.plan_receivables(
            call.transaction(), call.caller, required_uuid(request, "order_id"), instalments
        )
        return pb.PlanReceivablesResponse(receivable_ids=[str(i) for i in ids], version=version)

    def RecordPayment(self, request: pb.RecordPaymentRequest, call: Call) -> pb.RecordPaymentResponse:
        amount = money_of(request, "amount")
        if amount is None:
            raise InvalidArgument("amount", "is required")
        payment_id, order, version = self._sales.record_payment(
            call.transaction(),
            call.caller,
            required_uuid(request, "order_id"),
            amount,
            optional_date(request, "received_on"),
            optional_text(request, "method", 40),
            optional_text(request, "reference", 100),
        )
        assert order.paid is not None
        assert order.unallocated is not None
        written_off = sum(r.written_off.minor_units for r in order.receivables)
        owed = order.total.minor_units - order.paid.minor_units - written_off
        return pb.RecordPaymentResponse(
            payment_id=str(payment_id),
            unallocated=money(order.unallocated),
            outstanding=money_out(max(0, owed), order.total.currency_code),
            version=version,
        )

    def WriteOffReceivable(self, request: pb.WriteOffReceivableRequest, call: Call) -> pb.WriteOffReceivableResponse:
        version = self._sales.write_off_receivable(
            call.transaction(),
            call.caller,
            required_uuid(request, "order_id"),
            required_uuid(request, "receivable_id"),
            money_of(request, "amount"),
            required_text(request, "reason"),
        )
        return pb.WriteOffReceivableResponse(version=version)

    def ListReceivables(self, request: pb.ListReceivablesRequest, call: Call) -> pb.ListReceivablesResponse:
        page = page_of(request)
        rows, sums = receivables_view.receivables(
            call.query(),
            call.caller,
            page,
            today(),
            request.overdue,
            request.open,
            optional_uuid(request, "customer_id"),
            optional_uuid(request, "owner_id"),
            optional_date(request, "due_until"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["due_on"], shown[-1]["receivable_id"]) if shown else ()
        return pb.ListReceivablesResponse(
            receivables=[_receivable(row, today()) for row in shown],
            next_page_token=page.next_token(rows, last),
            outstanding=[money_out(s["outstanding"], s["currency_code"]) for s in sums],
        )

    def _setting(self, call: Call, stream: UUID, default: Any) -> Any:
        history = read(self._store, call.query(), [stream]).get(stream, [])
        return history[-1].event if history else default


# -- translations --------------------------------------------------------------

_WRITTEN_QUOTES = (quotes.QuoteDrafted, quotes.QuoteRevised)
_WRITTEN_CONTRACTS = (contracts.ContractDrawnUp, contracts.ContractRevised)
_OUTCOMES = {
    approvals.ApprovalGranted: pb.APPROVAL_STATE_GRANTED,
    approvals.ApprovalRejected: pb.APPROVAL_STATE_REJECTED,
    approvals.ApprovalReturned: pb.APPROVAL_STATE_RETURNED,
    approvals.ApprovalWithdrawn: pb.APPROVAL_STATE_WITHDRAWN,
}


def _own_id(what: str, call: Call) -> UUID:
    return derived_id(what, call.caller.actor, call.request_id)


def _require_seen(call: Call, row: DictRow | None, what: str, id_: UUID, guests_from: int = 0) -> None:
    """`guests_from` is the first state that is shown to guests: what is still being written is not theirs to see."""
    guest = call.caller.guest_of is not None
    if row is None or (guest and row["state"] < guests_from):
        raise NotFound(f"no {what} {id_}")
    if not seen(call, row) and (guest or not approvals_view.puts_before(call.query(), call.caller, id_)):
        raise NotFound(f"no {what} {id_}")


def _lines(said: Sequence[pb.QuoteLineDraft]) -> list[LineAsked]:
    if len(said) > _MOST_LINES:
        raise InvalidArgument("lines", f"at most {_MOST_LINES} fit")
    return [
        LineAsked(
            optional_uuid(line, "product_id"),
            optional_text(line, "product_name"),
            line.quantity,
            money_of(line, "unit_price"),
            line.discount_basis_points,
            line.tax_basis_points if line.HasField("tax_basis_points") else None,
        )
        for line in said
    ]


def _quote_line_out(line: quotes.QuoteLine) -> quote_pb.QuoteLine:
    return quote_pb.QuoteLine(
        line_id=line.line_id,
        product_id=id_text(line.product_id),
        product_name=line.product_name,
        quantity=line.quantity,
        unit_price=money(line.unit_price),
        discount_basis_points=line.discount_basis_points,
        tax_basis_points=line.tax_basis_points,
        net=money(line.net),
        tax=money(line.tax),
    )


def _quote_version(recorded: Recorded[Any]) -> pb.QuoteVersion:
    event = recorded.event
    return pb.QuoteVersion(
        quote_version=event.version,
        lines=[_quote_line_out(line) for line in event.lines],
        net_total=money(event.net_total),
        tax_total=money(event.tax_total),
        total=money(event.total),
        discount_basis_points=event.discount_basis_points,
        valid_until=day_text(event.valid_until),
        at=stamp(recorded.metadata.effective_at),
        actor=recorded.metadata.actor,
    )


def _quote(row: DictRow | None) -> pb.Quote:
    assert row is not None
    currency = row["currency_code"]
    return pb.Quote(
        quote_id=str(row["quote_id"]),
        number=row["number"],
        opportunity_id=str(row["opportunity_id"]),
        customer_id=id_text(row["current_customer_id"]),
        owner_id=id_text(row["owner_id"]),
        quote_version=row["quote_version"],
        state=row["state"],
        net_total=money_out(row["net_total"], currency),
        tax_total=money_out(row["tax_total"], currency),
        total=money_out(row["total"], currency),
        discount_basis_points=row["discount_basis_points"],
        valid_until=day_text(row["valid_until"]),
        approval_id=id_text(row["approval_id"]),
        drafted_at=stamp(row["drafted_at"]),
        version=row["version"],
    )


def _flow_step(step: approval_pb.FlowStep, place: int) -> approvals.FlowStep:
    return approvals.FlowStep(
        step.step_id or f"step-{place}",
        step.name or f"step {place}",
        ids_of(step.approver_ids, "approver_ids", 50),
        enum_of(step, "rule", approvals.StepRule, approvals.StepRule.ANY_OF),
        money_of(step, "min_amount"),
        step.min_discount_basis_points,
    )


def _step_out(step: approvals.FlowStep) -> approval_pb.FlowStep:
    return approval_pb.FlowStep(
        step_id=step.step_id,
        name=step.name,
        approver_ids=[str(i) for i in step.approver_ids],
        rule=int(step.rule),  # type: ignore[arg-type]
        min_amount=money(step.min_amount) if step.min_amount else None,
        min_discount_basis_points=step.min_discount_basis_points,
    )


def _flow_out(flow: approvals.ApprovalFlowDefined) -> approval_pb.ApprovalFlowDefined:
    return approval_pb.ApprovalFlowDefined(
        flow_id=str(flow.flow_id),
        version=flow.version,
        name=flow.name,
        subject_kind=int(flow.subject_kind),  # type: ignore[arg-type]
        steps=[_step_out(step) for step in flow.steps],
        min_amount=money(flow.min_amount) if flow.min_amount else None,
        min_discount_basis_points=flow.min_discount_basis_points,
        priority=flow.priority,
        active=flow.active,
    )


def _approval(row: DictRow) -> pb.Approval:
    return pb.Approval(
        approval_id=str(row["approval_id"]),
        subject_kind=row["subject_kind"],
        subject_id=str(row["subject_id"]),
        subject_version=row["subject_version"],
        title=row["title"],
        requested_by=id_text(row["requested_by"]),
        amount=money_out(row["amount"], row["currency_code"]),
        discount_basis_points=row["discount_basis_points"],
        flow_id=id_text(row["flow_id"]),
        flow_version=row["flow_version"],
        step_id=row["step_id"],
        waiting_for=[str(i) for i in row["waiting_for"]],
        state=row["state"],
        requested_at=stamp(row["requested_at"]),
        decided_at=stamp(row["decided_at"]),
        version=row["version"],
    )


def _entry(recorded: Recorded[Any]) -> pb.ApprovalEntry:
    event = recorded.event
    entry = pb.ApprovalEntry(at=stamp(recorded.metadata.effective_at))
    match event:
        case approvals.ApprovalRequested():
            entry.what, entry.person_id = "requested", id_text(event.requested_by)
            entry.subject_version = event.subject_version
        case approvals.OpinionGiven():
            entry.what, entry.person_id, entry.step_id = "opinion", str(event.approver_id), event.step_id
            entry.decision = int(event.decision)  # type: ignore[assignment]
            entry.opinion, entry.subject_version = event.opinion, event.subject_version
        case approvals.ApprovalStepReached():
            entry.what, entry.step_id = "step_reached", event.step_id
        case approvals.ApprovalDelegated():
            entry.what, entry.person_id = "delegated", str(event.from_person_id)
            entry.to_person_id, entry.step_id = str(event.to_person_id), event.step_id
            entry.opinion = event.reason
        case approvals.ApprovalGranted():
            entry.what, entry.person_id = "granted", str(event.approver_id)
            entry.subject_version = event.subject_version
        case approvals.ApprovalRejected() | approvals.ApprovalReturned():
            rejected = isinstance(event, approvals.ApprovalRejected)
            entry.what, entry.person_id = "rejected" if rejected else "returned", str(event.approver_id)
            entry.opinion, entry.subject_version = event.opinion, event.subject_version
        case approvals.ApprovalWithdrawn():
            entry.what, entry.person_id = "withdrawn", id_text(event.requested_by)
            entry.opinion, entry.subject_version = event.reason, event.subject_version
    return entry


def _parties(said: Iterable[contract_pb.Party]) -> tuple[contracts.Party, ...]:
    return tuple(
        contracts.Party(
            required_text(party, "role", 40), required_text(party, "name"), optional_text(party, "signatory")
        )
        for party in said
    )


def _file(said: contract_pb.FileReference) -> contracts.FileReference:
    return contracts.FileReference(said.file_id, said.name, said.media_type, said.sha256)


def _file_out(file: contracts.FileReference) -> contract_pb.FileReference:
    return contract_pb.FileReference(
        file_id=file.file_id, name=file.name, media_type=file.media_type, sha256=file.sha256
    )


def _contract_version(recorded: Recorded[Any]) -> pb.ContractVersion:
    event = recorded.event
    return pb.ContractVersion(
        contract_version=event.version,
        title=event.title,
        parties=[contract_pb.Party(role=p.role, name=p.name, signatory=p.signatory) for p in event.parties],
        amount=money(event.amount),
        starts_on=day_text(event.starts_on),
        ends_on=day_text(event.ends_on),
        at=stamp(recorded.metadata.effective_at),
        actor=recorded.metadata.actor,
    )


def _contract(row: DictRow | None) -> pb.Contract:
    assert row is not None
    return pb.Contract(
        contract_id=str(row["contract_id"]),
        number=row["number"],
        title=row["title"],
        customer_id=id_text(row["current_customer_id"]),
        opportunity_id=id_text(row["opportunity_id"]),
        quote_id=id_text(row["quote_id"]),
        owner_id=id_text(row["owner_id"]),
        amount=money_out(row["amount"], row["currency_code"]),
        starts_on=day_text(row["starts_on"]),
        ends_on=day_text(row["ends_on"]),
        contract_version=row["contract_version"],
        state=row["state"],
        signed_on=day_text(row["signed_on"]),
        approval_id=id_text(row["approval_id"]),
        drawn_up_at=stamp(row["drawn_up_at"]),
        version=row["version"],
    )


def _order_line(line: pb.OrderLineDraft) -> LineAsked:
    return LineAsked(
        optional_uuid(line, "product_id"),
        optional_text(line, "product_name"),
        line.quantity,
        money_of(line, "unit_price"),
        line.discount_basis_points,
        line.tax_basis_points,
    )


def _order_line_out(line: orders.OrderLine) -> order_pb.OrderLine:
    return order_pb.OrderLine(
        line_id=line.line_id,
        product_id=id_text(line.product_id),
        product_name=line.product_name,
        quantity=line.quantity,
        unit_price=money(line.unit_price),
        discount_basis_points=line.discount_basis_points,
        tax_basis_points=line.tax_basis_points,
        net=money(line.net),
        net_exact=line.net_exact,
    )


def _delivery(said: order_pb.Delivery) -> orders.Delivery:
    return orders.Delivery(
        optional_text(said, "recipient"),
        optional_text(said, "address", 500),
        optional_text(said, "city"),
        optional_text(said, "country"),
        optional_date(said, "required_on"),
        money_of(said, "freight"),
    )


def _delivery_out(delivery: orders.Delivery) -> order_pb.Delivery:
    return order_pb.Delivery(
        recipient=delivery.recipient,
        address=delivery.address,
        city=delivery.city,
        country=delivery.country,
        required_on=day_text(delivery.required_on),
        freight=money(delivery.freight) if delivery.freight else None,
    )


def _order(row: DictRow | None) -> pb.Order:
    assert row is not None
    currency = row["currency_code"]
    cancelled = row["state"] == pb.ORDER_STATE_CANCELLED
    owed = 0 if cancelled else max(0, row["total"] - row["paid"] - row["written_off"])
    return pb.Order(
        order_id=str(row["order_id"]),
        number=row["number"],
        customer_id=id_text(row["current_customer_id"]),
        opportunity_id=id_text(row["opportunity_id"]),
        contract_id=id_text(row["contract_id"]),
        quote_id=id_text(row["quote_id"]),
        owner_id=id_text(row["owner_id"]),
        state=row["state"],
        net_total=money_out(row["net_total"], currency),
        tax_total=money_out(row["tax_total"], currency),
        total=money_out(row["total"], currency),
        net_exact=f"{row['net_exact']:f}",
        placed_on=day_text(row["placed_on"]),
        external_ref=row["external_ref"],
        shipped_on=day_text(row["shipped_on"]),
        delivered_on=day_text(row["delivered_on"]),
        carrier=row["carrier"],
        tracking_number=row["tracking_number"],
        planned=money_out(row["planned"], currency),
        paid=money_out(row["paid"], currency),
        outstanding=money_out(owed, currency),
        approval_id=id_text(row["approval_id"]),
        version=row["version"],
    )


def _receivable(row: DictRow, on: date) -> pb.Receivable:
    currency = row["currency_code"]
    owed = 0 if row["cancelled"] else row["amount"] - row["paid"] - row["written_off"]
    late = (on - row["due_on"]).days if owed > 0 else 0
    return pb.Receivable(
        order_id=str(row["order_id"]),
        order_number=row["order_number"],
        receivable_id=str(row["receivable_id"]),
        customer_id=id_text(row["current_customer_id"]),
        owner_id=id_text(row["owner_id"]),
        due_on=day_text(row["due_on"]),
        amount=money_out(row["amount"], currency),
        paid=money_out(row["paid"], currency),
        written_off=money_out(row["written_off"], currency),
        outstanding=money_out(owed, currency),
        overdue=late > 0,
        days_overdue=max(0, late),
    )


def _minor(major: Decimal, currency: str) -> int:
    return int(major.scaleb(decimals_of(currency)).quantize(Decimal(1), ROUND_HALF_EVEN))


def _import_row(row: pb.OrderRow, caller_id: UUID | None) -> OrderRow:
    lines = []
    for i, line in enumerate(row.lines[:_MOST_LINES]):
        price = money_of(line, "unit_price")
        if price is None:
            raise InvalidArgument(f"lines[{i}].unit_price", "is required")
        lines.append(
            LineDraft(
                optional_uuid(line, "product_id"),
                optional_text(line, "product_name"),
                line.quantity,
                price,
                price,
                line.discount_basis_points,
                line.tax_basis_points,
            )
        )
    return OrderRow(
        external_ref=optional_text(row, "external_ref"),
        customer_id=optional_uuid(row, "customer_id"),
        owner_id=optional_uuid(row, "owner_id") or caller_id,
        opportunity_id=optional_uuid(row, "opportunity_id"),
        lines=tuple(lines),
        placed_at=time_of(row, "placed_at"),
        delivery=_delivery(row.delivery) if row.HasField("delivery") else None,
        history=tuple(
            OrderHistoryEntry(
                at=required_time(entry, "at"),
                state=enum_of(entry, "state", orders.OrderState),
                carrier=optional_text(entry, "carrier"),
                reason=optional_text(entry, "reason"),
            )
            for entry in row.history[:50]
        ),
    )
