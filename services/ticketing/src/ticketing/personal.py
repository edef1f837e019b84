"""What this service holds of people in clear, and how it lets go of it."""

from __future__ import annotations

from kernel.forgetting import PersonalData, Purge

_TICKETS = "(select ticket_id from tickets where requester_id = any(%(ids)s))"
_GONE = "'[erased]'"

PURGES = (
    Purge(
        "ticket_entries",
        ("text",),
        f"update ticket_entries set text = {_GONE} where ticket_id in {_TICKETS} and text <> {_GONE}",
    ),
    Purge(
        "tickets",
        ("subject", "subject_grams", "description"),
        f"update tickets set subject = case subject when '' then '' else {_GONE} end, subject_grams = '{{}}',"
        f" description = case description when '' then '' else {_GONE} end"
        f" where requester_id = any(%(ids)s) and (subject not in ('', {_GONE}) or description not in ('', {_GONE}))",
    ),
    Purge(
        "surveys",
        ("token", "comment"),
        f"update surveys set comment = case comment when '' then '' else {_GONE} end, token = 'erased:' || survey_id"
        f" where token not like 'erased:%%' and (ticket_id in {_TICKETS} or contact_id = any(%(ids)s)"
        " or (contact_id is null and ticket_id is null and customer_id = any(%(ids)s)))",
    ),
)
RELATED = (
    # a requester known only as the company he asked for is not a person of his own
    "select requester_id as id from tickets where contact_id = any(%(ids)s)"
    " and requester_id is distinct from customer_id",
    "select requester_id as id from tickets where customer_id = any(%(ids)s)",
    "select requester_id as id from tickets where external_ref in (select 'form:' || i from unnest(%(ids)s::uuid[]) i)",
)
HINTS = (
    "select contact_id as id from tickets where requester_id = any(%(ids)s)",
    "select substr(external_ref, 6)::uuid as id from tickets where requester_id = any(%(ids)s)"
    " and external_ref ~ '^form:[0-9a-f-]{36}$'",
)

PERSONAL = PersonalData(PURGES, RELATED, hints=HINTS)
