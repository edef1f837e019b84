"""Every event of this service, in one union."""

from __future__ import annotations

from typing import get_args

from ticketing.domain import assignment, desk, survey, ticket_events

Event = ticket_events.Event | desk.Event | assignment.Event | survey.Event
EVENTS: tuple[type, ...] = (
    *get_args(ticket_events.Event),
    *get_args(desk.Event),
    assignment.AssignmentRulesDefined,
    *get_args(survey.Event),
)
