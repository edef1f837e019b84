"""Which rows imports took, so that a row sent twice is answered once, and an import can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.importing import CustomerImportReverted, CustomersImported
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into the rows of its import."""
    match recorded.event:
        case CustomersImported(import_id=import_id, rows=rows):
            cursor.executemany(
                "insert into imported_rows (import_id, external_ref, customer_id, outcome)"
                " values (%s, %s, %s, %s) on conflict do nothing",
                [(import_id, row.external_ref, row.customer_id, int(row.outcome)) for row in rows],
            )
        case CustomerImportReverted(import_id=import_id):
            cursor.execute("delete from imported_rows where import_id = %s", (import_id,))


IMPORTED_ROWS = Inline("imported_rows", ("imported_rows",), project)


def taken_before(cursor: Cursor[DictRow], import_id: str, refs: Sequence[str]) -> dict[str, DictRow]:
    """Return the rows that this import took already."""
    rows = cursor.execute(
        "select * from imported_rows where import_id = %s and external_ref = any(%s)",
        (import_id, list(refs)),
    ).fetchall()
    return {row["external_ref"]: row for row in rows}


def rows_of(cursor: Cursor[DictRow], import_id: str) -> list[DictRow]:
    """Return all rows of an import."""
    return cursor.execute(
        "select * from imported_rows where import_id = %s order by external_ref", (import_id,)
    ).fetchall()
