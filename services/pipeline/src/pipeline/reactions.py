"""Whenever that happened, then: events of other contexts, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from crm.customer.v1 import customer_events_pb2 as customer
from crm.marketing.v1 import form_events_pb2 as forms
from kernel.projections import Delivered
from kernel.store import Transaction
from kernel.timers import Timer, TimerHandler
from pipeline.application import leads as lead_timers
from pipeline.application import opportunities as deal_timers
from pipeline.application import sales as sales_timers
from pipeline.application.leads import Leads
from pipeline.application.opportunities import Opportunities
from pipeline.application.sales import Sales

Reaction = Callable[[Delivered, Transaction[Any]], None]


def when_form_submitted(delivered: Delivered, tx: Transaction[Any]) -> None:
    """A form is a lead at once. Who it is must be asked for by gRPC, so a job does it."""
    message: Any = delivered.message
    tx.set_timer(
        f"capture:{message.submission_id}",
        lead_timers.CAPTURE,
        tx.effective_at,
        {"submission_id": message.submission_id},
    )


def when_owner_changed(delivered: Delivered, tx: Transaction[Any]) -> None:
    """A customer's open deals go with him to his new owner; a handover says itself who gets the deals."""
    message: Any = delivered.message
    handed_over = delivered.metadata.actor == "service:customer" and message.reason.startswith("handover: ")
    if not message.to_owner_id or handed_over:
        return
    Opportunities().follow_owner(
        tx,
        UUID(message.customer_id),
        UUID(message.from_owner_id) if message.from_owner_id else None,
        UUID(message.to_owner_id),
        message.reason or "the customer has another owner",
    )


REACTIONS: Mapping[type[Message], Reaction] = {
    forms.FormSubmitted: when_form_submitted,
    customer.OwnerChanged: when_owner_changed,
}


def timers(leads: Leads, opportunities: Opportunities, sales: Sales) -> dict[str, TimerHandler]:
    """Return what the clock does, by kind of timer."""

    def recycle_lead(timer: Timer, tx: Transaction[Any]) -> None:
        leads.recycle_lead(tx, _id(timer, "lead_id"), timer.payload["days"])

    def assign_from_pool(timer: Timer, tx: Transaction[Any]) -> None:
        leads.assign_from_pool(tx, _id(timer, "lead_id"))

    def remind_of_reply(timer: Timer, tx: Transaction[Any]) -> None:
        leads.remind_of_reply(tx, _id(timer, "lead_id"), timer.payload["days"])

    def opportunity_stuck(timer: Timer, tx: Transaction[Any]) -> None:
        opportunities.get_stuck(tx, _id(timer, "opportunity_id"), _id(timer, "stage_id"))

    def expire_quote(timer: Timer, tx: Transaction[Any]) -> None:
        sales.expire_quote(tx, _id(timer, "quote_id"), timer.payload["version"])

    def warn_of_contract_end(timer: Timer, tx: Transaction[Any]) -> None:
        sales.warn_of_contract_end(tx, _id(timer, "contract_id"), timer.payload["days"])

    def fall_overdue(timer: Timer, tx: Transaction[Any]) -> None:
        sales.fall_overdue(tx, _id(timer, "order_id"), _id(timer, "receivable_id"))

    return {
        lead_timers.RECYCLE: recycle_lead,
        lead_timers.POOL: assign_from_pool,
        lead_timers.REPLY: remind_of_reply,
        deal_timers.STUCK: opportunity_stuck,
        sales_timers.QUOTE_EXPIRES: expire_quote,
        sales_timers.CONTRACT_ENDS: warn_of_contract_end,
        sales_timers.RECEIVABLE_DUE: fall_overdue,
    }


def _id(timer: Timer, name: str) -> UUID:
    return UUID(timer.payload[name])
