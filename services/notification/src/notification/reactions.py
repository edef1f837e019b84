"""Whenever something happened elsewhere, tell whoever should know; and let arranged messages go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.message import Message as ProtoMessage

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer
from crm.customer.v1.follow_up_events_pb2 import FollowUpDue
from crm.customer.v1.policy_events_pb2 import RetentionDue
from crm.pipeline.v1 import approval_events_pb2 as approvals
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned
from crm.pipeline.v1.order_events_pb2 import ReceivableOverdue
from crm.ticketing.v1 import survey_events_pb2 as surveys
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from kernel.money import Money as Amount
from kernel.projections import Delivered
from kernel.store import Transaction
from kernel.timers import Timer, TimerHandler
from notification.application import TELL_OF_RETENTION, Notice, Notification

_HISTORY = timedelta(days=1)

notification = Notification()


def when_lead_assigned(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = {"priority": "high"} if event.priority else {}
    _tell(delivered, tx, [event.owner_id], Notice("lead-assigned", "lead", event.lead_id, fields))


def when_follow_up_due(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = {"customer_id": event.customer_id, "due_at": _time(event.due_at.ToDatetime(tzinfo=UTC))}
    _tell(delivered, tx, [event.owner_id], Notice("follow-up-due", "follow-up", event.follow_up_id, fields))


def when_customer_neglected(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    level = customer.CustomerLevel.Name(event.level).removeprefix("CUSTOMER_LEVEL_")
    fields = {"level": level, "after_days": str(event.after_days)}
    _tell(delivered, tx, [event.owner_id], Notice("customer-neglected", "customer", event.customer_id, fields))


def when_customer_went_silent(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = {"after_months": str(event.after_months)}
    _tell(delivered, tx, [event.owner_id], Notice("customer-silent", "customer", event.customer_id, fields))


def when_approval_requested(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = _approval(event) | {"discount": f"{event.discount_basis_points / 100:g} %"}
    notice = Notice("approval-requested", "approval", event.approval_id, fields)
    _tell(delivered, tx, event.approver_ids, notice)


def when_approval_step_reached(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    notice = Notice("approval-requested", "approval", event.approval_id, _approval(event))
    _tell(delivered, tx, event.approver_ids, notice)


def when_approval_delegated(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    notice = Notice("approval-requested", "approval", event.approval_id, {"what": "quote"})
    _tell(delivered, tx, [event.to_person_id], notice)


def when_approval_granted(delivered: Delivered, tx: Transaction[Any]) -> None:
    _decided(delivered, tx, "approval-granted")


def when_approval_rejected(delivered: Delivered, tx: Transaction[Any]) -> None:
    _decided(delivered, tx, "approval-rejected")


def when_approval_returned(delivered: Delivered, tx: Transaction[Any]) -> None:
    _decided(delivered, tx, "approval-returned")


def when_sla_warned(delivered: Delivered, tx: Transaction[Any]) -> None:
    _deadline(delivered, tx, "sla-warned")


def when_sla_breached(delivered: Delivered, tx: Transaction[Any]) -> None:
    _deadline(delivered, tx, "sla-breached")


def when_ticket_escalated(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = {"level": str(event.level), "reason": event.reason}
    _tell(delivered, tx, [event.to_person_id], Notice("ticket-escalated", "ticket", event.ticket_id, fields))


def when_survey_sent(delivered: Delivered, tx: Transaction[Any]) -> None:
    """Ask the customer's contact. Of the past nobody outside is asked."""
    event: Any = delivered.message
    if not event.customer_id or _historic(delivered):
        return
    contact_id = UUID(event.contact_id or event.customer_id)
    notice = Notice("survey", "survey", event.survey_id)
    notification.tell_contact(tx, contact_id, UUID(event.customer_id), notice, delivered.metadata.event_id)


def when_survey_answered(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    if event.low:
        notice = Notice("survey-low", "ticket", event.follow_up_ticket_id, {"score": str(event.score)})
        _tell(delivered, tx, [event.supervisor_id], notice)


def when_receivable_overdue(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    fields = {
        "customer_id": event.customer_id,
        "amount": _amount(event.outstanding),
        "due_on": event.due_on,
    }
    _tell(delivered, tx, [event.owner_id], Notice("receivable-overdue", "order", event.order_id, fields))


def when_retention_due(delivered: Delivered, tx: Transaction[Any]) -> None:
    event: Any = delivered.message
    counts = {name: str(getattr(event, name)) for name in ("people", "leads", "requesters", "senders")}
    event_id = str(delivered.metadata.event_id)
    payload = {"cause": event_id, "look_id": event.look_id, "fields": counts, "historic": _historic(delivered)}
    tx.set_timer(f"{TELL_OF_RETENTION}/{event_id}", TELL_OF_RETENTION, tx.recorded_at, payload)


def release_message(timer: Timer, tx: Transaction[Any]) -> None:
    notification.release_message(tx, UUID(timer.payload["message_id"]), bool(timer.timeline_id))


def _tell(delivered: Delivered, tx: Transaction[Any], people: Iterable[str], notice: Notice) -> None:
    """Tell each person once; nobody when the event names nobody."""
    for person_id in sorted({person for person in people if person}):
        notification.tell(tx, UUID(person_id), notice, delivered.metadata.event_id, _historic(delivered))


def _historic(delivered: Delivered) -> bool:
    """Whether this tells of the past: entered late, imported or simulated."""
    metadata = delivered.metadata
    return bool(metadata.timeline_id) or metadata.recorded_at - metadata.effective_at > _HISTORY


def _decided(delivered: Delivered, tx: Transaction[Any], kind: str) -> None:
    event: Any = delivered.message
    _tell(delivered, tx, [event.requested_by], Notice(kind, "approval", event.approval_id, _approval(event)))


def _deadline(delivered: Delivered, tx: Transaction[Any], kind: str) -> None:
    event: Any = delivered.message
    clock = tickets.Clock.Name(event.clock).removeprefix("CLOCK_").lower().replace("_", " ")
    fields = {"clock": clock, "due_at": _time(event.due_at.ToDatetime(tzinfo=UTC))}
    people = [event.assignee_id or event.supervisor_id]
    _tell(delivered, tx, people, Notice(kind, "ticket", event.ticket_id, fields))


def _approval(event: Any) -> dict[str, str]:
    what = approvals.SubjectKind.Name(event.subject_kind).removeprefix("SUBJECT_KIND_").lower()
    return {"what": what, "record_id": event.subject_id}


def _amount(money: Money) -> str:
    return str(Amount(money.minor_units, money.currency_code))


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


REACTIONS: Mapping[type[ProtoMessage], Callable[..., None]] = {
    LeadAssigned: when_lead_assigned,
    FollowUpDue: when_follow_up_due,
    customer.CustomerNeglected: when_customer_neglected,
    customer.CustomerWentSilent: when_customer_went_silent,
    approvals.ApprovalRequested: when_approval_requested,
    approvals.ApprovalStepReached: when_approval_step_reached,
    approvals.ApprovalDelegated: when_approval_delegated,
    approvals.ApprovalGranted: when_approval_granted,
    approvals.ApprovalRejected: when_approval_rejected,
    approvals.ApprovalReturned: when_approval_returned,
    tickets.SlaWarned: when_sla_warned,
    tickets.SlaBreached: when_sla_breached,
    tickets.TicketEscalated: when_ticket_escalated,
    surveys.SurveySent: when_survey_sent,
    surveys.SurveyAnswered: when_survey_answered,
    ReceivableOverdue: when_receivable_overdue,
    RetentionDue: when_retention_due,
}
TIMERS: Mapping[str, TimerHandler] = {"release_message": release_message}
