"""Which contracts there are, until when, and which number comes next."""

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
from pipeline.domain import contract as it
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("contracts", "grams")


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update contracts set version = %s, {text} where contract_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.ContractNumberIssued():
            cursor.execute(
                "insert into contract_numbers as n (year, last_sequence) values (%s, %s)"
                " on conflict (year) do update"
                " set last_sequence = greatest(n.last_sequence, excluded.last_sequence)",
                (event.year, event.sequence),
            )
        case it.ContractDrawnUp():
            cursor.execute(
                "insert into contracts (contract_id, number, title, customer_id, opportunity_id, quote_id,"
                " owner_id, amount, currency_code, starts_on, ends_on, contract_version, state, drawn_up_at,"
                " grams, version) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s)",
                (
                    event.contract_id,
                    event.number,
                    event.title,
                    event.customer_id,
                    event.opportunity_id,
                    event.quote_id,
                    event.owner_id,
                    event.amount.minor_units,
                    event.amount.currency_code,
                    event.starts_on,
                    event.ends_on,
                    event.version,
                    recorded.metadata.effective_at,
                    grams(f"{event.number} {event.title}"),
                    recorded.version,
                ),
            )
        case it.ContractTransferred():
            change("owner_id = %s", event.to_owner_id)
        case it.ContractRevised():
            change(
                "contract_version = %s, title = %s, amount = %s, currency_code = %s, starts_on = %s,"
                " ends_on = %s, state = 1, approval_id = null, grams = %s || grams",
                event.version,
                event.title,
                event.amount.minor_units,
                event.amount.currency_code,
                event.starts_on,
                event.ends_on,
                grams(event.title),
            )
        case it.ContractFileAttached() | it.ContractExpiryNear():
            change("state = state")
        case it.ContractSubmitted():
            change("state = %s, approval_id = %s", 2 if event.approval_id else 3, event.approval_id)
        case it.ContractApproved():
            change("state = 3")
        case it.ContractTurnedDown():
            change("state = 1")
        case it.ContractSigned():
            change("state = 4, signed_on = %s", event.signed_on)
        case it.ContractTerminated():
            change("state = 5, ends_on = %s", event.ended_on)


FIRST_SIGNED = int(it.ContractState.SIGNED)
"""The first state in which a customer may see a contract."""

INLINE = Inline("contracts", ("contracts", "contract_numbers"), project)

_SELECT = "select *, survivor_of(customer_id) as current_customer_id from contracts"


def last_sequence(cursor: Cursor[DictRow], year: int) -> int:
    row = cursor.execute("select last_sequence from contract_numbers where year = %s", (year,)).fetchone()
    return row["last_sequence"] if row else 0


def one(cursor: Cursor[DictRow], contract_id: UUID) -> DictRow | None:
    return cursor.execute(
        f"{_SELECT} where contract_id = %s",
        (contract_id,),
    ).fetchone()


def contracts(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    state: int = 0,
    search: str = "",
    ends_before: date | None = None,
) -> list[DictRow]:
    """Return a page and one row more, newest first."""
    where = Conditions()
    where.in_scope(caller, "owner_id", party="customer_id", parties=customer_names.seen_whole(cursor, caller))
    if caller.guest_of is not None:
        where.add("state >= %s", FIRST_SIGNED)
    if customer_id is not None:
        where.add("customer_id = any(%s)", customer_names.identities(cursor, [customer_id]))
    where.add_if(owner_id, "owner_id = %s")
    where.add_if(state, "state = %s")
    where.add_if(ends_before, "ends_on < %s")
    where.search(cursor, search, _PIECES, "grams", "number || ' ' || title")
    where.after(("drawn_up_at", "contract_id"), page.after)
    return cursor.execute(
        f"{_SELECT} where {where.sql} order by drawn_up_at desc, contract_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
