"""Who owes what until when; what was paid, what is overdue."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from pipeline.domain import order as it
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case it.ReceivablePlanned() as planned:
            cursor.execute(
                "insert into receivables (receivable_id, order_id, customer_id, owner_id, due_on, amount,"
                " currency_code) values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    planned.receivable_id,
                    planned.order_id,
                    planned.customer_id,
                    planned.owner_id,
                    planned.due_on,
                    planned.amount.minor_units,
                    planned.amount.currency_code,
                ),
            )
        case it.PaymentReceived() as received:
            cursor.execute(
                "insert into payments (payment_id, order_id, amount, unallocated, currency_code, received_on,"
                " method, reference) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    received.payment_id,
                    received.order_id,
                    received.amount.minor_units,
                    received.unallocated.minor_units,
                    received.amount.currency_code,
                    received.received_on,
                    received.method,
                    received.reference,
                ),
            )
            for part in received.allocations:
                cursor.execute(
                    "update receivables set paid = paid + %s where receivable_id = %s",
                    (part.amount.minor_units, part.receivable_id),
                )
        case it.ReceivableWrittenOff() as written_off:
            cursor.execute(
                "update receivables set written_off = written_off + %s where receivable_id = %s",
                (written_off.amount.minor_units, written_off.receivable_id),
            )
        case it.OrderTransferred() as transferred:
            cursor.execute(
                "update receivables set owner_id = %s where order_id = %s",
                (transferred.to_owner_id, transferred.order_id),
            )
        case it.OrderCancelled() as cancelled:
            cursor.execute("update receivables set cancelled = true where order_id = %s", (cancelled.order_id,))


INLINE = Inline("receivables", ("receivables", "payments"), project)

_OWED = "not r.cancelled and r.amount > r.paid + r.written_off"


def receivables(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    today: date,
    overdue: bool = False,
    still_open: bool = False,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    due_until: date | None = None,
) -> tuple[list[DictRow], list[DictRow]]:
    """Return a page and one row more, the oldest due first; and what is owed in all, by currency."""
    where = Conditions()
    where.in_scope(caller, "r.owner_id", party="r.customer_id", parties=customer_names.seen_whole(cursor, caller))
    if overdue:
        where.add(f"{_OWED} and r.due_on < %s", today)
    elif still_open:
        where.add(_OWED)
    if customer_id is not None:
        where.add("r.customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    where.add_if(owner_id, "r.owner_id = %s")
    where.add_if(due_until, "r.due_on <= %s")
    tables = (
        "receivables r join orders o using (order_id) left join customer_aliases a on a.absorbed_id = r.customer_id"
    )
    sums = cursor.execute(
        "select r.currency_code, sum(case when r.cancelled then 0 else r.amount - r.paid - r.written_off end)"
        f"::bigint as outstanding from {tables} where {where.sql} group by r.currency_code order by 1",
        where.parameters,
    ).fetchall()
    where.after(("r.due_on", "r.receivable_id"), page.after, descending=False)
    rows = cursor.execute(
        "select r.*, o.number as order_number, survivor_of(r.customer_id) as current_customer_id"
        f" from {tables} where {where.sql} order by r.due_on, r.receivable_id limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, sums


def of_order(cursor: Cursor[DictRow], order_id: UUID) -> tuple[list[DictRow], list[DictRow]]:
    """Return an order's receivables and payments by day."""
    planned = cursor.execute(
        "select r.*, o.number as order_number, survivor_of(r.customer_id) as current_customer_id"
        " from receivables r join orders o using (order_id) where order_id = %s"
        " order by due_on, receivable_id",
        (order_id,),
    ).fetchall()
    paid = cursor.execute(
        "select * from payments where order_id = %s order by received_on, payment_id", (order_id,)
    ).fetchall()
    return planned, paid
