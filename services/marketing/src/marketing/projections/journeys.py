"""Journeys, the runs through them, and how many people are at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from crm.marketing.v1 import journey_events_pb2
from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.contracts import as_json, condition_message, step_message
from marketing.domain.journey import (
    JourneyActivated,
    JourneyDefined,
    JourneyHandedOver,
    JourneyPaused,
    JourneyRevised,
    TriggerKind,
)
from marketing.domain.journey_run import (
    JourneyEntered,
    JourneyLeft,
    JourneyStepAwaited,
    JourneyStepTaken,
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    at, version = recorded.metadata.effective_at, recorded.version
    match recorded.event:
        case JourneyDefined() as it:
            cursor.execute(
                "insert into journeys (journey_id, name, campaign_id, owner_id, trigger_kind, trigger_ref,"
                " definition, journey_version, version) values (%s, %s, %s, %s, %s, %s, %s, 1, %s)",
                (
                    it.journey_id,
                    it.name,
                    it.campaign_id,
                    it.owner_id,
                    int(it.trigger),
                    it.trigger_ref,
                    _definition(it),
                    version,
                ),
            )
        case JourneyRevised() as it:
            cursor.execute(
                "update journeys set name = %s, campaign_id = %s, trigger_kind = %s, trigger_ref = %s,"
                " definition = %s, journey_version = %s, version = %s where journey_id = %s",
                (
                    it.name,
                    it.campaign_id,
                    int(it.trigger),
                    it.trigger_ref,
                    _definition(it),
                    it.journey_version,
                    version,
                    it.journey_id,
                ),
            )
        case JourneyActivated(journey_id=journey_id):
            _set_state(cursor, journey_id, "active", version)
        case JourneyHandedOver() as it:
            cursor.execute(
                "update journeys set owner_id = %s, version = %s where journey_id = %s",
                (it.to_owner_id, recorded.version, it.journey_id),
            )
        case JourneyPaused(journey_id=journey_id):
            _set_state(cursor, journey_id, "paused", version)
        case JourneyEntered() as it:
            cursor.execute(
                "insert into journey_runs (run_id, journey_id, journey_version, customer_id, contact_id,"
                " submission_id, recipient_id, owner_id, entered_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.run_id,
                    it.journey_id,
                    it.journey_version,
                    it.customer_id,
                    it.contact_id,
                    it.submission_id,
                    it.contact_id or it.submission_id or it.customer_id,
                    it.owner_id,
                    it.entered_at,
                ),
            )
        case JourneyStepAwaited() as it:
            cursor.execute(
                "update journey_runs set current_step_id = %s, waiting_until = %s where run_id = %s",
                (it.step_id, it.until, it.run_id),
            )
        case JourneyStepTaken() as it:
            cursor.execute(
                "insert into journey_steps (run_id, step_id, journey_id, kind, answer, send_id, coupon_id,"
                " taken_at, version) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.run_id,
                    it.step_id,
                    it.journey_id,
                    int(it.kind),
                    it.answer,
                    it.send_id,
                    it.coupon_id,
                    at,
                    version,
                ),
            )
            cursor.execute(
                "update journey_runs set current_step_id = %s, waiting_until = null where run_id = %s",
                (it.next_step_id, it.run_id),
            )
        case JourneyLeft() as it:
            cursor.execute(
                "update journey_runs set state = 'left', reason = %s, current_step_id = '',"
                " waiting_until = null, left_at = %s where run_id = %s",
                (int(it.reason), at, it.run_id),
            )


def _definition(it: JourneyDefined | JourneyRevised) -> Jsonb:
    """Kept as the message that says the same: only what a journey is, not who or when."""
    return as_json(
        journey_events_pb2.JourneyRevised(
            reentry=it.reentry,
            steps=[step_message(step) for step in it.steps],
            goal=condition_message(it.goal) if it.goal else None,
        )
    )


def _set_state(cursor: Cursor[DictRow], journey_id: UUID, state: str, version: int) -> None:
    cursor.execute("update journeys set state = %s, version = %s where journey_id = %s", (state, version, journey_id))


VIEW = Inline("journeys", ("journeys", "journey_runs", "journey_steps"), project)

# -- questions -----------------------------------------------------------------


def one(cursor: Cursor[DictRow], caller: Caller, journey_id: UUID) -> DictRow | None:
    """The journey, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(f"select * from journeys where journey_id = %s and {scope}", (journey_id, *values)).fetchone()


def page(cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any]) -> list[DictRow]:
    """Journeys the caller may see, by name, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (name, journey_id) > (%s, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from journeys where {scope} {onwards} order by name, journey_id limit %s",
        (*values, *after, limit + 1),
    ).fetchall()


def active_for(cursor: Cursor[DictRow], trigger: TriggerKind, ref: UUID | None) -> list[UUID]:
    """The active journeys that something lets people into; `ref` None means any."""
    rows = cursor.execute(
        "select journey_id from journeys where state = 'active' and trigger_kind = %s"
        " and (%s::uuid is null or trigger_ref = %s) order by journey_id",
        (int(trigger), ref, ref),
    ).fetchall()
    return [row["journey_id"] for row in rows]


def is_in(cursor: Cursor[DictRow], journey_id: UUID, recipient_id: UUID) -> bool:
    """Whether the person is in the journey now."""
    row = cursor.execute(
        "select from journey_runs where journey_id = %s and recipient_id = %s and state = 'active' limit 1",
        (journey_id, recipient_id),
    ).fetchone()
    return row is not None


def run_counts(cursor: Cursor[DictRow], journey_id: UUID) -> DictRow:
    """How many runs of the journey began, are under way, and ended in which way."""
    row = cursor.execute(
        "select count(*) as entered, count(*) filter (where state = 'active') as active,"
        " count(*) filter (where reason = 1) as finished,"
        " count(*) filter (where reason = 2) as goal_reached,"
        " count(*) filter (where reason in (3, 4)) as left_early from journey_runs where journey_id = %s",
        (journey_id,),
    ).fetchone()
    assert row is not None
    return row


def step_counts(cursor: Cursor[DictRow], journey_id: UUID) -> dict[str, DictRow]:
    """How many runs took each step, said yes there, and wait there now."""
    rows = cursor.execute(
        "select step_id, sum(taken) as taken, sum(answered_yes) as answered_yes, sum(waiting) as waiting from ("
        " select step_id, count(*) as taken, count(*) filter (where answer) as answered_yes, 0 as waiting"
        " from journey_steps where journey_id = %s group by step_id"
        " union all select current_step_id, 0, 0, count(*) from journey_runs"
        " where journey_id = %s and state = 'active' and waiting_until is not null group by current_step_id"
        ") counted group by step_id",
        (journey_id, journey_id),
    ).fetchall()
    return {row["step_id"]: row for row in rows}


def runs_page(
    cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any], journey_id: UUID, state: str
) -> list[DictRow]:
    """Runs the caller may see, newest first, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (entered_at, run_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from journey_runs where {scope} and journey_id = %s and (%s = '' or state = %s) {onwards}"
        " order by entered_at desc, run_id desc limit %s",
        (*values, journey_id, state, state, *after, limit + 1),
    ).fetchall()


def run(cursor: Cursor[DictRow], caller: Caller, run_id: UUID) -> DictRow | None:
    """The run, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(f"select * from journey_runs where run_id = %s and {scope}", (run_id, *values)).fetchone()


def steps_of_run(cursor: Cursor[DictRow], run_id: UUID) -> list[DictRow]:
    """The steps a run took, first one first, with what became of each message."""
    return cursor.execute(
        "select s.*, coalesce(m.state, '') as message_state from journey_steps s"
        " left join messages m on m.send_id = s.send_id where s.run_id = %s order by s.version",
        (run_id,),
    ).fetchall()


def active_runs_of_customer(cursor: Cursor[DictRow], customer_id: UUID, submission_ids: Sequence[UUID]) -> list[UUID]:
    """Runs under way of a customer, and of the submissions that became this customer."""
    rows = cursor.execute(
        "select run_id from journey_runs where state = 'active'"
        " and (customer_id = %s or submission_id = any(%s)) order by run_id",
        (customer_id, list(submission_ids)),
    ).fetchall()
    return [row["run_id"] for row in rows]


def active_runs_of_lead(cursor: Cursor[DictRow], lead_id: UUID) -> list[UUID]:
    """Runs under way of whoever a lead is about: who sent its form, or the customer it became."""
    rows = cursor.execute(
        "select r.run_id from journey_runs r join leads l on l.lead_id = %s"
        " and (l.submission_id = r.submission_id or l.customer_id = r.customer_id)"
        " where r.state = 'active' order by r.run_id",
        (lead_id,),
    ).fetchall()
    return [row["run_id"] for row in rows]


def active_runs_of_recipient(cursor: Cursor[DictRow], recipient_id: UUID) -> list[UUID]:
    """Runs under way of one person."""
    rows = cursor.execute(
        "select run_id from journey_runs where state = 'active' and recipient_id = %s order by run_id",
        (recipient_id,),
    ).fetchall()
    return [row["run_id"] for row in rows]
