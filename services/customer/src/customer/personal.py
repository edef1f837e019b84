"""What this service holds of people in clear, and how each table lets go of it.

A statement leaves what a rebuild writes once the key is gone: so a rebuilt view equals the purged one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any
from uuid import UUID

from customer.domain.customer import evolve
from kernel.forgetting import PersonalData, Purge
from kernel.store import Transaction

_ACTIVITIES = (
    "type = 'activity' and (details ->> 'contact_id' = any(%(ids)s::uuid[]::text[])"
    " or (details ->> 'contact_id' = '' and customer_id = any(%(ids)s)))"
)
_FOLLOW_UPS = "(contact_id = any(%(ids)s) or (contact_id is null and customer_id = any(%(ids)s)))"
_GONE = "'[erased]'"


def _erased(column: str) -> str:
    return f"{column} = case {column} when '' then '' else {_GONE} end"


# Attached to something done with him, and to nothing done with anybody else.
_HIS_FILES = (
    "exists (select from timeline t where t.attachments @>"
    f" jsonb_build_array(jsonb_build_object('sha256', f.sha256)) and {_ACTIVITIES})"
    " and not exists (select from timeline t where t.attachments @>"
    f" jsonb_build_array(jsonb_build_object('sha256', f.sha256)) and not ({_ACTIVITIES}))"
)

PURGES = (
    # first the bytes: which they are stands in the timeline
    Purge(
        "files",
        ("name", "content"),
        f"delete from files f where {_HIS_FILES}",
    ),
    Purge(
        "timeline",
        ("title", "content", "details", "attachments"),
        f"update timeline set {_erased('content')},"
        " title = case when type = 'contact' then split_part(title, ':', 1) || ': [erased]' else title end,"
        " details = case when details ->> 'result' <> '' then details || '{\"result\": \"[erased]\"}' else details end,"
        " attachments = (select coalesce(jsonb_agg(a || '{\"name\": \"[erased]\"}' order by n), '[]')"
        " from jsonb_array_elements(attachments) with ordinality as each (a, n))"
        f" where (content <> {_GONE} or title not like '%%: [erased]') and (({_ACTIVITIES}"
        f" and (content not in ('', {_GONE}) or details ->> 'result' not in ('', {_GONE})"
        f" or attachments @? '$[*].name ? (@ <> \"[erased]\")'))"
        " or (type = 'contact' and kind in ('added', 'revised') and subject_id = any(%(ids)s)"
        " and title not like '%%: [erased]')"
        f" or (type = 'follow_up' and kind in ('planned', 'due') and content not in ('', {_GONE})"
        f" and subject_id in (select follow_up_id from follow_ups where {_FOLLOW_UPS})))",
    ),
    Purge(
        "follow_ups",
        ("subject", "suggested_content"),
        f"update follow_ups set {_erased('subject')}, {_erased('suggested_content')} where {_FOLLOW_UPS}"
        f" and (subject not in ('', {_GONE}) or suggested_content not in ('', {_GONE}))",
    ),
    Purge(
        "search_terms",
        ("term", "grams"),
        "delete from search_terms where place in (select 'contact:' || i from unnest(%(ids)s::uuid[]) i)"
        " or (place in ('name', 'phones', 'emails') and customer_id in"
        " (select customer_id from customers where kind = 2 and customer_id = any(%(ids)s)))",
    ),
    Purge(
        "contacts",
        ("name", "position", "phones", "emails", "remark"),
        f"update contacts set name = {_GONE}, {_erased('position')}, phones = '{{}}', emails = '{{}}',"
        f" {_erased('remark')} where contact_id = any(%(ids)s) and name <> {_GONE}",
    ),
    Purge(
        "customers",
        ("name", "phones", "emails", "address", "remark", "custom_fields", "name_pieces"),
        f"update customers set name = {_GONE}, phones = '{{}}', emails = '{{}}', {_erased('address')},"
        f" {_erased('remark')}, name_pieces = '{{}}', custom_fields ="
        f" (select coalesce(jsonb_object_agg(key, {_GONE}), '{{}}') from jsonb_each(custom_fields))"
        f" where kind = 2 and customer_id = any(%(ids)s) and name <> {_GONE}",
    ),
)
FILES = f"select f.file_id as id from files f where {_HIS_FILES}"
"""A file's bytes have a key of their own."""

RELATED = (
    # whom a private customer's contacts are known by is known through him only
    "select c.contact_id as id from contacts c join customers p using (customer_id)"
    " where p.kind = 2 and p.customer_id = any(%(ids)s)",
    "select a.absorbed_id as id from aliases a join customers p on p.customer_id = a.absorbed_id"
    " where p.kind = 2 and a.survivor_id = any(%(ids)s)",
    "select a.survivor_id as id from aliases a join customers p on p.customer_id = a.survivor_id"
    " where p.kind = 2 and a.absorbed_id = any(%(ids)s)",
)


def remove_contacts(tx: Transaction[Any], erasure_id: UUID, ids: Sequence[UUID]) -> None:
    """Take forgotten contacts off their customers: nobody is to call or write to them."""
    rows = tx.cursor.execute(
        "select customer_id, array_agg(contact_id order by contact_id) as ids from contacts"
        " where contact_id = any(%s) group by 1 order by 1",
        (list(ids),),
    ).fetchall()
    for row in rows:
        history = tx.history(row["customer_id"])
        customer = reduce(evolve, history, None)
        assert customer is not None, "a contact's customer is in the log"
        events = []
        for contact_id in row["ids"]:
            decided = customer.let_go_of_contact(contact_id, "forgotten")
            customer = reduce(evolve, decided, customer)
            events += decided
        tx.append(row["customer_id"], len(history), events)


PERSONAL = PersonalData(PURGES, RELATED, own=(FILES,), before=remove_contacts)
"""As other services are asked; customer.erasures says who takes this service's own answer."""
