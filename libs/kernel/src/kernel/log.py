"""The event log: the eventsourcing library's PostgreSQL recorder, with another lock and a horizon.

Appenders share an advisory lock instead of excluding each other. A reader notes the last position drawn,
waits for exactly those appenders that hold the lock at that moment, and then every position up to the
mark is final. Nothing else may draw from the sequence, and its CACHE stays 1.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composed, Identifier, Literal

APPENDERS = 815
"""The advisory lock that appenders share; its exclusive form stops appending (rebuild, swap)."""

_FIRST_POLL_S = 0.0005
_SLOWEST_POLL_S = 0.02

_HOLDERS = SQL(
    "select distinct virtualtransaction as holder from pg_locks"
    " where locktype = 'advisory' and classid = 0 and objid = %s and objsubid = 1"
    " and mode = 'ShareLock' and granted"
    " and database = (select oid from pg_database where datname = current_database())"
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who recorded an event, when, and because of what. Times are aware and in UTC."""

    event_id: UUID
    recorded_at: datetime
    effective_at: datetime
    actor: str
    request_id: str
    correlation_id: UUID
    causation_id: UUID | None
    traceparent: str
    timeline_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it stands in the log, undecoded."""

    position: int
    stream: UUID
    version: int
    type: str
    data: bytes
    metadata: Metadata


_READ = SQL(
    "select notification_id, originator_id, originator_version, topic, state, event_id,"
    " recorded_at, effective_at, actor, request_id, correlation_id, causation_id, traceparent, timeline_id from {0}"
)


class LogRecorder(PostgresApplicationRecorder):
    """An application recorder whose appenders do not wait for each other.

    The table is made by the kernel's migrations, not by `create_table` (which the library's own test
    cases still use). Raises ValueError for a datastore with database functions enabled: that path takes
    no lock at all and loses events to a tailing reader.
    """

    join_appenders = SQL("pg_advisory_xact_lock_shared({0})").format(APPENDERS)

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "events") -> None:
        if datastore.enable_db_functions:
            raise ValueError(
                "POSTGRES_ENABLE_DB_FUNCTIONS is refused: it appends without any lock and"
                " loses events to readers; unset it"
            )
        super().__init__(datastore, events_table_name=events_table_name)
        self._table = SQL("{0}.{1}").format(Identifier(datastore.schema), Identifier(events_table_name))
        self._table_text = f'"{datastore.schema}"."{events_table_name}"'
        self.lock_table_statements = [SQL("select pg_advisory_xact_lock_shared({0})").format(APPENDERS)]
        # One statement, one round trip: a row can only come out of the join, and so draw a position,
        # after the lock is held.
        self._append = SQL(
            "with appender as materialized (select {1})"
            " insert into {0} (originator_id, originator_version, topic, state, event_id, recorded_at,"
            " effective_at, actor, request_id, correlation_id, causation_id, traceparent, timeline_id)"
            " select u.* from appender, unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::uuid[],"
            " %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::uuid[], %b::uuid[],"
            " %b::text[], %b::text[]) as u returning notification_id, originator_id, originator_version"
        ).format(self._table, self.join_appenders)
        # Unqualified: as of a moment, a view of this name is found first.
        self._read = _READ.format(Identifier(events_table_name))
        self._sequence: Composed | None = None

    def _notify_channel(self, curs: Cursor[DictRow]) -> None:
        """Send nothing: NOTIFY takes a lock for the whole cluster at commit. Readers poll."""

    def lock_for_append(self, cursor: Cursor[DictRow]) -> None:
        """Join the appenders until the transaction ends. Must precede the first position drawn."""
        self._lock_table(cursor)

    def append(self, cursor: Cursor[DictRow], events: Sequence[tuple[UUID, int, str, bytes, Metadata]]) -> list[int]:
        """Join the appenders and insert (stream, version, type, data, metadata) rows.

        Returns their positions, in order.
        Raises psycopg.errors.UniqueViolation when a stream already has such a version.
        """
        columns = [
            [e[0] for e in events],
            [e[1] for e in events],
            [e[2] for e in events],
            [e[3] for e in events],
            *(
                [getattr(e[4], name) for e in events]
                for name in (
                    "event_id",
                    "recorded_at",
                    "effective_at",
                    "actor",
                    "request_id",
                    "correlation_id",
                    "causation_id",
                    "traceparent",
                    "timeline_id",
                )
            ),
        ]
        rows = cursor.execute(self._append, columns, prepare=True).fetchall()
        position = {(r["originator_id"], r["originator_version"]): r["notification_id"] for r in rows}
        return [position[e[0], e[1]] for e in events]

    def until(self, column: str, at: datetime) -> LogRecorder:
        """The same log, read as if it held only events whose "recorded_at" or "effective_at" is not later."""
        past = copy(self)
        only = SQL("(select * from {0} where {1} <= {2}) as events")
        past._read = _READ.format(only.format(self._table, Identifier(column), Literal(at)))
        return past

    def read_stream(self, cursor: Cursor[DictRow], stream: UUID) -> list[Entry]:
        """Return the whole stream, in the order of its versions."""
        statement = self._read + SQL(" where originator_id = %s order by originator_version")
        return [_entry(r) for r in cursor.execute(statement, (stream,), prepare=True).fetchall()]

    def read_streams(self, cursor: Cursor[DictRow], streams: Sequence[UUID]) -> dict[UUID, list[Entry]]:
        """Return several streams at once, each in the order of its versions."""
        statement = self._read + SQL(" where originator_id = any(%s) order by originator_id, originator_version")
        found: dict[UUID, list[Entry]] = {stream: [] for stream in streams}
        for row in cursor.execute(statement, (list(streams),), prepare=True).fetchall():
            found[row["originator_id"]].append(_entry(row))
        return found

    def read_log(
        self,
        connection: Connection[DictRow],
        after: int,
        up_to: int,
        limit: int,
        slot: int | None = None,
    ) -> list[Entry]:
        """Return events with after < position <= up_to, in order; of one slot only, if given.

        `up_to` must be a horizon.
        """
        statement = self._read + SQL(
            " where notification_id > %s and notification_id <= %s{0} order by notification_id limit %s"
        ).format(SQL("" if slot is None else " and slot_of(originator_id) = %s"))
        given = (after, up_to, limit) if slot is None else (after, up_to, slot, limit)
        rows = connection.execute(statement, given, prepare=True).fetchall()
        return [_entry(row) for row in rows]

    def drawn(self, connection: Connection[DictRow]) -> int:
        """Return the last position drawn from the sequence, whether or not it is committed."""
        if self._sequence is None:
            row = connection.execute(
                "select pg_get_serial_sequence(%s, 'notification_id') as name", (self._table_text,)
            ).fetchone()
            assert row is not None
            schema, name = (part.strip('"') for part in row["name"].split("."))
            self._sequence = SQL("{0}.{1}").format(Identifier(schema), Identifier(name))
        row = connection.execute(SQL("select last_value, is_called from {0}").format(self._sequence)).fetchone()
        assert row is not None
        return int(row["last_value"]) if row["is_called"] else 0

    def horizon_on(self, connection: Connection[DictRow], timeout_s: float = 10.0) -> int:
        """Return a position up to which nothing can appear any more.

        Waits for the appenders that hold the lock now, and for no others: long transactions elsewhere
        do not matter. Raises TimeoutError when one of them stays open longer than `timeout_s`.
        """
        mark = self.drawn(connection)
        waiting = self._holders(connection)
        deadline = time.monotonic() + timeout_s
        pause_s = _FIRST_POLL_S
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(waiting)} appenders are still open at position {mark}; the server's"
                    " idle_in_transaction_session_timeout ends those that hang"
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _SLOWEST_POLL_S)
            waiting &= self._holders(connection)
        return mark

    def horizon(self, timeout_s: float = 10.0) -> int:
        """As `horizon_on`, on a connection of the datastore's pool."""
        with self.datastore.get_connection() as connection:
            return self.horizon_on(connection, timeout_s)

    def _holders(self, connection: Connection[DictRow]) -> set[str]:
        rows = connection.execute(_HOLDERS, (APPENDERS,), prepare=True)
        return {row["holder"] for row in rows}

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        horizon = self.horizon()
        stop = horizon if stop is None else min(stop, horizon)
        found: Sequence[Notification] = super().select_notifications(
            start, limit, stop, topics, inclusive_of_start=inclusive_of_start
        )
        return found


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        row["notification_id"],
        row["originator_id"],
        row["originator_version"],
        row["topic"],
        bytes(row["state"]),
        Metadata(
            row["event_id"],
            row["recorded_at"],
            row["effective_at"],
            row["actor"],
            row["request_id"],
            row["correlation_id"],
            row["causation_id"],
            row["traceparent"],
            row["timeline_id"],
        ),
    )
