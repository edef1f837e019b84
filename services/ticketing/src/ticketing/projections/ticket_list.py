"""Which tickets there are: lists with filters and pages, queues with ages, one ticket's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller, all_of
from kernel.commonness import Commonness
from kernel.request import Page
from kernel.text import search_grams
from ticketing.domain.vocabulary import Channel, Priority, Status
from ticketing.projections import customer_cards

_PIECES = Commonness("tickets", "subject_grams")
_COLUMNS = (
    "t.*, (select s.score from surveys s where s.ticket_id = t.ticket_id and s.answered_at is not null"
    " order by s.answered_at desc, s.survey_id limit 1) as survey_score"
)
_OPEN = f"t.status <= {Status.WAITING.value}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets; what is empty does not matter."""

    statuses: Sequence[Status] = ()
    queue: str = ""
    assignee_id: UUID | None = None
    unassigned: bool = False
    customer_ids: Sequence[UUID] = ()
    category: str = ""
    priority: Priority | None = None
    channel: Channel | None = None
    complaints: bool = False
    overdue: bool = False
    product_id: str = ""
    search: str = ""
    import_id: str = ""
    external_ref: str = ""
    without: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Conditions:
    parts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, part: str, *values: Any) -> None:
        self.parts.append(part)
        self.values.extend(values)

    def text(self) -> str:
        return " and ".join(self.parts) or "true"


# What an order sorts by: the column, its type, and whether the largest comes first.
ORDERS: dict[str, tuple[str, str, bool]] = {
    "newest": ("t.opened_at", "timestamptz", True),
    "oldest": ("t.opened_at", "timestamptz", False),
    "due": ("coalesce(t.next_due_at, 'infinity'::timestamptz)", "timestamptz", False),
    "priority": ("t.priority", "smallint", True),
}


def scope(cursor: Cursor[DictRow], caller: Caller) -> tuple[str, list[Any]]:
    """Return the condition for tickets the caller may see: by assignee, those of his own queues, of his key accounts,
    and of himself as a guest."""
    condition, values = caller.scope_filter("t.assignee_id", "t.customer_id", customer_cards.seen_whole(cursor, caller))
    if caller.scope == "all" or caller.guest_of is not None:
        return condition, values
    return f"({condition} or t.queue = any(%s))", [*values, queues_of(cursor, caller.person_id)]


def queues_of(cursor: Cursor[DictRow], person_id: UUID | None) -> list[str]:
    """Return the queues somebody works in or answers for."""
    if person_id is None:
        return []
    rows = cursor.execute(
        "select jsonb_array_elements_text(definition->'queues') as queue from desk_definitions"
        " where kind = 'agent' and key = %s union select key from desk_definitions"
        " where kind = 'queue' and definition->>'supervisor_id' = %s",
        (str(person_id), str(person_id)),
    ).fetchall()
    return [row["queue"] for row in rows]


def page(
    cursor: Cursor[DictRow], caller: Caller, wanted: Wanted, which: Page, order: str, now: datetime
) -> tuple[list[DictRow], list[Any]]:
    """Return tickets, one more than a page holds, and the last shown one's sort key."""
    conditions = _conditions(cursor, caller, wanted, now)
    column, kind, falling = ORDERS[order]
    if which.after:
        sign = "<" if falling else ">"
        conditions.add(f"({column}, t.ticket_id) {sign} (%s::{kind}, %s::uuid)", *which.after[:2])
    direction = "desc" if falling else "asc"
    rows = cursor.execute(
        f"select {_COLUMNS}, {column}::text as sort_key from tickets t where {conditions.text()}"
        f" order by {column} {direction}, t.ticket_id {direction} limit %s",
        (*conditions.values, which.limit + 1),
    ).fetchall()
    last = rows[: which.limit][-1] if rows else None
    return rows, [last["sort_key"], last["ticket_id"]] if last else []


def count(cursor: Cursor[DictRow], caller: Caller, wanted: Wanted, now: datetime) -> int:
    conditions = _conditions(cursor, caller, wanted, now)
    row = cursor.execute(f"select count(*) as n from tickets t where {conditions.text()}", conditions.values).fetchone()
    assert row is not None
    return int(row["n"])


def _conditions(cursor: Cursor[DictRow], caller: Caller, wanted: Wanted, now: datetime) -> _Conditions:
    conditions = _Conditions()
    part, values = scope(cursor, caller)
    conditions.add(part, *values)
    if wanted.statuses:
        conditions.add("t.status = any(%s)", [s.value for s in wanted.statuses])
    else:
        conditions.add(f"t.status <> {Status.WITHDRAWN.value}")
    for column, value in (
        ("queue", wanted.queue),
        ("assignee_id", wanted.assignee_id),
        ("category", wanted.category),
        ("priority", wanted.priority),
        ("channel", wanted.channel),
        ("product_id", wanted.product_id),
        ("import_id", wanted.import_id),
        ("external_ref", wanted.external_ref),
    ):
        if value:
            conditions.add(f"t.{column} = %s", value)
    if wanted.unassigned:
        conditions.add("t.assignee_id is null")
    if wanted.customer_ids:
        conditions.add("t.customer_id = any(%s)", list(wanted.customer_ids))
    if wanted.complaints:
        conditions.add("t.complaint")
    if wanted.overdue:
        conditions.add("t.next_due_at < %s", now)
    if wanted.without:
        conditions.add("t.ticket_id <> %s", wanted.without)
    if wanted.search:
        conditions.add(
            "((t.subject_grams @> %s::text[] and strpos(lower(t.subject), lower(%s)) > 0) or t.external_ref = %s)",
            _PIECES.rarest(cursor, search_grams(wanted.search)),
            wanted.search,
            wanted.search,
        )
    return conditions


def ticket(cursor: Cursor[DictRow], caller: Caller, ticket_id: UUID) -> DictRow | None:
    """Return one ticket, None if the caller may not see it."""
    part, values = scope(cursor, caller)
    return cursor.execute(
        f"select {_COLUMNS} from tickets t where t.ticket_id = %s and {part}", (ticket_id, *values)
    ).fetchone()


def clocks(cursor: Cursor[DictRow], ticket_ids: Sequence[UUID]) -> dict[UUID, list[DictRow]]:
    """Return the deadlines of tickets."""
    found: dict[UUID, list[DictRow]] = {}
    for row in cursor.execute(
        "select * from ticket_clocks where ticket_id = any(%s) order by ticket_id, clock",
        (list(ticket_ids),),
    ):
        found.setdefault(row["ticket_id"], []).append(row)
    return found


def entries(cursor: Cursor[DictRow], ticket_id: UUID) -> list[DictRow]:
    """Return what was said on a ticket, oldest first, the survey's comment included."""
    return cursor.execute(
        "select kind, channel, text, written_at, actor, version from ticket_entries where ticket_id = %s"
        " union all select 'survey', 0, comment, answered_at, 'customer', 1000000000 from surveys"
        " where ticket_id = %s and answered_at is not null and comment <> ''"
        " order by version, written_at limit 2000",
        (ticket_id, ticket_id),
    ).fetchall()


def steps(cursor: Cursor[DictRow], ticket_id: UUID) -> list[DictRow]:
    """Return the steps of a ticket; each ends when the next begins."""
    return cursor.execute(
        "select *, lead(started_at) over (order by version) as ended_at from ticket_steps"
        " where ticket_id = %s order by version limit 2000",
        (ticket_id,),
    ).fetchall()


def queues(cursor: Cursor[DictRow], now: datetime) -> list[DictRow]:
    """Return queues, defined or used, with what they hold and how old it is."""
    return cursor.execute(
        "with held as (select t.queue, count(*) as open,"
        " count(*) filter (where t.assignee_id is null) as unassigned,"
        f" count(*) filter (where t.status = {Status.WAITING.value}) as waiting,"
        " count(*) filter (where t.next_due_at < %(now)s) as overdue,"
        " min(t.opened_at) as oldest, avg(extract(epoch from %(now)s - t.opened_at)) as mean_age_s"
        f" from tickets t where {_OPEN} group by t.queue)"
        " select coalesce(q.key, h.queue) as queue, q.definition, h.open, h.unassigned, h.waiting, h.overdue,"
        " h.oldest, h.mean_age_s from held h full join"
        " (select key, definition from desk_definitions where kind = 'queue') q on q.key = h.queue"
        " order by 1",
        {"now": now},
    ).fetchall()


def open_by_assignee(cursor: Cursor[DictRow]) -> dict[UUID, int]:
    """Return how many open tickets each person looks after."""
    rows = cursor.execute(
        f"select t.assignee_id, count(*) as n from tickets t where {_OPEN} and t.assignee_id is not null"
        " group by t.assignee_id"
    ).fetchall()
    return {row["assignee_id"]: row["n"] for row in rows}


def by_reference(cursor: Cursor[DictRow], channel: Channel, external_ref: str) -> DictRow | None:
    """Return the ticket that a channel's message opened."""
    return cursor.execute(
        "select ticket_id, version, assignee_id, queue, assignment_reason from tickets"
        f" where external_ref = %s and channel = %s and status <> {Status.WITHDRAWN.value} limit 1",
        (external_ref, channel.value),
    ).fetchone()


def imported(cursor: Cursor[DictRow], references: Sequence[str]) -> dict[str, UUID]:
    """Return tickets that an import brought and nobody took back, by their number elsewhere."""
    rows = cursor.execute(
        "select external_ref, ticket_id from tickets where external_ref = any(%s) and import_id <> ''"
        f" and status <> {Status.WITHDRAWN.value}",
        (list(references),),
    ).fetchall()
    return {row["external_ref"]: row["ticket_id"] for row in rows}


def of_import(cursor: Cursor[DictRow], import_id: str, limit: int) -> list[DictRow]:
    """Return an import's tickets that were not taken back: whether each was worked on since."""
    return cursor.execute(
        "select ticket_id, version, version > imported_version as changed from tickets"
        f" where import_id = %s and status <> {Status.WITHDRAWN.value}"
        " order by changed, ticket_id limit %s",
        (import_id, limit),
    ).fetchall()


def import_figures(cursor: Cursor[DictRow], import_id: str) -> DictRow:
    """Count what an import brought, from the steps its histories were retold to."""
    row = cursor.execute(
        "with mine as (select t.* from tickets t where t.import_id = %(id)s),"
        " named as (select s.*, min(s.version) filter (where s.step = 'closed')"
        "   over (partition by s.ticket_id) as closed_version"
        "   from ticket_steps s join mine using (ticket_id) where s.activity <> '')"
        " select (select count(*) from mine) as tickets,"
        f" (select count(*) from mine where status = {Status.WITHDRAWN.value}) as withdrawn,"
        f" (select count(*) from mine where status = {Status.CLOSED.value}) as closed,"
        " (select count(*) from mine where times_resolved > 1) as resolved_more_than_once,"
        " (select count(distinct ticket_id) from named where step = 'waiting') as ever_waited,"
        " (select count(distinct ticket_id) from named where version > closed_version)"
        "   as with_events_after_closing,"
        " (select count(*) from named) as activities",
        {"id": import_id},
    ).fetchone()
    assert row is not None
    return row


def of_customer(cursor: Cursor[DictRow], wanted: Wanted, limit: int, now: datetime) -> list[DictRow]:
    """Return a customer's tickets, newest first, whoever looks after them."""
    everything = all_of(service="ticketing")
    conditions = _conditions(cursor, everything, wanted, now)
    return cursor.execute(
        f"select {_COLUMNS} from tickets t where {conditions.text()}"
        " order by t.opened_at desc, t.ticket_id desc limit %s",
        (*conditions.values, limit),
    ).fetchall()


def subject(cursor: Cursor[DictRow], ticket_id: UUID) -> str:
    """Return a ticket's subject line."""
    row = cursor.execute("select subject from tickets where ticket_id = %s", (ticket_id,)).fetchone()
    return row["subject"] if row else ""
