"""What this service holds of people in clear, and how it lets go of it.

Amounts, lines, numbers and dates of contracts and orders stay: they are vouchers, and the answer says which are kept
until when. Names and addresses on them
go with a private customer, and delivery addresses also with a contact that the deal names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.forgetting import PersonalData, Purge
from kernel.store import Transaction
from pipeline.application.leads import Leads
from pipeline.application.vouchers import kept_of_person

PURGES = (
    Purge(
        "lead_people",
        ("person_name", "phone", "email", "company", "grams"),
        "delete from lead_people where lead_id = any(%(ids)s)",
    ),
    Purge("lead_keys", ("key",), "delete from lead_keys where lead_id = any(%(ids)s)"),
)
RELATED = (
    "select lead_id as id from leads where lead_id = any(%(ids)s) or submission_id = any(%(ids)s)"
    " or contact_id = any(%(ids)s) or customer_id = any(%(ids)s)",
    "select submission_id as id from leads where lead_id = any(%(ids)s)",
    "select order_id as id from orders where customer_id = any(%(ids)s)",
    "select o.order_id as id from opportunities d join orders o using (opportunity_id)"
    " where d.contact_ids && %(ids)s::uuid[]",
    "select contract_id as id from contracts where customer_id = any(%(ids)s)",
)
HINTS = ("select coalesce(contact_id, customer_id) as id from leads where lead_id = any(%(ids)s)",)


def personal_data(leads: Leads) -> PersonalData:
    """Return what there is to purge; the leads' logs say that they were forgotten."""

    def forget_leads(tx: Transaction[Any], erasure_id: UUID, ids: Sequence[UUID]) -> None:
        rows = tx.cursor.execute(
            "select lead_id from leads where lead_id = any(%s) and not erased order by lead_id", (list(ids),)
        ).fetchall()
        for row in rows:
            leads.forget_lead(tx, row["lead_id"], f"erasure {erasure_id}")

    return PersonalData(PURGES, RELATED, hints=HINTS, before=forget_leads, kept=kept_of_person)
