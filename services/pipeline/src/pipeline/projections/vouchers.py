"""What must be kept for tax offices and auditors, and since when its clock runs.

A cancelled order and a terminated contract stay: that they ended is part of what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.money import Money
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from pipeline.domain import contract, order, quote
from pipeline.domain.voucher import Clocks, VoucherKind
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event
    today = recorded.metadata.effective_at.astimezone(UTC).date()
    match event:
        case quote.QuoteAccepted():
            _keep(cursor, recorded, event.quote_id, VoucherKind.QUOTE, event, today, event.total)
        case contract.ContractSigned():
            _keep(cursor, recorded, event.contract_id, VoucherKind.CONTRACT, event, event.signed_on, event.amount)
        case order.OrderConfirmed():
            _keep(cursor, recorded, event.order_id, VoucherKind.ORDER, event, event.placed_on, event.total)
        case order.ReceivablePlanned():
            _keep(cursor, recorded, event.receivable_id, VoucherKind.RECEIVABLE, event, today, event.amount)
        case order.PaymentReceived():
            _keep(cursor, recorded, event.payment_id, VoucherKind.PAYMENT, event, event.received_on, event.amount)
        case contract.ContractTransferred() | order.OrderTransferred():
            cursor.execute(
                "update vouchers set owner_id = %s where record_id = %s", (event.to_owner_id, recorded.stream)
            )


def _keep(
    cursor: Cursor[DictRow],
    recorded: Recorded[Any],
    voucher_id: UUID,
    kind: VoucherKind,
    event: Any,
    dated_on: date,
    amount: Money,
) -> None:
    cursor.execute(
        "insert into vouchers (voucher_id, kind, record_id, customer_id, owner_id, dated_on, amount, currency_code,"
        " event_id, log_position, recorded_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (voucher_id) do nothing",
        (
            voucher_id,
            int(kind),
            recorded.stream,
            event.customer_id,
            None if kind is VoucherKind.QUOTE else event.owner_id,  # a quote's stands with the quote
            dated_on,
            amount.minor_units,
            amount.currency_code,
            recorded.metadata.event_id,
            recorded.position,
            recorded.metadata.recorded_at,
        ),
    )


INLINE = Inline("vouchers", ("vouchers",), project)

_OWED = (
    "exists (select from receivables r where r.order_id = v.record_id and not r.cancelled"
    " and r.amount > r.paid + r.written_off)"
)
_SELECT = (
    "select v.*, coalesce(o.number, c.number, q.number, '') as number, coalesce(v.owner_id, q.owner_id) as accountable,"
    " survivor_of(v.customer_id) as current_customer_id, coalesce(n.name, '') as customer_name,"
    f" coalesce(o.state = {int(order.OrderState.CANCELLED)}, c.state = {int(contract.ContractState.TERMINATED)}, false)"
    f" as ended, {_OWED} as owing"
    " from vouchers v left join orders o on o.order_id = v.record_id"
    " left join contracts c on c.contract_id = v.record_id left join quotes q on q.quote_id = v.record_id"
    " left join customer_names n on n.customer_id = survivor_of(v.customer_id)"
)


def vouchers(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    clocks: Clocks,
    today: date,
    fiscal_year: int = 0,
    kind: int = 0,
    customer_id: UUID | None = None,
    over: bool | None = None,
) -> tuple[list[DictRow], int]:
    """Return a page and one row more, latest first, and how many there are. `over`: whether their time is over."""
    where = Conditions()
    scope = "coalesce(v.owner_id, (select q.owner_id from quotes q where q.quote_id = v.record_id))"
    where.in_scope(caller, scope, party="v.customer_id", parties=customer_names.seen_whole(cursor, caller))
    _of_year(where, clocks, fiscal_year, kind)
    if customer_id is not None:
        where.add("v.customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    if over is not None:
        before = clocks.free_before(today)
        cases = " ".join("when %s then %s::date" for _ in before)
        values = [value for kind_, day in before.items() for value in (int(kind_), day)]
        done = f"v.dated_on < case v.kind {cases} end and not {_OWED}"
        where.add(done if over else f"not ({done})", *values)
    counted = cursor.execute(f"select count(*) as n from vouchers v where {where.sql}", where.parameters).fetchone()
    where.after(("v.dated_on", "v.voucher_id"), page.after)
    rows = cursor.execute(
        f"{_SELECT} where {where.sql} order by v.dated_on desc, v.voucher_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, counted["n"] if counted else 0


def of_year(cursor: Cursor[DictRow], clocks: Clocks, fiscal_year: int, kind: int, most: int) -> list[DictRow]:
    """Return the year's vouchers in the order of the log, one more than `most` when there are more."""
    where = Conditions()
    _of_year(where, clocks, fiscal_year, kind)
    return cursor.execute(
        f"{_SELECT} where {where.sql} order by v.log_position, v.voucher_id limit %s", [*where.parameters, most + 1]
    ).fetchall()


def of_person(cursor: Cursor[DictRow], ids: Sequence[UUID]) -> list[DictRow]:
    """Return by kind how many vouchers there are of whoever goes by these ids, and the latest one's day."""
    return cursor.execute(
        "select kind, count(*) as records, max(dated_on) as last_dated_on from vouchers"
        " where customer_id = any(%(ids)s) or record_id = any(%(ids)s) group by kind order by kind",
        {"ids": list(ids)},
    ).fetchall()


def last_checkpoint(cursor: Cursor[DictRow]) -> DictRow | None:
    """Return the newest signed checkpoint of this service's log; None while nothing is sealed."""
    return cursor.execute(
        "select body, signature from seals where chain = 'events' order by number desc limit 1"
    ).fetchone()


def _of_year(where: Conditions, clocks: Clocks, fiscal_year: int, kind: int) -> None:
    if fiscal_year:
        where.add("v.dated_on >= %s", clocks.first_day(fiscal_year))
        where.add("v.dated_on < %s", clocks.first_day(fiscal_year + 1))
    where.add_if(kind, "v.kind = %s")
