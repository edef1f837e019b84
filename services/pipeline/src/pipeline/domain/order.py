"""An order and the money owed for it: placed, confirmed, shipped, delivered; planned, paid, written off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from types import MappingProxyType
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from pipeline.domain.priced_lines import exact, sum_of

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderLine:
    line_id: str
    product_id: UUID | None
    product_name: str
    quantity: str
    unit_price: Money
    discount_basis_points: int
    tax_basis_points: int
    net: Money
    net_exact: str


@dataclass(frozen=True, slots=True)
class Delivery:
    recipient: str
    address: str
    city: str
    country: str
    required_on: date | None
    freight: Money | None


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order_id: UUID
    number: str
    customer_id: UUID | None
    opportunity_id: UUID | None
    contract_id: UUID | None
    quote_id: UUID | None
    owner_id: UUID | None
    lines: tuple[OrderLine, ...]
    net_total: Money
    tax_total: Money
    total: Money
    net_exact: str
    placed_on: date
    external_ref: str
    delivery: Delivery | None
    import_id: str


@dataclass(frozen=True, slots=True)
class CostedLine:
    line_id: str
    unit_cost: Money


@dataclass(frozen=True, slots=True)
class OrderCosted:
    order_id: UUID
    lines: tuple[CostedLine, ...]
    cost_exact: str
    net_exact: str


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    order_id: UUID
    customer_id: UUID | None
    opportunity_id: UUID | None
    contract_id: UUID | None
    owner_id: UUID | None
    lines: tuple[OrderLine, ...]
    net_total: Money
    total: Money
    placed_on: date
    external_ref: str
    net_exact: str


@dataclass(frozen=True, slots=True)
class OrderSubmitted:
    order_id: UUID
    approval_id: UUID


@dataclass(frozen=True, slots=True)
class OrderApproved:
    order_id: UUID
    approval_id: UUID


@dataclass(frozen=True, slots=True)
class OrderTurnedDown:
    order_id: UUID
    approval_id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class OrderShipped:
    order_id: UUID
    customer_id: UUID | None
    shipped_on: date
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class OrderDelivered:
    order_id: UUID
    customer_id: UUID | None
    delivered_on: date


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    order_id: UUID
    customer_id: UUID | None
    reason: str
    net_total: Money
    import_id: str


@dataclass(frozen=True, slots=True)
class ReceivablePlanned:
    order_id: UUID
    receivable_id: UUID
    customer_id: UUID | None
    owner_id: UUID | None
    due_on: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Allocation:
    receivable_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True)
class PaymentReceived:
    order_id: UUID
    payment_id: UUID
    customer_id: UUID | None
    amount: Money
    received_on: date
    method: str
    reference: str
    allocations: tuple[Allocation, ...]
    unallocated: Money
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class ReceivableSettled:
    order_id: UUID
    receivable_id: UUID
    settled_on: date


@dataclass(frozen=True, slots=True)
class ReceivableWrittenOff:
    order_id: UUID
    receivable_id: UUID
    customer_id: UUID | None
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class ReceivableOverdue:
    order_id: UUID
    receivable_id: UUID
    customer_id: UUID | None
    owner_id: UUID | None
    due_on: date
    outstanding: Money


@dataclass(frozen=True, slots=True)
class OrderTransferred:
    order_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID
    reason: str


Event = (
    OrderPlaced
    | OrderCosted
    | OrderConfirmed
    | OrderSubmitted
    | OrderApproved
    | OrderTurnedDown
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | ReceivablePlanned
    | PaymentReceived
    | ReceivableSettled
    | ReceivableWrittenOff
    | ReceivableOverdue
    | OrderTransferred
)


class OrderState(IntEnum):
    PLACED = 1
    PENDING = 2
    CONFIRMED = 3
    SHIPPED = 4
    DELIVERED = 5
    CANCELLED = 6


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Receivable:
    id: UUID
    due_on: date
    amount: Money
    paid: Money
    written_off: Money

    @property
    def outstanding(self) -> Money:
        return self.amount - self.paid - self.written_off


@dataclass(frozen=True, slots=True)
class Order:
    id: UUID
    number: str
    customer_id: UUID | None
    opportunity_id: UUID | None
    contract_id: UUID | None
    owner_id: UUID | None
    lines: tuple[OrderLine, ...]
    net_total: Money
    total: Money
    net_exact: str
    placed_on: date
    external_ref: str
    import_id: str
    state: OrderState = OrderState.PLACED
    approval_id: UUID | None = None
    approved: bool = False
    receivables: tuple[Receivable, ...] = ()
    paid: Money | None = None
    unallocated: Money | None = None
    references: tuple[str, ...] = ()

    def transfer(self, to_owner_id: UUID, reason: str) -> list[Event]:
        """Give it to another owner."""
        if to_owner_id == self.owner_id:
            return []
        return [OrderTransferred(self.id, self.owner_id, to_owner_id, reason)]

    def submit(self, approval_id: UUID) -> list[Event]:
        if self.state != OrderState.PLACED:
            raise DomainError(f"order {self.number} is {self.state.name.lower()}")
        return [OrderSubmitted(self.id, approval_id)]

    def approve(self, approval_id: UUID) -> list[Event]:
        if self.state != OrderState.PENDING or approval_id != self.approval_id:
            return []
        return [OrderApproved(self.id, approval_id)]

    def turn_down(self, approval_id: UUID, outcome: str) -> list[Event]:
        if self.state != OrderState.PENDING or approval_id != self.approval_id:
            return []
        return [OrderTurnedDown(self.id, approval_id, outcome)]

    def confirm(self) -> list[Event]:
        if self.state == OrderState.CONFIRMED:
            return []
        if self.state == OrderState.PENDING:
            raise DomainError(f"order {self.number} waits for its approval")
        if self.state != OrderState.PLACED:
            raise DomainError(f"order {self.number} is {self.state.name.lower()}")
        return [
            OrderConfirmed(
                self.id,
                self.customer_id,
                self.opportunity_id,
                self.contract_id,
                self.owner_id,
                self.lines,
                self.net_total,
                self.total,
                self.placed_on,
                self.external_ref,
                self.net_exact,
            )
        ]

    def ship(self, shipped_on: date, carrier: str, tracking_number: str) -> list[Event]:
        if self.state != OrderState.CONFIRMED:
            raise DomainError(f"order {self.number} is {self.state.name.lower()}; only a confirmed one is shipped")
        return [OrderShipped(self.id, self.customer_id, shipped_on, carrier, tracking_number)]

    def deliver(self, delivered_on: date) -> list[Event]:
        if self.state == OrderState.DELIVERED:
            return []
        if self.state != OrderState.SHIPPED:
            raise DomainError(f"order {self.number} is {self.state.name.lower()}, not shipped")
        return [OrderDelivered(self.id, self.customer_id, delivered_on)]

    def cancel(self, reason: str, import_id: str = "") -> list[Event]:
        if self.state == OrderState.CANCELLED:
            return []
        if not reason:
            raise InvalidArgument("reason", "say why the order is cancelled")
        if self.state in (OrderState.SHIPPED, OrderState.DELIVERED) and not import_id:
            raise DomainError(f"order {self.number} has left the house; it cannot be cancelled")
        return [OrderCancelled(self.id, self.customer_id, reason, self.net_total, import_id)]

    def plan(self, instalments: Sequence[tuple[UUID, date, Money]]) -> list[Event]:
        """Plan instalments (id, day, amount); together with earlier ones never more than the total."""
        self._require_live()
        planned = sum((r.amount.minor_units for r in self.receivables), 0)
        for i, (_, _, amount) in enumerate(instalments):
            if amount.minor_units <= 0:
                raise InvalidArgument(f"instalments[{i}].amount", "must be above 0")
            planned += (amount - Money(0, self.total.currency_code)).minor_units
        if planned > self.total.minor_units:
            over = planned - self.total.minor_units
            raise InvalidArgument(
                "instalments",
                f"exceed the order's total by {over} minor units of {self.total.currency_code}",
            )
        return [
            ReceivablePlanned(self.id, receivable_id, self.customer_id, self.owner_id, due_on, amount)
            for receivable_id, due_on, amount in instalments
        ]

    def receive(self, payment_id: UUID, amount: Money, received_on: date, method: str, reference: str) -> list[Event]:
        """Settle the oldest due first. The same reference twice is one payment."""
        if reference and reference in self.references:
            return []
        if self.state == OrderState.CANCELLED:
            raise DomainError(f"order {self.number} is cancelled")
        if amount.minor_units <= 0:
            raise InvalidArgument("amount", "must be above 0")
        left = amount - Money(0, self.total.currency_code)
        allocations: list[Allocation] = []
        settled: list[Event] = []
        for receivable in sorted(self.receivables, key=lambda r: (r.due_on, str(r.id))):
            part = min(left, receivable.outstanding)
            if part.minor_units <= 0:
                continue
            allocations.append(Allocation(receivable.id, part))
            left = left - part
            if part == receivable.outstanding:
                settled.append(ReceivableSettled(self.id, receivable.id, received_on))
        received = PaymentReceived(
            self.id,
            payment_id,
            self.customer_id,
            amount,
            received_on,
            method,
            reference,
            tuple(allocations),
            left,
            self.owner_id,
        )
        return [received, *settled]

    def write_off(self, receivable_id: UUID, amount: Money | None, reason: str) -> list[Event]:
        if not reason:
            raise InvalidArgument("reason", "say why the money is not expected any more")
        receivable = self._receivable(receivable_id)
        amount = amount or receivable.outstanding
        if amount.minor_units <= 0 or amount > receivable.outstanding:
            raise InvalidArgument("amount", f"only {receivable.outstanding.minor_units} minor units are still owed")
        return [ReceivableWrittenOff(self.id, receivable_id, self.customer_id, amount, reason)]

    def fall_overdue(self, receivable_id: UUID) -> list[Event]:
        """What the clock says the day after: nothing, if nothing is owed."""
        receivable = self._receivable(receivable_id)
        if self.state == OrderState.CANCELLED or receivable.outstanding.minor_units <= 0:
            return []
        return [
            ReceivableOverdue(
                self.id,
                receivable_id,
                self.customer_id,
                self.owner_id,
                receivable.due_on,
                receivable.outstanding,
            )
        ]

    def _receivable(self, receivable_id: UUID) -> Receivable:
        for receivable in self.receivables:
            if receivable.id == receivable_id:
                return receivable
        raise InvalidArgument("receivable_id", f"order {self.number} has no such instalment")

    def _require_live(self) -> None:
        if self.state == OrderState.CANCELLED:
            raise DomainError(f"order {self.number} is cancelled")


def place(placed: OrderPlaced, unit_costs: Mapping[UUID, Money] = MappingProxyType({})) -> list[Event]:
    """Place it; `unit_costs` is what a unit of each product costs us, of those for which somebody said."""
    for i, line in enumerate(placed.lines):
        if not line.product_name:
            raise InvalidArgument(f"lines[{i}].product_name", "is required without a product")
    return [placed, *_cost(placed, unit_costs)]


def _cost(placed: OrderPlaced, unit_costs: Mapping[UUID, Money]) -> list[Event]:
    known = [
        (line, cost)
        for line in placed.lines
        if line.product_id is not None
        and (cost := unit_costs.get(line.product_id)) is not None
        and cost.currency_code == line.unit_price.currency_code
    ]
    if not known:
        return []
    return [
        OrderCosted(
            placed.order_id,
            tuple(CostedLine(line.line_id, cost) for line, cost in known),
            sum_of(exact(line.quantity, cost) for line, cost in known),
            sum_of(line.net_exact for line, _ in known),
        )
    ]


# -- how it comes to be ------------------------------------------------------


def evolve(order: Order | None, event: Event) -> Order:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, OrderPlaced):
        nothing = Money(0, event.total.currency_code)
        return Order(
            event.order_id,
            event.number,
            event.customer_id,
            event.opportunity_id,
            event.contract_id,
            event.owner_id,
            event.lines,
            event.net_total,
            event.total,
            event.net_exact,
            event.placed_on,
            event.external_ref,
            event.import_id,
            paid=nothing,
            unallocated=nothing,
        )
    assert order is not None, f"history must begin with OrderPlaced, not {type(event).__name__}"
    match event:
        case OrderSubmitted(approval_id=approval_id):
            return replace(order, state=OrderState.PENDING, approval_id=approval_id)
        case OrderApproved():
            return replace(order, state=OrderState.PLACED, approved=True)
        case OrderTurnedDown():
            return replace(order, state=OrderState.PLACED)
        case OrderConfirmed():
            return replace(order, state=OrderState.CONFIRMED)
        case OrderShipped():
            return replace(order, state=OrderState.SHIPPED)
        case OrderDelivered():
            return replace(order, state=OrderState.DELIVERED)
        case OrderCancelled():
            return replace(order, state=OrderState.CANCELLED)
        case ReceivablePlanned():
            nothing = Money(0, event.amount.currency_code)
            planned = Receivable(event.receivable_id, event.due_on, event.amount, nothing, nothing)
            return replace(order, receivables=(*order.receivables, planned))
        case PaymentReceived():
            parts = {a.receivable_id: a.amount for a in event.allocations}
            assert order.paid is not None
            assert order.unallocated is not None
            return replace(
                order,
                paid=order.paid + event.amount,
                unallocated=order.unallocated + event.unallocated,
                references=(*order.references, event.reference) if event.reference else order.references,
                receivables=tuple(
                    replace(r, paid=r.paid + parts[r.id]) if r.id in parts else r for r in order.receivables
                ),
            )
        case ReceivableWrittenOff():
            return replace(
                order,
                receivables=tuple(
                    replace(r, written_off=r.written_off + event.amount) if r.id == event.receivable_id else r
                    for r in order.receivables
                ),
            )
        case OrderCosted() | ReceivableSettled() | ReceivableOverdue():
            return order
        case OrderTransferred(to_owner_id=owner_id):
            return replace(order, owner_id=owner_id)
        case _:
            assert_never(event)
