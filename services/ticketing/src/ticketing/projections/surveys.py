"""Surveys and what customers answered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from kernel.vault import ERASED
from ticketing.domain.survey import SurveyAnswered, SurveySent


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case SurveySent() as sent:
            # Without its key a token opens nothing; what stands here is unique and not guessable either.
            token = f"erased:{sent.survey_id}" if sent.token is ERASED else sent.token
            cursor.execute(
                "insert into surveys (survey_id, about, ticket_id, opportunity_id, customer_id, contact_id,"
                " assignee_id, token, sent_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict do nothing",
                (
                    sent.survey_id,
                    sent.about.value,
                    sent.ticket_id,
                    sent.opportunity_id,
                    sent.customer_id,
                    sent.contact_id,
                    sent.assignee_id,
                    token,
                    recorded.metadata.effective_at,
                ),
            )
        case SurveyAnswered() as answered:
            cursor.execute(
                "update surveys set answered_at = %s, score = %s, comment = %s, low = %s,"
                " follow_up_ticket_id = %s where survey_id = %s",
                (
                    recorded.metadata.effective_at,
                    answered.score,
                    str(answered.comment),
                    answered.low,
                    answered.follow_up_ticket_id,
                    answered.survey_id,
                ),
            )


VIEW = Inline("surveys", ("surveys",), project)


def by_token(cursor: Cursor[DictRow], token: str) -> DictRow | None:
    """Return the survey that a token opens."""
    if token.startswith("erased:"):
        return None
    return cursor.execute("select * from surveys where token = %s", (token,)).fetchone()


def token_of(cursor: Cursor[DictRow], survey_id: UUID) -> str | None:
    row = cursor.execute("select token from surveys where survey_id = %s", (survey_id,)).fetchone()
    return None if row is None or row["token"].startswith("erased:") else row["token"]


def page(
    cursor: Cursor[DictRow],
    wanted: Page,
    scope: tuple[str, list[Any]],
    ticket_id: UUID | None = None,
    customer_ids: list[UUID] | None = None,
    answered: bool = False,
    low: bool = False,
) -> list[DictRow]:
    """Return surveys, newest first, one more than a page holds."""
    where, values = [scope[0]], list(scope[1])
    if ticket_id:
        where.append("ticket_id = %s")
        values.append(ticket_id)
    if customer_ids:
        where.append("customer_id = any(%s)")
        values.append(customer_ids)
    if answered or low:
        where.append("answered_at is not null")
    if low:
        where.append("low")
    if wanted.after:
        where.append("(sent_at, survey_id) < (%s::timestamptz, %s::uuid)")
        values += wanted.after[:2]
    return cursor.execute(
        f"select * from surveys where {' and '.join(where)} order by sent_at desc, survey_id desc limit %s",
        (*values, wanted.limit + 1),
    ).fetchall()
