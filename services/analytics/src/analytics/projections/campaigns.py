"""Campaigns, what they cost, and the forms that were sent for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, given, kinds, last, moment
from crm.marketing.v1 import campaign_events_pb2 as pb
from crm.marketing.v1 import form_events_pb2 as forms
from kernel.projections import Delivered, Eventual

PLANNED, REVISED, LAUNCHED, COST, ENDED, HANDED_OVER = range(1, 7)

CAMPAIGNS = Folded(
    facts="campaign_moves",
    card="campaigns",
    key="campaign_id",
    columns={
        "name": "text",
        "channel": "text",
        "owner_id": "uuid",
        "amount": "bigint",
        "currency": "text",
    },
    fold={
        "name": last("name"),
        "channel": last("channel"),
        "owner_id": last("owner_id"),
        "launched_at": moment(LAUNCHED),
        "ended_at": moment(ENDED),
        "budget": last("amount", kinds(PLANNED, REVISED)),
        "cost": f"coalesce(sum(amount) filter (where {kinds(COST)}), 0)",
        "currency": last("currency"),
    },
    begins=kinds(PLANNED),
)


def _planned(kind: int, m: pb.CampaignPlanned | pb.CampaignRevised) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": given(m.name),
        "channel": given(m.channel),
        "amount": m.budget.minor_units if m.HasField("budget") else None,
        "currency": given(m.budget.currency_code),
        "owner_id": given(m.owner_id) if isinstance(m, pb.CampaignPlanned) else None,
    }


_READERS = Readers(
    {
        pb.CampaignPlanned: lambda m: _planned(PLANNED, m),
        pb.CampaignRevised: lambda m: _planned(REVISED, m),
        pb.CampaignLaunched: lambda _: {"kind": LAUNCHED},
        pb.CampaignEnded: lambda _: {"kind": ENDED},
        pb.CampaignHandedOver: lambda m: {"kind": HANDED_OVER, "owner_id": given(m.to_owner_id)},
        pb.CampaignCostBooked: lambda m: {
            "kind": COST,
            "amount": m.amount.minor_units,
            "currency": given(m.amount.currency_code),
        },
    }
)
_SUBMITTED = forms.FormSubmitted.DESCRIPTOR.full_name


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    CAMPAIGNS.write(cursor, _READERS.rows(events))
    submitted: list[tuple[Any, ...]] = []
    for event in events:
        if event.type == _SUBMITTED:
            form: Any = event.message
            submitted.append(
                (
                    event.stream,
                    given(form.form_id),
                    given(form.campaign_id),
                    given(form.source_channel),
                    given(form.owner_id),
                    given(form.region_code),
                    given(form.industry_code),
                    event.metadata.effective_at,
                    event.metadata.recorded_at,
                )
            )
    if submitted:
        cursor.executemany(
            "insert into submissions (submission_id, form_id, campaign_id, source_channel, owner_id,"
            " region_code, industry_code, submitted_at, recorded_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            submitted,
        )


VIEW = Eventual("campaigns", ("campaign_moves", "campaigns", "submissions"), ("marketing",), project)
