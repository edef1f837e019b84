"""A WHERE clause as it grows: conditions written by us, values passed as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.commonness import Commonness
from kernel.text import normalised, search_grams

NOBODY = "00000000-0000-0000-0000-000000000000"


class Conditions:
    """Conditions joined by `and`."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.parameters: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self._texts.append(text)
        self.parameters.extend(values)

    def add_if(self, value: Any, text: str) -> None:
        """Add the condition with the value as its parameter when there is a value."""
        if value:
            self.add(text, value)

    def in_scope(
        self, caller: Caller, column: str, also: str = "", party: str = "", parties: Sequence[UUID] = ()
    ) -> None:
        """Only what the caller's data scope shows, and what is about one of the parties; `also` widens it."""
        text, values = caller.scope_filter(column, party, parties)
        self.add(f"({text} or {also})" if also else text, *values)

    def search(
        self, cursor: Cursor[DictRow], query: str, pieces: Commonness, grams_column: str, text_expression: str
    ) -> None:
        """The rarest pieces of the query must be indexed, and the query must be in the text."""
        if not query.strip():
            return
        self.add(f"{grams_column} @> %s::text[]", pieces.rarest(cursor, search_grams(query)))
        for word in normalised(query).split():
            self.add(f"strpos(lower({text_expression}), %s) > 0", word)

    def after(self, columns: Sequence[str], values: Sequence[Any], descending: bool = True) -> None:
        """Only rows behind the last one of the page before."""
        if values:
            marks = ", ".join(["%s"] * len(columns))
            self.add(f"({', '.join(columns)}) {'<' if descending else '>'} ({marks})", *values)

    @property
    def sql(self) -> str:
        return " and ".join(self._texts) or "true"
