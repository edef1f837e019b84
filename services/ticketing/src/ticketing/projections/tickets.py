"""Tickets with their deadlines, steps and conversation: what lists, queues and the ticket's page show."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from kernel.text import grams
from kernel.vault import ERASED
from ticketing.domain import ticket_events as e
from ticketing.domain.vocabulary import Status

_STEPS: dict[type, str] = {
    e.TicketOpened: "opened",
    e.TicketAssigned: "assigned",
    e.TicketReprioritised: "prioritised",
    e.TicketResponded: "responded",
    e.TicketPutOnHold: "waiting",
    e.TicketResumed: "resumed",
    e.TicketHandedOver: "handed over",
    e.TicketEscalated: "escalated",
    e.TicketResolved: "resolved",
    e.TicketReopened: "reopened",
    e.TicketClosed: "closed",
    e.ComplaintConfirmed: "confirmed",
}
_WORKED_ON = f"case when assignee_id is null then {Status.NEW.value} else {Status.IN_PROGRESS.value} end"


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event, at, ticket_id = recorded.event, recorded.metadata.effective_at, recorded.stream
    if isinstance(event, e.TicketOpened):
        _opened(cursor, recorded, event)
    elif isinstance(event, _TICKET):
        changes, values = _changes(event, at)
        changes = ["version = %s", *changes]
        if isinstance(event, e.TicketImported):
            changes.append("imported_version = %s")
            values = [*values, recorded.version]
        cursor.execute(
            f"update tickets set {', '.join(changes)} where ticket_id = %s and version < %s",
            (recorded.version, *values, ticket_id, recorded.version),
            prepare=True,
        )
        if isinstance(event, _CLOCK):
            _clock(cursor, ticket_id, event)
    else:
        return
    _step(cursor, recorded)
    _entry(cursor, recorded)


def _opened(cursor: Cursor[DictRow], recorded: Recorded[Any], event: e.TicketOpened) -> None:
    subject = str(event.subject)
    cursor.execute(
        "insert into tickets (ticket_id, version, status, customer_id, contact_id, requester_id, channel,"
        " category, priority, product_id, subject, subject_grams, description, complaint, policy_id,"
        " opened_at, external_ref, related_ticket_id, import_id, attributes)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (ticket_id) do nothing",
        (
            event.ticket_id,
            recorded.version,
            Status.NEW.value,
            event.customer_id,
            event.contact_id,
            event.requester_id,
            event.channel.value,
            event.category,
            event.priority.value,
            event.product_id,
            subject,
            [] if event.subject is ERASED else grams(subject),
            str(event.description),
            event.complaint,
            event.policy_id,
            recorded.metadata.effective_at,
            event.external_ref,
            event.related_ticket_id,
            event.import_id,
            json.dumps(event.attributes, ensure_ascii=False),
        ),
        prepare=True,
    )


def _changes(event: Any, at: Any) -> tuple[list[str], list[Any]]:
    """Return what an event sets in the ticket's row."""
    match event:
        case e.TicketAssigned():
            status = f"status = case when status <= {Status.IN_PROGRESS.value} then %s::smallint else status end"
            to = Status.IN_PROGRESS if event.assignee_id else Status.NEW
            return (
                ["assignee_id = %s", "queue = %s", "assignment_reason = %s", status],
                [event.assignee_id, event.queue, event.reason, to.value],
            )
        case e.TicketReprioritised():
            return ["priority = %s"], [event.to_priority.value]
        case e.TicketRecategorised():
            return ["category = %s", "product_id = %s"], [event.to_category, event.product_id]
        case e.TicketRequesterIdentified():
            return ["customer_id = %s", "contact_id = %s"], [event.customer_id, event.contact_id]
        case e.TicketResponded():
            return ["first_response_at = coalesce(first_response_at, %s)"], [at]
        case e.TicketPutOnHold():
            return [f"status = {Status.WAITING.value}"], []
        case e.TicketResumed():
            return [f"status = {_WORKED_ON}"], []
        case e.TicketHandedOver():
            status = f"status = case when status = {Status.IN_PROGRESS.value} then {Status.NEW.value} else status end"
            return (
                ["queue = %s", "assignee_id = null", "hand_overs = hand_overs + 1", status],
                [event.to_queue],
            )
        case e.TicketEscalated():
            return ["escalation_level = %s"], [event.level]
        case e.RootCauseRecorded():
            return ["cause_code = %s"], [event.cause_code]
        case e.ComplaintConfirmed():
            return ["confirmed = true"], []
        case e.TicketResolved():
            return (
                [
                    f"status = {Status.RESOLVED.value}",
                    "resolved_at = %s",
                    "times_resolved = times_resolved + 1",
                ],
                [at],
            )
        case e.TicketReopened():
            return (
                [
                    f"status = {_WORKED_ON}",
                    "closed_at = null",
                    "confirmed = false",
                    "times_reopened = times_reopened + 1",
                    "escalation_level = 0",
                ],
                [],
            )
        case e.TicketClosed():
            return [f"status = {Status.CLOSED.value}", "closed_at = %s"], [at]
        case e.TicketWithdrawn():
            return [f"status = {Status.WITHDRAWN.value}", "next_due_at = null"], []
        case _:
            return [], []


def _clock(cursor: Cursor[DictRow], ticket_id: UUID, event: Any) -> None:
    key = (ticket_id, event.clock.value)
    match event:
        case e.SlaClockStarted():
            cursor.execute(
                "insert into ticket_clocks (ticket_id, clock, calendar_id, target_s, due_at)"
                " values (%s, %s, %s, %s, %s) on conflict (ticket_id, clock) do update"
                " set calendar_id = excluded.calendar_id, target_s = excluded.target_s,"
                " due_at = excluded.due_at, remaining_s = 0, warned = false, breached = false,"
                " stopped = false, met = false",
                (*key, event.calendar_id, event.target_s, event.due_at),
                prepare=True,
            )
        case e.SlaClockPaused():
            _set_clock(cursor, key, "due_at = null, remaining_s = %s", event.remaining_s)
        case e.SlaClockResumed():
            _set_clock(cursor, key, "due_at = %s, target_s = %s", event.due_at, event.target_s)
        case e.SlaClockStopped():
            _set_clock(cursor, key, "stopped = true, met = %s", event.met)
        case e.SlaWarned():
            _set_clock(cursor, key, "warned = true")
        case e.SlaBreached():
            _set_clock(cursor, key, "warned = true, breached = true")
        case e.SlaBreachWithdrawn():
            _set_clock(cursor, key, "breached = false")
    cursor.execute(
        "update tickets set next_due_at = (select min(due_at) from ticket_clocks"
        " where ticket_id = %s and not stopped) where ticket_id = %s",
        (ticket_id, ticket_id),
        prepare=True,
    )


def _set_clock(cursor: Cursor[DictRow], key: tuple[UUID, int], changes: str, *values: Any) -> None:
    cursor.execute(
        f"update ticket_clocks set {changes} where ticket_id = %s and clock = %s",
        (*values, *key),
        prepare=True,
    )


def _step(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event
    step = event.step if isinstance(event, e.TicketStepRecorded) else _STEPS.get(type(event))
    if step is None:
        return
    cursor.execute(
        "insert into ticket_steps (ticket_id, version, step, activity, status, assignee_id, queue,"
        " started_at, actor) select ticket_id, %s, %s, %s, status, assignee_id, queue, %s, %s"
        " from tickets where ticket_id = %s on conflict do nothing",
        (
            recorded.version,
            step,
            getattr(event, "activity", ""),
            recorded.metadata.effective_at,
            recorded.metadata.actor,
            recorded.stream,
        ),
        prepare=True,
    )


def _entry(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    said = _said(recorded.event)
    if said is None or not said[1]:
        return
    kind, text, channel = said
    cursor.execute(
        "insert into ticket_entries (ticket_id, version, kind, channel, text, written_at, actor)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (
            recorded.stream,
            recorded.version,
            kind,
            channel,
            str(text),
            recorded.metadata.effective_at,
            recorded.metadata.actor,
        ),
        prepare=True,
    )


def _said(event: Any) -> tuple[str, str, int] | None:
    match event:
        case e.TicketResponded():
            return "response", event.text, event.channel.value
        case e.CustomerReplied():
            return "reply", event.text, event.channel.value
        case e.TicketNoted():
            return "note", event.text, 0
        case e.TicketPutOnHold():
            return "hold", event.reason, 0
        case e.TicketHandedOver():
            return "hand-over", event.note, 0
        case e.RootCauseRecorded():
            return "cause", _together(event.cause, event.remedy), 0
        case e.ComplaintFollowedUp():
            return "follow-up", event.note, 0
        case e.TicketResolved():
            return "resolution", _together(event.cause, event.solution), 0
        case e.TicketReopened():
            return "reopening", event.reason, 0
        case _:
            return None


def _together(*texts: str) -> str:
    return ERASED if ERASED in texts else "\n".join(text for text in texts if text)


_CLOCK = (
    e.SlaClockStarted,
    e.SlaClockPaused,
    e.SlaClockResumed,
    e.SlaClockStopped,
    e.SlaWarned,
    e.SlaBreached,
    e.SlaBreachWithdrawn,
)
_TICKET = (
    *_STEPS,
    *_CLOCK,
    e.TicketRecategorised,
    e.TicketRequesterIdentified,
    e.CustomerReplied,
    e.TicketNoted,
    e.TicketStepRecorded,
    e.RootCauseRecorded,
    e.ComplaintFollowedUp,
    e.TicketImported,
    e.TicketWithdrawn,
)

VIEW = Inline("tickets", ("tickets", "ticket_clocks", "ticket_steps", "ticket_entries"), project)
