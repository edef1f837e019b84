"""Build a view again, beside the live one, from the log; then compare the two, or swap them.

The replay runs as the tables' owner, in a schema of its own that holds nothing but the view's tables: a
projection that touches any other fails instead of changing live rows. At the end whoever writes the live
view is held back for a moment, the last events are replayed, and the tables change places in the
transaction that held it back. Side effects do not repeat: only `project` runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed, Identifier

from kernel.backfill import EVERY_SLOT, BackfillClient
from kernel.broker import Amqp, connect
from kernel.consumers import VIEWS
from kernel.delivered import Delivered
from kernel.errors import NotFound, Unavailable
from kernel.log import APPENDERS
from kernel.parking import UNHEARD
from kernel.projections import Eventual, Inline
from kernel.unheard import forget_unheard

if TYPE_CHECKING:
    from kernel.service import Service
    from kernel.store import EventStore

View = Inline | Eventual
Tell = Callable[[int, int], None]
"""Told now and then: events replayed so far, and how many there are, as far as is known."""

_LOCK = 818
_PAGE = 1000
_LOCK_TIMEOUT = "30s"
_CLOSE_ENOUGH = 1000
_MOST_ROUNDS = 20
_MOST_SWAPS = 10


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How a rebuilt table differs from the live one; rows are counted, never shown."""

    table: str
    rows: int
    only_live: int
    only_rebuilt: int

    @property
    def equal(self) -> bool:
        """Whether the two hold the same rows."""
        return not self.only_live and not self.only_rebuilt


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: events replayed, in how many seconds, and the comparison with the live view."""

    view: str
    events: int
    seconds: float
    tables: tuple[TableDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether the rebuilt view equals the live one, row for row."""
        return all(table.equal for table in self.tables)

    @property
    def rate(self) -> float:
        """Events replayed per second."""
        return self.events / max(self.seconds, 1e-9)


class RebuildRunning(Exception):
    """Somebody else is rebuilding the same view."""


class _Replay(Protocol):
    """Where a view's events come from, and how its live twin is held still."""

    def rounds(self, cursor: Cursor[DictRow]) -> Iterator[int]:
        """Replay what there is by now, yielding the number of events of each page."""
        ...

    def total(self) -> int:
        """How many events there are, as far as is known."""
        ...

    def mark(self) -> Any:
        """Where it is, for `go_back`."""
        ...

    def go_back(self, to: Any) -> None:
        """What was replayed since then was rolled back."""
        ...

    def hold(self, cursor: Cursor[DictRow]) -> None:
        """Keep the live view as it is until the transaction ends."""
        ...


def rebuild(service: Service, view: View, tell: Tell = lambda *_: None) -> Rebuilt:
    """Build the view again and put it in the live one's place. The comparison is of before the swap."""
    return _run(service, view, tell, swap=True)


def compare(service: Service, view: View, tell: Tell = lambda *_: None) -> Rebuilt:
    """Build the view beside the live one, compare, and throw it away."""
    return _run(service, view, tell, swap=False)


def views_of(service: Service, name: str) -> list[View]:
    """Return the view of that name, or every view for "all". Raises NotFound naming those there are."""
    views: list[View] = [*service.inline, *service.eventual]
    found = [view for view in views if name in ("all", view.name)]
    if not found and name != "all":
        names = ", ".join(view.name for view in views) or "none"
        raise NotFound(f"{service.name} has no view {name}; there are: {names}")
    return found


def rebuild_command(service: Service, name: str, check_only: bool = False) -> int:
    """Rebuild (or only check) a view or all views, showing progress; return the exit status."""
    try:
        views = views_of(service, name)
    except NotFound as error:
        print(error, file=sys.stderr)
        return 2
    status = 0
    with psycopg.connect(service.settings.owner_url(), connect_timeout=10) as connection:
        began = connection.execute("select now() as now").fetchone()
    for view in views:
        bar = _Bar(f"{service.name}.{view.name}")
        result = _run(service, view, bar.show, swap=not check_only)
        bar.end(result, check_only)
        if check_only and not result.equal:
            status = 1
    if name == "all" and not check_only and began is not None:
        with psycopg.connect(service.settings.owner_url(), row_factory=dict_row, connect_timeout=10) as connection:
            forget_unheard(connection, VIEWS, began[0])
    return status


def _run(service: Service, view: View, tell: Tell, swap: bool) -> Rebuilt:
    began = time.monotonic()
    shadow = f"rebuild_{view.name}"
    settings = service.settings
    with (
        psycopg.connect(settings.owner_url(), autocommit=True, row_factory=dict_row, connect_timeout=10) as connection,
        _source(service, view) as replay,
    ):
        _only_one(connection, view.name)
        connection.execute(SQL("set lock_timeout = {0}").format(_LOCK_TIMEOUT))
        _make_shadow(connection, shadow, view.tables)
        try:
            connection.execute(SQL("set search_path to {0}").format(Identifier(shadow)))
            events = _catch_up(connection, replay, tell)
            last, tables = _finish(connection, replay, shadow, view.tables, swap)
            events += last
            tell(events, events)
        finally:
            connection.execute("reset search_path")
            connection.execute(SQL("drop schema if exists {0} cascade").format(Identifier(shadow)))
    return Rebuilt(view.name, events, time.monotonic() - began, tables)


def _finish(
    connection: Connection[DictRow], replay: _Replay, shadow: str, names: Sequence[str], swap: bool
) -> tuple[int, tuple[TableDifference, ...]]:
    """Replay what is left while nobody writes, compare, and swap, in one transaction; return how many events that was.

    Who has read the view and is about to append holds what the swap waits for, and waits for what we hold: then
    PostgreSQL ends one of us, and we try again.
    """
    for attempt in range(1, _MOST_SWAPS + 1):
        before = replay.mark()
        try:
            with connection.transaction(), connection.cursor() as cursor:
                replay.hold(cursor)
                events = sum(replay.rounds(cursor))
                tables = tuple(_difference(cursor, shadow, table) for table in names)
                if swap:
                    for table in names:
                        _swap(cursor, shadow, table)
            return events, tables
        except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
            if attempt == _MOST_SWAPS:
                raise
            replay.go_back(before)
            time.sleep(0.1 * attempt)
    raise AssertionError("unreachable")


def _catch_up(connection: Connection[DictRow], replay: _Replay, tell: Tell) -> int:
    """Replay, in transactions of a page each, until little is left."""
    events = 0
    for _ in range(_MOST_ROUNDS):
        in_round = 0
        pages = _in_transactions(connection, replay)
        for count in pages:
            in_round += count
            tell(events + in_round, max(replay.total(), events + in_round))
        events += in_round
        if in_round < _CLOSE_ENOUGH:
            break
    return events


def _in_transactions(connection: Connection[DictRow], replay: _Replay) -> Iterator[int]:
    with connection.cursor() as cursor:
        rounds = replay.rounds(cursor)
        while True:
            with connection.transaction():
                count = next(rounds, None)
            if count is None:
                return
            yield count


# -- where events come from --------------------------------------------------------


@contextmanager
def _source(service: Service, view: View) -> Iterator[_Replay]:
    """Open what the view's events are read from."""
    with psycopg.connect(
        service.settings.owner_url(), autocommit=True, row_factory=dict_row, connect_timeout=10
    ) as reading:
        if isinstance(view, Inline):
            yield _OwnLog(service.store, view, reading)
            return
        broker: Amqp = connect(service.settings.amqp_url)
        with closing(broker):
            yield _OtherLogs(view, reading, broker)


class _OwnLog:
    """An inline view's source: the service's own log, through its codec."""

    def __init__(self, store: EventStore[Any], view: Inline, reading: Connection[DictRow]) -> None:
        self._store = store
        self._view = view
        self._reading = reading
        self._position = 0

    def mark(self) -> int:
        return self._position

    def go_back(self, to: int) -> None:
        self._position = to

    def total(self) -> int:
        return self._store.recorder.drawn(self._reading)

    def rounds(self, cursor: Cursor[DictRow]) -> Iterator[int]:
        recorder = self._store.recorder
        horizon = recorder.horizon_on(self._reading)
        while entries := recorder.read_log(self._reading, self._position, horizon, _PAGE):
            with self._reading.cursor() as keys:
                recorded = self._store.decode(keys, entries)
            with cursor.connection.pipeline():
                for each in recorded:
                    self._view.project(cursor, each)
            self._position = entries[-1].position
            yield len(entries)

    def hold(self, cursor: Cursor[DictRow]) -> None:
        """Wait for the appenders there are, and let no new ones begin."""
        cursor.execute("select pg_advisory_xact_lock(%s)", (APPENDERS,))


class _OtherLogs:
    """An eventual view's source: the owners' logs, over the broker, as far as the live view has read."""

    def __init__(self, view: Eventual, reading: Connection[DictRow], broker: Amqp) -> None:
        self._view = view
        self._reading = reading
        self._backfill = BackfillClient(broker)
        self._reached: dict[tuple[str, int], int] = {}
        self._total = 0

    def mark(self) -> tuple[dict[tuple[str, int], int], int]:
        return dict(self._reached), self._total

    def go_back(self, to: tuple[dict[tuple[str, int], int], int]) -> None:
        self._reached, self._total = dict(to[0]), to[1]

    def total(self) -> int:
        return self._total

    def rounds(self, cursor: Cursor[DictRow]) -> Iterator[int]:
        wanted = self._tracked()
        parked = self._parked()
        for context in self._view.contexts:
            slots = {slot: to for (of, slot), to in wanted.items() if of == context}
            if not self._reached.get((context, EVERY_SLOT)):
                yield from self._replay(cursor, context, EVERY_SLOT, 0, slots, parked)
                self._reached[context, EVERY_SLOT] = 1
                continue
            for slot, to in slots.items():
                after = self._reached.get((context, slot), 0)
                if to > after:
                    yield from self._replay(cursor, context, slot, after, {slot: to}, parked)

    def _replay(
        self,
        cursor: Cursor[DictRow],
        context: str,
        slot: int,
        after: int,
        wanted: dict[int, int],
        parked: set[tuple[str, int]],
    ) -> Iterator[int]:
        up_to = max(wanted.values(), default=0)
        while after < up_to:
            page = self._fetch(context, slot, after, up_to)
            events = [
                Delivered.of(record)
                for record in page.events
                if record.position <= wanted.get(record.slot, 0) and (context, record.position) not in parked
            ]
            with cursor.connection.pipeline():
                if events:
                    self._view.project(cursor, events)
            self._total += len(events)
            yield len(events)
            after = page.complete_to_position
            if not page.more:
                break
        self._reached.update({(context, each): to for each, to in wanted.items()})

    def _fetch(self, context: str, slot: int, after: int, up_to: int) -> Any:
        for attempt in range(1, 4):
            try:
                return self._backfill.fetch(context, slot, after, up_to, limit=_PAGE)
            except Unavailable:
                if attempt == 3:
                    raise
                time.sleep(attempt)
        raise AssertionError("unreachable")

    def _tracked(self) -> dict[tuple[str, int], int]:
        rows = self._reading.execute(
            "select context, slot, position from tracking where consumer = %s and context = any(%s)",
            (VIEWS, list(self._view.contexts)),
        )
        return {(row["context"], row["slot"]): row["position"] for row in rows}

    def _parked(self) -> set[tuple[str, int]]:
        """What the live view has not been given either: retrying gives it to the rebuilt one too, unless set aside."""
        rows = self._reading.execute(
            "select context, position from parked where consumer = %s and reason <> %s", (VIEWS, UNHEARD)
        )
        return {(row["context"], row["position"]) for row in rows}

    def hold(self, cursor: Cursor[DictRow]) -> None:
        """Take the rows that every consumer of this group must lock before it writes."""
        cursor.execute(
            "select from public.tracking where consumer = %s and context = any(%s) order by context, slot for update",
            (VIEWS, list(self._view.contexts)),
        )


# -- tables --------------------------------------------------------------------------


def _only_one(connection: Connection[DictRow], view: str) -> None:
    row = connection.execute("select pg_try_advisory_lock(%s, hashtext(%s)) as ours", (_LOCK, view))
    if not next(row)["ours"]:
        raise RebuildRunning(f"{view} is being rebuilt already; wait for it to end")


def _make_shadow(connection: Connection[DictRow], shadow: str, tables: Sequence[str]) -> None:
    """Create empty copies of the tables, with indexes of the same names."""
    with connection.transaction():
        connection.execute(SQL("drop schema if exists {0} cascade").format(Identifier(shadow)))
        connection.execute(SQL("create schema {0}").format(Identifier(shadow)))
        for table in tables:
            connection.execute(
                SQL("create table {0}.{1} (like public.{1} including all)").format(
                    Identifier(shadow), Identifier(table)
                )
            )
            live = _indexes(connection, "public", table)
            for definition, name in _indexes(connection, shadow, table).items():
                if live.get(definition, name) != name:
                    connection.execute(
                        SQL("alter index {0}.{1} rename to {2}").format(
                            Identifier(shadow), Identifier(name), Identifier(live[definition])
                        )
                    )


def _indexes(connection: Connection[DictRow], schema: str, table: str) -> dict[str, str]:
    """Return a table's index names by what follows the table's name in their definitions."""
    rows = connection.execute(
        "select indexname, indexdef from pg_indexes where schemaname = %s and tablename = %s",
        (schema, table),
    )
    found = {}
    for row in rows:
        head, _, tail = row["indexdef"].partition(" USING ")
        found[f"{head.startswith('CREATE UNIQUE')} {tail}"] = row["indexname"]
    return found


def _difference(cursor: Cursor[DictRow], shadow: str, table: str) -> TableDifference:
    rows = cursor.execute(
        SQL(
            "with live as (select t::text as line, count(*) as n from public.{1} t group by 1),"
            " built as (select t::text as line, count(*) as n from {0}.{1} t group by 1)"
            " select coalesce(sum(built.n), 0) as rows,"
            " coalesce(sum(greatest(coalesce(live.n, 0) - coalesce(built.n, 0), 0)), 0) as only_live,"
            " coalesce(sum(greatest(coalesce(built.n, 0) - coalesce(live.n, 0), 0)), 0) as only_built"
            " from live full join built using (line)"
        ).format(Identifier(shadow), Identifier(table))
    )
    row = next(rows)
    return TableDifference(table, int(row["rows"]), int(row["only_live"]), int(row["only_built"]))


def _swap(cursor: Cursor[DictRow], shadow: str, table: str) -> None:
    """Put the rebuilt table in the live one's place, with its grants."""
    grants = cursor.execute(
        "select g.grantee::regrole::text as role, g.grantee = 0 as everybody, g.privilege_type as what"
        " from pg_class c, aclexplode(c.relacl) g"
        " where c.relname = %s and c.relnamespace = 'public'::regnamespace and g.grantee <> c.relowner",
        (table,),
    ).fetchall()
    cursor.execute(SQL("drop table public.{0}").format(Identifier(table)))
    cursor.execute(SQL("alter table {0}.{1} set schema public").format(Identifier(shadow), Identifier(table)))
    for grant in grants:
        cursor.execute(_grant(table, grant))


def _grant(table: str, grant: DictRow) -> Composed:
    role = SQL("public") if grant["everybody"] else SQL("{0}").format(Identifier(grant["role"].strip('"')))
    return SQL("grant {0} on public.{1} to {2}").format(SQL(grant["what"]), Identifier(table), role)


class _Bar:
    """One line of progress: redrawn on a terminal, written every few seconds elsewhere."""

    _EVERY_S = (0.1, 3.0)

    def __init__(self, what: str) -> None:
        self._what = what
        self._redraws = sys.stderr.isatty()
        self._next = 0.0
        self._began = time.monotonic()

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._EVERY_S[0 if self._redraws else 1]
        rate = done / max(now - self._began, 1e-9)
        line = f"{self._what}: {done:,} of {max(total, done):,} events, {rate:,.0f}/s"
        print(f"\r{line}\x1b[K" if self._redraws else line, end="" if self._redraws else "\n", file=sys.stderr)

    def end(self, result: Rebuilt, check_only: bool) -> None:
        if self._redraws:
            print("\r\x1b[K", end="", file=sys.stderr)
        rows = sum(table.rows for table in result.tables)
        print(
            f"{self._what}: {result.events:,} events, {rows:,} rows in {result.seconds:.1f} s"
            f" ({result.rate:,.0f} events/s), {'equal to' if result.equal else 'DIFFERENT from'} the live view"
            f"{'' if check_only else ', swapped'}"
        )
        for table in result.tables:
            if not table.equal:
                print(f"  {table.table}: {table.only_live} rows only live, {table.only_rebuilt} only rebuilt")
