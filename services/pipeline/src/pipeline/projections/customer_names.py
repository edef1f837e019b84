"""What a company is called, whom it was merged into, who looks after it together, as the customer context tells.

No person's name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.customer.v1 import customer_events_pb2 as customer
from crm.customer.v1 import key_account_events_pb2 as account
from kernel import parties
from kernel.auth import Caller
from kernel.commonness import Commonness
from kernel.projections import Delivered, Eventual
from kernel.text import grams
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("customer_names", "grams")


def project(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    for delivered in batch:
        match delivered.message:
            case customer.CustomerRegistered() as registered:
                _name(cursor, registered.customer_id, registered.name)
            case customer.CustomerRevised() as revised if revised.changes.HasField("name"):
                _name(cursor, revised.customer_id, revised.changes.name)
            case customer.CustomersMerged() as merged:
                cursor.execute(
                    "insert into customer_aliases (absorbed_id, survivor_id) values (%s, %s)"
                    " on conflict (absorbed_id) do update set survivor_id = excluded.survivor_id",
                    (merged.absorbed_id, merged.customer_id),
                )
            case customer.CustomersUnmerged() as unmerged:
                cursor.execute(
                    "delete from customer_aliases where absorbed_id = %s and survivor_id = %s",
                    (unmerged.absorbed_id, unmerged.customer_id),
                )
            case account.KeyAccountMemberAdded() as added:
                parties.join(cursor, UUID(added.customer_id), UUID(added.member_id))
            case account.KeyAccountMemberRemoved() as removed:
                parties.leave(cursor, UUID(removed.customer_id), UUID(removed.member_id))
            case account.KeyAccountTeamDissolved() as dissolved:
                parties.disband(cursor, UUID(dissolved.customer_id))


def _name(cursor: Cursor[DictRow], customer_id: str, name: str) -> None:
    cursor.execute(
        "insert into customer_names (customer_id, name, grams) values (%s, %s, %s)"
        " on conflict (customer_id) do update set name = excluded.name, grams = excluded.grams",
        (customer_id, name, grams(name)),
    )


EVENTUAL = Eventual("customer_names", ("customer_names", "customer_aliases", parties.TABLE), ("customer",), project)


_MOST_NAMED = 1_000
_MOST_IDENTITIES = 5_000


def identities(cursor: Cursor[DictRow], customer_ids: Collection[UUID]) -> list[UUID]:
    """Return these customers and everybody who was merged into them: what to filter records by."""
    rows = cursor.execute(
        "with recursive same (id) as (select unnest(%s::uuid[])"
        " union select a.absorbed_id from customer_aliases a join same on a.survivor_id = same.id)"
        " select id from same limit %s",
        (list(customer_ids), _MOST_IDENTITIES),
    ).fetchall()
    return [row["id"] for row in rows]


def seen_whole(cursor: Cursor[DictRow], caller: Caller) -> list[UUID]:
    """Return the customers whose records the caller sees whoever owns them, under all their identities."""
    found = parties.parties_of(cursor, caller)
    return identities(cursor, found) if found else []


def named(cursor: Cursor[DictRow], query: str) -> list[UUID]:
    """Return the identities of the companies whose name holds the query."""
    where = Conditions()
    where.search(cursor, query, _PIECES, "grams", "name")
    rows = cursor.execute(
        f"select customer_id from customer_names where {where.sql} order by customer_id limit %s",
        [*where.parameters, _MOST_NAMED],
    ).fetchall()
    return identities(cursor, [row["customer_id"] for row in rows])
