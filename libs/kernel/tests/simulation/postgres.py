"""A PostgreSQL of the kernel's own statements: transactions, row and advisory locks, sessions that end.

READ COMMITTED, as everywhere in Headwater. What each statement means stands in `statements`; one that is
not there ends the simulation. That the answers are PostgreSQL's is checked by test_simulated_postgres.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from .scheduling import Process, Task, World

Row = dict[str, Any]
Key = Any
Handler = Callable[["Tx", Any], "list[Row] | int"]

_LOST_WITHIN_S = 0.6
"""How old a commit with synchronous_commit = off may be and still be lost (three times wal_writer_delay)."""
_DOWN_S = 3.0


class Database:
    """One service's database."""

    def __init__(self, world: World, name: str, statements: Mapping[str, Handler]) -> None:
        self.world = world
        self.name = name
        self.statements = statements
        self.tables: dict[str, dict[Key, Row]] = {}
        self.sequences: dict[str, int] = {}
        self.locked: dict[tuple[str, Key], Tx] = {}
        self.advisory: dict[int, Connection] = {}
        self.joined: list[Tx] = []
        self.sessions: list[Connection] = []
        self.up = True
        self.before_commit: Callable[[Tx], None] = lambda _: None
        self.trap: tuple[int, bool, Callable[[Process], None]] | None = None
        self.record: list[tuple[Any, ...]] | None = None
        self._unsynced: list[tuple[float, list[tuple[str, Key, Row | None]]]] = []
        self._transactions = 0

    def connect(self, process: Process, idle_timeout_s: float = 0.0, named: bool = True) -> Connection:
        """Open a session for a process. Raises psycopg.OperationalError while the server is away."""
        self.world.point()
        if not self.up:
            self.world.rest(0.5)
        if not self.up:
            raise psycopg.OperationalError("connection refused")
        return Connection(self, process, idle_timeout_s, named)

    def committed(self, table: str) -> list[Row]:
        """What everybody sees of a table, in the order of its rows' making."""
        return list(self.tables.get(table, {}).values())

    def cut_sessions(self) -> None:
        """End every session, as pg_terminate_backend does."""
        for session in list(self.sessions):
            session.cut()

    def crash(self, choose: Callable[[int], int]) -> None:
        """Die and come back: sessions end, late commits that nobody waited for may be lost."""
        if self.record is not None:
            return self.cut_sessions()  # what a crash takes away cannot be done again elsewhere
        if not self.up:
            return None
        self.world.note(self.name, "DATABASE CRASHES")
        self.up = False
        self.cut_sessions()
        recent = [undo for at, undo in self._unsynced if self.world.now - at < _LOST_WITHIN_S]
        for undo in reversed(recent[len(recent) - choose(len(recent) + 1) :]):
            for table, key, before in undo:
                if before is None:
                    self.tables[table].pop(key, None)
                else:
                    self.tables[table][key] = before
        self._unsynced.clear()
        for name in self.sequences:
            self.sequences[name] += choose(3)  # a sequence may skip after a crash, never go back

        def come_back() -> None:
            self.up = True
            self.world.note(self.name, "database is back")

        return self.world.later(_DOWN_S, come_back)

    def spring(self, *, after: bool) -> None:
        """If this is the commit and the moment that a trap was set for, let it happen to who commits."""
        if self.trap is None or self.trap[1] is not after or not self.world.acting().mortal:
            return
        left, _, happen = self.trap
        self.trap = (left - 1, after, happen) if left else None
        if self.trap is None:
            who = self.world.acting()
            self.world.note(who.name, f"is {'behind' if after else 'before'} its commit in {self.name}")
            happen(who)

    def draw(self, sequence: str) -> int:
        """The next number; drawn for good, whatever becomes of the transaction."""
        self.sequences[sequence] = self.sequences.get(sequence, 0) + 1
        return self.sequences[sequence]

    def next_transaction(self) -> int:
        self._transactions += 1
        return self._transactions

    def settle(self, tx: Tx) -> None:
        """Make a transaction's writes everybody's."""
        undo = []
        for name, rows in tx.written.items():
            table = self.tables.setdefault(name, {})
            for key, row in rows.items():
                undo.append((name, key, table.get(key)))
                if row is None:
                    table.pop(key, None)
                else:
                    table[key] = row
        if tx.session.asynchronous:
            self._unsynced.append((self.world.now, undo))
        elif undo:
            self._unsynced.clear()


class Tx:
    """One transaction."""

    def __init__(self, session: Connection) -> None:
        self.session = session
        self.db = session.db
        self.number = self.db.next_transaction()
        self.written: dict[str, dict[Key, Row | None]] = {}
        self.over = False
        self.waits_for: Tx | None = None
        self._locks: list[tuple[str, Key]] = []
        self._waiting: list[Task] = []

    @property
    def now(self) -> Any:
        return self.db.world.moment()

    def get(self, table: str, key: Key) -> Row | None:
        """The row as this transaction sees it now."""
        written = self.written.get(table)
        if written is not None and key in written:
            return written[key]
        return self.db.tables.get(table, {}).get(key)

    def scan(self, table: str) -> list[tuple[Key, Row]]:
        """All rows as this transaction sees them now."""
        committed = self.db.tables.get(table, {})
        written = self.written.get(table)
        if not written:
            return list(committed.items())
        return [(key, row) for key, row in {**committed, **written}.items() if row is not None]

    def put(self, table: str, key: Key, row: Row) -> None:
        """Write a row that is locked."""
        self.written.setdefault(table, {})[key] = row

    def remove(self, table: str, key: Key) -> None:
        """Delete a row that is locked."""
        self.written.setdefault(table, {})[key] = None

    def insert(self, table: str, key: Key, row: Row) -> bool:
        """Write a row unless the key is taken, by a transaction that is under way too."""
        self.lock(table, key)
        if self.get(table, key) is not None:
            return False
        self.put(table, key, row)
        return True

    def matching(self, table: str, keys: Sequence[Key], fits: Callable[[Row], bool]) -> Iterator[tuple[Key, Row]]:
        """Lock and return those rows that fit before and after waiting for their lock."""
        for key in keys:
            row = self.get(table, key)
            if row is None or not fits(row):
                continue
            self.lock(table, key)
            row = self.get(table, key)
            if row is not None and fits(row):
                yield key, row

    def is_free(self, table: str, key: Key) -> bool:
        """Whether nobody else has the row locked."""
        return self.db.locked.get((table, key), self) is self

    def lock(self, table: str, key: Key) -> None:
        """Wait for the row. Raises DeadlockDetected."""
        name = table, key
        while (holder := self.db.locked.get(name)) is not None and holder is not self:
            other: Tx | None = holder
            while other is not None:
                if other.waits_for is self:
                    raise psycopg.errors.DeadlockDetected("deadlock detected")
                other = other.waits_for
            self.waits_for = holder
            self.db.world.wait(holder._waiting)
            self.waits_for = None
            self.session.check()
        if holder is None:
            self.db.locked[name] = self
            self._locks.append(name)

    def commit(self) -> None:
        if self.written:
            self.db.before_commit(self)
            self.db.settle(self)
        self._end()

    def rollback(self) -> None:
        """Forget what was written; nothing, if it is over."""
        if not self.over:
            self.written.clear()
            self._end()

    def _end(self) -> None:
        self.over = True
        for name in self._locks:
            del self.db.locked[name]
        if self in self.db.joined:
            self.db.joined.remove(self)
        self.db.world.wake(self._waiting)


class Connection:
    """What psycopg.Connection offers, as far as the kernel uses it. In autocommit; rows are dictionaries, or tuples."""

    def __init__(self, db: Database, process: Process, idle_timeout_s: float, named: bool) -> None:
        self.named = named
        self.db = db
        self.closed = False
        self.asynchronous = False
        self.tx: Tx | None = None
        self.number = db.next_transaction()
        self._process = process
        self._idle_timeout_s = idle_timeout_s
        db.sessions.append(self)
        process.connections.append(self)

    def check(self) -> None:
        """Raise psycopg.OperationalError if the session has ended."""
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")

    def cut(self) -> None:
        """End the session from outside."""
        if self.closed:
            return
        self.closed = True
        if self.tx is not None:
            self.tx.rollback()
        self.db.advisory = {key: holder for key, holder in self.db.advisory.items() if holder is not self}
        self.db.sessions.remove(self)
        self._process.connections.remove(self)
        self.written("end")

    def close(self) -> None:
        if self._process.alive:
            self.cut()

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, query: Any, params: Any = None, *, prepare: bool | None = None) -> Cursor:
        return Cursor(self).execute(query, params)

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        assert self.tx is None, "transactions do not nest here"
        world = self.db.world
        self.check()
        self.tx = tx = Tx(self)
        self.written("begin")
        if self._idle_timeout_s:
            self._end_if_idle(tx)
        try:
            yield
        except BaseException:
            self.tx = None
            if not tx.over:
                self.written("rollback")
            tx.rollback()
            raise
        try:
            world.point()
            self.check()
            self.written("commit")
            self.db.spring(after=False)
            tx.commit()
            self.db.spring(after=True)
        finally:
            self.tx = None
            tx.rollback()
        if tx.written:
            world.point()
            self.check()  # it is committed, and nobody was told

    def run(self, query: Any, params: Any) -> list[Row] | int:
        """Carry out one statement."""
        world = self.db.world
        world.point()
        self.check()
        text = text_of(query)
        handler = self.db.statements.get(text)
        if handler is None:
            world.violate(
                f"the simulated PostgreSQL does not know this statement; say in statements.py what it means: {text}"
            )
            raise AssertionError
        if self.tx is not None:
            if self.tx.over:
                raise psycopg.OperationalError("the session has ended")
            result = handler(self.tx, params)
            self.written("execute", query, params, result)
            return result
        tx = Tx(self)
        self.tx = tx
        try:
            result = handler(tx, params)
            self.written("execute", query, params, result)
            if tx.written:
                self.db.spring(after=False)
            tx.commit()
            if tx.written:
                self.db.spring(after=True)
        finally:
            self.tx = None
            tx.rollback()
        if tx.written:
            world.point()
            self.check()
        return result

    def written(self, what: str, *more: Any) -> None:
        """Note what was done, for whoever compares it with the real thing."""
        if self.db.record is not None:
            self.db.record.append((self.number, what, *(list(it) if isinstance(it, list) else it for it in more)))

    def _end_if_idle(self, tx: Tx) -> None:
        def end() -> None:
            if not tx.over and self._process.paused:
                self.cut()

        self.db.world.later(self._idle_timeout_s, end)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Cursor:
    """What psycopg.Cursor offers, as far as the kernel uses it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rowcount = -1
        self._rows: list[Row] = []

    def execute(self, query: Any, params: Any = None, *, prepare: bool | None = None) -> Cursor:
        result = self.connection.run(query, params)
        if isinstance(result, int):
            self.rowcount, self._rows = result, []
        else:
            self.rowcount, self._rows = len(result), result
        return self

    def executemany(self, query: Any, params: Sequence[Any]) -> None:
        for one in params:
            self.execute(query, one)

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows if self.connection.named else [tuple(row.values()) for row in rows]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None: ...


class Pool:
    """What the store takes its connections from: rested ones that still live, else new ones."""

    def __init__(self, db: Database, process: Process) -> None:
        self._db = db
        self._process = process
        self._resting: list[Connection] = []

    def open(self, wait: bool) -> None: ...

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        while self._resting and self._resting[-1].closed:
            self._resting.pop()
        connection = self._resting.pop() if self._resting else self._db.connect(self._process, 15.0)
        try:
            yield connection
        finally:
            if not connection.closed:
                self._resting.append(connection)


class Datastore:
    """The attributes of the library's datastore that a recorder and a store read."""

    db_type_names: ClassVar[set[str]] = set()
    enable_db_functions = False
    schema = "public"
    originator_id_type = "uuid"
    lock_timeout = 0

    def __init__(self, db: Database, process: Process) -> None:
        self.pool = Pool(db, process)

    def register_type_adapters(self) -> None: ...


_texts: dict[str, str] = {}


def text_of(query: Any) -> str:
    """A statement's text on one line."""
    raw = query if isinstance(query, str) else _text(query)
    found = _texts.get(raw)
    if found is None:
        found = _texts[raw] = " ".join(raw.split())
    return found


def _text(query: Any) -> str:
    kind = type(query)
    if kind is SQL:
        return str(query._obj)
    if kind is Composed:
        return "".join([_text(piece) for piece in query._obj])
    if kind is Identifier:
        return ".".join(f'"{name}"' for name in query._obj)
    return str(query._obj)
