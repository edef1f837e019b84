"""What was bought: products, orders with their lines, and payments, as the pipeline tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.pipeline.v1 import order_events_pb2 as order_told
from crm.pipeline.v1 import product_events_pb2 as product_told
from kernel.projections import Delivered, Eventual


def project(cursor: Cursor[DictRow], delivered: Sequence[Delivered]) -> None:
    for each in delivered:
        match each.message:
            case product_told.ProductListed() as it:
                cursor.execute(
                    "insert into products (product_id, sku, name, category) values (%s, %s, %s, %s)"
                    " on conflict (product_id) do update set sku = excluded.sku, name = excluded.name,"
                    " category = excluded.category",
                    (it.product_id, it.sku, it.name, it.category),
                )
            case product_told.ProductRevised() as it:
                cursor.execute(
                    "update products set name = %s, category = %s where product_id = %s",
                    (it.name, it.category, it.product_id),
                )
            case order_told.OrderConfirmed() as it:
                cursor.execute(
                    "insert into orders (order_id, customer_id, opportunity_id, owner_id, net, currency_code,"
                    " ordered_at, confirmed) values (%s, %s, %s, %s, %s, %s, %s, true)"
                    " on conflict (order_id) do update set customer_id = excluded.customer_id,"
                    " opportunity_id = excluded.opportunity_id, owner_id = excluded.owner_id,"
                    " net = excluded.net, currency_code = excluded.currency_code,"
                    " ordered_at = excluded.ordered_at, confirmed = true",
                    (
                        it.order_id,
                        it.customer_id or None,
                        it.opportunity_id or None,
                        it.owner_id or None,
                        it.net_total.minor_units,
                        it.net_total.currency_code,
                        _moment(it.placed_on, each.metadata.effective_at),
                    ),
                )
                cursor.execute("delete from order_lines where order_id = %s", (it.order_id,))
                for number, line in enumerate(it.lines):
                    cursor.execute(
                        "insert into order_lines (order_id, line_number, product_id, product_name)"
                        " values (%s, %s, %s, %s)",
                        (it.order_id, number, line.product_id, line.product_name),
                    )
            case order_told.OrderCancelled(order_id=order_id):
                cursor.execute(
                    "insert into orders (order_id, cancelled) values (%s, true)"
                    " on conflict (order_id) do update set cancelled = true",
                    (order_id,),
                )
            case order_told.PaymentReceived() as it:
                cursor.execute(
                    "insert into payments (event_id, order_id, amount, currency_code, received_at)"
                    " values (%s, %s, %s, %s, %s) on conflict do nothing",
                    (
                        each.metadata.event_id,
                        it.order_id,
                        it.amount.minor_units,
                        it.amount.currency_code,
                        _moment(it.received_on, each.metadata.effective_at),
                    ),
                )


def _moment(day: str, otherwise: datetime) -> datetime:
    """A day that is told begins at midnight UTC; without one, when the event was true."""
    return datetime.combine(date.fromisoformat(day), time(), UTC) if day else otherwise


VIEW = Eventual("purchases", ("products", "orders", "order_lines", "payments"), ("pipeline",), project)
