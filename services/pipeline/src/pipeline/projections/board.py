"""The board: every deal with its stage, sum, next step, and how long it has been where it is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.commonness import Commonness
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from kernel.text import grams
from pipeline.domain import opportunity as it
from pipeline.projections import customer_names
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("opportunities", "grams")


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event, at = recorded.event, recorded.metadata.effective_at

    def change(text: str, *values: Any) -> None:
        cursor.execute(
            f"update opportunities set version = %s, {text} where opportunity_id = %s",
            (recorded.version, *values, recorded.stream),
        )

    match event:
        case it.OpportunityOpened():
            _insert(cursor, recorded, event)
        case it.OpportunityAdvanced() | it.OpportunityStageSetBack():
            change("stage_id = %s, probability = %s, stage_since = %s", event.to_stage_id, event.probability, at)
        case it.AmountRevised(to_amount=amount):
            change("amount = %s, currency_code = %s", amount.minor_units, amount.currency_code)
        case it.ExpectedCloseMoved():
            change("expected_close_on = %s", event.to_on)
        case it.ProbabilityRevised():
            change("probability = %s", event.to_probability)
        case it.OpportunityRetitled():
            cursor.execute(
                "update opportunities set version = %s, title = %s, grams = %s || grams where opportunity_id = %s",
                (recorded.version, event.title, grams(event.title), recorded.stream),
            )
        case it.OpportunityProductsChosen():
            change("product_ids = %s", list(event.product_ids))
        case it.OpportunityContactsChosen():
            change("contact_ids = %s", list(event.contact_ids))
        case it.OpportunityCustomerNamed():
            change("customer_id = %s", event.customer_id)
        case it.OpportunityTransferred():
            change("owner_id = %s", event.to_owner_id)
        case it.OpportunityWon() | it.OpportunityLost():
            won = isinstance(event, it.OpportunityWon)
            change(
                "state = %s, probability = %s, stage_id = %s, stage_since = %s, closed_at = %s, reason = %s,"
                " competitor = %s, amount = %s, currency_code = %s, next_step = '', next_step_on = null",
                2 if won else 3,
                100 if won else 0,
                event.stage_id,
                at,
                at,
                event.reason,
                event.competitor,
                event.amount.minor_units,
                event.amount.currency_code,
            )
        case it.OpportunityReopened():
            change(
                "state = 1, stage_id = %s, probability = %s, stage_since = %s, closed_at = null,"
                " reason = '', competitor = ''",
                event.stage_id,
                event.probability,
                at,
            )
        case it.NextStepPlanned():
            change("next_step = %s, next_step_on = %s", event.subject, event.due_on)
        case it.NextStepTaken():
            change("next_step = '', next_step_on = null")
        case it.OpportunityGotStuck():
            change("state = state")
        case it.OpportunityTakenBack():
            change("state = 4, closed_at = %s, next_step = '', next_step_on = null", at)


def _insert(cursor: Cursor[DictRow], recorded: Recorded[Any], event: it.OpportunityOpened) -> None:
    at = recorded.metadata.effective_at
    cursor.execute(
        "insert into opportunities (opportunity_id, customer_id, pipeline_id, stage_id, title, amount,"
        " currency_code, probability, owner_id, lead_id, source_channel, campaign_id, expected_close_on,"
        " product_ids, contact_ids, external_ref, import_id, state, opened_at, stage_since, grams, version)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s)",
        (
            event.opportunity_id,
            event.customer_id,
            event.pipeline_id,
            event.stage_id,
            event.title,
            event.amount.minor_units,
            event.amount.currency_code,
            event.probability,
            event.owner_id,
            event.lead_id,
            event.source_channel,
            event.campaign_id,
            event.expected_close_on,
            list(event.product_ids),
            list(event.contact_ids),
            event.external_ref,
            event.import_id,
            at,
            at,
            grams(f"{event.title} {event.external_ref} {event.source_channel}"),
            recorded.version,
        ),
        prepare=True,
    )


INLINE = Inline("board", ("opportunities",), project)


# -- queries -------------------------------------------------------------------

_COLUMNS = (
    "o.*, survivor_of(o.customer_id) as current_customer_id, s.name as stage_name,"
    " coalesce(s.norm_days, 0) as norm_days"
)
_TABLES = "opportunities o left join stages s on s.pipeline_id = o.pipeline_id and s.stage_id = o.stage_id"
_OVER_NORM = "s.norm_days > 0 and o.stage_since < %s - make_interval(days => s.norm_days)"
_STUCK = f"o.state = 1 and {_OVER_NORM}"


def one(cursor: Cursor[DictRow], opportunity_id: UUID) -> DictRow | None:
    return cursor.execute(f"select {_COLUMNS} from {_TABLES} where o.opportunity_id = %s", (opportunity_id,)).fetchone()


def deals(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    *,
    today: date,
    owner_id: UUID | None = None,
    customer_ids: list[UUID] | None = None,
    pipeline_id: UUID | None = None,
    stage_id: UUID | None = None,
    state: int = 0,
    search: str = "",
    campaign_id: UUID | None = None,
    close_from: date | None = None,
    close_until: date | None = None,
    lead_id: UUID | None = None,
    flagged: bool = False,
) -> tuple[list[DictRow], int]:
    """Return a page and one row more, newest first, and how many there are."""
    where = Conditions()
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    where.add_if(owner_id, "o.owner_id = %s")
    if customer_ids:
        where.add("o.customer_id = any(%s)", customer_names.identities(cursor, customer_ids))
    where.add_if(pipeline_id, "o.pipeline_id = %s")
    where.add_if(stage_id, "o.stage_id = %s")
    if state:
        where.add("o.state = %s", state)
    else:
        where.add("o.state <> 4")
    where.add_if(campaign_id, "o.campaign_id = %s")
    where.add_if(close_from, "o.expected_close_on >= %s")
    where.add_if(close_until, "o.expected_close_on <= %s")
    where.add_if(lead_id, "o.lead_id = %s")
    if flagged:
        where.add("o.state = 1 and (o.owner_id is null or o.next_step_on is null or o.next_step_on < %s)", today)
    tables = _TABLES
    if search.strip():
        _search(cursor, where, search, customer_names.named(cursor, search))
    counted = cursor.execute(f"select count(*) as n from {tables} where {where.sql}", where.parameters).fetchone()
    where.after(("o.opened_at", "o.opportunity_id"), page.after)
    rows = cursor.execute(
        f"select {_COLUMNS} from {tables} where {where.sql} order by o.opened_at desc, o.opportunity_id desc limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, counted["n"] if counted else 0


def _search(cursor: Cursor[DictRow], where: Conditions, search: str, customer_ids: list[UUID]) -> None:
    """The deal's own text, or the name of its customer."""
    own = Conditions()
    own.search(cursor, search, _PIECES, "o.grams", "o.title || ' ' || o.external_ref || ' ' || o.source_channel")
    where.add(f"(({own.sql}) or o.customer_id = any(%s))", *own.parameters, customer_ids)


def columns(
    cursor: Cursor[DictRow], caller: Caller, pipeline_id: UUID, owner_id: UUID | None, now: datetime
) -> list[DictRow]:
    """Return per open stage and currency: deals, sum, weighted sum, how many are stuck.

    Names only what the board's index holds, and so is answered without reading the deals.
    """
    where = Conditions()
    where.add("o.pipeline_id = %s and o.state = 1", pipeline_id)
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    where.add_if(owner_id, "o.owner_id = %s")
    return cursor.execute(
        f"select o.stage_id, o.currency_code, count(*) as deals, sum(o.amount)::bigint as amount,"
        f" round(sum(o.amount * o.probability) / 100.0)::bigint as weighted,"
        f" count(*) filter (where {_OVER_NORM}) as stuck"
        f" from {_TABLES} where {where.sql} group by o.stage_id, o.currency_code",
        [now, *where.parameters],
    ).fetchall()


def cards(
    cursor: Cursor[DictRow], caller: Caller, pipeline_id: UUID, owner_id: UUID | None, per_stage: int
) -> list[DictRow]:
    """Return the first open deals of each stage, the longest in it first."""
    where = Conditions()
    where.add("o.pipeline_id = %s and o.state = 1", pipeline_id)
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    where.add_if(owner_id, "o.owner_id = %s")
    # Stage by stage, so that the first ones are read off the index and the others not at all.
    return cursor.execute(
        f"select k.* from stages g cross join lateral (select {_COLUMNS} from {_TABLES}"
        f" where o.stage_id = g.stage_id and {where.sql} order by o.stage_since, o.opportunity_id limit %s) k"
        " where g.pipeline_id = %s order by k.stage_id, k.stage_since, k.opportunity_id",
        [*where.parameters, per_stage, pipeline_id],
    ).fetchall()


def stuck(
    cursor: Cursor[DictRow],
    caller: Caller,
    page: Page,
    now: datetime,
    pipeline_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> list[DictRow]:
    """Return a page and one row more of deals over their stage's norm, the longest in the stage first."""
    where = Conditions()
    where.in_scope(caller, "o.owner_id", party="o.customer_id", parties=customer_names.seen_whole(cursor, caller))
    where.add(_STUCK, now)
    where.add_if(pipeline_id, "o.pipeline_id = %s")
    where.add_if(owner_id, "o.owner_id = %s")
    where.after(("o.stage_since", "o.opportunity_id"), page.after, descending=False)
    return cursor.execute(
        f"select {_COLUMNS} from {_TABLES} where {where.sql} order by o.stage_since, o.opportunity_id limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()


def stages_in_use(cursor: Cursor[DictRow], pipeline_id: UUID) -> frozenset[UUID]:
    rows = cursor.execute(
        "select distinct stage_id from opportunities where pipeline_id = %s and state = 1", (pipeline_id,)
    ).fetchall()
    return frozenset(row["stage_id"] for row in rows)


def open_deals_of(cursor: Cursor[DictRow], customer_id: UUID, owner_id: UUID | None) -> list[UUID]:
    """Return the open deals of a customer that this person owns."""
    rows = cursor.execute(
        "select opportunity_id from opportunities where customer_id = %s and state = 1"
        " and owner_id is not distinct from %s order by opportunity_id",
        (customer_id, owner_id),
    ).fetchall()
    return [row["opportunity_id"] for row in rows]


def known_refs(cursor: Cursor[DictRow], refs: list[str]) -> dict[str, DictRow]:
    rows = cursor.execute(
        "select external_ref, opportunity_id, import_id from opportunities"
        " where external_ref = any(%s) and external_ref <> '' and state <> 4",
        (refs,),
    ).fetchall()
    return {row["external_ref"]: row for row in rows}


def hanging_on(cursor: Cursor[DictRow], opportunity_id: UUID) -> str:
    """Return the number of a quote that left, a contract or an order that hangs on the deal; "" for none."""
    row = cursor.execute(
        "select number from orders where opportunity_id = %(id)s and state <> 6"
        " union all select number from contracts where opportunity_id = %(id)s and state <> 5"
        " union all select number from quotes where opportunity_id = %(id)s and state in (2, 4, 5) limit 1",
        {"id": opportunity_id},
    ).fetchone()
    return str(row["number"]) if row else ""
