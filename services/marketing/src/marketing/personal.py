"""What this service knows of people: no view holds them in clear; what forms said is sealed in the log."""

from __future__ import annotations

from kernel.forgetting import PersonalData

RELATED = (
    "select submission_id as id from leads where lead_id = any(%(ids)s)",
    "select lead_id as id from leads where submission_id = any(%(ids)s)",
    "select send_id as id from messages where recipient_id = any(%(ids)s) or submission_id = any(%(ids)s)"
    " or contact_id = any(%(ids)s) or (contact_id is null and customer_id = any(%(ids)s))",
)

PERSONAL = PersonalData(related=RELATED)
