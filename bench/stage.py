"""The servers a benchmark runs on: private, durable, with nobody else on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import psycopg

from headwater.servers import PrivateServers
from headwater.servers.management import Management
from kernel.log import LogRecorder
from kernel.store import open_datastore
from testkit.brokers import Broker
from testkit.databases import Database, Databases
from testkit.migrated import KERNEL, migrate_service

FOLDER = Path(".run") / "bench"

LONGEST_S = 120.0
"""For anything that is waited for."""

DISKS = ("plain", "slow commits")
"""The disk as it is; and with a wait of 2 ms in every commit, where locks show what they cost."""


class Stage:
    """Private servers for the time of a `with` block; fsync is on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self._servers = PrivateServers(FOLDER)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        addresses = self._servers.up(self.tell)
        self._stack.callback(self._servers.down)
        self._set(addresses.postgres_url, track_commit_timestamp="on", commit_delay="0", commit_siblings="5")
        self._servers.down()
        addresses = self._servers.up()
        self.postgres_url = addresses.postgres_url
        self.management = Management(addresses.amqp_url, addresses.rabbitmq_api)
        self._broker = Broker(addresses.amqp_url, addresses.rabbitmq_api)
        self._databases = Databases(self.postgres_url, migrate_service)
        self._stack.callback(self._databases.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def disk(self, disk: str) -> Iterator[None]:
        """Make commits as slow as they are, or 2 ms slower."""
        if disk == "plain":
            yield
            return
        self._set(self.postgres_url, commit_delay="2000", commit_siblings="0")
        try:
            yield
        finally:
            self._set(self.postgres_url, commit_delay="0", commit_siblings="5")

    @contextmanager
    def database(self, service: str = KERNEL) -> Iterator[Database]:
        """A fresh database with the kernel's tables, and those of a service."""
        with self._databases.fresh(service) as database:
            yield database

    @contextmanager
    def vhost(self) -> Iterator[str]:
        """A fresh virtual host."""
        with self._broker.fresh_vhost() as url:
            yield url

    @staticmethod
    def _set(url: str, **settings: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"alter system set {name} = '{value}'".encode())
            connection.execute("select pg_reload_conf()")


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one or several statements of our own; return the last one's rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def recorder_of(url: str, pool_size: int = 1) -> Iterator[LogRecorder]:
    """The log's recorder on a pool of that size."""
    datastore = open_datastore(url, pool_size, 0)
    datastore.pool.open(False)
    try:
        yield LogRecorder(datastore)
    finally:
        datastore.close()


def fill(database: Database, events: int, per_stream: int = 10) -> None:
    """Write a log of that many small events (Money, with 200 bytes of metadata) in one statement."""
    execute(
        database.owner_url,
        f"""
        insert into events (originator_id, originator_version, topic, state, event_id, recorded_at,
            effective_at, actor, request_id, correlation_id, traceparent)
        select s.stream, v.version, 'crm.common.v1.Money', '\\x08ac021203455552', gen_random_uuid(), now(),
            now(), 'person:{uuid4()}', '{uuid4()}', gen_random_uuid(),
            '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        from (select gen_random_uuid() as stream from generate_series(1, {events // per_stream})) s,
            generate_series(1, {per_stream}) as v(version);
        analyze events
        """,
    )
