"""What people own on the desk, and how it changes hands when somebody leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import DomainError
from kernel.handover import Owned, Ownership, by_decision
from kernel.store import Transaction
from ticketing.application.tickets import Ticketing
from ticketing.domain import desk

_EVERYTHING = Caller("service", "ticketing", permissions=("*",), scope="all")


def ownership(ticketing: Ticketing) -> Ownership:
    """Return the kinds of record, open ones only. Clocks run on; the queue stays."""

    def assign(tx: Transaction[Any], ids: Sequence[UUID], _: UUID, to: UUID, reason: str) -> None:
        for ticket_id in ids:
            try:
                ticketing.assign_ticket(tx, _EVERYTHING, ticket_id, to, "", reason)
            except DomainError:
                continue  # counted as left

    open_of = "select ticket_id as id from tickets where assignee_id = %(person_id)s and status < 4"
    return Ownership(
        (
            Owned("tickets", open_of, assign),
            _definitions("queues", "queue", "definition ->> 'supervisor_id' = %(person_id)s::text"),
            _definitions(
                "agent_profiles",
                "agent",
                "key = %(person_id)s::text and (definition ->> 'available')::boolean",
            ),
            _definitions(
                "sla_policies",
                "policy",
                "definition -> 'escalation' @>"
                " jsonb_build_array(jsonb_build_object('to_person_id', %(person_id)s::text))",
            ),
            _definitions("survey_rules", "survey", "definition ->> 'supervisor_id' = %(person_id)s::text"),
        )
    )


def _definitions(kind: str, named: str, condition: str) -> Owned:
    """How the desk is set up, where it names somebody."""
    open_of = f"select stream as id from desk_definitions where kind = '{named}' and {condition}"
    return Owned(kind, open_of, by_decision(desk.evolve, lambda it, leaver, to, _: desk.without(it, leaver, to)))
