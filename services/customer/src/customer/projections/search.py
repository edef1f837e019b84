"""Customers as lists and cards: found by words and filters, sorted, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.projections.families import families, members, survivors
from customer.projections.filters import Sql
from customer.projections.order_totals import band_of, major_units
from kernel.commonness import Commonness
from kernel.errors import InvalidArgument
from kernel.money import Money
from kernel.request import Page
from kernel.text import normalised, search_grams
from kernel.together import answers

Scope = tuple[str, list[Any]]
MOST_FOUND_BY_WORDS = 2000
"""A query that more customers answer is cut here: nobody reads on, and every page stays fast."""
MOST_COUNTED = 1_000
"""Nobody reads on so far, and to count a million takes as long as a hundred lists. A saved group is counted whole."""

_SORTABLE = {
    "name": ("c.name", "text"),
    "registered_at": ("c.registered_at", "timestamptz"),
    "last_contact_at": ("x.last_contact_at", "timestamptz"),
    "level": ("c.level", "int"),
    "status": ("c.status", "int"),
    "employees": ("c.employees", "bigint"),
    "annual_revenue": ("c.revenue_minor", "bigint"),
}
_RANK = (
    "case when lower(c.name) = %s then 3 when lower(c.name) like %s then 2 else 1 end",
    "int",
)
_TERMS = Commonness("search_terms", "grams")
_FAMILY = "unnest(%s::uuid[], %s::uuid[]) f (root, id)"
_DIGITS = re.compile(r"\+?[\d\s().-]{3,}")


@dataclass(frozen=True, slots=True)
class Figures:
    """What others' events add to a customer, and its family's contacts and follow-ups."""

    totals: tuple[Money, ...] = ()
    paid: tuple[Money, ...] = ()
    orders: int = 0
    last_order_at: datetime | None = None
    open_tickets: int = 0
    last_contact_at: datetime | None = None
    next_follow_up_at: datetime | None = None
    contact: DictRow | None = None
    absorbed_ids: tuple[UUID, ...] = ()

    @property
    def deal_band(self) -> str:
        """The band of the largest total."""
        return band_of(max((major_units(total) for total in self.totals), default=0), self.orders)


@dataclass(frozen=True, slots=True)
class Card:
    """A customer's row with its figures; `asked_id` is the id that was asked for."""

    row: DictRow
    figures: Figures
    asked_id: UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks for."""

    scope: Scope
    query: str = ""
    filter: Sql | None = None
    order_by: str = ""
    include_archived: bool = False
    conditions: list[Sql] = field(default_factory=list)


def found(cursor: Cursor[DictRow], wanted: Wanted, page: Page) -> tuple[list[Card], str]:
    """Return the page's cards and the next page's token."""
    sort, _, _ = _order(wanted)
    rows = cursor.execute(*page_statement(cursor, wanted, page)).fetchall()
    shown = rows[: page.limit]
    token = ""
    if shown:
        last = shown[-1]
        keys_of_last = [last[f"key{i}"] for i in range(len(sort))]
        token = page.next_token(
            rows,
            [
                *(k.isoformat() if isinstance(k, datetime) else k for k in keys_of_last),
                last["customer_id"],
            ],
        )
    cards = _cards(cursor, {row["customer_id"]: row["customer_id"] for row in shown})  # lists show survivors only
    return [cards[row["customer_id"]] for row in shown], token


def page_statement(cursor: Cursor[DictRow], wanted: Wanted, page: Page) -> Sql:
    """Return the statement that finds a page and one customer more, with the keys of their order."""
    where, values = _where(cursor, wanted)
    sort, direction, sort_values = _order(wanted)
    keys = ", ".join(f"{expression} as key{i}" for i, (expression, _) in enumerate(sort))
    order = ", ".join(f"key{i} {direction}" for i in range(len(sort)))
    after, after_values = "", []
    if page.after:
        if len(page.after) != len(sort) + 1:
            raise InvalidArgument("page_token", "is not one that this list gave")
        holders = ", ".join(f"%s::{cast}" for _, cast in sort)
        names = ", ".join(f"key{i}" for i in range(len(sort)))
        sign = "<" if direction == "desc" else ">"
        after = f" where ({names}, customer_id) {sign} ({holders}, %s::uuid)"
        after_values = list(page.after)
    # In the order of contacts the list is read off their index, and customers are looked at as they come.
    by_contact = sort[0] == _SORTABLE["last_contact_at"]
    source = "contact_times x join customers c on c.customer_id = x.customer_id" if by_contact else "customers c"
    return (
        f"select * from (select {'x' if by_contact else 'c'}.customer_id, {keys} from {source} where {where}) k{after}"
        f" order by {order}, customer_id {direction} limit %s",
        [*sort_values, *values, *after_values, page.limit + 1],
    )


def counted(cursor: Cursor[DictRow], wanted: Wanted) -> int:
    """Return how many customers match, however many they are."""
    where, values = _where(cursor, wanted)
    row = cursor.execute(f"select count(*) as n from customers c where {where}", values).fetchone()
    assert row is not None
    return int(row["n"])


def counted_of(cursor: Cursor[DictRow], wanted: Wanted, most: int = MOST_COUNTED) -> tuple[int, bool]:
    """Return how many customers match, counting no further than `most`; and whether there are more."""
    where, values = _where(cursor, wanted)
    row = cursor.execute(
        f"select count(*) as n from (select from customers c where {where} limit %s) k", [*values, most + 1]
    ).fetchone()
    assert row is not None
    return min(row["n"], most), row["n"] > most


def _where(cursor: Cursor[DictRow], wanted: Wanted) -> Sql:
    parts: list[Sql] = [wanted.scope, ("c.merged_into is null and not c.taken_back", [])]
    if not wanted.include_archived:
        parts.append(("c.status <> 5", []))
    if wanted.query.strip():
        parts.append(_found_by_words(cursor, wanted))
    if wanted.filter is not None:
        parts.append(wanted.filter)
    parts += wanted.conditions
    return " and ".join(f"({sql})" for sql, _ in parts), [v for _, values in parts for v in values]


def words_statement(cursor: Cursor[DictRow], wanted: Wanted) -> Sql | None:
    """Return the statement that finds customers by words; None when there is nothing to look for.

    The index gives those with the rarest pieces of the query, then each word is looked for. What is outside the
    caller's scope does not count against the limit.
    """
    text = wanted.query.strip()[:200]
    is_number = _DIGITS.fullmatch(text) is not None
    words = [re.sub(r"\D", "", text)] if is_number else normalised(text).split()
    pieces = search_grams(" ".join(words))
    if not pieces:
        return None
    pieces = _TERMS.rarest(cursor, pieces)
    looked_for = " and ".join("strpos(s.term, %s) > 0" for _ in words)
    scope, scope_values = wanted.scope
    seen = "" if scope == "true" else " join customers c on c.customer_id = s.customer_id"
    return (
        f"select s.customer_id from search_terms s{seen} where s.grams @> %s::text[] and {looked_for}"
        f" and {scope} limit {MOST_FOUND_BY_WORDS}",
        [pieces, *words, *scope_values],
    )


def _found_by_words(cursor: Cursor[DictRow], wanted: Wanted) -> Sql:
    statement = words_statement(cursor, wanted)
    if statement is None:
        return "false", []
    hits = {row["customer_id"] for row in cursor.execute(*statement).fetchall()}
    merged = cursor.execute("select absorbed_id from aliases where absorbed_id = any(%s)", (list(hits),)).fetchall()
    absorbed = {row["absorbed_id"] for row in merged}
    if absorbed:
        hits = (hits - absorbed) | set(survivors(cursor, list(absorbed)).values())
    return "c.customer_id = any(%s)", [list(hits)]


def _order(wanted: Wanted) -> tuple[list[tuple[str, str]], str, list[Any]]:
    name = wanted.order_by.strip()
    direction = "asc"
    if name.startswith("-"):
        name, direction = name[1:], "desc"
    if not name:
        newest = _SORTABLE["registered_at"]
        if wanted.query.strip():
            text = normalised(wanted.query)
            return [_RANK, newest], "desc", [text, text.replace("%", "\\%") + "%"]
        return [newest], "desc", []
    if name not in _SORTABLE:
        raise InvalidArgument(
            "order_by", f"{name[:40]!r} is none of {', '.join(_SORTABLE)}, with or without '-' in front"
        )
    return [_SORTABLE[name]], direction, []


def load_cards(cursor: Cursor[DictRow], ids: Sequence[UUID], scope: Scope = ("true", [])) -> dict[UUID, Card]:
    """Return cards by the ids asked for; ids merged away answer with their survivor's card."""
    return _cards(cursor, survivors(cursor, ids), scope) if ids else {}


def _cards(cursor: Cursor[DictRow], root_of: Mapping[UUID, UUID], scope: Scope = ("true", [])) -> dict[UUID, Card]:
    roots = list(dict.fromkeys(root_of.values()))
    if not roots:
        return {}
    condition, values = scope
    pairs = families(cursor, roots)
    family = ([root for root, _ in pairs], [member for _, member in pairs])
    customers, totals, dates, contacts = answers(
        cursor,
        (f"select c.* from customers c where c.customer_id = any(%s) and {condition}", [roots, *values]),
        (_TOTALS, family),
        (_DATES, family),
        (_FIRST_CONTACTS, family),
    )
    figures = _figures(roots, totals, dates, contacts)
    rows = {row["customer_id"]: row for row in customers}
    return {asked: Card(rows[root], figures[root], asked) for asked, root in root_of.items() if root in rows}


_TOTALS = (
    "select f.root, t.currency_code, sum(t.order_count)::bigint as orders,"
    " sum(t.total_minor)::bigint as total, sum(t.paid_minor)::bigint as paid,"
    f" max(t.last_order_at) as last_at from {_FAMILY} join order_totals t on t.customer_id = f.id"
    " group by f.root, t.currency_code order by total desc, t.currency_code"
)
_DATES = (
    "select f.root,"
    " array_agg(f.id) filter (where f.id <> f.root) as absorbed,"
    " sum((select count(*) from tickets k where k.customer_id = f.id and k.is_open))::int as open_tickets,"
    " nullif(max((select x.last_contact_at from contact_times x where x.customer_id = f.id)), 'epoch')"
    " as last_contact_at,"
    " min((select min(u.due_at) from follow_ups u where u.customer_id = f.id and u.state in (1, 2)))"
    f" as next_follow_up_at from {_FAMILY} group by f.root"
)
_FIRST_CONTACTS = (
    f"select distinct on (f.root) f.root, p.* from {_FAMILY}"
    " join contacts p on p.customer_id = f.id"
    " order by f.root, (f.id = f.root) desc, p.is_primary desc, p.added_version, p.contact_id"
)


def _figures(
    roots: Sequence[UUID], totals: Sequence[DictRow], dates: Sequence[DictRow], contacts: Sequence[DictRow]
) -> dict[UUID, Figures]:
    collected: dict[UUID, dict[str, Any]] = {root: {} for root in roots}
    for row in totals:
        of = collected[row["root"]]
        currency = row["currency_code"]
        of["orders"] = of.get("orders", 0) + row["orders"]
        if row["total"]:
            of["totals"] = (*of.get("totals", ()), Money(row["total"], currency))
        if row["paid"]:
            of["paid"] = (*of.get("paid", ()), Money(row["paid"], currency))
        latest = [at for at in (of.get("last_order_at"), row["last_at"]) if at is not None]
        of["last_order_at"] = max(latest, default=None)
    for row in dates:
        of = collected[row["root"]]
        of["absorbed_ids"] = tuple(row["absorbed"] or ())
        for name in ("open_tickets", "last_contact_at", "next_follow_up_at"):
            of[name] = row[name]
    for row in contacts:
        collected[row["root"]]["contact"] = row
    return {root: Figures(**values) for root, values in collected.items()}


def contacts_of(cursor: Cursor[DictRow], root: UUID) -> list[DictRow]:
    """Return the contacts of a survivor and of all it absorbed, its own primary one first."""
    return cursor.execute(
        "select p.* from contacts p where p.customer_id = any(%s)"
        " order by (p.customer_id = %s) desc, p.is_primary desc, p.customer_id, p.added_version, p.contact_id",
        (members(cursor, root), root),
    ).fetchall()


def consents_of(cursor: Cursor[DictRow], root: UUID) -> list[DictRow]:
    """Return the consents in force of a survivor and of all it absorbed."""
    return cursor.execute(
        "select s.* from consents s where s.customer_id = any(%s)"
        " order by s.given_at, s.contact_id, s.channel, s.purpose",
        (members(cursor, root),),
    ).fetchall()


def owner_of_contact(cursor: Cursor[DictRow], contact_id: UUID) -> UUID | None:
    """Return the customer whose stream holds a contact."""
    row = cursor.execute("select customer_id from contacts where contact_id = %s", (contact_id,)).fetchone()
    return row["customer_id"] if row else None


def ids_of_owner(cursor: Cursor[DictRow], owner_id: UUID, most: int) -> tuple[list[UUID], int]:
    """Return at most so many customers of an owner, and how many he has in all."""
    rows = cursor.execute(
        "select customer_id, count(*) over () as n from customers"
        " where owner_id = %s and merged_into is null and not taken_back order by customer_id limit %s",
        (owner_id, most),
    ).fetchall()
    return [row["customer_id"] for row in rows], rows[0]["n"] if rows else 0


def all_ids(cursor: Cursor[DictRow], after: UUID | None, most: int) -> list[UUID]:
    """Return the next customers in order of id, for going through all of them."""
    return [
        row["customer_id"]
        for row in cursor.execute(
            "select customer_id from customers where (%s::uuid is null or customer_id > %s)"
            " and merged_into is null and not taken_back order by customer_id limit %s",
            (after, after, most),
        ).fetchall()
    ]
