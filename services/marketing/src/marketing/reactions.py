"""Whenever that happened, elsewhere or here, drive journeys on. Each is a plain function; none sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from crm.marketing.v1 import form_events_pb2, message_events_pb2, preference_events_pb2
from crm.pipeline.v1 import lead_events_pb2, order_events_pb2
from kernel.projections import Delivered
from kernel.store import Transaction
from kernel.timers import Timer
from marketing.application.forms import FORGET_ATTEMPTS, Forms
from marketing.application.journeys import ENROL_SEGMENT, RESUME_RUN, Journeys
from marketing.application.mailings import QUEUE_MAILING, Mailings, Recipient
from marketing.domain.journey import ConditionKind, TriggerKind
from marketing.domain.journey_run import Signal
from marketing.domain.template import MessageChannel
from marketing.projections import audience, journeys

Tx = Transaction[Any]

_HEAR_LEAD_FORM = "hear_lead_form"
_LOOK_AGAIN_AFTER = timedelta(seconds=2)
_MOST_LOOKS = 30
_OLD_NEWS = timedelta(days=1)

_journeys = Journeys()
_mailings = Mailings()
_forms = Forms()


def is_old_news(delivered: Delivered) -> bool:
    """Entered long after it happened, as an import is: nobody should get a message for it.

    A simulated run has its own present: there, nothing is late.
    """
    told = delivered.metadata
    return not told.timeline_id and told.recorded_at - told.effective_at > _OLD_NEWS


def when_message_opened(delivered: Delivered, tx: Tx) -> None:
    opened = delivered.message
    assert isinstance(opened, message_events_pb2.MessageOpened)
    if opened.run_id:
        _journeys.tell(tx, UUID(opened.run_id), Signal(ConditionKind.OPENED, opened.step_id))


def when_message_clicked(delivered: Delivered, tx: Tx) -> None:
    clicked = delivered.message
    assert isinstance(clicked, message_events_pb2.MessageClicked)
    if clicked.run_id:
        signal = Signal(ConditionKind.CLICKED, clicked.step_id, clicked.link_tag)
        _journeys.tell(tx, UUID(clicked.run_id), signal)


def when_unsubscribed(delivered: Delivered, tx: Tx) -> None:
    left = delivered.message
    assert isinstance(left, preference_events_pb2.Unsubscribed)
    _journeys.leave_silenced(tx, UUID(left.recipient_id), MessageChannel(left.channel))


def when_form_submitted(delivered: Delivered, tx: Tx) -> None:
    submitted = delivered.message
    assert isinstance(submitted, form_events_pb2.FormSubmitted)
    if not is_old_news(delivered):
        who = Recipient(submission_id=UUID(submitted.submission_id))
        _journeys.let_in_by(tx, TriggerKind.FORM, UUID(submitted.form_id), who)


def when_order_confirmed(delivered: Delivered, tx: Tx) -> None:
    order = delivered.message
    assert isinstance(order, order_events_pb2.OrderConfirmed)
    if not order.customer_id or is_old_news(delivered):
        return
    customer_id = UUID(order.customer_id)
    products = tuple(sorted({line.product_id for line in order.lines if line.product_id}))
    submissions = audience.submissions_of_customer(tx.cursor, customer_id)
    for run_id in journeys.active_runs_of_customer(tx.cursor, customer_id, submissions):
        _journeys.tell(tx, run_id, Signal(ConditionKind.ORDERED, product_ids=products))
    there, contact_id = audience.primary_contact(tx.cursor, customer_id)
    if there:
        _journeys.let_in_by(tx, TriggerKind.ORDER, None, Recipient(customer_id, contact_id))


def when_lead_checked_against_customers(delivered: Delivered, tx: Tx) -> None:
    """A known customer sent a form: his runs hear of it once the lead's form is known here."""
    checked = delivered.message
    assert isinstance(checked, lead_events_pb2.LeadCheckedAgainstCustomers)
    customers = sorted({match.customer_id for match in checked.matches if match.customer_id})
    if customers and not is_old_news(delivered):
        payload = {"lead_id": checked.lead_id, "customer_ids": customers, "looks": 0}
        tx.set_timer(f"lead-form:{checked.lead_id}", _HEAR_LEAD_FORM, tx.effective_at, payload)


def when_lead_touched_again(delivered: Delivered, tx: Tx) -> None:
    """Somebody in a journey sent another form."""
    touched = delivered.message
    assert isinstance(touched, lead_events_pb2.LeadTouchedAgain)
    if not touched.submission_id or is_old_news(delivered):
        return
    form_id = audience.form_of_submission(tx.cursor, UUID(touched.submission_id))
    for run_id in journeys.active_runs_of_lead(tx.cursor, UUID(touched.lead_id)):
        _journeys.tell(tx, run_id, Signal(ConditionKind.FORM_FILLED, form_id=form_id))


REACTIONS: Mapping[type[Message], Callable[[Delivered, Tx], None]] = {
    message_events_pb2.MessageOpened: when_message_opened,
    message_events_pb2.MessageClicked: when_message_clicked,
    preference_events_pb2.Unsubscribed: when_unsubscribed,
    form_events_pb2.FormSubmitted: when_form_submitted,
    order_events_pb2.OrderConfirmed: when_order_confirmed,
    lead_events_pb2.LeadCheckedAgainstCustomers: when_lead_checked_against_customers,
    lead_events_pb2.LeadTouchedAgain: when_lead_touched_again,
}

# -- timers ------------------------------------------------------------------------


def resume_run(timer: Timer, tx: Tx) -> None:
    _journeys.resume(tx, UUID(timer.payload["run_id"]))


def enrol_segment(timer: Timer, tx: Tx) -> None:
    _journeys.enrol(tx, timer.payload)


def queue_mailing(timer: Timer, tx: Tx) -> None:
    _mailings.queue(tx, timer.payload)


def hear_lead_form(timer: Timer, tx: Tx) -> None:
    """Tell the customers' runs which form was sent; the view of leads may be a moment behind."""
    form_id = audience.form_of_lead(tx.cursor, UUID(timer.payload["lead_id"]))
    if form_id is None:
        looks = timer.payload["looks"] + 1
        if looks < _MOST_LOOKS:
            onwards = {**timer.payload, "looks": looks}
            tx.set_timer(timer.key, _HEAR_LEAD_FORM, tx.effective_at + _LOOK_AGAIN_AFTER, onwards)
        return
    for customer_id in timer.payload["customer_ids"]:
        for run_id in journeys.active_runs_of_customer(tx.cursor, UUID(customer_id), []):
            _journeys.tell(tx, run_id, Signal(ConditionKind.FORM_FILLED, form_id=form_id))


def forget_attempts(timer: Timer, tx: Tx) -> None:
    _forms.forget_attempts(tx, datetime.fromisoformat(timer.payload["before"]))


TIMERS: Mapping[str, Callable[[Timer, Tx], None]] = {
    RESUME_RUN: resume_run,
    ENROL_SEGMENT: enrol_segment,
    QUEUE_MAILING: queue_mailing,
    _HEAR_LEAD_FORM: hear_lead_form,
    FORGET_ATTEMPTS: forget_attempts,
}
