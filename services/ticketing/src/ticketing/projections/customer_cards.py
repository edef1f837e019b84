"""What the desk keeps of customers from other contexts' events: status, level, owner, team, open deals, orders.

No names, no numbers, no addresses: those are asked for when they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.customer.v1 import customer_events_pb2 as customer
from crm.customer.v1 import key_account_events_pb2 as account
from crm.pipeline.v1 import opportunity_events_pb2 as deals
from crm.pipeline.v1 import order_events_pb2 as orders
from kernel import parties
from kernel.auth import Caller
from kernel.projections import Delivered, Eventual


def project(cursor: Cursor[DictRow], batch: Sequence[Delivered]) -> None:
    for delivered in batch:
        _one(cursor, delivered.message)


def _one(cursor: Cursor[DictRow], message: Any) -> None:
    match message:
        case customer.CustomerRegistered():
            _card(cursor, message.customer_id, "owner_id", message.owner_id or None)
            _card(cursor, message.customer_id, "status", int(customer.CUSTOMER_STATUS_PROSPECT))
        case customer.CustomerStatusChanged():
            _card(cursor, message.customer_id, "status", int(message.to_status))
        case customer.CustomerArchived():
            _card(cursor, message.customer_id, "status", int(customer.CUSTOMER_STATUS_ARCHIVED))
        case customer.OwnerChanged():
            _card(cursor, message.customer_id, "owner_id", message.to_owner_id or None)
        case customer.LevelChanged():
            _card(cursor, message.customer_id, "level", int(message.to_level))
        case customer.CustomersMerged():
            cursor.execute(
                "insert into customer_aliases (absorbed_id, survivor_id) values (%s, %s) on conflict do nothing",
                (message.absorbed_id, message.customer_id),
            )
        case customer.CustomersUnmerged():
            cursor.execute(
                "delete from customer_aliases where absorbed_id = %s and survivor_id = %s",
                (message.absorbed_id, message.customer_id),
            )
        case account.KeyAccountMemberAdded():
            parties.join(cursor, UUID(message.customer_id), UUID(message.member_id))
        case account.KeyAccountMemberRemoved():
            parties.leave(cursor, UUID(message.customer_id), UUID(message.member_id))
        case account.KeyAccountTeamDissolved():
            parties.disband(cursor, UUID(message.customer_id))
        case deals.OpportunityOpened():
            cursor.execute(
                "insert into card_opportunities (opportunity_id, customer_id, open) values (%s, %s, true)"
                " on conflict (opportunity_id) do update set customer_id = excluded.customer_id",
                (message.opportunity_id, message.customer_id or None),
            )
        case deals.OpportunityWon() | deals.OpportunityLost():
            _deal(cursor, message.opportunity_id, False)
        case deals.OpportunityReopened():
            _deal(cursor, message.opportunity_id, True)
        case orders.OrderPlaced():
            cursor.execute(
                "insert into card_orders (order_id, customer_id, cancelled) values (%s, %s, false)"
                " on conflict do nothing",
                (message.order_id, message.customer_id or None),
            )
        case orders.OrderCancelled():
            cursor.execute("update card_orders set cancelled = true where order_id = %s", (message.order_id,))


def _card(cursor: Cursor[DictRow], customer_id: str, column: str, value: Any) -> None:
    cursor.execute(
        f"insert into customer_cards (customer_id, {column}) values (%s, %s)"
        f" on conflict (customer_id) do update set {column} = excluded.{column}",
        (customer_id, value),
    )


def _deal(cursor: Cursor[DictRow], opportunity_id: str, open_: bool) -> None:
    cursor.execute("update card_opportunities set open = %s where opportunity_id = %s", (open_, opportunity_id))


VIEW = Eventual(
    "customer_cards",
    ("customer_cards", "customer_aliases", "card_opportunities", "card_orders", parties.TABLE),
    ("customer", "pipeline"),
    project,
)


def identities(cursor: Cursor[DictRow], customer_id: UUID) -> list[UUID]:
    """Return the customer and everyone merged into it, however deep."""
    rows = cursor.execute(
        "with recursive same(id) as (select %s::uuid union select absorbed_id from customer_aliases"
        " join same on survivor_id = same.id) select id from same limit 1000",
        (customer_id,),
    ).fetchall()
    return [row["id"] for row in rows]


def seen_whole(cursor: Cursor[DictRow], caller: Caller) -> list[UUID]:
    """Return the customers whose tickets the caller sees whoever does them, under all their identities."""
    found = parties.parties_of(cursor, caller)
    return [same for party in found for same in identities(cursor, party)]


def survivors(cursor: Cursor[DictRow], customer_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return for each customer whom it stands for today, itself if it was not merged."""
    rows = cursor.execute(
        "with recursive up(id, now) as (select id, id from unnest(%s::uuid[]) as asked(id)"
        " union select up.id, survivor_id from customer_aliases join up on absorbed_id = up.now)"
        " select id, now from up where not exists"
        " (select from customer_aliases where absorbed_id = up.now)",
        (list(customer_ids),),
    ).fetchall()
    return {row["id"]: row["now"] for row in rows}


def card(cursor: Cursor[DictRow], customer_id: UUID) -> DictRow:
    """Return status, level, owner, open deals and orders of a customer and whoever was merged into it."""
    same = identities(cursor, customer_id)
    row = cursor.execute(
        "select coalesce(c.status, 0) as status, coalesce(c.level, 0) as level, c.owner_id,"
        " (select count(*) from card_opportunities where customer_id = any(%(same)s) and open)"
        " as open_opportunities,"
        " (select count(*) from card_orders where customer_id = any(%(same)s) and not cancelled) as orders"
        " from (select %(id)s::uuid as id) asked left join customer_cards c on c.customer_id = asked.id",
        {"same": same, "id": customer_id},
    ).fetchone()
    assert row is not None
    return row
