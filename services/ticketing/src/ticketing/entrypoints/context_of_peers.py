"""What customer and pipeline know of a ticket's customer, asked side by side; who is away is named."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from crm.customer.v1 import customer_events_pb2 as customer_events
from crm.customer.v1 import customer_service_pb2 as customer
from crm.pipeline.v1 import sales_service_pb2 as sales
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.errors import Unavailable
from kernel.rpc import Call

log = logging.getLogger(__name__)

_TIMEOUT_S = 2.0
_MOST = 20
_COMMUNICATION = ("activity", "follow_up")
_WORDS_OF_STATUS = {v.number: v.name.removeprefix("CUSTOMER_STATUS_").lower() for v in
                    customer_events.CustomerStatus.DESCRIPTOR.values}  # fmt: skip
_WORDS_OF_LEVEL = {v.number: v.name.removeprefix("CUSTOMER_LEVEL_") for v in
                   customer_events.CustomerLevel.DESCRIPTOR.values}  # fmt: skip


def status_word(number: int) -> str:
    return "" if not number else _WORDS_OF_STATUS.get(number, "")


def level_word(number: int) -> str:
    return "" if not number else _WORDS_OF_LEVEL.get(number, "")


def ask_peers(call: Call, customer_id: UUID, contact_id: UUID | None, response: pb.GetTicketContextResponse) -> None:
    """Fill in customer, purchases and communications; name the contexts that did not answer."""
    asked = {
        "customer": lambda: _customer(call, str(customer_id), str(contact_id or ""), response),
        "customer timeline": lambda: _communications(call, str(customer_id), response),
        "pipeline": lambda: _purchases(call, str(customer_id), response),
    }
    with ThreadPoolExecutor(len(asked), thread_name_prefix="context") as pool:
        answers = {name: pool.submit(_attempt, ask) for name, ask in asked.items()}
        missing = {name.partition(" ")[0] for name, answer in answers.items() if not answer.result()}
    response.missing.extend(sorted(missing))


def _attempt(ask: Callable[[], None]) -> bool:
    import grpc

    try:
        ask()
    except (grpc.RpcError, Unavailable) as error:
        code = error.code().name if isinstance(error, grpc.Call) else "UNAVAILABLE"
        log.warning("a peer did not answer", extra={"status": code})
        return False
    return True


def _customer(call: Call, customer_id: str, contact_id: str, response: pb.GetTicketContextResponse) -> None:
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    stub = CustomerServiceStub(call.peer("customer"))
    found = stub.GetCustomer(customer.GetCustomerRequest(customer_id=customer_id), timeout=_TIMEOUT_S)
    response.customer.name = found.card.name
    response.customer.status = status_word(found.card.status)
    response.customer.level = level_word(found.card.level)
    response.customer.owner_id = found.card.owner_id
    names = [c.name for c in found.contacts if c.contact_id == contact_id]
    response.customer.contact_name = names[0] if names else ""


def _communications(call: Call, customer_id: str, response: pb.GetTicketContextResponse) -> None:
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    stub = CustomerServiceStub(call.peer("customer"))
    found = stub.GetTimeline(
        customer.GetTimelineRequest(customer_id=customer_id, types=_COMMUNICATION, page_size=_MOST),
        timeout=_TIMEOUT_S,
    )
    for entry in found.entries:
        response.communications.append(
            pb.ContextActivity(
                activity_id=entry.subject_id or entry.event_id,
                kind=".".join(text for text in (entry.type, entry.details["kind"]) if text),
                at=entry.effective_at,
                summary=entry.content,
                by=entry.actor,
            )
        )


def _purchases(call: Call, customer_id: str, response: pb.GetTicketContextResponse) -> None:
    from crm.pipeline.v1.sales_service_pb2_grpc import SalesServiceStub

    stub = SalesServiceStub(call.peer("pipeline"))
    found: Any = stub.ListOrders(sales.ListOrdersRequest(customer_id=customer_id, page_size=_MOST), timeout=_TIMEOUT_S)
    for order in sorted(found.orders, key=lambda o: o.placed_on, reverse=True):
        response.purchases.append(
            pb.ContextPurchase(
                order_id=order.order_id,
                placed_on=order.placed_on,
                status=sales.OrderState.Name(order.state).removeprefix("ORDER_STATE_").lower(),
                total=order.total,
                products=[line.product_name for line in order.lines],
            )
        )
