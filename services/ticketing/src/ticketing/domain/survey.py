"""A satisfaction survey: asked once, answered once. A low score calls for somebody to look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from ticketing.domain.vocabulary import SurveySubject


@dataclass(frozen=True, slots=True)
class SurveySent:
    survey_id: UUID
    about: SurveySubject
    ticket_id: UUID | None
    opportunity_id: UUID | None
    customer_id: UUID | None
    contact_id: UUID | None
    requester_id: UUID
    assignee_id: UUID | None
    supervisor_id: UUID | None
    queue: str
    token: str  # personal: it opens the survey's page
    low_up_to: int


@dataclass(frozen=True, slots=True)
class SurveyAnswered:
    survey_id: UUID
    ticket_id: UUID | None
    opportunity_id: UUID | None
    customer_id: UUID | None
    requester_id: UUID
    score: int
    comment: str  # personal
    low: bool
    assignee_id: UUID | None
    supervisor_id: UUID | None
    follow_up_ticket_id: UUID | None


Event = SurveySent | SurveyAnswered


class AnsweredAlready(DomainError):
    """A survey takes one answer."""


@dataclass(frozen=True, slots=True)
class Survey:
    sent: SurveySent
    answered: bool = False

    def answer(self, score: int, comment: str, follow_up_ticket_id: UUID) -> list[Event]:
        if not 1 <= score <= 5:
            raise InvalidArgument("score", "is from 1 to 5")
        if self.answered:
            raise AnsweredAlready("this survey was answered already; thank you")
        low = score <= self.sent.low_up_to
        return [
            SurveyAnswered(
                self.sent.survey_id,
                self.sent.ticket_id,
                self.sent.opportunity_id,
                self.sent.customer_id,
                self.sent.requester_id,
                score,
                comment,
                low,
                self.sent.assignee_id,
                self.sent.supervisor_id,
                follow_up_ticket_id if low else None,
            )
        ]


def evolve(survey: Survey | None, event: Event) -> Survey:
    """Fold one event into the state. Never refuses history."""
    if isinstance(event, SurveySent):
        return Survey(event)
    assert survey is not None, f"history must begin with SurveySent, not {type(event).__name__}"
    match event:
        case SurveyAnswered():
            return replace(survey, answered=True)
        case _:
            assert_never(event)
