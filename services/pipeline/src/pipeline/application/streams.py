"""Load, ask, save: what every command does, and where the settings live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.errors import Conflict, NotFound
from kernel.ids import derived_id
from kernel.store import EventStore, Loaded, Recorded, Transaction

S = TypeVar("S")
Tx = Transaction[Any]

SCORING_RULES = derived_id("pipeline", "scoring-rules")
ASSIGNMENT_RULES = derived_id("pipeline", "assignment-rules")
LEAD_STATUSES = derived_id("pipeline", "lead-statuses")
POOL_POLICY = derived_id("pipeline", "lead-pool-policy")
DISCOUNT_POLICY = derived_id("pipeline", "discount-policy")
CONTRACT_POLICY = derived_id("pipeline", "contract-policy")
VOUCHER_RULES = derived_id("pipeline", "voucher-rules")

EVERYTHING = Caller("service", "pipeline", permissions=("*",), scope="all")
"""Who timers, jobs and reactions act as."""


def loaded(
    tx: Tx, stream: UUID, evolve: Callable[[S | None, Any], S], what: str, expected_version: int = 0
) -> tuple[S, int]:
    """Return the state and version of a stream that must be there."""
    found: Loaded[S] = tx.load(stream, evolve)
    if found.state is None:
        raise NotFound(f"no {what} {stream}")
    if expected_version and expected_version != found.version:
        raise Conflict(f"{what} {stream} is at version {found.version}, not {expected_version}; reload and try again")
    return found.state, found.version


def require_seen(caller: Caller, owner_id: UUID | None, what: str, stream: UUID) -> None:
    """Outside the caller's data scope a thing does not exist."""
    if not caller.sees(owner_id):
        raise NotFound(f"no {what} {stream}")


def settled(state: S, evolve: Callable[[S | None, Any], S], asks: Iterable[Callable[[S], Sequence[Any]]]) -> list[Any]:
    """Ask one thing after the other, each of what the ones before led to; return all events."""
    events: list[Any] = []
    for ask in asks:
        new = ask(state)
        for event in new:
            state = evolve(state, event)
        events += new
    return events


def setting(tx: Tx, stream: UUID, default: S) -> S:
    """Return what was set last, or the default."""
    history = tx.history(stream)
    return history[-1] if history else default


def put(tx: Tx, stream: UUID, events: Sequence[Any]) -> int:
    """Append to a stream whose every event replaces the one before."""
    return tx.append(stream, len(tx.history(stream)), events)


def read(store: EventStore[Any], cursor: Cursor[DictRow], streams: Sequence[UUID]) -> dict[UUID, list[Recorded[Any]]]:
    """Return streams as they were recorded, for answers that show history."""
    found = store.recorder.read_streams(cursor, streams)
    return {stream: store.decode(cursor, entries) for stream, entries in found.items()}


def today(tx: Tx) -> date:
    return tx.effective_at.astimezone(UTC).date()


def day_after(day: date) -> datetime:
    """The first moment at which the day is over."""
    return datetime.combine(day, time.min, UTC) + timedelta(days=1)


def lock(tx: Tx, name: str) -> None:
    """Let one transaction at a time past here until it ends."""
    tx.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 816))", (f"pipeline:{name}",))
