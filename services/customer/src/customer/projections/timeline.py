"""The timeline: what happened with a customer, latest first, absorbed customers' included."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.pipeline.v1 import opportunity_events_pb2 as opportunities
from crm.pipeline.v1 import order_events_pb2 as orders
from crm.ticketing.v1 import ticket_events_pb2 as tickets
from customer.domain.activity import ActivityLogged, ActivityRetracted
from customer.domain.customer import (
    ConsentGiven,
    ConsentWithdrawn,
    ContactAdded,
    ContactRemoved,
    ContactRevised,
    CustomerAbsorbed,
    CustomerArchived,
    CustomerNeglected,
    CustomerRegistered,
    CustomerReleased,
    CustomerRestored,
    CustomerRevised,
    CustomersMerged,
    CustomerStatusChanged,
    CustomersUnmerged,
    CustomerWentSilent,
    LevelChanged,
    OwnerChanged,
    PrimaryContactChanged,
    TagsChanged,
)
from customer.domain.follow_up import (
    FollowUpCancelled,
    FollowUpDone,
    FollowUpDue,
    FollowUpHandedOver,
    FollowUpMoved,
    FollowUpPlanned,
)
from customer.domain.profile import PERSONAL, touched
from customer.projections.families import members
from kernel.projections import Delivered, Eventual, Inline
from kernel.request import Page
from kernel.store import Metadata, Recorded

_EVENT_PACKAGE = "crm.customer.v1"
_INSERT = (
    "insert into {table} (event_id, customer_id, type, kind, effective_at, recorded_at, actor, event_type,"
    " subject_id, title, content, details, attachments)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (event_id) do nothing"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an event adds to the timeline."""

    type: str
    title: str = ""
    kind: str = ""
    content: str = ""
    subject_id: UUID | None = None
    details: Mapping[str, str] | None = None
    attachments: Sequence[Mapping[str, Any]] = ()
    at: datetime | None = None


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Write down what the event adds; a retracted activity disappears."""
    event = recorded.event
    if isinstance(event, ActivityRetracted):
        cursor.execute("delete from timeline where subject_id = %s and type = 'activity'", (event.activity_id,))
        return
    entry = _entry(event)
    if entry is None:
        return
    name = f"{_EVENT_PACKAGE}.{type(event).__name__}"
    cursor.execute(_INSERT.format(table="timeline"), _values(recorded.metadata, event.customer_id, name, entry))


TIMELINE = Inline("timeline", ("timeline",), project)


def project_elsewhere(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    """Write down what happened to the customer in other contexts, without its personal text."""
    rows = []
    for delivered in batch:
        message: Any = delivered.message
        entry = _entry_elsewhere(message)
        customer_id = getattr(message, "customer_id", "")
        if entry is not None and customer_id:
            rows.append(_values(delivered.metadata, UUID(customer_id), delivered.type, entry))
    if rows:
        cursor.executemany(_INSERT.format(table="timeline_elsewhere"), rows)


TIMELINE_ELSEWHERE = Eventual(
    "timeline_elsewhere", ("timeline_elsewhere",), ("pipeline", "ticketing"), project_elsewhere
)


def _values(metadata: Metadata, customer_id: UUID, event_type: str, entry: Entry) -> tuple[Any, ...]:
    return (
        metadata.event_id,
        customer_id,
        entry.type,
        entry.kind,
        entry.at or metadata.effective_at,
        metadata.recorded_at,
        metadata.actor,
        event_type,
        entry.subject_id,
        entry.title,
        entry.content,
        json.dumps(dict(entry.details or {}), ensure_ascii=False),
        json.dumps(list(entry.attachments), ensure_ascii=False),
    )


def _entry(event: Any) -> Entry | None:
    match event:
        case CustomerRegistered():
            return Entry("registered", "Registered", details={"source": event.source})
        case CustomerRevised(changes=changes):
            return Entry("revised", "Changed " + ", ".join(touched(changes)), details=_shown(changes))
        case CustomerArchived(reason=reason):
            return Entry("status", "Archived", content=reason)
        case CustomerRestored(reason=reason):
            return Entry("status", "Restored", content=reason)
        case CustomerStatusChanged():
            was, now = event.from_status.name.lower(), event.to_status.name.lower()
            return Entry("status", f"{was} → {now}", now, event.reason, event.caused_by_id, {"from": was, "to": now})
        case OwnerChanged():
            return Entry(
                "owner",
                "Owner changed",
                content=event.reason,
                details={"from": str(event.from_owner_id or ""), "to": str(event.to_owner_id)},
            )
        case LevelChanged():
            was, now = event.from_level.name, event.to_level.name
            return Entry(
                "level",
                f"Level {was} → {now}",
                content=event.reason,
                details={
                    "from": was,
                    "to": now,
                    "rule_id": event.rule_id,
                    "rule_set_version": str(event.rule_set_version),
                },
            )
        case TagsChanged():
            told = [f"+{tag}" for tag in event.added] + [f"-{tag}" for tag in event.removed]
            return Entry("tags", " ".join(told))
        case ContactAdded(contact_id=contact_id, name=name):
            return Entry("contact", f"Contact added: {name}", "added", subject_id=contact_id)
        case ContactRevised(contact_id=contact_id, name=name):
            return Entry("contact", f"Contact changed: {name}", "revised", subject_id=contact_id)
        case PrimaryContactChanged(contact_id=contact_id):
            return Entry("contact", "Primary contact changed", "primary", subject_id=contact_id)
        case ContactRemoved(contact_id=contact_id, reason=reason):
            return Entry("contact", "Contact removed", "removed", reason, contact_id)
        case CustomersMerged(absorbed_id=absorbed_id):
            return Entry("merge", "Merged with another customer", "merged", subject_id=absorbed_id)
        case CustomersUnmerged(absorbed_id=absorbed_id, reason=reason):
            return Entry("merge", "Un-merged", "unmerged", reason, absorbed_id)
        case CustomerAbsorbed(survivor_id=survivor_id):
            return Entry("merge", "Merged into another customer", "absorbed", subject_id=survivor_id)
        case CustomerReleased(survivor_id=survivor_id):
            return Entry("merge", "Stands alone again", "released", subject_id=survivor_id)
        case CustomerWentSilent(after_months=months):
            return Entry("status", f"No order for {months} months", "went_silent")
        case CustomerNeglected(after_days=days):
            return Entry("neglected", f"No contact for {days} days")
        case ConsentGiven() | ConsentWithdrawn():
            kind = "given" if isinstance(event, ConsentGiven) else "withdrawn"
            return Entry(
                "consent",
                f"Consent {kind}: {event.channel} for {event.purpose}",
                kind,
                event.source,
                event.contact_id,
            )
        case ActivityLogged():
            kind = event.kind.name.lower()
            return Entry(
                "activity",
                kind.capitalize(),
                kind,
                event.content,
                event.activity_id,
                {
                    "result": event.result,
                    "outcome": event.outcome.name.lower(),
                    "contact_id": str(event.contact_id or ""),
                    "owner_id": str(event.owner_id or ""),
                    "follow_up_id": str(event.follow_up_id or ""),
                    "import_id": event.import_id,
                },
                [{f.name: getattr(a, f.name) for f in fields(a)} for a in event.attachments],
                event.happened_at,
            )
        case FollowUpPlanned():
            return Entry(
                "follow_up",
                "Follow-up planned",
                "planned",
                event.subject,
                event.follow_up_id,
                {"due_at": event.due_at.isoformat(), "owner_id": str(event.owner_id or "")},
            )
        case FollowUpMoved():
            return Entry(
                "follow_up",
                "Follow-up moved",
                "moved",
                subject_id=event.follow_up_id,
                details={"from": event.from_due_at.isoformat(), "to": event.to_due_at.isoformat()},
            )
        case FollowUpDue(suggested_content=content, follow_up_id=follow_up_id):
            return Entry("follow_up", "Follow-up due", "due", content, follow_up_id)
        case FollowUpHandedOver(follow_up_id=follow_up_id):
            return Entry("follow_up", "Follow-up handed over", "handed_over", subject_id=follow_up_id)
        case FollowUpDone(follow_up_id=follow_up_id):
            return Entry("follow_up", "Follow-up done", "done", subject_id=follow_up_id)
        case FollowUpCancelled(follow_up_id=follow_up_id, reason=reason):
            return Entry("follow_up", "Follow-up called off", "cancelled", reason, follow_up_id)
        case _:
            return None


def _entry_elsewhere(message: Any) -> Entry | None:
    match message:
        case orders.OrderConfirmed():
            total = f"{message.total.minor_units} {message.total.currency_code}"
            return Entry("order", "Order confirmed", "confirmed", "", UUID(message.order_id), {"total_minor": total})
        case orders.OrderCancelled():
            return Entry("order", "Order cancelled", "cancelled", "", UUID(message.order_id))
        case orders.OrderShipped():
            return Entry("order", "Order shipped", "shipped", "", UUID(message.order_id))
        case orders.PaymentReceived():
            amount = f"{message.amount.minor_units} {message.amount.currency_code}"
            return Entry("payment", "Payment received", "", "", UUID(message.order_id), {"amount_minor": amount})
        case opportunities.OpportunityOpened():
            return Entry("opportunity", "Opportunity opened", "opened", "", UUID(message.opportunity_id))
        case opportunities.OpportunityWon():
            return Entry("opportunity", "Opportunity won", "won", "", UUID(message.opportunity_id))
        case tickets.TicketOpened():
            return Entry("ticket", "Ticket opened", "opened", "", UUID(message.ticket_id))
        case tickets.TicketResolved():
            return Entry("ticket", "Ticket resolved", "resolved", "", UUID(message.ticket_id))
        case _:
            return None


def _shown(changes: Any) -> dict[str, str]:
    return {name: str(getattr(changes, name)) for name in touched(changes) if name not in PERSONAL}


def entries(
    cursor: Cursor[DictRow],
    customer_id: UUID,
    types: Sequence[str],
    actor: str,
    since: datetime | None,
    until: datetime | None,
    page: Page,
) -> list[DictRow]:
    """Return one row more than the page holds, latest first; `customer_id` is the survivor's."""
    conditions = ["t.customer_id = any(%s)"]
    values: list[Any] = [members(cursor, customer_id)]
    if types:
        conditions.append("(t.type = any(%s) or t.kind = any(%s))")
        values += [list(types), list(types)]
    if actor:
        conditions.append("t.actor = %s")
        values.append(actor)
    if since is not None:
        conditions.append("t.effective_at >= %s")
        values.append(since)
    if until is not None:
        conditions.append("t.effective_at < %s")
        values.append(until)
    if page.after:
        conditions.append("(t.effective_at, t.event_id) < (%s::timestamptz, %s::uuid)")
        values += list(page.after)
    where = " and ".join(conditions)
    part = "(select * from {table} t where {where} order by t.effective_at desc, t.event_id desc limit %s)"
    return cursor.execute(
        f"{part.format(table='timeline', where=where)} union all"
        f" {part.format(table='timeline_elsewhere', where=where)}"
        " order by effective_at desc, event_id desc limit %s",
        [*values, page.limit + 1, *values, page.limit + 1, page.limit + 1],
    ).fetchall()


def attached_file(cursor: Cursor[DictRow], customer_id: UUID, sha256: str) -> DictRow | None:
    """Return a stored file that is attached to something done with the customer or one it absorbed."""
    return cursor.execute(
        "select f.* from files f where f.sha256 = %s and exists (select from timeline t"
        " where t.customer_id = any(%s) and t.type = 'activity'"
        " and t.attachments @> jsonb_build_array(jsonb_build_object('sha256', f.sha256)))",
        (sha256, members(cursor, customer_id)),
    ).fetchone()
