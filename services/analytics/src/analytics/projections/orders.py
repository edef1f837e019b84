"""Orders and the money that came in for them."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, Row, array, given, kinds, last, moment
from crm.pipeline.v1 import order_events_pb2 as pb
from kernel.projections import Delivered, Eventual

PLACED, CONFIRMED, SHIPPED, CANCELLED, PAID, COSTED, TRANSFERRED = range(1, 8)

SEES_COSTS = "pipeline.cost.read"
"""The permission without which nothing is said of costs."""

ORDERS = Folded(
    facts="order_moves",
    card="orders",
    key="order_id",
    columns={
        "number": "text",
        "customer_id": "uuid",
        "owner_id": "uuid",
        "opportunity_id": "uuid",
        "amount": "bigint",
        "exact": "numeric",
        "currency": "text",
        "product_ids": "uuid[]",
        "cost": "numeric",
        "costed": "numeric",
    },
    fold={
        "placed_at": f"min(effective_at) filter (where {kinds(PLACED, CONFIRMED)})",
        "confirmed_at": f"min(effective_at) filter (where {kinds(CONFIRMED)})",
        "shipped_at": moment(SHIPPED),
        "cancelled_at": moment(CANCELLED),
        "number": last("number"),
        "customer_id": last("customer_id"),
        "owner_id": last("owner_id", f"owner_id is not null and {kinds(PLACED, CONFIRMED, TRANSFERRED)}"),
        "opportunity_id": last("opportunity_id"),
        "amount": last("amount", f"amount is not null and {kinds(PLACED, CONFIRMED)}"),
        "exact": last("exact", f"amount is not null and {kinds(PLACED, CONFIRMED)}"),
        "currency": last("currency", f"currency is not null and {kinds(PLACED, CONFIRMED)}"),
        "product_ids": f"coalesce({last('product_ids::text')}, '{{}}')::uuid[]",
        "cost": last("cost"),
        "costed": last("costed"),
    },
    begins=kinds(PLACED, CONFIRMED),
)


def _order(kind: int, m: pb.OrderPlaced | pb.OrderConfirmed) -> Row:
    return {
        "kind": kind,
        "number": given(m.number) if isinstance(m, pb.OrderPlaced) else None,
        "customer_id": given(m.customer_id),
        "owner_id": given(m.owner_id),
        "opportunity_id": given(m.opportunity_id),
        "amount": m.net_total.minor_units,
        "exact": given(m.net_exact),
        "currency": given(m.net_total.currency_code),
        "product_ids": array(sorted({line.product_id for line in m.lines if line.product_id})),
    }


_READERS = Readers(
    {
        pb.OrderPlaced: lambda m: _order(PLACED, m),
        pb.OrderConfirmed: lambda m: _order(CONFIRMED, m),
        pb.OrderCosted: lambda m: {"kind": COSTED, "cost": given(m.cost_exact), "costed": given(m.net_exact)},
        pb.OrderTransferred: lambda m: {"kind": TRANSFERRED, "owner_id": given(m.to_owner_id)},
        pb.OrderShipped: lambda _: {"kind": SHIPPED},
        pb.OrderCancelled: lambda _: {"kind": CANCELLED},
        pb.PaymentReceived: lambda m: {
            "kind": PAID,
            "amount": m.amount.minor_units,
            "currency": given(m.amount.currency_code),
            "customer_id": given(m.customer_id),
        },
    }
)


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    ORDERS.write(cursor, _READERS.rows(events))


VIEW = Eventual("orders", ("order_moves", "orders"), ("pipeline",), project)
