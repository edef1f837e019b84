"""The read models that the benchmarks keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.service import CONTEXT
from kernel.projections import Delivered, Eventual

TABLES = (
    "create table totals (stream uuid primary key, version bigint not null, amount bigint not null);"
    "create table arrivals (position bigint primary key);"
    "grant all on totals, arrivals to public"
)


def add_up(cursor: Any, events: Sequence[Delivered]) -> None:
    """Fold a batch in memory and write once per stream; every event is decoded."""
    sums: dict[Any, tuple[int, int]] = {}
    for event in events:
        amount: int = event.message.minor_units  # type: ignore[attr-defined]
        sums[event.stream] = event.version, sums.get(event.stream, (0, 0))[1] + amount
    cursor.execute(
        "insert into totals as t (stream, version, amount)"
        " select * from unnest(%s::uuid[], %s::bigint[], %s::bigint[])"
        " on conflict (stream) do update set version = excluded.version, amount = t.amount + excluded.amount",
        (list(sums), [version for version, _ in sums.values()], [amount for _, amount in sums.values()]),
        prepare=True,
    )


def note_arrival(cursor: Any, events: Sequence[Delivered]) -> None:
    """Write down that an event became visible; the commit's own timestamp says when."""
    cursor.execute("insert into arrivals select unnest(%s::bigint[])", ([e.position for e in events],), prepare=True)


TOTALS = Eventual("totals", ("totals",), (CONTEXT,), add_up)
ARRIVALS = Eventual("arrivals", ("arrivals",), (CONTEXT,), note_arrival)
