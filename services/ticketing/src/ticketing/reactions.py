"""Whenever something happened elsewhere, or a time has come, do something here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from crm.marketing.v1.form_events_pb2 import FormSubmitted
from crm.pipeline.v1.opportunity_events_pb2 import OpportunityWon
from kernel.projections import Delivered
from kernel.store import Transaction
from kernel.timers import Timer, TimerHandler
from ticketing.application.surveys import Surveys
from ticketing.application.tickets import Ticketing
from ticketing.domain.vocabulary import Clock

_TOKEN_BYTES = 24
_REQUEST_KEY = "service_request"
_HISTORY = timedelta(days=1)

ticketing = Ticketing()
surveys = Surveys(ticketing)


def when_opportunity_won(delivered: Delivered, tx: Transaction[Any]) -> None:
    """Ask the customer how the deal went. Of imported history nobody is asked."""
    won: Any = delivered.message
    metadata = delivered.metadata
    history = not metadata.timeline_id and metadata.recorded_at - metadata.effective_at > _HISTORY
    if won.customer_id and not history:
        surveys.arrange_after_deal(tx, UUID(won.opportunity_id), UUID(won.customer_id))


def when_form_submitted(delivered: Delivered, tx: Transaction[Any]) -> None:
    """A form with a field named service_request asks for service: it becomes a ticket."""
    submitted: Any = delivered.message
    if any(answer.key == _REQUEST_KEY for answer in submitted.answers):
        tx.set_timer(
            f"form/{submitted.submission_id}",
            "open_ticket_from_form",
            tx.effective_at,
            {"submission_id": submitted.submission_id},
        )


def ring_sla_clock(timer: Timer, tx: Transaction[Any]) -> None:
    clock = Clock[timer.payload["clock"].upper()]
    ticketing.ring_sla_clock(tx, UUID(timer.payload["ticket_id"]), clock)


def escalate_ticket(timer: Timer, tx: Transaction[Any]) -> None:
    ticketing.escalate_on(tx, UUID(timer.payload["ticket_id"]))


def close_ticket(timer: Timer, tx: Transaction[Any]) -> None:
    ticketing.close_in_time(tx, UUID(timer.payload["ticket_id"]))


def send_survey(timer: Timer, tx: Transaction[Any]) -> None:
    payload, token = timer.payload, secrets.token_urlsafe(_TOKEN_BYTES)
    survey_id = UUID(payload["survey_id"])
    if "ticket_id" in payload:
        surveys.send_after_ticket(tx, survey_id, UUID(payload["ticket_id"]), token)
    else:
        opportunity_id, customer_id = UUID(payload["opportunity_id"]), UUID(payload["customer_id"])
        surveys.send_after_deal(tx, survey_id, opportunity_id, customer_id, token)


REACTIONS: Mapping[type[Message], Callable[..., None]] = {
    OpportunityWon: when_opportunity_won,
    FormSubmitted: when_form_submitted,
}
TIMERS: Mapping[str, TimerHandler] = {
    "ring_sla_clock": ring_sla_clock,
    "escalate_ticket": escalate_ticket,
    "close_ticket": close_ticket,
    "send_survey": send_survey,
}
