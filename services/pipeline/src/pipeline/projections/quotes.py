"""Which quotes are out there, in which state, for how much."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from pipeline.domain import quote as it
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update quotes set version = %s, {text} where quote_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.QuoteDrafted():
            cursor.execute(
                "insert into quotes (quote_id, number, opportunity_id, customer_id, owner_id, quote_version,"
                " state, net_total, tax_total, total, currency_code, discount_basis_points, valid_until,"
                " drafted_at, version) values (%s, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    event.quote_id,
                    event.number,
                    event.opportunity_id,
                    event.customer_id,
                    event.owner_id,
                    event.version,
                    event.net_total.minor_units,
                    event.tax_total.minor_units,
                    event.total.minor_units,
                    event.total.currency_code,
                    event.discount_basis_points,
                    event.valid_until,
                    recorded.metadata.effective_at,
                    recorded.version,
                ),
            )
        case it.QuoteTransferred():
            change("owner_id = %s", event.to_owner_id)
        case it.QuoteRevised():
            change(
                "quote_version = %s, state = 1, approval_id = null, net_total = %s, tax_total = %s,"
                " total = %s, currency_code = %s, discount_basis_points = %s, valid_until = %s",
                event.version,
                event.net_total.minor_units,
                event.tax_total.minor_units,
                event.total.minor_units,
                event.total.currency_code,
                event.discount_basis_points,
                event.valid_until,
            )
        case it.QuoteSubmitted():
            change("state = %s, approval_id = %s", 2 if event.approval_id else 3, event.approval_id)
        case it.QuoteApproved():
            change("state = 3")
        case it.QuoteTurnedDown():
            change("state = 1")
        case it.QuoteSent():
            change("state = 4")
        case it.QuoteAccepted():
            change("state = 5")
        case it.QuoteDeclined():
            change("state = 6")
        case it.QuoteExpired():
            change("state = 7")


FIRST_SENT = int(it.QuoteState.SENT)
"""The first state in which a customer may see a quote."""

INLINE = Inline("quotes", ("quotes",), project)

_SELECT = "select *, survivor_of(customer_id) as current_customer_id from quotes"


def one(cursor: Cursor[DictRow], quote_id: UUID) -> DictRow | None:
    return cursor.execute(f"{_SELECT} where quote_id = %s", (quote_id,)).fetchone()


def quotes(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    opportunity_id: UUID | None = None,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    state: int = 0,
) -> list[DictRow]:
    """Return a page and one row more, newest first."""
    where = Conditions()
    where.in_scope(caller, "owner_id", party="customer_id", parties=customer_names.seen_whole(cursor, caller))
    if caller.guest_of is not None:
        where.add("state >= %s", FIRST_SENT)
    where.add_if(opportunity_id, "opportunity_id = %s")
    if customer_id is not None:
        where.add("customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    where.add_if(owner_id, "owner_id = %s")
    where.add_if(state, "state = %s")
    where.after(("drafted_at", "quote_id"), page.after)
    return cursor.execute(
        f"{_SELECT} where {where.sql} order by drafted_at desc, quote_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
