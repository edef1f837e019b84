"""The lead pool: every lead with its owner, score and state, without anything that says who it is."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kernel.auth import Caller
from kernel.commonness import Commonness
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from pipeline.domain import lead as it
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("lead_people", "grams")

WORKED = "last_worked_at = %s"


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event, at = recorded.event, recorded.metadata.effective_at

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update leads set version = %s, {text} where lead_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.LeadCaptured():
            _insert(cursor, recorded, event)
        case it.LeadTouchedAgain():
            change("touches = touches + 1, behaviours = behaviours || %s", _new(event.behaviours))
        case it.LeadBehaviourObserved():
            change("behaviours = behaviours || %s", [event.behaviour])
        case it.LeadDuplicatesFound():
            change("duplicate_lead_ids = %s", [m.lead_id for m in event.matches])
        case it.LeadCheckedAgainstCustomers():
            change(
                "customers_checked = true, duplicate_customer_ids = %s",
                [m.customer_id for m in event.matches],
            )
        case it.LeadScored():
            reasons = [{"rule_id": r.rule_id, "points": r.points, "reason": r.reason} for r in event.reasons]
            change(
                "score = %s, high_intent = %s, score_reasons = %s",
                event.score,
                event.high_intent,
                Jsonb(reasons),
            )
        case it.LeadAssigned():
            change(
                "owner_id = %s, queue = '', accountable_id = null, assignment_reason = %s, fallback = %s",
                event.owner_id,
                event.reason,
                event.fallback,
            )
        case it.LeadClaimed():
            change(
                f"owner_id = %s, queue = '', accountable_id = null, assignment_reason = 'claimed',"
                f" fallback = false, {WORKED}",
                event.owner_id,
                at,
            )
        case it.LeadQueued():
            change(
                "owner_id = null, queue = %s, accountable_id = %s, assignment_reason = %s, fallback = false",
                event.queue,
                event.accountable_id,
                event.reason,
            )
        case it.LeadReturned() | it.LeadRecycled():
            change("owner_id = null")
        case it.LeadStatusChanged():
            change(f"status_id = %s, {WORKED}", event.to_status, at)
        case it.LeadContacted():
            change(WORKED, at)
        case it.LeadReplyOverdue():
            change("owner_id = owner_id")
        case it.LeadNextStepPlanned():
            change(f"next_step = %s, next_step_on = %s, {WORKED}", event.subject, event.due_on, at)
        case it.LeadCorrected():
            change(
                f"region_code = %s, industry_code = %s, {WORKED}",
                event.region_code,
                event.industry_code,
                at,
            )
        case it.LeadQualified():
            change(f"state = 2, reason = %s, {WORKED}", event.reason, at)
        case it.LeadNurtured():
            change(f"state = 3, reason = %s, {WORKED}", event.reason, at)
        case it.LeadDisqualified():
            change(f"state = 4, reason = %s, {WORKED}", event.reason, at)
        case it.LeadConverted():
            change(
                f"state = 5, customer_id = %s, contact_id = %s, opportunity_id = %s, {WORKED}",
                event.customer_id,
                event.contact_id,
                event.opportunity_id,
                at,
            )
        case it.LeadTakenBack():
            change("state = 4, reason = 'import reverted'")
        case it.LeadForgotten():
            change("erased = true")


def _insert(cursor: Cursor[DictRow], recorded: Recorded[Any], event: it.LeadCaptured) -> None:
    cursor.execute(
        "insert into leads (lead_id, state, status_id, source_channel, campaign_id, submission_id,"
        " external_ref, region_code, industry_code, utm, product_interest, behaviours, import_id,"
        " first_touch_at, captured_at, version)"
        " values (%s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.lead_id,
            event.status_id,
            event.source_channel,
            event.campaign_id,
            event.submission_id,
            event.external_ref,
            event.region_code,
            event.industry_code,
            Jsonb(event.utm),
            event.product_interest,
            _new(event.behaviours),
            event.import_id,
            event.first_touch_at,
            recorded.metadata.effective_at,
            recorded.version,
        ),
    )


def _new(behaviours: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(behaviours))


INLINE = Inline("lead_pool", ("leads",), project)


# -- queries -------------------------------------------------------------------

_COLUMNS = (
    "l.*, coalesce(p.person_name, '') as person_name, coalesce(p.phone, '') as phone,"
    " coalesce(p.email, '') as email, coalesce(p.company, '') as company"
)


def one(cursor: Cursor[DictRow], lead_id: UUID) -> DictRow | None:
    return cursor.execute(
        f"select {_COLUMNS} from leads l left join lead_people p using (lead_id) where l.lead_id = %s",
        (lead_id,),
    ).fetchone()


def pool(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    *,
    today: date,
    owner_id: UUID | None = None,
    state: int = 0,
    status_id: str = "",
    source_channel: str = "",
    campaign_id: UUID | None = None,
    queue: str = "",
    high_intent: bool = False,
    flagged: bool = False,
    search: str = "",
    region_code: str = "",
) -> tuple[list[DictRow], int]:
    """Return a page and one row more, newest first, and how many there are. Pooled leads show to all."""
    where = Conditions()
    where.in_scope(caller, "l.owner_id", also="l.owner_id is null")
    where.add_if(owner_id, "l.owner_id = %s")
    where.add_if(state, "l.state = %s")
    where.add_if(status_id, "l.status_id = %s")
    where.add_if(source_channel, "l.source_channel = %s")
    where.add_if(campaign_id, "l.campaign_id = %s")
    where.add_if(region_code, "l.region_code = %s")
    if queue == "any":
        where.add("l.queue <> ''")
    else:
        where.add_if(queue, "l.queue = %s")
    if high_intent:
        where.add("l.high_intent")
    if flagged:
        where.add(
            "l.state in (1, 2) and (l.owner_id is null or l.fallback or l.next_step_on is null or l.next_step_on < %s)",
            today,
        )
    where.search(
        cursor, search, _PIECES, "p.grams", "p.person_name || ' ' || p.company || ' ' || p.email || ' ' || p.phone"
    )
    tables = "leads l left join lead_people p using (lead_id)"
    counted = cursor.execute(f"select count(*) as n from {tables} where {where.sql}", where.parameters).fetchone()
    where.after(("l.captured_at", "l.lead_id"), page.after)
    rows = cursor.execute(
        f"select {_COLUMNS} from {tables} where {where.sql} order by l.captured_at desc, l.lead_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, counted["n"] if counted else 0


def captured_between(cursor: Cursor[DictRow], since: Any, until: Any, caller: Caller, limit: int) -> list[DictRow]:
    """Return leads in the order of their capture, for what-if questions."""
    where = Conditions()
    where.in_scope(caller, "l.owner_id", also="l.owner_id is null")
    where.add_if(since, "l.captured_at >= %s")
    where.add_if(until, "l.captured_at < %s")
    return cursor.execute(
        f"select {_COLUMNS} from leads l left join lead_people p using (lead_id) where {where.sql}"
        " order by l.captured_at, l.lead_id limit %s",
        [*where.parameters, limit],
    ).fetchall()


def known_refs(cursor: Cursor[DictRow], refs: list[str]) -> dict[str, DictRow]:
    rows = cursor.execute(
        "select external_ref, lead_id, import_id from leads where external_ref = any(%s) and external_ref <> ''",
        (refs,),
    ).fetchall()
    return {row["external_ref"]: row for row in rows}
