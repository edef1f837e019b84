"""Forget a person in one service: destroy the keys, empty what stands in clear, answer what was searched.

The context that asks sends ids only, and may ask again: forgetting twice is forgetting. Which ids mean the
same person each service finds by the references it has; it answers with them, so that all are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.erasure.v1.erasure_events_pb2 import PersonPurged as PersonPurgedMessage
from crm.erasure.v1.erasure_events_pb2 import PurgeAsked as PurgeAskedMessage
from kernel.delivered import Delivered
from kernel.ids import derived_id
from kernel.keyring import Keyring, part_of, rotate
from kernel.purged import KeptRecords, PersonPurged, SearchedTable
from kernel.store import Transaction
from kernel.timers import JobHandler, Timer, Worker

PURGE_ASKED = PurgeAskedMessage
PERSON_PURGED = PersonPurgedMessage
MOST_IDS = 5_000
"""So many ids one person may have; more is a mistake, and nobody is to be forgotten by mistake."""
_MOST_STEPS = 6
DESTROY = "destroy_wrapping"
"""Kind of the job."""


class TooManyIds(Exception):
    """The references lead to more records than one person can have."""


def _answer(tx: Transaction[Any], purged: PersonPurged) -> None:
    """Record the answer; the relay carries it to whoever asked."""
    stream = derived_id(purged.erasure_id, "purged in", purged.context)
    tx.append(stream, len(tx.history(stream)), [purged])


@dataclass(frozen=True, slots=True)
class Purge:
    """How one table is emptied of a person. `columns` are those that hold personal text in clear.

    The statement has the parameter %(ids)s, a uuid[]; it touches only rows that still hold something, and
    leaves what a rebuild would write once the keys are gone.
    """

    table: str
    columns: tuple[str, ...]
    statement: str


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a service holds of people, and how it lets go of it.

    `related` are queries for `id`s under which the same person is known, given %(ids)s; they are asked until
    nothing new comes. `hints` are queries for ids that may mean the same person, for the asking context to
    judge; nothing is purged here because of them. `own` are queries for what has a key of its own and goes with
    the person, as a file does; nobody else is told of it. `before` runs in the same transaction with all ids, for what
    the log has to say of it. `kept` tells, with all ids, what a law has us keep all the same. `answer` takes what was
    purged, once what the keys were wrapped with is destroyed too. `keeps_keys` is for the service whose subjects are
    the staff: an id that means one of them is not erased.
    """

    purges: Sequence[Purge] = ()
    related: Sequence[str] = ()
    own: Sequence[str] = ()
    hints: Sequence[str] = ()
    before: Callable[[Transaction[Any], UUID, Sequence[UUID]], None] | None = None
    kept: Callable[[Transaction[Any], Sequence[UUID]], tuple[KeptRecords, ...]] | None = None
    keeps_keys: bool = False
    answer: Callable[[Transaction[Any], PersonPurged], None] = _answer


def forget_here(
    tx: Transaction[Any], data: PersonalData, context: str, erasure_id: UUID, round_: int, asked: Collection[UUID]
) -> None:
    """Forget the person in this transaction, and answer what was searched and found.

    Where there is a ring of keys the worker first destroys what the destroyed keys were wrapped with.
    """
    ids, related = ids_of(tx.cursor, data, asked)
    doomed = [] if data.keeps_keys else [*ids, *sorted(_asked_of(tx.cursor, data.own, ids))]
    known, destroyed = _keys_of(tx, doomed)
    found = []
    for each in data.purges:
        tx.cursor.execute(each.statement, {"ids": ids})
        found.append(SearchedTable(each.table, max(tx.cursor.rowcount, 0)))
    if data.before is not None:
        data.before(tx, erasure_id, ids)
    for id_ in doomed:
        tx.forget(str(id_))
    named = tuple(sorted(str(id_) for id_ in related))
    kept = data.kept(tx, ids) if data.kept is not None else ()
    purged = PersonPurged(erasure_id, context, round_, tuple(found), destroyed, named, (), kept)
    if tx.has_keyring and (destroyed or (known and round_ == 1) or _is_destroying(tx, erasure_id)):
        _have_wrapping_destroyed(tx, purged, {part_of(str(id_)) for id_ in doomed})
    else:
        data.answer(tx, purged)


def when_purge_asked(context: str, data: PersonalData) -> Callable[[Delivered, Transaction[Any]], None]:
    """Return the reaction that every service but the asking one has."""

    def react(delivered: Delivered, tx: Transaction[Any]) -> None:
        asked: Any = delivered.message
        ids = [UUID(id_) for id_ in asked.subject_ids]
        forget_here(tx, data, context, UUID(asked.erasure_id), asked.round, ids)

    return react


def ids_of(cursor: Cursor[DictRow], data: PersonalData, asked: Collection[UUID]) -> tuple[list[UUID], set[UUID]]:
    """Return all ids of a person that this service knows, and those that others may know him by."""
    ids = _all_ids(cursor, data, asked)
    return ids, {*ids, *_asked_of(cursor, data.hints, ids)}


def _is_destroying(tx: Transaction[Any], erasure_id: UUID) -> bool:
    """Whether an earlier round's keys still wait for it: nothing is answered before."""
    row = tx.cursor.execute(
        "select from timers where kind = %s and payload ->> 'erasure_id' = %s limit 1", (DESTROY, str(erasure_id))
    ).fetchone()
    return row is not None


def _have_wrapping_destroyed(tx: Transaction[Any], purged: PersonPurged, parts: Collection[int]) -> None:
    payload = {
        "erasure_id": str(purged.erasure_id),
        "context": purged.context,
        "round": purged.round,
        "searched": [[it.table, it.rows] for it in purged.searched],
        "keys_destroyed": purged.keys_destroyed,
        "related_ids": list(purged.related_ids),
        "parts": sorted(parts),
        "kept": [[it.kind, it.records, it.free_on, it.basis] for it in purged.kept],
    }
    tx.set_timer(f"{DESTROY}:{purged.erasure_id}:{purged.round}", DESTROY, tx.recorded_at, payload)


def destroy_wrapping(ring: Keyring, data: PersonalData) -> JobHandler:
    """Return the job that destroys what the person's keys were wrapped with, in every backup, and answers then."""

    def job(timer: Timer, worker: Worker) -> None:
        said = timer.payload
        with worker.store.connection() as connection:
            _, destroyed = rotate(connection, ring, said["parts"])
        purged = PersonPurged(
            UUID(said["erasure_id"]),
            said["context"],
            said["round"],
            tuple(SearchedTable(table, rows) for table, rows in said["searched"]),
            said["keys_destroyed"],
            tuple(said["related_ids"]),
            tuple(destroyed),
            tuple(KeptRecords(*it) for it in said.get("kept", ())),
        )
        with worker.transaction() as tx:
            data.answer(tx, purged)

    return job


def _all_ids(cursor: Cursor[DictRow], data: PersonalData, asked: Collection[UUID]) -> list[UUID]:
    ids = sorted(set(asked))
    for _ in range(_MOST_STEPS):
        found = {*ids, *_asked_of(cursor, data.related, ids)}
        if len(found) > MOST_IDS:
            raise TooManyIds(f"{len(found)} records lead to each other; at most {MOST_IDS} can be one person")
        if len(found) == len(ids):
            break
        ids = sorted(found)
    return ids


def _asked_of(cursor: Cursor[DictRow], queries: Sequence[str], ids: Sequence[UUID]) -> set[UUID]:
    return {
        row["id"] for query in queries for row in cursor.execute(query, {"ids": list(ids)}) if row["id"] is not None
    }


def _keys_of(tx: Transaction[Any], ids: Sequence[UUID]) -> tuple[int, int]:
    """How many of the ids ever had a key here, and how many have one still."""
    row = tx.cursor.execute(
        "select count(*) as known, count(wrapped) as kept from subject_keys where subject = any(%s)",
        ([str(id_) for id_ in ids],),
    ).fetchone()
    assert row is not None
    return int(row["known"]), int(row["kept"])
