"""Asking customers how it went, and seeing to it when it did not go well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from kernel.errors import NotFound
from kernel.ids import derived_id
from kernel.store import Transaction
from ticketing.application import desk
from ticketing.application.tickets import FOLLOW_UP_CATEGORY, Ticketing
from ticketing.domain import survey
from ticketing.domain import ticket as tickets
from ticketing.domain.assignment import Choice, within
from ticketing.domain.survey import SurveyAnswered, SurveySent
from ticketing.domain.ticket_events import TicketOpened
from ticketing.domain.vocabulary import Channel, Priority, Status, SurveySubject
from ticketing.projections import surveys as view


class Surveys:
    def __init__(self, ticketing: Ticketing) -> None:
        self._ticketing = ticketing

    def arrange_after_deal(self, tx: Transaction[Any], opportunity_id: UUID, customer_id: UUID) -> None:
        """Have the customer of a won deal asked, if the rules say so."""
        rules = desk.survey_rules_of(tx)
        if rules.after_deals:
            tx.set_timer(
                f"deal/{opportunity_id}/survey",
                "send_survey",
                tx.effective_at + timedelta(seconds=rules.after_s),
                {
                    "survey_id": str(derived_id(opportunity_id, "survey")),
                    "opportunity_id": str(opportunity_id),
                    "customer_id": str(customer_id),
                },
            )

    def send_after_ticket(self, tx: Transaction[Any], survey_id: UUID, ticket_id: UUID, token: str) -> None:
        """Ask about a closed ticket; nothing if it is worked on again, or was asked about."""
        ticket = tx.load(ticket_id, tickets.evolve).state
        if ticket is None or ticket.status != Status.CLOSED or tx.history(survey_id):
            return
        rules = desk.survey_rules_of(tx)
        sent = SurveySent(
            survey_id,
            SurveySubject.TICKET,
            ticket_id,
            None,
            ticket.customer_id,
            ticket.contact_id,
            ticket.requester_id,
            ticket.assignee_id,
            desk.supervisor_of(tx, ticket.queue) or rules.supervisor_id,
            ticket.queue,
            token,
            rules.low_up_to,
        )
        tx.append(survey_id, 0, [sent])

    def send_after_deal(
        self, tx: Transaction[Any], survey_id: UUID, opportunity_id: UUID, customer_id: UUID, token: str
    ) -> None:
        """Ask about a won deal; nothing if it was asked about."""
        if tx.history(survey_id):
            return
        rules = desk.survey_rules_of(tx)
        sent = SurveySent(
            survey_id,
            SurveySubject.DEAL,
            None,
            opportunity_id,
            customer_id,
            None,
            customer_id,
            None,
            rules.supervisor_id,
            "",
            token,
            rules.low_up_to,
        )
        tx.append(survey_id, 0, [sent])

    def answer_survey(self, tx: Transaction[Any], token: str, score: int, comment: str) -> None:
        """Take the answer; a low one opens a ticket for the supervisor in the same transaction."""
        row = view.by_token(tx.cursor, token)
        if row is None:
            raise NotFound("this survey does not exist")
        survey_id: UUID = row["survey_id"]
        loaded = tx.load(survey_id, survey.evolve)
        assert loaded.state is not None, f"survey {survey_id} is in a view and not in the log"
        follow_up_id = derived_id(survey_id, "follow-up")
        events = loaded.state.answer(score, comment, follow_up_id)
        tx.append(survey_id, loaded.version, events)
        for event in events:
            if isinstance(event, SurveyAnswered) and event.low:
                self._follow_up(tx, loaded.state.sent, event)

    def _follow_up(self, tx: Transaction[Any], sent: SurveySent, answered: SurveyAnswered) -> None:
        assert answered.follow_up_ticket_id is not None
        opened = TicketOpened(
            answered.follow_up_ticket_id,
            sent.customer_id,
            sent.contact_id,
            sent.requester_id,
            Channel.INTERNAL,
            FOLLOW_UP_CATEGORY,
            Priority.HIGH,
            "",
            f"Score {answered.score} of 5: find out why",
            answered.comment,
            False,
            f"survey:{sent.survey_id}",
            None,
            "",
            "",
            sent.ticket_id,
            {},
        )
        queue = sent.queue or "general"
        if sent.supervisor_id is not None:
            choice = Choice(sent.supervisor_id, queue, f"score {answered.score}: the supervisor looks into it")
        else:
            choice = within(queue, desk.agents_of(tx))
        self._ticketing.open_ticket(tx, opened, choice)
