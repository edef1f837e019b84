"""Customers: since when, of which kind, whose, where each stands, and into which each was merged."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, Row, given, kinds, last
from crm.customer.v1 import customer_events_pb2 as pb
from kernel.projections import Delivered, Eventual

REGISTERED, REVISED, STATUS, OWNER, ARCHIVED, RESTORED, ABSORBED, RELEASED = range(1, 9)

GONE = f"({int(pb.CUSTOMER_STATUS_LOST)}, {int(pb.CUSTOMER_STATUS_ARCHIVED)})"
"""SQL: the statuses of customers that have left."""

CUSTOMERS = Folded(
    facts="customer_moves",
    card="customers",
    key="customer_id",
    columns={
        "industry_code": "text",
        "region_code": "text",
        "source": "text",
        "owner_id": "uuid",
        "status": "smallint",
        "absorbed_by": "uuid",
    },
    fold={
        "registered_at": f"min(effective_at) filter (where {kinds(REGISTERED)})",
        "industry_code": last("industry_code"),
        "region_code": last("region_code"),
        "source": last("source"),
        "owner_id": last("owner_id"),
        "status": f"coalesce({last('status')}, {int(pb.CUSTOMER_STATUS_PROSPECT)})::smallint",
        "archived": f"coalesce({last(f'kind = {ARCHIVED}', kinds(ARCHIVED, RESTORED))}, false)",
        "absorbed_by": last("absorbed_by", kinds(ABSORBED, RELEASED)),
    },
    begins=kinds(REGISTERED),
)


def _revised(m: pb.CustomerRevised) -> Row:
    changes = m.changes
    return {
        "kind": REVISED,
        "industry_code": changes.industry_code if changes.HasField("industry_code") else None,
        "region_code": changes.region_code if changes.HasField("region_code") else None,
    }


_READERS = Readers(
    {
        pb.CustomerRegistered: lambda m: {
            "kind": REGISTERED,
            "industry_code": given(m.industry_code),
            "region_code": given(m.region_code),
            "source": given(m.source),
            "owner_id": given(m.owner_id),
        },
        pb.CustomerRevised: _revised,
        pb.CustomerStatusChanged: lambda m: {"kind": STATUS, "status": m.to_status},
        pb.OwnerChanged: lambda m: {"kind": OWNER, "owner_id": given(m.to_owner_id)},
        pb.CustomerArchived: lambda _: {"kind": ARCHIVED},
        pb.CustomerRestored: lambda _: {"kind": RESTORED},
        pb.CustomerAbsorbed: lambda m: {"kind": ABSORBED, "absorbed_by": given(m.survivor_id)},
        pb.CustomerReleased: lambda _: {"kind": RELEASED},
    }
)


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    CUSTOMERS.write(cursor, _READERS.rows(events))


VIEW = Eventual("customers", ("customer_moves", "customers"), ("customer",), project)
