"""Campaigns and what was spent on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.campaign import (
    CampaignCostBooked,
    CampaignEnded,
    CampaignHandedOver,
    CampaignLaunched,
    CampaignPlanned,
    CampaignRevised,
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    version = recorded.version
    match recorded.event:
        case CampaignPlanned() as it:
            cursor.execute(
                "insert into campaigns (campaign_id, name, kind, channel, budget, currency_code, owner_id,"
                " starts_on, ends_on, segment_id, expected_leads, planned_at, version)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.campaign_id,
                    it.name,
                    int(it.kind),
                    it.channel,
                    it.budget.minor_units,
                    it.budget.currency_code,
                    it.owner_id,
                    it.starts_on,
                    it.ends_on,
                    it.segment_id,
                    it.expected_leads,
                    recorded.metadata.effective_at,
                    version,
                ),
            )
        case CampaignRevised() as it:
            cursor.execute(
                "update campaigns set name = %s, kind = %s, channel = %s, budget = %s, currency_code = %s,"
                " starts_on = %s, ends_on = %s, segment_id = %s, expected_leads = %s, version = %s"
                " where campaign_id = %s",
                (
                    it.name,
                    int(it.kind),
                    it.channel,
                    it.budget.minor_units,
                    it.budget.currency_code,
                    it.starts_on,
                    it.ends_on,
                    it.segment_id,
                    it.expected_leads,
                    version,
                    it.campaign_id,
                ),
            )
        case CampaignLaunched(campaign_id=campaign_id):
            _set(cursor, campaign_id, "state", "running", version)
        case CampaignCostBooked() as it:
            cursor.execute(
                "insert into campaign_costs (cost_id, campaign_id, amount, currency_code, purpose, booked_on)"
                " values (%s, %s, %s, %s, %s, %s)",
                (
                    it.cost_id,
                    it.campaign_id,
                    it.amount.minor_units,
                    it.amount.currency_code,
                    it.purpose,
                    it.booked_on,
                ),
            )
            cursor.execute(
                "update campaigns set cost = cost + %s, version = %s where campaign_id = %s",
                (it.amount.minor_units, version, it.campaign_id),
            )
        case CampaignEnded() as it:
            _set(cursor, it.campaign_id, "state", "ended", version)
            _set(cursor, it.campaign_id, "conclusion", it.conclusion, version)
        case CampaignHandedOver() as it:
            _set(cursor, it.campaign_id, "owner_id", it.to_owner_id, version)


def _set(cursor: Cursor[DictRow], campaign_id: UUID, column: str, value: object, version: int) -> None:
    cursor.execute(
        f"update campaigns set {column} = %s, version = %s where campaign_id = %s",
        (value, version, campaign_id),
    )


VIEW = Inline("campaigns", ("campaigns", "campaign_costs"), project)

# -- questions -----------------------------------------------------------------


def one(cursor: Cursor[DictRow], caller: Caller, campaign_id: UUID) -> DictRow | None:
    """The campaign, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(
        f"select * from campaigns where campaign_id = %s and {scope}", (campaign_id, *values)
    ).fetchone()


def page(
    cursor: Cursor[DictRow],
    caller: Caller,
    limit: int,
    after: Sequence[Any],
    state: str = "",
    channel: str = "",
    name_part: str = "",
) -> tuple[list[DictRow], int]:
    """Campaigns the caller may see, newest first, one more than the limit; and how many there are."""
    scope, values = caller.scope_filter("owner_id")
    where = (
        f"{scope} and (%s = '' or state = %s) and (%s = '' or channel = %s)"
        " and (%s = '' or strpos(lower(name), lower(%s)) > 0)"
    )
    values = [*values, state, state, channel, channel, name_part, name_part]
    counted = cursor.execute(f"select count(*) as n from campaigns where {where}", values).fetchone()
    onwards = " and (planned_at, campaign_id) < (%s::timestamptz, %s::uuid)" if after else ""
    rows = cursor.execute(
        f"select * from campaigns where {where}{onwards} order by planned_at desc, campaign_id desc limit %s",
        (*values, *after, limit + 1),
    ).fetchall()
    return rows, counted["n"] if counted else 0
