"""What a company is called and whom it was merged into, as the customer context tells. No person's name."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.customer.v1 import customer_events_pb2 as customer
from kernel.projections import Delivered, Eventual
from kernel.text import grams


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


def _name(cursor: Cursor[DictRow], customer_id: str, name: str) -> None:
    cursor.execute(
        "insert into customer_names (customer_id, name, grams) values (%s, %s, %s)"
        " on conflict (customer_id) do update set name = excluded.name, grams = excluded.grams",
        (customer_id, name, grams(name)),
    )


EVENTUAL = Eventual("customer_names", ("customer_names", "customer_aliases"), ("customer",), project)
