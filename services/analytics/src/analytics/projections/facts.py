"""How every view of this service is kept: the facts as they came, and a card folded from them by SQL.

Facts are rows keyed by stream and version, written once, so feeding them twice or in another order across
streams changes nothing. A card is the fold of a stream's facts, and there is one fold: it makes the
card that is kept, and, over the facts known or true at an earlier moment, the card as of then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Delivered

Row = dict[str, Any]
Reader = Callable[[Any], Row]
"""Reads one message into the columns it sets; `kind` is always among them."""


def last(column: str, where: str = "") -> str:
    """SQL: the value set last in the stream, whose facts come in order.

    The last element of an unsorted array_agg: sorting inside every aggregate takes three times as long.
    """
    condition = f"filter (where {where or f'{column} is not null'})"
    return f"(array_agg({column}) {condition})[(count(*) {condition})::int]"


def kinds(*numbers: int) -> str:
    """SQL: the fact is of one of these kinds."""
    return f"kind in ({', '.join(str(int(n)) for n in numbers)})"


def moment(*numbers: int) -> str:
    """SQL: when the last fact of these kinds was true."""
    return last("effective_at", kinds(*numbers))


@dataclass(frozen=True, slots=True)
class Folded:
    """Facts of one kind of stream and the card they fold to."""

    facts: str
    card: str
    key: str
    columns: Mapping[str, str]
    """The facts' own columns and their SQL types, besides key, version, kind and the two times."""
    fold: Mapping[str, str]
    """The card's columns and how each is folded."""
    begins: str
    """SQL condition: the fact that begins a stream; without it there is no card."""

    def write(self, cursor: Cursor[DictRow], rows: Sequence[tuple[UUID, int, datetime, datetime, Row]]) -> None:
        """Add facts (stream, version, effective, recorded, columns) and fold the streams they belong to."""
        if not rows:
            return
        own = list(self.columns)
        types = ["uuid", "int", "timestamptz", "timestamptz", "smallint"]
        types += ["text" if t.endswith("[]") else t for t in self.columns.values()]
        names = [self.key, "version", "effective_at", "recorded_at", "kind", *own]
        picked = [f"{n}::{self.columns[n]}" if n in self.columns else n for n in names]
        values = [
            literal([row[0] for row in rows]),
            literal([row[1] for row in rows]),
            literal([row[2] for row in rows]),
            literal([row[3] for row in rows]),
            literal([int(row[4]["kind"]) for row in rows]),
            *(literal([row[4].get(name) for row in rows]) for name in own),
        ]
        unnest = ", ".join(f"%s::{t}[]" for t in types)
        cursor.execute(
            f"insert into {self.facts} ({', '.join(names)}) select {', '.join(picked)}"
            f" from unnest({unnest}) as f({', '.join(names)}) on conflict do nothing",
            values,
            prepare=True,
        )
        self.refold(cursor, sorted({row[0] for row in rows}))

    def refold(self, cursor: Cursor[DictRow], keys: Sequence[UUID]) -> None:
        """Write the cards of these streams anew."""
        columns = [self.key, "version", *self.fold]
        sets = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
        cursor.execute(
            f"insert into {self.card} ({', '.join(columns)})"
            f" {self._folding(f'{self.key} = any(%s)')}"
            f" on conflict ({self.key}) do update set {sets}",
            (list(keys),),
            prepare=True,
        )

    def as_of(self, known: datetime | None, true: datetime | None) -> str:
        """SQL of the cards: as kept, or as known and as true at the parameters `known` and `true`."""
        if known is None and true is None:
            return self.card
        return f"({self._folding(before(known, true))})"

    def _folding(self, condition: str) -> str:
        picked = ", ".join(f"{how} as {name}" for name, how in self.fold.items())
        return (
            f"select {self.key}, max(version) as version, {picked}"
            f" from (select * from {self.facts} where {condition} order by {self.key}, version) as f"
            f" group by {self.key} having bool_or({self.begins})"
        )


def before(known: datetime | None, true: datetime | None) -> str:
    """SQL: what had been recorded by the parameter `known`, and had happened before `true`."""
    conditions = ["true"]
    if known is not None:
        conditions.append("recorded_at <= %(known)s")
    if true is not None:
        conditions.append("effective_at < %(true)s")
    return " and ".join(conditions)


class Readers:
    """Which message is read how; types nobody reads are skipped without decoding."""

    def __init__(self, readers: Mapping[type[Message], Reader]) -> None:
        self._by_type = {message.DESCRIPTOR.full_name: read for message, read in readers.items()}

    def rows(self, events: Iterable[Delivered]) -> list[tuple[UUID, int, datetime, datetime, Row]]:
        """Return the facts that the events hold."""
        found = []
        for event in events:
            read = self._by_type.get(event.type)
            if read is not None:
                metadata = event.metadata
                row = read(event.message)
                found.append((event.stream, event.version, metadata.effective_at, metadata.recorded_at, row))
        return found


def given(text: str) -> str | None:
    """Return the text, None when empty: how ids, codes and dates are stored."""
    return text or None


def literal(values: Iterable[Any]) -> str:
    """Return values as PostgreSQL writes an array: several times faster than adapting each of them."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "null"
    if type(value) is str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if type(value) is bytes:
        return '"\\\\x' + value.hex() + '"'
    if type(value) is datetime:
        return f'"{value.isoformat()}"'
    return str(value)


def array(values: Iterable[str]) -> str:
    """Return ids as PostgreSQL writes an array."""
    return "{" + ",".join(values) + "}"
