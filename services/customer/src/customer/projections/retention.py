"""Whose data does nothing need any more? Asked of the other views; there is no table of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.projections.strangers import LEAD, REQUESTER, SENDER
from kernel.request import Page

Limits = Mapping[str, datetime | None]
"""Whoever had no purpose since then is due: "person", "lead", "requester", "sender"; None for never."""


# A purpose is anything that somebody did with the customer, here or elsewhere, or is still to happen. What the suite
# does by itself, as reminding the owner, is none.
_DUE = f"""
with purpose as (
    select c.customer_id, c.kind, c.name, greatest(
        c.registered_at,
        (select max(t.last_contact_at) from contact_times t where t.customer_id = c.customer_id),
        (select max(o.last_order_at) from order_totals o where o.customer_id = c.customer_id),
        (select max(s.given_at) from consents s where s.customer_id = c.customer_id),
        (select max(l.effective_at) from timeline l where l.customer_id = c.customer_id
            and l.actor not like 'service:%%'),
        (select max(e.effective_at) from timeline_elsewhere e where e.customer_id = c.customer_id
            and e.actor not like 'service:%%')
    ) as last_purpose_at
    from customers c
    where c.registered_at < %(person)s::timestamptz and c.merged_into is null
    and not exists (select 1 from follow_ups f where f.customer_id = c.customer_id and f.state in (1, 2))
    and not exists (select 1 from tickets k where k.customer_id = c.customer_id and k.is_open)
), due as (
    select p.customer_id as person_id, p.customer_id, 2 as kind, p.name, p.last_purpose_at from purpose p
    where p.kind = 2 and p.last_purpose_at < %(person)s::timestamptz
    union all
    select t.contact_id, p.customer_id, 1, t.name, p.last_purpose_at from purpose p
    join contacts t on t.customer_id = p.customer_id where p.kind <> 2 and p.last_purpose_at < %(person)s::timestamptz
    union all
    select s.person_id, null, s.kind, '', s.last_purpose_at from strangers s
    where not s.known and not s.open and s.last_purpose_at < case s.kind
        when {LEAD} then %(lead)s::timestamptz when {REQUESTER} then %(requester)s::timestamptz
        else %(sender)s::timestamptz end
    and not exists (select 1 from strangers o where s.kind = {SENDER} and o.submission_id = s.person_id)
)
select * from due d
where not exists (select 1 from erased_subjects s where s.subject_id = d.person_id)
"""


def due(cursor: Cursor[DictRow], limits: Limits, page: Page) -> list[DictRow]:
    """People without purpose for so long, the longest first; one more than the page holds."""
    onwards = " and (last_purpose_at, person_id) > (%(at)s::timestamptz, %(id)s::uuid)" if page.after else ""
    at, id_ = page.after or ("", "")
    return cursor.execute(
        f"{_DUE}{onwards} order by last_purpose_at, person_id limit %(limit)s",
        {**limits, "at": at or None, "id": id_ or None, "limit": page.limit + 1},
    ).fetchall()


def count_due(cursor: Cursor[DictRow], limits: Limits) -> dict[int, int]:
    """How many are due, by what they are."""
    rows = cursor.execute(f"select kind, count(*) as n from ({_DUE}) x group by kind order by kind", limits).fetchall()
    return {row["kind"]: row["n"] for row in rows}


def due_among(cursor: Cursor[DictRow], limits: Limits, person_ids: Sequence[str]) -> dict[str, int]:
    """Those of them who are due, with what they are, as PersonKind says it."""
    rows = cursor.execute(
        f"{_DUE} and d.person_id = any(%(ids)s::uuid[])", {**limits, "ids": list(person_ids)}
    ).fetchall()
    return {str(row["person_id"]): row["kind"] for row in rows}
