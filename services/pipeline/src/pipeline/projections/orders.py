"""Which orders there are, where they are, and what they add up to."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.commonness import Commonness
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from kernel.text import grams
from pipeline.domain import order as it
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("orders", "grams")


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update orders set version = %s, {text} where order_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.OrderPlaced():
            cursor.execute(
                "insert into orders (order_id, number, customer_id, opportunity_id, contract_id, quote_id,"
                " owner_id, state, net_total, tax_total, total, currency_code, net_exact, line_count,"
                " placed_on, external_ref, import_id, grams, version)"
                " values (%s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    event.order_id,
                    event.number,
                    event.customer_id,
                    event.opportunity_id,
                    event.contract_id,
                    event.quote_id,
                    event.owner_id,
                    event.net_total.minor_units,
                    event.tax_total.minor_units,
                    event.total.minor_units,
                    event.total.currency_code,
                    event.net_exact,
                    len(event.lines),
                    event.placed_on,
                    event.external_ref,
                    event.import_id,
                    grams(f"{event.number} {event.external_ref}"),
                    recorded.version,
                ),
            )
        case it.OrderTransferred():
            change("owner_id = %s", event.to_owner_id)
        case it.OrderSubmitted():
            change("state = 2, approval_id = %s", event.approval_id)
        case it.OrderApproved() | it.OrderTurnedDown():
            change("state = 1")
        case it.OrderConfirmed():
            change("state = 3")
        case it.OrderShipped():
            change(
                "state = 4, shipped_on = %s, carrier = %s, tracking_number = %s",
                event.shipped_on,
                event.carrier,
                event.tracking_number,
            )
        case it.OrderDelivered():
            change("state = 5, delivered_on = %s", event.delivered_on)
        case it.OrderCancelled():
            change("state = 6")
        case (
            it.ReceivablePlanned()
            | it.PaymentReceived()
            | it.ReceivableSettled()
            | it.ReceivableWrittenOff()
            | it.ReceivableOverdue()
            | it.OrderCosted()
        ):
            change("state = state")


INLINE = Inline("orders", ("orders",), project)

_COLUMNS = (
    "o.*, survivor_of(o.customer_id) as current_customer_id, coalesce(r.planned, 0) as planned,"
    " coalesce(r.written_off, 0) as written_off, coalesce(p.paid, 0) as paid"
)
_TABLES = (
    "orders o left join lateral (select sum(amount)::bigint as planned, sum(written_off)::bigint as written_off"
    "  from receivables where receivables.order_id = o.order_id) r on true"
    " left join lateral (select sum(amount)::bigint as paid from payments"
    "  where payments.order_id = o.order_id) p on true"
)


def one(cursor: Cursor[DictRow], order_id: UUID) -> DictRow | None:
    return cursor.execute(f"select {_COLUMNS} from {_TABLES} where o.order_id = %s", (order_id,)).fetchone()


def orders(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    state: int = 0,
    placed_from: date | None = None,
    placed_until: date | None = None,
    search: str = "",
    opportunity_id: UUID | None = None,
    contract_id: UUID | None = None,
) -> tuple[list[DictRow], int]:
    """Return a page and one row more, newest first, and how many there are."""
    where = Conditions()
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    if customer_id is not None:
        where.add("o.customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    where.add_if(owner_id, "o.owner_id = %s")
    where.add_if(state, "o.state = %s")
    where.add_if(placed_from, "o.placed_on >= %s")
    where.add_if(placed_until, "o.placed_on <= %s")
    where.add_if(opportunity_id, "o.opportunity_id = %s")
    where.add_if(contract_id, "o.contract_id = %s")
    where.search(cursor, search, _PIECES, "o.grams", "o.number || ' ' || o.external_ref")
    counted = cursor.execute(
        f"select count(*) as n from orders o where {where.sql}",
        where.parameters,
    ).fetchone()
    where.after(("o.placed_on", "o.order_id"), page.after)
    rows = cursor.execute(
        f"select {_COLUMNS} from {_TABLES} where {where.sql} order by o.placed_on desc, o.order_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, counted["n"] if counted else 0


def sales_totals(
    cursor: Cursor[DictRow],
    caller: Caller,
    placed_from: date | None,
    placed_until: date | None,
    customer_id: UUID | None,
) -> list[DictRow]:
    """Return per currency: orders, lines, and the exact sum of their nets in major units."""
    where = Conditions()
    where.add("o.state <> 6")
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    where.add_if(placed_from, "o.placed_on >= %s")
    where.add_if(placed_until, "o.placed_on <= %s")
    if customer_id is not None:
        where.add("o.customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    return cursor.execute(
        "select o.currency_code, count(*) as orders, sum(o.line_count)::bigint as lines,"
        " sum(o.net_exact) as net_exact"
        f" from orders o where {where.sql} group by o.currency_code order by o.currency_code",
        where.parameters,
    ).fetchall()


def known_refs(cursor: Cursor[DictRow], refs: list[str]) -> dict[str, DictRow]:
    rows = cursor.execute(
        "select external_ref, order_id, import_id, state from orders"
        " where external_ref = any(%s) and external_ref <> '' and state <> 6",
        (refs,),
    ).fetchall()
    return {row["external_ref"]: row for row in rows}
