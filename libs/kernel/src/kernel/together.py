"""Several questions to the database at once: one wait instead of one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow, dict_row

Question = tuple[str, Sequence[Any]]


def answers(cursor: Cursor[DictRow], *questions: Question) -> list[list[DictRow]]:
    """Return the rows of each question, in the cursor's transaction. Raises what the first refused one raises."""
    connection = cursor.connection
    with connection.pipeline():
        asked = [connection.cursor(row_factory=dict_row).execute(sql, values) for sql, values in questions]
    return [one.fetchall() for one in asked]
