"""One log, its relay, and a consumer that writes down what it saw: for the tests of messaging."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import psycopg
import pytest

from kernel.consumers import Consumer, Views
from kernel.delivered import Delivered
from kernel.ids import new_id
from kernel.partition import PartitionQueue, PartitionReader
from kernel.projections import Eventual
from kernel.relay import Relay
from kernel.store import Cause, EventStore, open_datastore
from kernel.vault import MasterKey
from testkit import wait_until

CONTEXT = "kernel_test"


class Owner:
    """The service whose log is relayed."""

    def __init__(self, database: Any, amqp_url: str, notes: Any, stack: ExitStack) -> None:
        self.database = database
        self.amqp_url = amqp_url
        self.notes = notes
        self.store: EventStore[Any] = EventStore(open_datastore(database.url, 1, 10), notes.codec, MasterKey(bytes(32)))
        stack.callback(self.store.close)
        self._stack = stack
        self._versions: dict[UUID, int] = {}
        self.streams = [new_id() for _ in range(25)]

    def append(self, count: int, streams: Sequence[UUID] = ()) -> None:
        """Append that many events, spread over the streams, ten to a transaction."""
        chosen = list(streams or self.streams)
        for start in range(0, count, 10):
            with self.store.transaction(Cause.of("tester")) as tx:
                for n in range(start, min(start + 10, count)):
                    stream = chosen[n % len(chosen)]
                    version = self._versions.get(stream, 0)
                    self._versions[stream] = tx.append(stream, version, [self.notes.NoteStruck(note_id=stream)])

    def relay(self, **options: Any) -> Relay:
        """A relay of this log, not yet running."""
        options.setdefault("heartbeat_every_s", 0.2)
        return Relay(CONTEXT, self.database.url, self.amqp_url, self.store.recorder, **options)

    def start_relay(self, **options: Any) -> tuple[Relay, Callable[[], None]]:
        """A running relay, and what stops it."""
        relay = self.relay(**options)
        return relay, self._stack.enter_context(running(relay.run))

    def log(self) -> list[tuple[int, UUID, int]]:
        """(position, stream, version) of everything in the log."""
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(
                "select notification_id, originator_id, originator_version from events order by 1"
            ).fetchall()


class running:
    """A thread around `run(stop)`; calling it, or leaving the block, stops and joins it."""

    def __init__(self, run: Callable[[threading.Event], None]) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=run, args=(self._stop,))

    def __enter__(self) -> Callable[[], None]:
        self._thread.start()
        return self.stop

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive(), "did not stop within 20 s"


class Follower:
    """A service that follows the log; its view writes down every event it is given."""

    def __init__(self, database: Any, amqp_url: str, stack: ExitStack) -> None:
        self.database = database
        self.amqp_url = amqp_url
        self._stack = stack
        self.on_event: Callable[[Delivered], None] = lambda _: None
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute(
                "create table seen (nth bigserial, position bigint, stream uuid, version bigint);"
                "create table seen_by (process int primary key);"
                "grant all on seen, seen_by to public; grant all on seen_nth_seq to public"
            )

    def consumer(self) -> Consumer:
        return Views([Eventual("seen", ("seen",), (CONTEXT,), self._project)])

    def _project(self, cursor: Any, events: Sequence[Delivered]) -> None:
        for event in events:
            self.on_event(event)
        cursor.executemany(
            "insert into seen (position, stream, version) values (%s, %s, %s)",
            [(event.position, event.stream, event.version) for event in events],
        )

    def reader(
        self,
        partition: int = 0,
        partitions: int = 1,
        consumer: Consumer | None = None,
        queues_of: str = "follower",
    ) -> PartitionReader:
        queue = PartitionQueue(queues_of, consumer or self.consumer(), partition, partitions)
        return PartitionReader(queue, self.database.url, self.amqp_url)

    def start(
        self,
        partitions: int = 1,
        consumer: Consumer | None = None,
        queues_of: str = "follower",
    ) -> list[Callable[[], None]]:
        """Read every partition; return what stops each."""
        stops = []
        for partition in range(partitions):
            reader = self.reader(partition, partitions, consumer, queues_of)
            stops.append(self._stack.enter_context(running(_until_stopped(reader))))
        return stops

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def seen(self) -> list[tuple[int, UUID, int]]:
        """(position, stream, version) in the order in which it took effect."""
        return self.query("select position, stream, version from seen order by nth")

    def tail(self) -> int:
        return int(self.query("select count(*) from seen")[0][0])

    def cut_connections(self) -> int:
        """End every other session of this database's role."""
        rows = self.query(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and usename = current_user"
        )
        return len(rows)


def _until_stopped(reader: PartitionReader) -> Callable[[threading.Event], None]:
    def run(stop: threading.Event) -> None:
        watch = threading.Thread(target=lambda: (stop.wait(), reader.stop()))
        watch.start()
        reader.run()
        stop.set()
        watch.join()

    return run


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def owner(database: Callable[[str], Any], amqp: str, notes: Any, stack: ExitStack) -> Owner:
    return Owner(database("kernel"), amqp, notes, stack)


@pytest.fixture
def follower(database: Callable[[str], Any], amqp: str, stack: ExitStack) -> Follower:
    return Follower(database("kernel"), amqp, stack)


@pytest.fixture
def agree(owner: Owner, follower: Follower) -> Callable[..., None]:
    """Wait until the follower has seen the whole log; then: nothing lost, twice or reordered.

    One more event of every stream comes first, so that a late duplicate stands before the end.
    """

    def check(timeout_s: float = 60, one_more: bool = True) -> None:
        if one_more:
            owner.append(len(owner.streams))
        wanted = owner.log()
        wait_until(
            lambda: follower.tail() >= len(wanted),
            timeout_s=timeout_s,
            describe=lambda: f"{follower.tail()} of {len(wanted)}",
        )
        seen = follower.seen()
        assert sorted(seen) == wanted
        for stream in {stream for _, stream, _ in wanted}:
            versions = [version for _, other, version in seen if other == stream]
            assert versions == sorted(versions)

    return check
