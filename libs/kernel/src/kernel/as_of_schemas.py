"""The schemas in which a service keeps its views as of a moment: their tables, and how they are thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal

SLOTS = (1, 2, 3, 4)


def schema_of(slot: int) -> str:
    return f"as_of_{slot}"


def make_tables(cursor: Cursor[DictRow], slot: int, tables: Sequence[str], column: str, at: datetime) -> None:
    """Put empty copies of the live tables into the slot, in place of whatever it holds, and the log until then."""
    drop_tables(cursor, slot)
    for table in tables:
        cursor.execute(
            SQL("create unlogged table {0}.{1} (like public.{1} including all)").format(
                Identifier(schema_of(slot)), Identifier(table)
            )
        )
    cursor.execute(
        SQL("create view {0}.events as select * from public.events where {1} <= {2}").format(
            Identifier(schema_of(slot)), Identifier(column), Literal(at)
        )
    )


def drop_tables(cursor: Cursor[DictRow], slot: int) -> None:
    cursor.execute(SQL("drop view if exists {0}.events").format(Identifier(schema_of(slot))))
    rows = cursor.execute("select tablename from pg_tables where schemaname = %s", (schema_of(slot),)).fetchall()
    if rows:
        names = [Identifier(schema_of(slot), row["tablename"]) for row in rows]
        cursor.execute(SQL("drop table {0}").format(SQL(", ").join(names)))


def forget_moments(cursor: Cursor[DictRow]) -> None:
    """Throw away every moment, in the transaction that forgets somebody; those being built are thrown away too."""
    cursor.execute("update as_of_generation set n = n + 1")
    cursor.execute("delete from as_of_moments")
    for slot in SLOTS:
        drop_tables(cursor, slot)
