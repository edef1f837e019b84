"""Which of a query's pieces tell most: those that the fewest rows hold.

Looking for all pieces of a name in an index reads a list of rows for each, and everybody's name holds "有限公司". What
the rows found by the rarest pieces do not hold is found by looking at them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

REFRESH_S = 600.0
"""PostgreSQL's statistics are a sample, taken now and then: nothing is lost by reading them this seldom."""
_MOST_PIECES = 3
_MOST_DATABASES = 64


class Commonness:
    """What share of a table's rows holds each element of an array column, as far as PostgreSQL's statistics know.

    An element that they do not name is rarer than all they name. Of a table never analysed they know nothing.
    """

    def __init__(self, table: str, column: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._of = (table, column)
        self._clock = clock
        self._known: dict[str, tuple[float, Mapping[str, float]]] = {}

    def rarest(self, cursor: Cursor[DictRow], pieces: Sequence[str]) -> list[str]:
        """Return the few of the pieces that the fewest rows hold; of equally rare ones the longer."""
        if len(pieces) <= _MOST_PIECES:
            return list(pieces)
        shares = self._shares(cursor)
        return sorted(pieces, key=lambda piece: (shares.get(piece, 0.0), -len(piece), piece))[:_MOST_PIECES]

    def _shares(self, cursor: Cursor[DictRow]) -> Mapping[str, float]:
        database = f"{cursor.connection.info.host}:{cursor.connection.info.port}/{cursor.connection.info.dbname}"
        read_at, shares = self._known.get(database, (0.0, {}))
        now = self._clock()
        if database not in self._known or now - read_at > REFRESH_S:
            if len(self._known) >= _MOST_DATABASES:
                self._known.clear()
            shares = _read(cursor, self._of)
            self._known[database] = now, shares
        return shares


def _read(cursor: Cursor[DictRow], of: tuple[str, str]) -> dict[str, float]:
    row: dict[str, Any] | None = cursor.execute(
        "select most_common_elems::text::text[] as elements, most_common_elem_freqs as shares"
        " from pg_stats where schemaname = 'public' and tablename = %s and attname = %s",
        of,
    ).fetchone()
    if row is None or row["elements"] is None:
        return {}
    # Behind the shares of the elements stand the smallest, the largest, and that of null.
    return dict(zip(row["elements"], row["shares"][: len(row["elements"])], strict=True))
