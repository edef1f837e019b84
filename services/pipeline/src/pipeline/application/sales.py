"""From the quote to the money: quotes, approvals, contracts, orders, receivables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import DomainError, Forbidden, InvalidArgument
from kernel.ids import derived_id, new_id
from kernel.money import Money
from pipeline.application.catalogue import price_lists_for, product_and_price, unit_costs
from pipeline.application.streams import (
    CONTRACT_POLICY,
    DISCOUNT_POLICY,
    EVERYTHING,
    Tx,
    day_after,
    loaded,
    lock,
    put,
    require_seen,
    setting,
    today,
)
from pipeline.domain import approval as approvals
from pipeline.domain import contract as contracts
from pipeline.domain import opportunity as deals
from pipeline.domain import order as orders
from pipeline.domain import priced_lines
from pipeline.domain import quote as quotes
from pipeline.domain.approval import SubjectKind
from pipeline.projections import approvals as approvals_view
from pipeline.projections import contracts as contracts_view

QUOTE_EXPIRES, CONTRACT_ENDS, RECEIVABLE_DUE = "expire_quote", "warn_of_contract_end", "fall_overdue"
_VALID_DAYS = 30


@dataclass(frozen=True, slots=True)
class LineAsked:
    """A position as the author gives it; what is missing comes from the catalogue."""

    product_id: UUID | None
    product_name: str
    quantity: str
    unit_price: Money | None
    discount_basis_points: int
    tax_basis_points: int | None


class Sales:
    # -- quotes --------------------------------------------------------------------

    def draft_quote(
        self,
        tx: Tx,
        caller: Caller,
        quote_id: UUID,
        opportunity_id: UUID,
        lines: Sequence[LineAsked],
        valid_until: date | None,
        price_list_id: UUID | None,
        currency_code: str,
    ) -> tuple[quotes.QuoteDrafted, int]:
        deal, _ = loaded(tx, opportunity_id, deals.evolve, "opportunity")
        require_seen(caller, deal.owner_id, "opportunity", opportunity_id)
        if deal.closed and deal.taken_back:
            raise DomainError(f"opportunity {opportunity_id} was taken back")
        currency = currency_code or deal.amount.currency_code
        content = quotes.content_of(self._priced(tx, lines, deal.customer_id, price_list_id, currency))
        drafted = quotes.QuoteDrafted(
            quote_id,
            _number("Q", today(tx), quote_id),
            opportunity_id,
            deal.customer_id,
            deal.owner_id,
            1,
            content.lines,
            content.net_total,
            content.tax_total,
            content.total,
            content.discount_basis_points,
            valid_until or today(tx) + timedelta(days=_VALID_DAYS),
            price_list_id,
        )
        return drafted, tx.append(quote_id, 0, quotes.draft(drafted, today(tx)))

    def revise_quote(
        self,
        tx: Tx,
        caller: Caller,
        quote_id: UUID,
        lines: Sequence[LineAsked],
        valid_until: date | None,
        expected_version: int,
    ) -> tuple[quotes.Quote, int]:
        quote, version = self._quote(tx, caller, quote_id, expected_version)
        currency = quote.total.currency_code
        content = quotes.content_of(self._priced(tx, lines, quote.customer_id, None, currency))
        events = quote.revise(content, valid_until or quote.valid_until, today(tx))
        tx.cancel_timer(f"quote:{quote_id}")
        version = tx.append(quote_id, version, events)
        return quotes.evolve(quote, events[-1]), version

    def submit_quote(self, tx: Tx, caller: Caller, quote_id: UUID) -> tuple[UUID | None, int]:
        """Within the limit it is ready; beyond it, or when a flow asks for it, somebody approves first."""
        quote, version = self._quote(tx, caller, quote_id)
        policy = setting(tx, DISCOUNT_POLICY, quotes.DEFAULT_DISCOUNT_POLICY)
        flow = self._flow(tx, SubjectKind.QUOTE, quote.total, quote.discount_basis_points)
        demanded = flow is not None and (flow.min_amount is not None or flow.min_discount_basis_points > 0)
        approval_id: UUID | None = None
        if quote.needs_approval(policy) or demanded:
            approval_id = new_id()
        version = tx.append(quote_id, version, quote.submit(policy, approval_id))
        if approval_id is not None:
            self._ask(
                tx,
                approvals.request(
                    approval_id,
                    SubjectKind.QUOTE,
                    quote_id,
                    quote.quote_version,
                    quote.number,
                    quote.total,
                    quote.discount_basis_points,
                    caller.person_id or quote.owner_id,
                    flow,
                    policy.fallback_approver_id,
                ),
            )
        return approval_id, version

    def send_quote(self, tx: Tx, caller: Caller, quote_id: UUID) -> int:
        quote, version = self._quote(tx, caller, quote_id)
        version = tx.append(quote_id, version, quote.send(today(tx)))
        payload = {"quote_id": str(quote_id), "version": quote.quote_version}
        tx.set_timer(f"quote:{quote_id}", QUOTE_EXPIRES, day_after(quote.valid_until), payload)
        return version

    def accept_quote(self, tx: Tx, caller: Caller, quote_id: UUID) -> int:
        quote, version = self._quote(tx, caller, quote_id)
        tx.cancel_timer(f"quote:{quote_id}")
        return tx.append(quote_id, version, quote.accept(today(tx)))

    def decline_quote(self, tx: Tx, caller: Caller, quote_id: UUID, reason: str) -> int:
        quote, version = self._quote(tx, caller, quote_id)
        tx.cancel_timer(f"quote:{quote_id}")
        return tx.append(quote_id, version, quote.decline(reason))

    def expire_quote(self, tx: Tx, quote_id: UUID, quote_version: int) -> None:
        quote, version = self._quote(tx, EVERYTHING, quote_id)
        tx.append(quote_id, version, quote.expire(quote_version))

    def set_discount_policy(self, tx: Tx, policy: quotes.DiscountPolicySet) -> int:
        events = quotes.set_discount_policy(replace(policy, settings_id=DISCOUNT_POLICY))
        return put(tx, DISCOUNT_POLICY, events)

    def _priced(
        self,
        tx: Tx,
        lines: Sequence[LineAsked],
        customer_id: UUID | None,
        price_list_id: UUID | None,
        currency_code: str,
    ) -> tuple[quotes.LineDraft, ...]:
        lists = price_lists_for(tx, customer_id)
        if price_list_id is not None:
            lists = [price_list for price_list in lists if price_list.price_list_id == price_list_id]
            if not lists:
                raise InvalidArgument("price_list_id", "does not hold for this customer")
        drafts = []
        for i, line in enumerate(lines):
            if line.product_id is None:
                if line.unit_price is None:
                    raise InvalidArgument(f"lines[{i}].unit_price", "is required without a product")
                price = line.unit_price
                name, tax = line.product_name, line.tax_basis_points or 0
                drafts.append(
                    quotes.LineDraft(None, name, line.quantity, price, price, line.discount_basis_points, tax)
                )
                continue
            product, found = product_and_price(tx, line.product_id, lists, customer_id, today(tx), currency_code)
            if product.withdrawn:
                raise InvalidArgument(f"lines[{i}].product_id", f"{product.name} is withdrawn")
            drafts.append(
                quotes.LineDraft(
                    line.product_id,
                    line.product_name or product.name,
                    line.quantity,
                    line.unit_price or found.unit_price,
                    found.unit_price,
                    line.discount_basis_points,
                    product.tax_basis_points if line.tax_basis_points is None else line.tax_basis_points,
                )
            )
        return tuple(drafts)

    @staticmethod
    def _quote(tx: Tx, caller: Caller, quote_id: UUID, expected_version: int = 0) -> tuple[quotes.Quote, int]:
        quote, version = loaded(tx, quote_id, quotes.evolve, "quote", expected_version)
        require_seen(caller, quote.owner_id, "quote", quote_id)
        return quote, version

    # -- approvals -----------------------------------------------------------------

    def define_approval_flow(self, tx: Tx, flow: approvals.ApprovalFlowDefined) -> int:
        version = len(tx.history(flow.flow_id)) + 1
        return tx.append(flow.flow_id, version - 1, approvals.define_flow(replace(flow, version=version)))

    def give_opinion(
        self, tx: Tx, caller: Caller, approval_id: UUID, decision: approvals.Decision, opinion: str
    ) -> tuple[approvals.Approval, list[Any], int]:
        approval, version = loaded(tx, approval_id, approvals.evolve, "approval")
        events = approval.give_opinion(_person(caller), decision, opinion)
        version = tx.append(approval_id, version, events)
        self._carry_over(tx, events[-1])
        return approval, list(events), version

    def delegate_approval(self, tx: Tx, caller: Caller, approval_id: UUID, to_person_id: UUID, reason: str) -> int:
        approval, version = loaded(tx, approval_id, approvals.evolve, "approval")
        events = approval.delegate(_person(caller), to_person_id, reason)
        return tx.append(approval_id, version, events)

    def withdraw_approval(self, tx: Tx, caller: Caller, approval_id: UUID, reason: str) -> int:
        approval, version = loaded(tx, approval_id, approvals.evolve, "approval")
        events = approval.withdraw(caller.person_id, reason)
        version = tx.append(approval_id, version, events)
        self._carry_over(tx, events[-1])
        return version

    @staticmethod
    def _flow(
        tx: Tx, kind: SubjectKind, amount: Money, discount_basis_points: int
    ) -> approvals.ApprovalFlowDefined | None:
        ids = approvals_view.flow_ids(tx.cursor, int(kind))
        flows = [history[-1] for history in tx.histories(ids).values() if history]
        return approvals.flow_for(flows, kind, amount, discount_basis_points)

    @staticmethod
    def _ask(tx: Tx, events: Sequence[Any]) -> None:
        tx.append(events[0].approval_id, 0, events)

    @staticmethod
    def _carry_over(tx: Tx, outcome: Any) -> None:
        """What was decided about the approval holds for its subject, at the same instant."""
        words = {
            approvals.ApprovalGranted: "",
            approvals.ApprovalRejected: "rejected",
            approvals.ApprovalReturned: "returned",
            approvals.ApprovalWithdrawn: "withdrawn",
        }
        if type(outcome) not in words:
            return
        word, subject_id, approval_id = words[type(outcome)], outcome.subject_id, outcome.approval_id
        version_decided = outcome.subject_version
        events: Sequence[Any]
        match outcome.subject_kind:
            case SubjectKind.QUOTE:
                quote, version = loaded(tx, subject_id, quotes.evolve, "quote")
                events = (
                    quote.turn_down(approval_id, version_decided, word)
                    if word
                    else quote.approve(approval_id, version_decided)
                )
            case SubjectKind.CONTRACT:
                contract, version = loaded(tx, subject_id, contracts.evolve, "contract")
                events = (
                    contract.turn_down(approval_id, version_decided, word)
                    if word
                    else contract.approve(approval_id, version_decided)
                )
            case _:
                order, version = loaded(tx, subject_id, orders.evolve, "order")
                events = order.turn_down(approval_id, word) if word else order.approve(approval_id)
        tx.append(subject_id, version, events)

    # -- taking back -----------------------------------------------------------------

    def save_taken_back(self, tx: Tx, stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
        """Append what takes changes of a quote, approval, contract or order back; clocks that ran on them stop."""
        tx.append(stream, version, events)
        for event in events:
            match event:
                case quotes.QuoteRevised():
                    tx.cancel_timer(f"quote:{stream}")
                case contracts.ContractTerminated():
                    tx.cancel_timer(f"contract:{stream}")
                case orders.OrderCancelled():
                    for receivable in state.receivables:
                        tx.cancel_timer(f"receivable:{receivable.id}")
                case approvals.ApprovalWithdrawn():
                    self._carry_over(tx, event)

    # -- contracts -----------------------------------------------------------------

    def draw_up_contract(self, tx: Tx, caller: Caller, drawn_up: contracts.ContractDrawnUp) -> tuple[str, int]:
        """Fill in what quote and opportunity say, and take the next number of the year."""
        quote: quotes.Quote | None = None
        if drawn_up.quote_id is not None:
            quote, _ = self._quote(tx, caller, drawn_up.quote_id)
            if quote.state != quotes.QuoteState.ACCEPTED:
                raise DomainError(f"quote {quote.number} is not accepted")
        opportunity_id = drawn_up.opportunity_id or (quote.opportunity_id if quote else None)
        customer_id = drawn_up.customer_id or (quote.customer_id if quote else None)
        owner_id = quote.owner_id if quote else None
        if opportunity_id is not None:
            deal, _ = loaded(tx, opportunity_id, deals.evolve, "opportunity")
            require_seen(caller, deal.owner_id, "opportunity", opportunity_id)
            customer_id = customer_id or deal.customer_id
            owner_id = owner_id or deal.owner_id
        if customer_id is None:
            raise InvalidArgument("customer_id", "say with whom the contract is")
        amount = drawn_up.amount
        if not amount.currency_code and quote is not None:
            amount = quote.total
        lock(tx, "contract-number")
        on = today(tx)
        policy = setting(tx, CONTRACT_POLICY, contracts.DEFAULT_CONTRACT_POLICY)
        sequence = contracts_view.last_sequence(tx.cursor, on.year) + 1
        number = contracts.number(policy.number_pattern, on, sequence)
        counter = derived_id("pipeline", "contract-numbers", on.year)
        complete = replace(
            drawn_up,
            number=number,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            owner_id=owner_id or caller.person_id,
            amount=amount,
        )
        events = contracts.draw_up(complete)
        issued = contracts.ContractNumberIssued(counter, complete.contract_id, number, on.year, sequence)
        tx.append(counter, sequence - 1, [issued])
        return number, tx.append(complete.contract_id, 0, events)

    def revise_contract(
        self, tx: Tx, caller: Caller, revised: contracts.ContractRevised, expected_version: int
    ) -> tuple[int, int]:
        contract, version = self._contract(tx, caller, revised.contract_id, expected_version)
        events = contract.revise(revised)
        written = contracts.evolve(contract, events[-1]).contract_version
        return written, tx.append(contract.id, version, events)

    def attach_contract_file(self, tx: Tx, caller: Caller, contract_id: UUID, file: contracts.FileReference) -> int:
        contract, version = self._contract(tx, caller, contract_id)
        return tx.append(contract_id, version, contract.attach(file))

    def submit_contract(self, tx: Tx, caller: Caller, contract_id: UUID) -> tuple[UUID | None, int]:
        contract, version = self._contract(tx, caller, contract_id)
        flow = self._flow(tx, SubjectKind.CONTRACT, contract.amount, 0)
        approval_id = new_id() if flow else None
        version = tx.append(contract_id, version, contract.submit(approval_id))
        if approval_id is not None:
            self._ask(
                tx,
                approvals.request(
                    approval_id,
                    SubjectKind.CONTRACT,
                    contract_id,
                    contract.contract_version,
                    contract.number,
                    contract.amount,
                    0,
                    caller.person_id or contract.owner_id,
                    flow,
                    None,
                ),
            )
        return approval_id, version

    def sign_contract(self, tx: Tx, caller: Caller, contract_id: UUID, signed_on: date | None) -> int:
        contract, version = self._contract(tx, caller, contract_id)
        events = contract.sign(signed_on or today(tx))
        days = setting(tx, CONTRACT_POLICY, contracts.DEFAULT_CONTRACT_POLICY).expiry_warning_days
        if events and contract.ends_on is not None and days:
            begins = datetime.combine(contract.ends_on, time.min, UTC) - timedelta(days=days)
            payload = {"contract_id": str(contract_id), "days": days}
            tx.set_timer(f"contract:{contract_id}", CONTRACT_ENDS, begins, payload)
        return tx.append(contract_id, version, events)

    def terminate_contract(self, tx: Tx, caller: Caller, contract_id: UUID, ended_on: date | None, reason: str) -> int:
        contract, version = self._contract(tx, caller, contract_id)
        tx.cancel_timer(f"contract:{contract_id}")
        return tx.append(contract_id, version, contract.terminate(ended_on or today(tx), reason))

    def warn_of_contract_end(self, tx: Tx, contract_id: UUID, days: int) -> None:
        contract, version = self._contract(tx, EVERYTHING, contract_id)
        tx.append(contract_id, version, contract.near_its_end(days))

    def set_contract_policy(self, tx: Tx, policy: contracts.ContractPolicySet) -> int:
        events = contracts.set_contract_policy(replace(policy, settings_id=CONTRACT_POLICY))
        return put(tx, CONTRACT_POLICY, events)

    @staticmethod
    def _contract(
        tx: Tx, caller: Caller, contract_id: UUID, expected_version: int = 0
    ) -> tuple[contracts.Contract, int]:
        contract, version = loaded(tx, contract_id, contracts.evolve, "contract", expected_version)
        require_seen(caller, contract.owner_id, "contract", contract_id)
        return contract, version

    # -- orders --------------------------------------------------------------------

    def place_order(
        self,
        tx: Tx,
        caller: Caller,
        order_id: UUID,
        lines: Sequence[LineAsked],
        quote_id: UUID | None,
        contract_id: UUID | None,
        customer_id: UUID | None,
        opportunity_id: UUID | None,
        placed_on: date | None,
        external_ref: str,
        delivery: orders.Delivery | None,
    ) -> tuple[orders.OrderPlaced, int]:
        """Order what an accepted quote or a signed contract says, or the lines given."""
        contract: contracts.Contract | None = None
        quote: quotes.Quote | None = None
        if contract_id is not None:
            contract, _ = self._contract(tx, caller, contract_id)
            if contract.state != contracts.ContractState.SIGNED:
                raise DomainError(f"contract {contract.number} is not signed")
            quote_id = quote_id or (None if lines else contract.quote_id)
        if quote_id is not None:
            quote, _ = self._quote(tx, caller, quote_id)
            if quote.state != quotes.QuoteState.ACCEPTED:
                raise DomainError(f"quote {quote.number} is not accepted")
            if lines:
                raise InvalidArgument("lines", "come from the quote; leave them out")
        opportunity_id = (
            opportunity_id
            or (quote.opportunity_id if quote else None)
            or (contract.opportunity_id if contract else None)
        )
        customer_id = (
            customer_id or (quote.customer_id if quote else None) or (contract.customer_id if contract else None)
        )
        owner_id = (quote.owner_id if quote else None) or (contract.owner_id if contract else None)
        if opportunity_id is not None:
            deal, _ = loaded(tx, opportunity_id, deals.evolve, "opportunity")
            require_seen(caller, deal.owner_id, "opportunity", opportunity_id)
            customer_id, owner_id = customer_id or deal.customer_id, owner_id or deal.owner_id
        if customer_id is None:
            raise InvalidArgument("customer_id", "say who orders")
        drafts = _lines_of(quote) if quote else self._priced(tx, lines, customer_id, None, "")
        on = placed_on or today(tx)
        placed = placed_order(
            order_id,
            external_ref or _number("SO", on, order_id),
            drafts,
            on,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            contract_id=contract_id,
            quote_id=quote_id,
            owner_id=owner_id or caller.person_id,
            external_ref=external_ref,
            delivery=delivery,
        )
        products = {line.product_id for line in placed.lines}
        costs = unit_costs(tx, products, on, placed.net_total.currency_code)
        return placed, tx.append(order_id, 0, orders.place(placed, costs))

    def submit_order(self, tx: Tx, caller: Caller, order_id: UUID) -> tuple[UUID | None, int]:
        order, version = self._order(tx, caller, order_id)
        flow = self._flow(tx, SubjectKind.ORDER, order.total, _largest_discount(order))
        if flow is None:
            return None, version
        approval_id = new_id()
        version = tx.append(order_id, version, order.submit(approval_id))
        self._ask(
            tx,
            approvals.request(
                approval_id,
                SubjectKind.ORDER,
                order_id,
                1,
                order.number,
                order.total,
                _largest_discount(order),
                caller.person_id or order.owner_id,
                flow,
                None,
            ),
        )
        return approval_id, version

    def confirm_order(self, tx: Tx, caller: Caller, order_id: UUID) -> int:
        order, version = self._order(tx, caller, order_id)
        if order.state == orders.OrderState.PLACED and not order.approved:
            flow = self._flow(tx, SubjectKind.ORDER, order.total, _largest_discount(order))
            if flow is not None:
                raise quotes.ApprovalNeeded(f"order {order.number} needs an approval by {flow.name}; submit it first")
        return tx.append(order_id, version, order.confirm())

    def ship_order(
        self,
        tx: Tx,
        caller: Caller,
        order_id: UUID,
        shipped_on: date | None,
        carrier: str,
        tracking_number: str,
    ) -> int:
        on = shipped_on or today(tx)
        return self._change_order(tx, caller, order_id, lambda it: it.ship(on, carrier, tracking_number))

    def deliver_order(self, tx: Tx, caller: Caller, order_id: UUID, delivered_on: date | None) -> int:
        return self._change_order(tx, caller, order_id, lambda it: it.deliver(delivered_on or today(tx)))

    def cancel_order(self, tx: Tx, caller: Caller, order_id: UUID, reason: str) -> int:
        order, version = self._order(tx, caller, order_id)
        for receivable in order.receivables:
            tx.cancel_timer(f"receivable:{receivable.id}")
        return tx.append(order_id, version, order.cancel(reason))

    # -- receivables -----------------------------------------------------------------

    def plan_receivables(
        self, tx: Tx, caller: Caller, order_id: UUID, instalments: Sequence[tuple[date, Money]]
    ) -> tuple[list[UUID], int]:
        order, version = self._order(tx, caller, order_id)
        planned = [(new_id(), due_on, amount) for due_on, amount in instalments]
        events = order.plan(planned)
        for receivable_id, due_on, _ in planned:
            payload = {"order_id": str(order_id), "receivable_id": str(receivable_id)}
            tx.set_timer(f"receivable:{receivable_id}", RECEIVABLE_DUE, day_after(due_on), payload)
        return [receivable_id for receivable_id, _, _ in planned], tx.append(order_id, version, events)

    def record_payment(
        self,
        tx: Tx,
        caller: Caller,
        order_id: UUID,
        amount: Money,
        received_on: date | None,
        method: str,
        reference: str,
    ) -> tuple[UUID, orders.Order, int]:
        order, version = self._order(tx, caller, order_id)
        payment_id = derived_id(order_id, "payment", reference) if reference else new_id()
        events = order.receive(payment_id, amount, received_on or today(tx), method, reference)
        for event in events:
            if isinstance(event, orders.ReceivableSettled):
                tx.cancel_timer(f"receivable:{event.receivable_id}")
            order = orders.evolve(order, event)
        return payment_id, order, tx.append(order_id, version, events)

    def write_off_receivable(
        self,
        tx: Tx,
        caller: Caller,
        order_id: UUID,
        receivable_id: UUID,
        amount: Money | None,
        reason: str,
    ) -> int:
        return self._change_order(tx, caller, order_id, lambda it: it.write_off(receivable_id, amount, reason))

    def fall_overdue(self, tx: Tx, order_id: UUID, receivable_id: UUID) -> None:
        self._change_order(tx, EVERYTHING, order_id, lambda it: it.fall_overdue(receivable_id))

    def _change_order(
        self, tx: Tx, caller: Caller, order_id: UUID, ask: Callable[[orders.Order], list[orders.Event]]
    ) -> int:
        order, version = self._order(tx, caller, order_id)
        return tx.append(order_id, version, ask(order))

    @staticmethod
    def _order(tx: Tx, caller: Caller, order_id: UUID) -> tuple[orders.Order, int]:
        order, version = loaded(tx, order_id, orders.evolve, "order")
        require_seen(caller, order.owner_id, "order", order_id)
        return order, version


def placed_order(
    order_id: UUID,
    number: str,
    drafts: Sequence[quotes.LineDraft],
    placed_on: date,
    *,
    customer_id: UUID | None,
    owner_id: UUID | None,
    opportunity_id: UUID | None = None,
    contract_id: UUID | None = None,
    quote_id: UUID | None = None,
    external_ref: str = "",
    delivery: orders.Delivery | None = None,
    import_id: str = "",
) -> orders.OrderPlaced:
    """Return the order that the positions make, with its amounts."""
    priced = priced_lines.totals(
        [priced_lines.Position(d.quantity, d.unit_price, d.discount_basis_points, d.tax_basis_points) for d in drafts]
    )
    lines = tuple(
        orders.OrderLine(
            str(i),
            draft.product_id,
            draft.product_name,
            draft.quantity,
            draft.unit_price,
            draft.discount_basis_points,
            draft.tax_basis_points,
            amounts.net,
            amounts.net_exact,
        )
        for i, (draft, amounts) in enumerate(zip(drafts, priced.lines, strict=True), start=1)
    )
    return orders.OrderPlaced(
        order_id,
        number,
        customer_id,
        opportunity_id,
        contract_id,
        quote_id,
        owner_id,
        lines,
        priced.net_total,
        priced.tax_total,
        priced.total,
        priced.net_exact,
        placed_on,
        external_ref,
        delivery,
        import_id,
    )


def _lines_of(quote: quotes.Quote) -> list[quotes.LineDraft]:
    return [
        quotes.LineDraft(
            line.product_id,
            line.product_name,
            line.quantity,
            line.unit_price,
            line.unit_price,
            line.discount_basis_points,
            line.tax_basis_points,
        )
        for line in quote.lines
    ]


def _largest_discount(order: orders.Order) -> int:
    return max((line.discount_basis_points for line in order.lines), default=0)


def _number(prefix: str, on: date, id_: UUID) -> str:
    return f"{prefix}-{on:%Y%m%d}-{id_.hex[-6:].upper()}"


def _person(caller: Caller) -> UUID:
    if caller.person_id is None:
        raise Forbidden("only a person decides")
    return caller.person_id
