"""Leads, requesters and senders of forms who are nobody's customer: since when did nothing need them?

A purpose is what somebody did with them, or they with us. What the suite does by itself, as scoring a lead, is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.customer.v1.erasure_service_pb2 import PersonKind
from crm.marketing.v1 import form_events_pb2 as forms
from crm.pipeline.v1 import lead_events_pb2 as leads
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from kernel.projections import Delivered, Eventual

LEAD, REQUESTER, SENDER = (
    int(PersonKind.PERSON_KIND_LEAD),
    int(PersonKind.PERSON_KIND_REQUESTER),
    int(PersonKind.PERSON_KIND_SUBMISSION),
)
_FORM = "form:"
_THEIR_DOING = (leads.LeadTouchedAgain, tickets.CustomerReplied)
"""What they did themselves, though a service wrote it down."""


def project(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    for delivered in batch:
        message, at = delivered.message, delivered.metadata.effective_at
        match message:
            case leads.LeadCaptured():
                _meet(cursor, UUID(message.lead_id), LEAD, at, False, message.submission_id)
            case tickets.TicketOpened() if not message.customer_id and not message.contact_id:
                asked_by = message.external_ref.removeprefix(_FORM) if message.external_ref.startswith(_FORM) else ""
                _meet(cursor, UUID(message.requester_id), REQUESTER, at, True, asked_by)
            case forms.FormSubmitted():
                _meet(cursor, UUID(message.submission_id), SENDER, at, False, "")
            case leads.LeadForgotten():
                cursor.execute("delete from strangers where person_id = %s", (UUID(message.lead_id),))
            case leads.LeadConverted():
                _set(cursor, message.lead_id, "known", True)
            case tickets.TicketRequesterIdentified():
                _set(cursor, message.ticket_id, "known", True)
            case tickets.TicketReopened():
                _set(cursor, message.ticket_id, "open", True)
            case tickets.TicketResolved() | tickets.TicketClosed() | tickets.TicketWithdrawn():
                _set(cursor, message.ticket_id, "open", False)
        _note_purpose(cursor, delivered, message)


def _meet(cursor: Cursor[DictRow], person_id: UUID, kind: int, at: datetime, open_: bool, submission: str) -> None:
    cursor.execute(
        "insert into strangers (person_id, kind, last_purpose_at, open, submission_id) values (%s, %s, %s, %s, %s)"
        " on conflict (person_id) do nothing",
        (person_id, kind, at, open_, _id(submission)),
    )


def _set(cursor: Cursor[DictRow], person_id: str, column: str, value: bool) -> None:
    cursor.execute(f"update strangers set {column} = %s where person_id = %s", (value, UUID(person_id)))


def _note_purpose(cursor: Cursor[DictRow], delivered: Delivered, message: Any) -> None:
    person_id = getattr(message, "lead_id", "") or getattr(message, "ticket_id", "")
    by_itself = delivered.metadata.actor.startswith("service:") and not isinstance(message, _THEIR_DOING)
    if by_itself or person_id != str(delivered.stream):  # of other streams nobody knows what came first
        return
    at = delivered.metadata.effective_at
    if isinstance(message, leads.LeadNextStepPlanned) and message.due_on:
        at = max(at, datetime.combine(date.fromisoformat(message.due_on), time.min, UTC))
    cursor.execute(
        "update strangers set last_purpose_at = greatest(last_purpose_at, %s) where person_id = %s",
        (at, UUID(person_id)),
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


STRANGERS = Eventual("strangers", ("strangers",), ("pipeline", "ticketing", "marketing"), project)
