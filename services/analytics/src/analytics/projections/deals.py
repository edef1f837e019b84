"""Opportunities: what happened to each, where each stands, and how long each stayed in which stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.forecasting.history import Kind
from analytics.projections.facts import (
    Folded,
    Readers,
    Row,
    array,
    before,
    given,
    kinds,
    last,
    moment,
)
from crm.pipeline.v1 import opportunity_events_pb2 as pb
from kernel.projections import Delivered, Eventual

_OUTCOME = f"case kind when {int(Kind.WON)} then 1 when {int(Kind.LOST)} then 2 else 0 end"
_CLOSING = f"case when {kinds(Kind.WON, Kind.LOST)} then effective_at end"
_DECIDED = kinds(Kind.WON, Kind.LOST, Kind.REOPENED)

DEALS = Folded(
    facts="deal_moves",
    card="deals",
    key="opportunity_id",
    columns={
        "stage_id": "text",
        "pipeline_id": "text",
        "customer_id": "uuid",
        "owner_id": "uuid",
        "lead_id": "uuid",
        "campaign_id": "uuid",
        "source_channel": "text",
        "amount": "bigint",
        "currency": "text",
        "probability": "smallint",
        "expected_close_on": "date",
        "slip_days": "int",
        "product_ids": "uuid[]",
        "title": "text",
        "reason": "text",
    },
    fold={
        "opened_at": f"min(effective_at) filter (where {kinds(Kind.OPENED)})",
        "recorded_at": f"min(recorded_at) filter (where {kinds(Kind.OPENED)})",
        "moved_at": moment(Kind.OPENED, Kind.STAGED, Kind.REOPENED),
        "outcome": f"coalesce({last(_OUTCOME, _DECIDED)}, 0)::smallint",
        "closed_at": last(_CLOSING, _DECIDED),
        "removed": last(f"kind = {int(Kind.REMOVED)}", kinds(Kind.OPENED, Kind.REMOVED)),
        "stage_id": last("stage_id"),
        "pipeline_id": last("pipeline_id"),
        "customer_id": last("customer_id"),
        "owner_id": last("owner_id"),
        "lead_id": last("lead_id"),
        "campaign_id": last("campaign_id"),
        "source_channel": last("source_channel"),
        "amount": last("amount"),
        "currency": last("currency"),
        "probability": last("probability"),
        "expected_close_on": last("expected_close_on"),
        "slips": "count(*) filter (where slip_days > 0)",
        "slipped_days": "coalesce(sum(slip_days) filter (where slip_days > 0), 0)",
        "product_ids": f"coalesce({last('product_ids::text')}, '{{}}')::uuid[]",
        "title": last("title"),
        "reason": last("reason"),
    },
    begins=kinds(Kind.OPENED),
)

_VISITING = kinds(Kind.OPENED, Kind.STAGED, Kind.REOPENED, Kind.WON, Kind.LOST, Kind.REMOVED)
_ENTERING = kinds(Kind.OPENED, Kind.STAGED, Kind.REOPENED)


def _visits(condition: str) -> str:
    return (
        "select opportunity_id, version, stage_id, entered_at, "
        " case when left_at is not null then greatest(left_at, entered_at) end as left_at from ("
        "select opportunity_id, version, stage_id, kind, effective_at as entered_at,"
        " lead(effective_at) over (partition by opportunity_id order by version) as left_at"
        f" from deal_moves where {_VISITING} and {condition}) as v where {_ENTERING}"
    )


def visits_as_of(known: datetime | None, true: datetime | None) -> str:
    """SQL of the stays in stages (opportunity, version, stage, entered, left)."""
    if known is None and true is None:
        return "stage_visits"
    return f"({_visits(before(known, true))})"


def _opened(m: pb.OpportunityOpened) -> Row:
    return {
        "kind": Kind.OPENED,
        "stage_id": given(m.stage_id),
        "pipeline_id": given(m.pipeline_id),
        "customer_id": given(m.customer_id),
        "owner_id": given(m.owner_id),
        "lead_id": given(m.lead_id),
        "campaign_id": given(m.campaign_id),
        "source_channel": given(m.source_channel),
        "amount": m.amount.minor_units if m.HasField("amount") else None,
        "currency": given(m.amount.currency_code),
        "probability": m.probability,
        "expected_close_on": given(m.expected_close_on),
        "product_ids": array(m.product_ids),
        "title": given(m.title),
    }


def _staged(m: pb.OpportunityAdvanced | pb.OpportunityStageSetBack) -> Row:
    return {"kind": Kind.STAGED, "stage_id": given(m.to_stage_id), "probability": m.probability}


def _closed(kind: Kind, m: pb.OpportunityWon | pb.OpportunityLost) -> Row:
    return {
        "kind": kind,
        "amount": m.amount.minor_units if m.HasField("amount") else None,
        "currency": given(m.amount.currency_code),
        "customer_id": given(m.customer_id),
        "owner_id": given(m.owner_id),
        "reason": given(m.reason),
    }


def _rescheduled(m: pb.ExpectedCloseMoved) -> Row:
    slipped = None
    if m.from_on and m.to_on:
        slipped = (date.fromisoformat(m.to_on) - date.fromisoformat(m.from_on)).days
    return {"kind": Kind.RESCHEDULED, "expected_close_on": given(m.to_on), "slip_days": slipped}


def _revalued(m: pb.AmountRevised) -> Row:
    return {
        "kind": Kind.REVALUED,
        "amount": m.to_amount.minor_units,
        "currency": given(m.to_amount.currency_code),
    }


_READERS = Readers(
    {
        pb.OpportunityOpened: _opened,
        pb.OpportunityAdvanced: _staged,
        pb.OpportunityStageSetBack: _staged,
        pb.AmountRevised: _revalued,
        pb.ExpectedCloseMoved: _rescheduled,
        pb.ProbabilityRevised: lambda m: {"kind": Kind.DETAILED, "probability": m.to_probability},
        pb.OpportunityRetitled: lambda m: {"kind": Kind.DETAILED, "title": given(m.title)},
        pb.OpportunityProductsChosen: lambda m: {
            "kind": Kind.DETAILED,
            "product_ids": array(m.product_ids),
        },
        pb.OpportunityCustomerNamed: lambda m: {
            "kind": Kind.DETAILED,
            "customer_id": given(m.customer_id),
        },
        pb.OpportunityTransferred: lambda m: {
            "kind": Kind.TRANSFERRED,
            "owner_id": given(m.to_owner_id),
        },
        pb.OpportunityWon: lambda m: _closed(Kind.WON, m),
        pb.OpportunityLost: lambda m: _closed(Kind.LOST, m),
        pb.OpportunityReopened: lambda m: {
            "kind": Kind.REOPENED,
            "stage_id": given(m.stage_id),
            "probability": m.probability,
        },
        pb.OpportunityTakenBack: lambda _: {"kind": Kind.REMOVED},
    }
)


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    rows = _READERS.rows(events)
    if not rows:
        return
    DEALS.write(cursor, rows)
    cursor.execute(
        f"insert into stage_visits {_visits('opportunity_id = any(%s)')}"
        " on conflict (opportunity_id, version) do update set left_at = excluded.left_at"
        " where stage_visits.left_at is distinct from excluded.left_at",
        (sorted({row[0] for row in rows}),),
        prepare=True,
    )


VIEW = Eventual("deals", ("deal_moves", "deals", "stage_visits"), ("pipeline",), project)
