"""What the customer tests share: a running service on a real database, and events as the bus delivers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub
from crm.pipeline.v1.order_events_pb2 import OrderCancelled, OrderConfirmed
from customer.bootstrap import bootstrap
from kernel.auth import Caller
from kernel.config import Settings
from kernel.consumers import timers_of
from kernel.ids import derived_id, new_id
from kernel.log import Metadata
from kernel.projections import Delivered
from kernel.service import Service, endpoints_of
from kernel.slots import slot_of
from kernel.store import Cause
from kernel.timers import TimerRunner
from kernel.wire import Peers, channel_to
from testkit import a_caller, a_token
from testkit.grpc_server import patiently, serving


@dataclass
class Running:
    """One customer service, and ways to ask it and to tell it what happened elsewhere."""

    service: Service
    channel: grpc.Channel
    delivered: list[Delivered] = field(default_factory=list)

    def ask(self, caller: Caller | None = None, **metadata: str) -> CustomerServiceStub:
        token = ("authorization", f"Bearer {a_token(caller or a_caller())}")
        extra = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        return CustomerServiceStub(patiently(self.channel, [token, *extra]))

    def happened(
        self, message: Any, at: datetime | None = None, timeline: str = "", actor: str = "service:test"
    ) -> Delivered:
        """Deliver another context's event to the views that follow it and to the reaction it has."""
        stream = UUID(getattr(message, message.DESCRIPTOR.fields[0].name))
        when = at or datetime.now(UTC)
        position = len(self.delivered) + 1
        context = message.DESCRIPTOR.full_name.split(".")[1]
        metadata = Metadata(new_id(), when, when, actor, f"r{position}", new_id(), None, "", timeline)
        event = Delivered(
            context, slot_of(stream), position, stream, 1, message.DESCRIPTOR.full_name, metadata, message
        )
        self.delivered.append(event)
        for view in self.service.eventual:
            if context in view.contexts:
                with (
                    self.service.store.connection() as connection,
                    connection.transaction(),
                    connection.cursor() as cursor,
                ):
                    view.project(cursor, [event])
        self.react(event)
        return event

    def react(self, event: Delivered) -> None:
        reaction = self.service.reactions.get(type(event.message))
        if reaction is not None:
            cause = Cause.from_event("customer", event.metadata)
            with self.service.store.transaction(cause) as tx:
                reaction(event, tx)

    def pass_time(self, **by: float) -> int:
        """Let the wall clock be later, and fire what is due then; return how many timers fired."""
        later = datetime.now(UTC) + timedelta(**by)
        self.service.store.clock = lambda: later
        return TimerRunner("customer", self.service.store, timers_of(self.service)).run_once(1000)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self.service.store.query() as cursor:
            return cursor.execute(sql, values).fetchall()

    def events(self, event_type: str) -> list[Any]:
        """Every event of a type, as the domain knows it, in the order of the log."""
        name = f"crm.customer.v1.{event_type}"
        streams = self.rows(
            "select originator_id as id from events where topic = %s group by 1 order by min(notification_id)",
            (name,),
        )
        with self.service.store.transaction(Cause.of("service:test")) as tx:
            found = [r for row in streams for r in tx.recorded(row["id"])]
        found.sort(key=lambda r: r.position)
        return [r.event for r in found if type(r.event).__name__ == event_type]


@pytest.fixture
def running(a_settings: Callable[..., Any]) -> Iterator[Running]:
    """A customer service with an empty log, served over gRPC in this process."""
    with _served(a_settings("customer")) as served:
        yield served


@pytest.fixture(scope="module")
def shared(shared_settings: Callable[..., Any]) -> Iterator[Running]:
    """One for all tests of the module that only read."""
    with _served(shared_settings("customer")) as served:
        yield served


@contextmanager
def _served(settings: Settings) -> Iterator[Running]:
    with ExitStack() as stack:
        service = bootstrap(settings)
        stack.callback(service.store.close)
        target = stack.enter_context(serving(*endpoints_of(service, Peers({}))))
        channel = channel_to(target)
        stack.callback(channel.close)
        yield Running(service, channel)


def a_company(name: str = "上海云杉精密仪器有限公司", **fields: Any) -> pb.RegisterCustomerRequest:
    request = pb.RegisterCustomerRequest(kind=1, profile=pb.Profile(name=name))
    for path, value in fields.items():
        target: Any = request.profile if path in pb.Profile.DESCRIPTOR.fields_by_name else request
        if isinstance(value, list):
            getattr(target, path).extend(value)
        elif isinstance(value, dict):
            getattr(target, path).update(value)
        else:
            setattr(target, path, value)
    return request


def an_order(
    customer_id: str, minor_units: int, placed_on: str, key: object = "", currency: str = "CNY"
) -> OrderConfirmed:
    return OrderConfirmed(
        order_id=str(derived_id("order", customer_id, minor_units, placed_on, key)),
        customer_id=customer_id,
        total=Money(minor_units=minor_units, currency_code=currency),
        placed_on=placed_on,
    )


def a_cancellation(order: OrderConfirmed) -> OrderCancelled:
    return OrderCancelled(order_id=order.order_id, customer_id=order.customer_id)


@pytest.fixture(scope="session")
def company() -> Callable[..., pb.RegisterCustomerRequest]:
    return a_company


@pytest.fixture
def order() -> Callable[..., OrderConfirmed]:
    return an_order


@pytest.fixture
def cancellation() -> Callable[[OrderConfirmed], OrderCancelled]:
    return a_cancellation


@pytest.fixture
def refused() -> Callable[..., Any]:
    """`refused(code)`: the block is refused with that status; `.value.details()` is what it says."""

    class Refused:
        def __init__(self, code: grpc.StatusCode) -> None:
            self.code = code

        def __enter__(self) -> Refused:
            return self

        def __exit__(self, kind: Any, error: Any, _: Any) -> bool:
            assert isinstance(error, grpc.RpcError), f"not refused: {error!r}"
            assert error.code() is self.code, (error.code(), error.details())
            self.details: str = error.details() or ""
            return True

    return Refused
