"""What customers bought and paid, from pipeline's orders: the only source of the deal-amount band."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.pipeline.v1 import order_events_pb2 as messages
from customer.domain.policy import Cooperation
from customer.projections.families import members
from kernel.money import Money, minor_per_major_sql
from kernel.projections import Delivered, Eventual

BANDS = (("above-1m", 1_000_000), ("500k-1m", 500_000), ("100k-500k", 100_000), ("10k-100k", 10_000))
"""Bands and the major units they begin at, highest first; below lie "below-10k" and "none"."""
MAJOR = f"(sum(t.total_minor) / {minor_per_major_sql('t.currency_code')})"
"""SQL: a total in major units."""

_ADD = (
    "insert into order_totals as t (customer_id, currency_code, order_count, total_minor, paid_minor,"
    " first_order_at, last_order_at) values (%s, %s, %s, %s, %s, %s, %s)"
    " on conflict (customer_id, currency_code) do update set"
    " order_count = t.order_count + excluded.order_count,"
    " total_minor = t.total_minor + excluded.total_minor,"
    " paid_minor = t.paid_minor + excluded.paid_minor,"
    " first_order_at = least(t.first_order_at, excluded.first_order_at),"
    " last_order_at = greatest(t.last_order_at, excluded.last_order_at)"
)


def project(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    """Add up a batch. A cancelled order is taken off again; that it was once placed stays known."""
    for delivered in batch:
        match delivered.message:
            case messages.OrderConfirmed() as order:
                placed_at = placed(order, delivered.metadata.effective_at)
                total = order.total
                cursor.execute(
                    "insert into orders (order_id, customer_id, currency_code, total_minor, placed_at)"
                    " values (%s, %s, %s, %s, %s) on conflict (order_id) do nothing",
                    (
                        UUID(order.order_id),
                        UUID(order.customer_id),
                        total.currency_code,
                        total.minor_units,
                        placed_at,
                    ),
                )
                if cursor.rowcount:
                    values = (1, total.minor_units, 0, placed_at, placed_at)
                    cursor.execute(_ADD, (UUID(order.customer_id), total.currency_code, *values))
            case messages.OrderCancelled(order_id=order_id):
                row = cursor.execute(
                    "delete from orders where order_id = %s returning customer_id, currency_code, total_minor",
                    (UUID(order_id),),
                ).fetchone()
                if row is not None:
                    values_off = (-1, -row["total_minor"], 0, None, None)
                    cursor.execute(_ADD, (row["customer_id"], row["currency_code"], *values_off))
            case messages.PaymentReceived(customer_id=customer_id, amount=amount) if customer_id:
                paid = (0, 0, amount.minor_units, None, None)
                cursor.execute(_ADD, (UUID(customer_id), amount.currency_code, *paid))


ORDER_TOTALS = Eventual("order_totals", ("orders", "order_totals"), ("pipeline",), project)


def placed(order: messages.OrderConfirmed, otherwise: datetime) -> datetime:
    """Return when an order was placed; a bare date counts as its first moment in UTC."""
    if not order.placed_on:
        return otherwise
    day = date.fromisoformat(order.placed_on[:10])
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def band_of(major_units: int, orders: int) -> str:
    """Return the band of a total in major units."""
    if orders <= 0:
        return "none"
    return next((code for code, begins in BANDS if major_units >= begins), "below-10k")


def major_units(total: Money) -> int:
    """Return an amount in whole major units."""
    return int(total.major())


def cooperation(cursor: Cursor[DictRow], customer_id: UUID) -> Cooperation:
    """Return what a customer, with all it absorbed, bought so far."""
    rows: list[dict[str, Any]] = cursor.execute(
        "select currency_code, sum(order_count)::bigint as orders, sum(total_minor)::bigint as total,"
        " min(first_order_at) as first_at, max(last_order_at) as last_at"
        " from order_totals where customer_id = any(%s) group by currency_code order by total desc",
        (members(cursor, customer_id),),
    ).fetchall()
    firsts = [row["first_at"] for row in rows if row["first_at"]]
    lasts = [row["last_at"] for row in rows if row["last_at"]]
    return Cooperation(
        sum(row["orders"] for row in rows),
        tuple(Money(row["total"], row["currency_code"]) for row in rows),
        min(firsts, default=None),
        max(lasts, default=None),
    )


def knows(cursor: Cursor[DictRow], order_id: UUID) -> bool:
    """Whether the order is in the totals already."""
    return cursor.execute("select from orders where order_id = %s", (order_id,)).fetchone() is not None
