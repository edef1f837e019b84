"""Answer a query from the service's views as they were at a moment: replayed from the log into other tables.

A few moments are kept at a time, each in one of the schemas `as_of_…`, the only ones a service may fill. The
handler runs unchanged, with that schema searched first. What a query read besides (views of other contexts'
events, settings) is live, and is named in the answer. Moments never outlive a forgetting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from kernel.as_of_schemas import SLOTS, make_tables, schema_of
from kernel.errors import DomainError, InvalidArgument, TooMany
from kernel.store import Cause, EventStore, Transaction

MOST_EVENTS = 2_000_000
LONGEST_BUILD_S = 900.0
AS_OF, CLOCK, LIVE = "as-of", "as-of-clock", "as-of-live"
"""Metadata: the moment and its clock, of a request and of its answer; what of the answer is live."""

_LOCK = 819  # (_LOCK, 0): one build at a time; (_LOCK, slot): shared by readers of the slot
_KEPT = "interval '15 minutes'"
_NOT_DATA = {"events", "subject_keys"}  # a view stands in for the log; keys are as destroyed now as ever
_PAGE = 1000
_ANALYZE_FROM = 1000
_MOST_ROUNDS = 5
_LONGEST_WAIT_S = 50.0
_USUAL_WAIT_S = 20.0
_SPARE_S = 1.0
_LOCK_TIMEOUT = "30s"


@dataclass(frozen=True, slots=True)
class Moment:
    """What was recorded until then ("recorded"), or what had happened by then as known now ("effective")."""

    at: datetime
    clock: Literal["recorded", "effective"] = "recorded"

    @property
    def column(self) -> str:
        return f"{self.clock}_at"

    def __str__(self) -> str:
        return f"{self.at.isoformat()} ({self.clock})"


def moment_in(metadata: Mapping[str, str], now: datetime) -> Moment | None:
    """Return the moment that a request names; None when it asks for the present. Raises InvalidArgument."""
    text, clock = metadata.get(AS_OF, ""), metadata.get(CLOCK, "")
    if not text:
        if clock:
            raise InvalidArgument("as_of", "is missing: a clock alone names no moment")
        return None
    at = _time(text)
    if at is None or at.tzinfo is None:
        raise InvalidArgument("as_of", f"{text[:40]!r} is not an RFC 3339 time with an offset")
    if clock not in ("", "recorded", "effective"):
        raise InvalidArgument("as_of_clock", f"{clock[:40]!r} is neither recorded nor effective")
    if at > now:
        raise InvalidArgument("as_of", "lies ahead; the log knows the past only")
    return Moment(at.astimezone(UTC), "effective" if clock == "effective" else "recorded")


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


@dataclass(eq=False)
class _Build:
    """Views being replayed, by a thread that goes on when the request it began for has given up."""

    moment: Moment
    ended: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    done: int = 0
    total: int = 0

    def progress(self) -> str:
        return f"{self.done:,} of {max(self.total, self.done):,} events are replayed"


class PastTransaction(Transaction[Any]):
    """Streams and views as they were; nothing can be appended."""

    def __init__(self, store: EventStore[Any], cursor: Cursor[DictRow], cause: Cause, moment: Moment) -> None:
        super().__init__(cursor, cause, moment.at, store.recorder, store.codec, (), store.keys(cursor))
        self._before = _scans(cursor)

    def append_all(self, events: Sequence[tuple[UUID, int, Any, datetime | None]]) -> int:
        raise DomainError("the past cannot be changed; leave out as-of")

    def scans_besides(self) -> set[str]:
        """The live tables that were read since."""
        now = _scans(self.cursor)
        return {table for table, scans in now.items() if scans > self._before.get(table, 0)} - _NOT_DATA


class Moments:
    """The moments of one service's own views."""

    def __init__(self, store: EventStore[Any]) -> None:
        self._store = store
        self._tables = tuple(dict.fromkeys(table for view in store.inline for table in view.tables))
        self._mutex = threading.Lock()
        self._build: _Build | None = None

    @contextmanager
    def reading(
        self, moment: Moment, cause: Cause, time_remaining: float | None, live: set[str]
    ) -> Iterator[PastTransaction]:
        """What reads the views and the log as of the moment; `live` gets the names of other tables read.

        Raises TooMany while they are being prepared, DomainError when the log is too long for that.
        """
        patience_s = _USUAL_WAIT_S if time_remaining is None else min(time_remaining - _SPARE_S, _LONGEST_WAIT_S)
        deadline = time.monotonic() + patience_s
        with self._store.connection() as connection:
            mark = self._store.recorder.drawn(connection)
        for _ in range(_MOST_ROUNDS):
            with self._store.query() as cursor:
                if slot := _entered(cursor, moment, mark):
                    cursor.execute(
                        "select set_config('headwater.as_of', %s, true), set_config('search_path', %s, true)",
                        (moment.at.isoformat(), f"{schema_of(slot)}, pg_catalog, public"),
                    )
                    past = PastTransaction(self._store, cursor, cause, moment)
                    yield past
                    self._tell(live, past.scans_besides())
                    return
            self._prepare(moment, deadline)
        raise TooMany("too many moments are asked for at once; try again in a few seconds")

    def _tell(self, live: set[str], read: set[str]) -> None:
        if read & set(self._tables):
            raise TooMany("this moment was taken away while it was read; ask again")
        live |= read

    # -- building ------------------------------------------------------------------

    def _prepare(self, moment: Moment, deadline: float) -> None:
        """Wait for the moment's views; have a thread build them if none does."""
        with self._mutex:
            build = self._build
            if build is None or build.ended.is_set():
                build = self._build = _Build(moment)
                threading.Thread(target=self._run, args=(build,), name="as-of", daemon=True).start()
        if not build.ended.wait(max(0.0, deadline - time.monotonic())):
            other = "" if build.moment == moment else "another moment is being prepared first: "
            raise TooMany(f"{other}the past is being prepared, {build.progress()}; ask again in a few seconds")
        if build.error is not None and build.moment == moment:
            raise build.error

    def _run(self, build: _Build) -> None:
        try:
            self._replay(build)
        except psycopg.errors.LockNotAvailable:
            build.error = TooMany("other moments are being prepared or read; ask again in a minute")
        except (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError) as error:
            build.error = DomainError(
                f"the views cannot be replayed as of {build.moment} ({type(error).__name__}); ask for the record's"
                " history instead"
            )
        except Exception as error:
            build.error = error
        finally:
            build.ended.set()

    def _replay(self, build: _Build) -> None:
        moment = build.moment
        with (
            self._store.connection() as reading,
            self._store.connection() as writing,
            writing.transaction(),
            writing.cursor() as cursor,
        ):
            cursor.execute(SQL("set local lock_timeout = {0}").format(_LOCK_TIMEOUT))
            cursor.execute("select pg_advisory_xact_lock(%s, 0)", (_LOCK,))
            generation = _generation(cursor)
            build.total = _count(cursor, moment)
            slot, position, build.done = _slot_for(cursor, moment)
            cursor.execute("select pg_advisory_xact_lock(%s, %s)", (_LOCK, slot))
            if not position:
                make_tables(cursor, slot, self._tables, moment.column, moment.at)
            horizon = self._store.recorder.horizon_on(reading)
            cursor.execute(SQL("set local search_path to {0}").format(Identifier(schema_of(slot))))
            self._project(build, reading, cursor, position, horizon)
            if build.done >= _ANALYZE_FROM:
                for table in self._tables:
                    cursor.execute(SQL("analyze {0}").format(Identifier(table)))
            cursor.execute("set local search_path to public")
            if _generation(cursor, " for share") != generation:
                raise TooMany("somebody was forgotten while the past was prepared; ask again")
            cursor.execute(
                "insert into as_of_moments (slot, clock, moment, position, events, migrations)"
                " select %s, %s, %s, %s, %s, count(*) from migrations on conflict (slot) do update set"
                " clock = excluded.clock, moment = excluded.moment, position = excluded.position,"
                " events = excluded.events, migrations = excluded.migrations, built_at = excluded.built_at",
                (slot, moment.clock, moment.at, horizon, build.done),
            )

    def _project(
        self, build: _Build, reading: Connection[DictRow], cursor: Cursor[DictRow], position: int, horizon: int
    ) -> None:
        began = time.monotonic()
        past = self._store.recorder.until(build.moment.column, build.moment.at)
        while entries := past.read_log(reading, position, horizon, _PAGE):
            with reading.cursor() as keys:
                recorded = self._store.decode(keys, entries, cached=False)
            with cursor.connection.pipeline():
                for each in recorded:
                    for view in self._store.inline:
                        view.project(cursor, each)
            position = entries[-1].position
            build.done += len(entries)
            if time.monotonic() - began > LONGEST_BUILD_S:
                raise DomainError(
                    f"after {LONGEST_BUILD_S:.0f} s only {build.progress()}, too slow for a question;"
                    " ask for one record's history of the audit"
                )


def _entered(cursor: Cursor[DictRow], moment: Moment, mark: int) -> int:
    """Return the slot that holds the moment, held still until the transaction ends; 0 when there is none.

    Whatever was recorded up to the position `mark` is in it.
    """
    slot = 0
    for _ in range(2):  # once to know which to lock, once more under the lock
        row = cursor.execute(
            "select slot, position from as_of_moments where clock = %s and moment = %s"
            f" and built_at > now() - {_KEPT} and migrations = (select count(*) from migrations)",
            (moment.clock, moment.at),
        ).fetchone()
        if row is None:
            return 0
        if row["slot"] == slot:
            break
        slot = int(row["slot"])
        locked = cursor.execute("select pg_try_advisory_xact_lock_shared(%s, %s) as so", (_LOCK, slot)).fetchone()
        if not locked or not locked["so"]:
            return 0
    else:
        return 0
    later = cursor.execute(
        f"select from events where notification_id > %s and notification_id <= %s and {moment.column} <= %s limit 1",
        (row["position"], mark, moment.at),
    ).fetchone()
    return 0 if later is not None else slot


def _scans(cursor: Cursor[DictRow]) -> dict[str, int]:
    """How often this connection has begun to read each live table."""
    rows = cursor.execute(
        "select relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) as scans"
        " from pg_stat_xact_user_tables where schemaname = 'public'"
    ).fetchall()
    return {row["relname"]: row["scans"] for row in rows}


def _generation(cursor: Cursor[DictRow], locking: str = "") -> int:
    row = cursor.execute(f"select n from as_of_generation{locking}").fetchone()
    assert row is not None
    return int(row["n"])


def _count(cursor: Cursor[DictRow], moment: Moment) -> int:
    """How many events the moment has. Raises DomainError when they are too many."""
    row = cursor.execute(
        f"select count(*) as n from (select from events where {moment.column} <= %s limit %s) as found",
        (moment.at, MOST_EVENTS + 1),
    ).fetchone()
    assert row is not None
    if row["n"] > MOST_EVENTS:
        raise DomainError(
            f"the log has more than {MOST_EVENTS:,} events up to {moment}, too many to replay for a question;"
            " ask for one record's history of the audit, or rebuild the views in a database of their own"
        )
    return int(row["n"])


def _slot_for(cursor: Cursor[DictRow], moment: Moment) -> tuple[int, int, int]:
    """Return a slot, and the position and number of events it holds of this moment already; 0 when it is empty."""
    rows = cursor.execute(
        f"select *, built_at > now() - {_KEPT} and migrations = (select count(*) from migrations) as good"
        " from as_of_moments order by built_at"
    ).fetchall()
    for row in rows:
        if (row["clock"], row["moment"]) == (moment.clock, moment.at):
            return (row["slot"], row["position"], row["events"]) if row["good"] else (row["slot"], 0, 0)
    free = set(SLOTS) - {row["slot"] for row in rows}
    return (min(free) if free else rows[0]["slot"]), 0, 0
