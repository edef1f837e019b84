"""Leads: when each was captured, who works it, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, given, kinds, last, moment
from crm.pipeline.v1 import lead_events_pb2 as pb
from kernel.projections import Delivered, Eventual

CAPTURED, OWNED, FREED, QUALIFIED, DISQUALIFIED, CONVERTED, REMOVED, CORRECTED = range(1, 9)

LEADS = Folded(
    facts="lead_moves",
    card="leads",
    key="lead_id",
    columns={
        "source_channel": "text",
        "campaign_id": "uuid",
        "region_code": "text",
        "industry_code": "text",
        "owner_id": "uuid",
        "customer_id": "uuid",
        "opportunity_id": "uuid",
    },
    fold={
        "captured_at": f"min(effective_at) filter (where {kinds(CAPTURED)})",
        "qualified_at": f"min(effective_at) filter (where {kinds(QUALIFIED)})",
        "disqualified_at": moment(DISQUALIFIED),
        "converted_at": moment(CONVERTED),
        "removed": f"bool_or({kinds(REMOVED)})",
        "source_channel": last("source_channel"),
        "campaign_id": last("campaign_id"),
        "region_code": last("region_code"),
        "industry_code": last("industry_code"),
        "owner_id": last("owner_id", f"{kinds(OWNED, FREED)} or owner_id is not null"),
        "customer_id": last("customer_id"),
        "opportunity_id": last("opportunity_id"),
    },
    begins=kinds(CAPTURED),
)

_READERS = Readers(
    {
        pb.LeadCaptured: lambda m: {
            "kind": CAPTURED,
            "source_channel": given(m.source_channel),
            "campaign_id": given(m.campaign_id),
            "region_code": given(m.region_code),
            "industry_code": given(m.industry_code),
        },
        pb.LeadCorrected: lambda m: {
            "kind": CORRECTED,
            "region_code": given(m.region_code),
            "industry_code": given(m.industry_code),
        },
        pb.LeadAssigned: lambda m: {"kind": OWNED, "owner_id": given(m.owner_id)},
        pb.LeadClaimed: lambda m: {"kind": OWNED, "owner_id": given(m.owner_id)},
        pb.LeadReturned: lambda _: {"kind": FREED},
        pb.LeadRecycled: lambda _: {"kind": FREED},
        pb.LeadQueued: lambda _: {"kind": FREED},
        pb.LeadQualified: lambda _: {"kind": QUALIFIED},
        pb.LeadDisqualified: lambda _: {"kind": DISQUALIFIED},
        pb.LeadConverted: lambda m: {
            "kind": CONVERTED,
            "customer_id": given(m.customer_id),
            "opportunity_id": given(m.opportunity_id),
            "owner_id": given(m.owner_id),
        },
        pb.LeadTakenBack: lambda _: {"kind": REMOVED},
    }
)


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    LEADS.write(cursor, _READERS.rows(events))


VIEW = Eventual("leads", ("lead_moves", "leads"), ("pipeline",), project)
