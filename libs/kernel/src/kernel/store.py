"""Append events, and whatever must be true at the same instant, in one transaction.

The recorder and its datastore are the eventsourcing library's. What is ours: protobuf bytes through the
codec, inline views on the very cursor that the events are inserted with, timers, and metadata.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

from kernel.as_of_schemas import forget_moments
from kernel.clock import Clock, system_clock
from kernel.codec import Codec
from kernel.errors import LostRace
from kernel.ids import new_id
from kernel.log import Entry, LogRecorder, Metadata
from kernel.tracing import continued
from kernel.vault import KeyCache, TableKeys, Wrapping

if TYPE_CHECKING:
    from kernel.projections import Inline

E = TypeVar("E")
S = TypeVar("S")

_TOUCH_EVERY = timedelta(seconds=5)
_IDLE_IN_TRANSACTION_S = 15.0
_TAKEN = ("dbname", "host", "port", "user", "password")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E]):
    """An event as its own service reads it from the log."""

    stream: UUID
    version: int
    position: int
    event: E
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asks for a transaction, and why.

    `effective_at` is None for work done now. `timeline_id` names the backdated run it belongs to.
    """

    actor: str
    request_id: str
    correlation_id: UUID
    causation_id: UUID | None = None
    traceparent: str = ""
    effective_at: datetime | None = None
    timeline_id: str = ""

    @staticmethod
    def of(actor: str, request_id: str = "") -> Cause:
        """Return the cause of something that nothing else led to."""
        correlation_id = new_id()
        return Cause(actor, request_id or str(correlation_id), correlation_id)

    @staticmethod
    def from_event(service: str, metadata: Metadata) -> Cause:
        """Return the cause of what a service does because of an event.

        The actor is the service; what led to the event leads to this too. Late work stays late.
        """
        return Cause(
            actor=f"service:{service}",
            request_id=str(metadata.event_id),
            correlation_id=metadata.correlation_id,
            causation_id=metadata.event_id,
            traceparent=metadata.traceparent,
            effective_at=metadata.effective_at if metadata.timeline_id else None,
            timeline_id=metadata.timeline_id,
        )


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """What a stream folds to, and the version to append after."""

    state: S | None
    version: int


class Transaction(Generic[E]):
    """One database transaction: streams read, events appended, views kept, timers set."""

    def __init__(
        self,
        cursor: Cursor[DictRow],
        cause: Cause,
        recorded_at: datetime,
        recorder: LogRecorder,
        codec: Codec,
        inline: Sequence[Inline],
        keys: TableKeys,
    ) -> None:
        self.cursor = cursor
        self.cause = cause
        self.recorded_at = recorded_at
        self.effective_at = cause.effective_at or recorded_at
        self._recorder = recorder
        self._codec = codec
        self._inline = inline
        self._keys = keys
        self._has_forgotten = False

    def history(self, stream: UUID) -> list[E]:
        """Return the stream's events, oldest first; empty when there is no such stream."""
        return self._decode(self._recorder.read_stream(self.cursor, stream))

    def histories(self, streams: Sequence[UUID]) -> dict[UUID, list[E]]:
        """Return several streams' events with one statement."""
        return {
            stream: self._decode(entries)
            for stream, entries in self._recorder.read_streams(self.cursor, streams).items()
        }

    def recorded(self, stream: UUID) -> list[Recorded[E]]:
        """Return the stream's events with their positions and metadata."""
        entries = self._recorder.read_stream(self.cursor, stream)
        return [
            Recorded(e.stream, e.version, e.position, event, e.metadata)
            for e, event in zip(entries, self._decode(entries), strict=True)
        ]

    def load(self, stream: UUID, evolve: Callable[[S | None, E], S]) -> Loaded[S]:
        """Fold the stream into its state. The id of something else is nobody's: no state, and no version to add to."""
        state: S | None = None
        history = self.history(stream)
        for number, event in enumerate(history):
            try:
                state = evolve(state, event)
            except AssertionError:  # assert_never: no kind of event that this knows
                if number:
                    raise
                return Loaded(None, 0)
        return Loaded(state, len(history))

    def append(
        self,
        stream: UUID,
        after: int,
        events: Sequence[E],
        effective_at: datetime | None = None,
    ) -> int:
        """Append events after the given version; return the new version.

        Raises LostRace when somebody else appended to the stream first.
        """
        return self.append_all([(stream, after, event, effective_at) for event in events]) or after

    def append_all(self, events: Sequence[tuple[UUID, int, E, datetime | None]]) -> int:
        """Append events of any streams with one statement.

        Each is (stream, version that its stream had before this call, event, effective time or None for
        the transaction's). Events of one stream follow each other in the order given. Returns the last
        version written, 0 for no events.
        """
        if not events:
            return 0
        with continued("append", self.cause.traceparent, {"headwater.events": len(events)}) as traceparent:
            return self._append_all(events, traceparent)

    def _append_all(self, events: Sequence[tuple[UUID, int, E, datetime | None]], traceparent: str) -> int:
        count: dict[UUID, int] = {}
        placed: list[tuple[UUID, int, E, Metadata]] = []
        for stream, after, event, effective_at in events:
            count[stream] = count.get(stream, 0) + 1
            placed.append((stream, after + count[stream], event, self._metadata(effective_at, traceparent)))
        stored = self._codec.encode(
            [(event, f"{stream}/{version}") for stream, version, event, _ in placed], self._keys
        )
        try:
            positions = self._recorder.append(
                self.cursor,
                [
                    (stream, version, bytes_.type, bytes_.data, metadata)
                    for (stream, version, _, metadata), bytes_ in zip(placed, stored, strict=True)
                ],
            )
        except psycopg.errors.UniqueViolation as error:
            raise LostRace(
                f"{', '.join(str(stream) for stream in list(count)[:3])} moved on meanwhile:"
                f" version {placed[0][1]} is taken; reload and try again"
            ) from error
        with self.cursor.connection.pipeline():  # a view's statements wait for no answer that it does not read
            for (stream, version, event, metadata), position in zip(placed, positions, strict=True):
                recorded = Recorded(stream, version, position, event, metadata)
                for view in self._inline:
                    view.project(self.cursor, recorded)
        return placed[-1][1]

    def set_timer(self, key: str, kind: str, due_at: datetime, payload: Mapping[str, Any]) -> None:
        """Have the timer or job `kind` fire at `due_at`. The same key replaces an earlier one."""
        self.cursor.execute(
            "insert into timers (key, kind, due_at, payload, timeline_id, correlation_id,"
            " causation_id, traceparent) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (key) do update set kind = excluded.kind, due_at = excluded.due_at,"
            " payload = excluded.payload, timeline_id = excluded.timeline_id,"
            " correlation_id = excluded.correlation_id, causation_id = excluded.causation_id,"
            " traceparent = excluded.traceparent, attempts = 0, not_before = '-infinity',"
            " failed_at = null, last_error = ''",
            (
                key,
                kind,
                due_at,
                json.dumps(payload),
                self.cause.timeline_id,
                self.cause.correlation_id,
                self.cause.causation_id,
                self.cause.traceparent,
            ),
            prepare=True,
        )

    def cancel_timer(self, key: str) -> None:
        """Forget the timer with this key, if there is one."""
        self.cursor.execute("delete from timers where key = %s", (key,), prepare=True)

    def key_of(self, subject: str) -> bytes:
        """Return a data subject's key, making it if it is new; raise SubjectForgotten."""
        return self._keys.obtain({subject})[subject]

    @property
    def has_keyring(self) -> bool:
        """Whether what keys are wrapped with can be destroyed."""
        return self._keys.has_keyring

    def forget(self, subject: str) -> bool:
        """Destroy a data subject's key; return whether it was not destroyed before."""
        if not self._has_forgotten:
            forget_moments(self.cursor)
            self._has_forgotten = True
        self._keys.drop(subject)
        row = self.cursor.execute("select forget_key(%s) as destroyed", (subject,)).fetchone()
        return bool(row and row["destroyed"])

    def _metadata(self, effective_at: datetime | None, traceparent: str) -> Metadata:
        return Metadata(
            new_id(),
            self.recorded_at,
            effective_at or self.effective_at,
            self.cause.actor,
            self.cause.request_id,
            self.cause.correlation_id,
            self.cause.causation_id,
            traceparent,
            self.cause.timeline_id,
        )

    def _decode(self, entries: Sequence[Entry]) -> list[E]:
        return self._codec.decode([(e.type, e.data, f"{e.stream}/{e.version}") for e in entries], self._keys)

    def touch_timeline(self) -> None:
        """Move the clock of the backdated run forward to this transaction's effective time."""
        if not self.cause.timeline_id:
            return
        self.cursor.execute(
            "insert into timelines as t (timeline_id, reached_at, touched_at) values (%s, %s, %s)"
            " on conflict (timeline_id) do update"
            " set reached_at = greatest(t.reached_at, excluded.reached_at),"
            " touched_at = greatest(t.touched_at, excluded.touched_at)"
            " where t.reached_at < excluded.reached_at or t.touched_at < excluded.touched_at - %s",
            (self.cause.timeline_id, self.effective_at, self.recorded_at, _TOUCH_EVERY),
            prepare=True,
        )


class EventStore(Generic[E]):
    """A service's log and read models, behind one pool of connections."""

    def __init__(
        self,
        datastore: PostgresDatastore,
        codec: Codec,
        master: Wrapping,
        inline: Sequence[Inline] = (),
        clock: Clock = system_clock,
    ) -> None:
        self.datastore = datastore
        self.codec = codec
        self.inline = tuple(inline)
        self.clock = clock
        self.recorder = LogRecorder(datastore)
        self.master = master
        self._key_cache = KeyCache()

    @contextmanager
    def transaction(self, cause: Cause) -> Iterator[Transaction[E]]:
        """Begin; commit when the block ends, roll everything back when it raises."""
        with self.connection() as connection:
            with connection.transaction(), connection.cursor() as cursor:
                keys = self.keys(cursor)
                transaction: Transaction[E] = Transaction(
                    cursor, cause, self.clock(), self.recorder, self.codec, self.inline, keys
                )
                yield transaction
                transaction.touch_timeline()
            keys.committed()

    @contextmanager
    def query(self) -> Iterator[Cursor[DictRow]]:
        """A cursor for reading, in one read-only transaction."""
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute("begin read only")  # whoever lends the connection ends it
            yield cursor

    @contextmanager
    def connection(self) -> Iterator[Connection[DictRow]]:
        """A connection of the pool, in autocommit. Broken ones are not handed back."""
        self.datastore.pool.open(False)
        with self.datastore.pool.connection() as connection:
            yield connection

    def keys(self, cursor: Cursor[DictRow], cached: bool = True) -> TableKeys:
        """Subject keys, through this cursor; those destroyed a moment ago may still be cached."""
        return TableKeys(cursor, self.master, self._key_cache if cached else KeyCache())

    def decode(self, cursor: Cursor[DictRow], entries: Sequence[Entry], cached: bool = True) -> list[Recorded[E]]:
        """Return log entries as events of today, for rebuilding and auditing."""
        keys = self.keys(cursor, cached)
        events = self.codec.decode([(e.type, e.data, f"{e.stream}/{e.version}") for e in entries], keys)
        return [
            Recorded(e.stream, e.version, e.position, event, e.metadata)
            for e, event in zip(entries, events, strict=True)
        ]

    def with_inline(self, inline: Sequence[Inline]) -> EventStore[E]:
        """The same store with other inline views, sharing the pool."""
        other: EventStore[E] = EventStore(self.datastore, self.codec, self.master, inline, self.clock)
        return other

    def close(self) -> None:
        """Close the pool. Waits for nothing."""
        self.datastore.close()


def open_datastore(url: str, pool_size: int = 4, max_overflow: int = 12) -> PostgresDatastore:
    """Return the library's datastore for a PostgreSQL URL. Transactions left idle are ended."""
    parts = conninfo_to_dict(url)
    datastore = PostgresDatastore(
        dbname=str(parts["dbname"]),
        host=str(parts["host"]),
        port=str(parts.get("port", 5432)),
        user=str(parts["user"]),
        password=str(parts.get("password", "")),
        pool_size=pool_size,
        max_overflow=max_overflow,
        connect_timeout=10.0,
        pre_ping=True,  # a connection that died while it rested is replaced, not handed to a command
        idle_in_transaction_session_timeout=_IDLE_IN_TRANSACTION_S,
    )
    assert isinstance(datastore.pool.kwargs, dict)
    datastore.pool.kwargs |= {name: value for name, value in parts.items() if name not in _TAKEN}  # sslmode, sslcert…
    return datastore


__all__ = [
    "Cause",
    "EventStore",
    "Loaded",
    "Metadata",
    "Recorded",
    "Transaction",
    "open_datastore",
]
