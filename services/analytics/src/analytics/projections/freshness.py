"""How far the events of each context have been folded: position and time, by slot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Delivered, Eventual

CONTEXTS = ("customer", "pipeline", "ticketing", "marketing", "identity", "notification")
"""Every context that analytics follows. The audit trail stores their places here: append only."""


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    slots: dict[tuple[str, int], tuple[int, datetime, datetime]] = {}
    for event in events:
        metadata = event.metadata
        key = (event.context, event.slot)
        position, recorded, effective = slots.get(key, (0, metadata.recorded_at, metadata.effective_at))
        slots[key] = (
            max(position, event.position),
            max(recorded, metadata.recorded_at),
            max(effective, metadata.effective_at),
        )
    cursor.executemany(
        "insert into folded_slots as f (context, slot, position, recorded_at, effective_at)"
        " values (%s, %s, %s, %s, %s) on conflict (context, slot) do update set"
        " position = greatest(f.position, excluded.position),"
        " recorded_at = greatest(f.recorded_at, excluded.recorded_at),"
        " effective_at = greatest(f.effective_at, excluded.effective_at)",
        [(*key, *seen) for key, seen in slots.items()],
    )


VIEW = Eventual("freshness", ("folded_slots",), CONTEXTS, project)
