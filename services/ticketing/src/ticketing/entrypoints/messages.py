"""Rows and definitions as the messages that callers see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from crm.ticketing.v1 import ticketing_service_pb2 as pb
from ticketing.domain.business_time import SpecialDay, WorkingHours
from ticketing.domain.desk import CalendarDefined

M = TypeVar("M", bound=Message)


def text(value: UUID | None) -> str:
    return str(value) if value else ""


def stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value.astimezone(UTC))
    return message


def moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def from_definition(definition: Mapping[str, Any], into: M) -> M:
    """Fill a message from a definition's JSON; names are the same on both sides."""
    ParseDict({k: v for k, v in definition.items() if v is not None}, into, ignore_unknown_fields=True)
    return into


def calendar_of(definition: Mapping[str, Any]) -> CalendarDefined:
    """Return the calendar that a definition's JSON holds."""
    return CalendarDefined(
        UUID(definition["calendar_id"]),
        definition["version"],
        definition["name"],
        definition["timezone"],
        tuple(WorkingHours(**hours) for hours in definition["weekly"]),
        tuple(
            SpecialDay(date.fromisoformat(day["on"]), day["working"], day["name"]) for day in definition["special_days"]
        ),
        definition["made_up_as_weekday"],
    )


def ticket(
    row: Mapping[str, Any],
    clocks: Sequence[Mapping[str, Any]],
    now: datetime,
    survivors: Mapping[UUID, UUID] | None = None,
) -> pb.Ticket:
    customer_id = (survivors or {}).get(row["customer_id"], row["customer_id"])
    return pb.Ticket(
        ticket_id=str(row["ticket_id"]),
        version=row["version"],
        status=row["status"],
        customer_id=text(customer_id),
        contact_id=text(row["contact_id"]),
        channel=row["channel"],
        category=row["category"],
        priority=row["priority"],
        product_id=row["product_id"],
        subject=row["subject"],
        queue=row["queue"],
        assignee_id=text(row["assignee_id"]),
        complaint=row["complaint"],
        complaint_confirmed=row["confirmed"],
        cause_code=row["cause_code"],
        clocks=[clock(c) for c in clocks],
        opened_at=stamp(row["opened_at"]),
        first_response_at=stamp(row["first_response_at"]),
        resolved_at=stamp(row["resolved_at"]),
        closed_at=stamp(row["closed_at"]),
        times_resolved=row["times_resolved"],
        times_reopened=row["times_reopened"],
        age_s=max(int(((row["closed_at"] or now) - row["opened_at"]).total_seconds()), 0),
        escalation_level=row["escalation_level"],
        survey_score=row["survey_score"] or 0,
        external_ref=row["external_ref"],
        related_ticket_id=text(row["related_ticket_id"]),
        assignment_reason=row["assignment_reason"],
        import_id=row["import_id"],
        hand_overs=row["hand_overs"],
        overdue=row["next_due_at"] is not None and row["next_due_at"] < now,
        next_due_at=stamp(row["next_due_at"]),
    )


def clock(row: Mapping[str, Any]) -> pb.SlaClock:
    return pb.SlaClock(
        clock=row["clock"],
        due_at=stamp(row["due_at"]),
        paused=row["due_at"] is None and not row["stopped"],
        remaining_s=row["remaining_s"],
        warned=row["warned"],
        breached=row["breached"],
        stopped=row["stopped"],
        met=row["met"],
        target_s=row["target_s"],
    )


def survey(row: Mapping[str, Any]) -> pb.Survey:
    return pb.Survey(
        survey_id=str(row["survey_id"]),
        about=row["about"],
        ticket_id=text(row["ticket_id"]),
        opportunity_id=text(row["opportunity_id"]),
        customer_id=text(row["customer_id"]),
        contact_id=text(row["contact_id"]),
        assignee_id=text(row["assignee_id"]),
        sent_at=stamp(row["sent_at"]),
        answered_at=stamp(row["answered_at"]),
        score=row["score"],
        comment=row["comment"],
        low=row["low"],
        follow_up_ticket_id=text(row["follow_up_ticket_id"]),
    )
