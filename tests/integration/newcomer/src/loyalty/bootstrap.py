"""Its event, its read model and its reaction to another context's published event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crm.customer.v1.customer_events_pb2 import CustomerRegistered
from kernel.config import Settings
from kernel.ids import derived_id
from kernel.projections import Delivered, Inline
from kernel.service import Service, open_store
from kernel.store import Recorded, Transaction
from loyalty import contract

WELCOME = 100


@dataclass(frozen=True, slots=True)
class PointsGiven:
    customer_id: UUID
    points: int


def when_customer_registered(delivered: Delivered, tx: Transaction[Any]) -> None:
    message: Any = delivered.message
    customer_id = UUID(message.customer_id)
    tx.append(derived_id(customer_id, "points"), 0, [PointsGiven(customer_id, WELCOME)])


def project(cursor: Any, recorded: Recorded[Any]) -> None:
    event: PointsGiven = recorded.event
    cursor.execute(
        "insert into balances as b values (%s, %s) on conflict (customer_id) do update set points = b.points + %s",
        (event.customer_id, event.points, event.points),
    )


def bootstrap(settings: Settings) -> Service:
    balances = Inline("balances", ("balances",), project)
    return Service(
        name="loyalty",
        settings=settings,
        store=open_store(settings, (PointsGiven,), (contract,), (balances,)),
        inline=(balances,),
        reactions={CustomerRegistered: when_customer_registered},
    )
