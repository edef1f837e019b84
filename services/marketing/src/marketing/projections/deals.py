"""Leads and deals, as the pipeline tells: where each came from and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.pipeline.v1 import lead_events_pb2 as lead_told
from crm.pipeline.v1 import opportunity_events_pb2 as deal_told
from kernel.projections import Delivered, Eventual


def project(cursor: Cursor[DictRow], delivered: Sequence[Delivered]) -> None:
    for each in delivered:
        match each.message:
            case lead_told.LeadCaptured() as it:
                cursor.execute(
                    "insert into leads (lead_id, source_channel, campaign_id, submission_id, captured_at)"
                    " values (%s, %s, %s, %s, %s) on conflict (lead_id) do update"
                    " set source_channel = excluded.source_channel, campaign_id = excluded.campaign_id,"
                    " submission_id = excluded.submission_id, captured_at = excluded.captured_at",
                    (
                        it.lead_id,
                        it.source_channel.lower(),
                        it.campaign_id or None,
                        it.submission_id or None,
                        each.metadata.effective_at,
                    ),
                )
                if not it.submission_id:  # a submission is a touch of its own
                    at = _moment(it, each.metadata.effective_at)
                    _touch(cursor, each, it, "lead-captured", at)
            case lead_told.LeadTouchedAgain() as it:
                if not it.submission_id:
                    again_at = each.metadata.effective_at
                    if it.HasField("touched_at"):
                        again_at = it.touched_at.ToDatetime(UTC)
                    _touch(cursor, each, it, "lead-touched-again", again_at)
            case (
                lead_told.LeadAssigned(lead_id=lead_id, owner_id=owner_id)
                | lead_told.LeadClaimed(lead_id=lead_id, owner_id=owner_id)
            ):
                _set_lead(cursor, lead_id, "owner_id", owner_id or None)
            case lead_told.LeadReturned(lead_id=lead_id) | lead_told.LeadRecycled(lead_id=lead_id):
                _set_lead(cursor, lead_id, "owner_id", None)
            case lead_told.LeadQualified(lead_id=lead_id):
                _set_lead(cursor, lead_id, "qualified", True)
            case lead_told.LeadDisqualified(lead_id=lead_id):
                _set_lead(cursor, lead_id, "qualified", False)
            case lead_told.LeadTakenBack(lead_id=lead_id):
                _set_lead(cursor, lead_id, "taken_back", True)
            case lead_told.LeadConverted() as it:
                cursor.execute(
                    "update leads set qualified = true, customer_id = %s, opportunity_id = %s where lead_id = %s",
                    (it.customer_id or None, it.opportunity_id or None, it.lead_id),
                )
            case deal_told.OpportunityOpened() as it:
                cursor.execute(
                    "insert into deals (opportunity_id, customer_id, lead_id, source_channel, campaign_id,"
                    " owner_id, opened_at) values (%s, %s, %s, %s, %s, %s, %s)"
                    " on conflict (opportunity_id) do update set customer_id = excluded.customer_id,"
                    " lead_id = excluded.lead_id, source_channel = excluded.source_channel,"
                    " campaign_id = excluded.campaign_id, owner_id = excluded.owner_id,"
                    " opened_at = excluded.opened_at",
                    (
                        it.opportunity_id,
                        it.customer_id or None,
                        it.lead_id or None,
                        it.source_channel.lower(),
                        it.campaign_id or None,
                        it.owner_id or None,
                        each.metadata.effective_at,
                    ),
                )
            case deal_told.OpportunityCustomerNamed() as it:
                cursor.execute(
                    "update deals set customer_id = %s where opportunity_id = %s",
                    (it.customer_id or None, it.opportunity_id),
                )
            case deal_told.OpportunityTransferred() as it:
                cursor.execute(
                    "update deals set owner_id = %s where opportunity_id = %s",
                    (it.to_owner_id or None, it.opportunity_id),
                )
            case deal_told.OpportunityWon() as it:
                cursor.execute(
                    "update deals set state = 'won', won_amount = %s, currency_code = %s, closed_at = %s,"
                    " customer_id = coalesce(%s, customer_id) where opportunity_id = %s",
                    (
                        it.amount.minor_units,
                        it.amount.currency_code,
                        each.metadata.effective_at,
                        it.customer_id or None,
                        it.opportunity_id,
                    ),
                )
            case deal_told.OpportunityLost(opportunity_id=opportunity_id):
                _close(cursor, opportunity_id, "lost", each.metadata.effective_at)
            case deal_told.OpportunityReopened(opportunity_id=opportunity_id):
                _close(cursor, opportunity_id, "open", None)
            case deal_told.OpportunityTakenBack(opportunity_id=opportunity_id):
                _close(cursor, opportunity_id, "taken back", each.metadata.effective_at)


def _touch(
    cursor: Cursor[DictRow],
    each: Delivered,
    it: lead_told.LeadCaptured | lead_told.LeadTouchedAgain,
    kind: str,
    at: datetime,
) -> None:
    if it.source_channel or it.campaign_id:
        cursor.execute(
            "insert into lead_touches (event_id, lead_id, kind, channel, campaign_id, touched_at)"
            " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            (
                each.metadata.event_id,
                it.lead_id,
                kind,
                it.source_channel.lower(),
                it.campaign_id or None,
                at,
            ),
        )


def _moment(it: lead_told.LeadCaptured, otherwise: datetime) -> datetime:
    return it.first_touch_at.ToDatetime(UTC) if it.HasField("first_touch_at") else otherwise


def _set_lead(cursor: Cursor[DictRow], lead_id: str, column: str, value: object) -> None:
    cursor.execute(f"update leads set {column} = %s where lead_id = %s", (value, lead_id))


def _close(cursor: Cursor[DictRow], opportunity_id: str, state: str, at: datetime | None) -> None:
    cursor.execute(
        "update deals set state = %s, won_amount = 0, currency_code = '', closed_at = %s where opportunity_id = %s",
        (state, at, opportunity_id),
    )


VIEW = Eventual("deals", ("leads", "lead_touches", "deals"), ("pipeline",), project)
