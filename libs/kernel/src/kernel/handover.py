"""Hand over what somebody owns in one service: kind by kind, in batches, each with its answer.

A service says which open records it has and how they change hands; the rest is here. A durable timer takes
one batch at a time, so a crash costs at most one batch, and however much somebody owns, no transaction is long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.handover.v1.handover_events_pb2 import HandoverAsked as HandoverAskedMessage
from crm.handover.v1.handover_events_pb2 import RecordsHandedOver as RecordsHandedOverMessage
from kernel.delivered import Delivered
from kernel.errors import DomainError
from kernel.handed_over import HandoverAsked, RecordsHandedOver, SuccessorFor
from kernel.ids import derived_id
from kernel.store import Transaction
from kernel.timers import Timer

HANDOVER_ASKED = HandoverAskedMessage
RECORDS_HANDED_OVER = RecordsHandedOverMessage
HAND_OVER = "hand_over"
"""Kind of the timer."""
BATCH = 200
_FIRST = UUID(int=0)

Tx = Transaction[Any]
Move = Callable[[Tx, Sequence[UUID], UUID, UUID, str], None]
"""Moves records from a person to another, for a reason. Leaves alone what may not move."""


@dataclass(frozen=True, slots=True)
class Owned:
    """One kind of record that people own. `open_of` selects the `id`s of a person's open ones, given %(person_id)s."""

    kind: str
    open_of: str
    move: Move


def _answer(tx: Tx, moved: RecordsHandedOver) -> None:
    """Record the answer; the relay carries it to whoever asked."""
    stream = _stream(moved.handover_id, moved.context)
    tx.append(stream, len(tx.history(stream)), [moved])


def _stream(handover_id: UUID, context: str) -> UUID:
    return derived_id(handover_id, "handed over in", context)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Everything in a service that people own, and who takes the answers."""

    kinds: Sequence[Owned]
    answer: Callable[[Tx, RecordsHandedOver], None] = _answer


def by_decision(evolve: Callable[[Any, Any], Any], decide: Callable[[Any, UUID, UUID, str], Sequence[Any]]) -> Move:
    """Return how records move whose own decision about it needs nothing else: (state, from, to, reason) -> events."""

    def move(tx: Tx, ids: Sequence[UUID], leaver: UUID, successor: UUID, reason: str) -> None:
        events: list[tuple[UUID, int, Any, None]] = []
        for stream, history in tx.histories(ids).items():
            try:
                decided = decide(reduce(evolve, history, None), leaver, successor, reason)
            except DomainError:
                continue  # counted as left
            events += [(stream, len(history), event, None) for event in decided]
        tx.append_all(events)

    return move


def count_owned(cursor: Cursor[DictRow], ownership: Ownership, person_id: UUID) -> dict[str, int]:
    """Return how many open records a person owns, by kind."""
    return {it.kind: _count(cursor, it, person_id) for it in ownership.kinds}


def _count(cursor: Cursor[DictRow], owned: Owned, person_id: UUID) -> int:
    row = cursor.execute(f"select count(*) as n from ({owned.open_of}) o", {"person_id": person_id}).fetchone()
    assert row is not None
    return int(row["n"])


def _key(handover_id: UUID) -> str:
    """Of the timer: one a handover, whatever the round."""
    return f"{HAND_OVER}:{handover_id}"


def begin(tx: Tx, asked: HandoverAsked) -> None:
    """Have the round carried out."""
    _go_on(tx, asked, 0, _FIRST, 1)


def when_handover_asked(context: str) -> Callable[[Delivered, Tx], None]:
    """Return the reaction that every service with owned records has, but the asking one."""

    def react(delivered: Delivered, tx: Tx) -> None:
        said: Any = delivered.message
        asked = HandoverAsked(
            UUID(said.handover_id),
            UUID(said.leaver_id),
            said.round,
            UUID(said.to_person_id),
            tuple(SuccessorFor(it.kind, UUID(it.person_id)) for it in said.exceptions),
            said.reason,
        )
        # A batch that is under way ends first, so that its answer is seen and the round does not begin again.
        tx.cursor.execute("select from timers where key = %s for update", (_key(asked.handover_id),))
        answered = tx.history(_stream(asked.handover_id, context))
        if not any(it.round >= asked.round for it in answered):
            begin(tx, asked)

    return react


def next_batch(context: str, ownership: Ownership) -> Callable[[Timer, Tx], None]:
    """Return what the timer does: move one batch and go on, or say that the round has come to its end."""

    def step(timer: Timer, tx: Tx) -> None:
        said = timer.payload
        asked = HandoverAsked(
            UUID(said["handover_id"]),
            UUID(said["leaver_id"]),
            said["round"],
            UUID(said["to_person_id"]),
            tuple(SuccessorFor(kind, UUID(person_id)) for kind, person_id in said["exceptions"]),
            said["reason"],
        )
        after, batch = UUID(said["after"]), said["batch"]
        for index in range(said["kind"], len(ownership.kinds)):
            owned = ownership.kinds[index]
            ids = _some(tx.cursor, owned, asked.leaver_id, after)
            if ids:
                successor = asked.successor(owned.kind)
                owned.move(tx, ids, asked.leaver_id, successor, f"handover: {asked.reason}")
                still = _still(tx.cursor, owned, asked.leaver_id, ids)
                moved = tuple(str(id_) for id_ in ids if id_ not in still)
                place = (asked.handover_id, context, asked.round, batch)
                ownership.answer(tx, RecordsHandedOver(*place, owned.kind, successor, moved, False, 0))
                _go_on(tx, asked, index, ids[-1], batch + 1)
                return
            after = _FIRST
        left = sum(count_owned(tx.cursor, ownership, asked.leaver_id).values())
        place = (asked.handover_id, context, asked.round, batch)
        ownership.answer(tx, RecordsHandedOver(*place, "", None, (), True, left))

    return step


def _some(cursor: Cursor[DictRow], owned: Owned, person_id: UUID, after: UUID) -> list[UUID]:
    rows = cursor.execute(
        f"select id from ({owned.open_of}) o where id > %(after)s order by id limit {BATCH}",
        {"person_id": person_id, "after": after},
    )
    return [row["id"] for row in rows]


def _still(cursor: Cursor[DictRow], owned: Owned, person_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the records did not move."""
    rows = cursor.execute(
        f"select id from ({owned.open_of}) o where id = any(%(ids)s)", {"person_id": person_id, "ids": list(ids)}
    )
    return {row["id"] for row in rows}


def _go_on(tx: Tx, asked: HandoverAsked, kind: int, after: UUID, batch: int) -> None:
    payload = {
        "handover_id": str(asked.handover_id),
        "leaver_id": str(asked.leaver_id),
        "round": asked.round,
        "to_person_id": str(asked.to_person_id),
        "exceptions": [[it.kind, str(it.person_id)] for it in asked.exceptions],
        "reason": asked.reason,
        "kind": kind,
        "after": str(after),
        "batch": batch,
    }
    tx.set_timer(_key(asked.handover_id), HAND_OVER, tx.recorded_at, payload)
