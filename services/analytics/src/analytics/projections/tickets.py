"""Tickets, and what customers answered when asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, given, kinds, last, moment
from crm.ticketing.v1 import survey_events_pb2 as survey
from crm.ticketing.v1 import ticket_events_pb2 as pb
from kernel.projections import Delivered, Eventual

OPENED, ASSIGNED, RESPONDED, RESOLVED, REOPENED, CLOSED, BREACHED, FORGIVEN, WITHDRAWN = range(1, 10)

TICKETS = Folded(
    facts="ticket_moves",
    card="tickets",
    key="ticket_id",
    columns={
        "customer_id": "uuid",
        "assignee_id": "uuid",
        "category": "text",
        "queue": "text",
        "complaint": "bool",
    },
    fold={
        "opened_at": f"min(effective_at) filter (where {kinds(OPENED)})",
        "responded_at": f"min(effective_at) filter (where {kinds(RESPONDED)})",
        "resolved_at": last(
            f"case when {kinds(REOPENED)} then null else effective_at end",
            kinds(RESOLVED, REOPENED, CLOSED),
        ),
        "resolutions": f"count(*) filter (where {kinds(RESOLVED)})",
        "breaches": f"count(*) filter (where {kinds(BREACHED)}) - count(*) filter (where {kinds(FORGIVEN)})",
        "removed": f"bool_or({kinds(WITHDRAWN)})",
        "customer_id": last("customer_id"),
        "assignee_id": last("assignee_id"),
        "category": last("category"),
        "queue": last("queue"),
        "complaint": "coalesce(bool_or(complaint), false)",
        "closed_at": moment(CLOSED),
    },
    begins=kinds(OPENED),
)

_READERS = Readers(
    {
        pb.TicketOpened: lambda m: {
            "kind": OPENED,
            "customer_id": given(m.customer_id),
            "category": given(m.category),
            "complaint": m.complaint,
        },
        pb.TicketAssigned: lambda m: {
            "kind": ASSIGNED,
            "assignee_id": given(m.assignee_id),
            "queue": given(m.queue),
        },
        pb.TicketRequesterIdentified: lambda m: {
            "kind": ASSIGNED,
            "customer_id": given(m.customer_id),
        },
        pb.TicketResponded: lambda _: {"kind": RESPONDED},
        pb.TicketResolved: lambda _: {"kind": RESOLVED},
        pb.TicketReopened: lambda _: {"kind": REOPENED},
        pb.TicketClosed: lambda _: {"kind": CLOSED},
        pb.SlaBreached: lambda _: {"kind": BREACHED},
        pb.SlaBreachWithdrawn: lambda _: {"kind": FORGIVEN},
        pb.TicketWithdrawn: lambda _: {"kind": WITHDRAWN},
    }
)
_ANSWERED = survey.SurveyAnswered.DESCRIPTOR.full_name


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    TICKETS.write(cursor, _READERS.rows(events))
    answers: list[tuple[Any, ...]] = []
    for event in events:
        if event.type == _ANSWERED:
            answer: Any = event.message
            answers.append(
                (
                    event.stream,
                    event.version,
                    given(answer.ticket_id),
                    given(answer.customer_id),
                    given(answer.assignee_id),
                    answer.score,
                    event.metadata.effective_at,
                    event.metadata.recorded_at,
                )
            )
    if answers:
        cursor.executemany(
            "insert into survey_answers (survey_id, version, ticket_id, customer_id, assignee_id,"
            " score, answered_at, recorded_at) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict do nothing",
            answers,
        )


VIEW = Eventual("tickets", ("ticket_moves", "tickets", "survey_answers"), ("ticketing",), project)
