"""An eventual view with tracking, beside the library's ProjectionRunner on its own application."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from bench.figures import Figure
from bench.relaying import relaying
from bench.service import CONTEXT
from bench.stage import DISKS, LONGEST_S, Stage, execute, fill, recorder_of
from bench.views import TABLES, TOTALS
from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.consumers import Views
from kernel.delivered import Delivered
from kernel.envelope import enveloped
from kernel.partition import PartitionQueue
from kernel.progress import Progress
from kernel.publisher import Publisher
from kernel.slots import SLOTS, slot_of
from testkit import wait_until
from testkit.databases import Database

OURS, PEERS, BATCH = 60_000, 3_000, 500


def measure(stage: Stage) -> list[Figure]:
    """Events per second from bytes to committed; ours also through the broker into a bus process."""
    figures = []
    for disk in DISKS:
        with stage.disk(disk):
            with stage.database() as database:
                peer = _library(database)
            with stage.database() as database:
                ours = _applied(database)
            with stage.database() as owner, stage.database() as database, stage.vhost() as amqp_url:
                through = _through_the_broker(owner, database, amqp_url)
        stage.tell(f"projection, {disk}: {peer:.0f} {ours:.0f} {through:.0f}")
        figures += [
            Figure(
                *("eventual view with tracking", disk, round(ours), "events/s", "ProjectionRunner"),
                *(round(peer), "≥ 40x, ≥ 20,000/s", ours >= 40 * peer and ours >= 20_000),
            ),
            Figure(
                *("… from quorum queues, one bus process", disk, round(through), "events/s"),
                *("ProjectionRunner", round(peer)),
            ),
        ]
    return figures


def _applied(database: Database) -> float:
    execute(database.owner_url, TABLES)
    bodies = _bodies(database, OURS)
    progress = Progress(Views([TOTALS]), database.url, list(range(SLOTS)))
    progress.open(lambda _: 0)
    began = time.monotonic()
    for start in range(0, OURS, BATCH):
        progress.apply([Delivered.of(RecordedEvent.FromString(b)) for b in bodies[start : start + BATCH]])
    took = time.monotonic() - began
    progress.close()
    assert execute(database.url, "select sum(amount) from totals") == [(300 * OURS,)]
    return OURS / took


def _bodies(database: Database, events: int) -> list[bytes]:
    fill(database, events)
    with recorder_of(database.url) as recorder, psycopg.connect(database.url, row_factory=dict_row) as connection:
        entries = recorder.read_log(connection, 0, 2**40, events)
    last = [0] * SLOTS
    bodies = []
    for entry in entries:
        slot = slot_of(entry.stream)
        bodies.append(enveloped(CONTEXT, slot, last[slot], entry).SerializeToString())
        last[slot] = entry.position
    return bodies


def _through_the_broker(owner: Database, database: Database, amqp_url: str) -> float:
    execute(database.owner_url, TABLES)
    fill(owner, OURS)
    with Publisher(amqp_url) as publisher:
        for partition in range(4):
            PartitionQueue("bench", Views([TOTALS]), partition, 4).declare(publisher.channel)
    with relaying(owner.url, amqp_url) as relay:
        wait_until(lambda: relay.published >= OURS, LONGEST_S)
    with bus(database.url, amqp_url, "totals"):
        began = time.monotonic()
        wait_until(lambda: execute(database.url, "select sum(amount) from totals") == [(300 * OURS,)], LONGEST_S)
        return OURS / (time.monotonic() - began)


@contextmanager
def bus(database_url: str, amqp_url: str, view: str) -> Iterator[None]:
    """A bus process that keeps one of bench.views."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.bus_process", database_url, amqp_url, view]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.terminate()
            process.wait(15)


# -- the library's way ---------------------------------------------------------------


class Account(Aggregate):
    """An aggregate whose events carry an amount, as ours do."""

    @event("Paid")
    def pay(self, minor_units: int) -> None:
        """Nothing to keep."""


class Accounts(Application[UUID]):
    """The library's application with its default JSON transcoder."""


class Totals(PostgresTrackingRecorder):
    """A view and its tracking in one transaction, as the library's documentation has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql_create_statements.append(
            SQL(
                "create table if not exists {0}.totals (stream uuid primary key, version bigint, amount bigint)"
            ).format(Identifier(self.datastore.schema))
        )

    def add(self, stream: UUID, version: int, amount: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "insert into totals as t values (%s, %s, %s) on conflict (stream) do update"
                " set version = excluded.version, amount = t.amount + excluded.amount",
                (stream, version, amount),
                prepare=True,
            )


class TotalsProjection(Projection[Totals]):
    """One event, one transaction."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        amount = getattr(domain_event, "minor_units", 0)
        self.view.add(domain_event.originator_id, domain_event.originator_version, amount, tracking)


def _library(database: Database) -> float:
    execute(database.owner_url, "grant create on schema public to public")
    url = conninfo_to_dict(database.url)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(url["dbname"]),
        "POSTGRES_HOST": str(url["host"]),
        "POSTGRES_PORT": str(url["port"]),
        "POSTGRES_USER": str(url["user"]),
        "POSTGRES_PASSWORD": str(url["password"]),
    }
    application = Accounts(environment)
    for _ in range(PEERS // 100):
        account = Account()
        for _ in range(99):
            account.pay(300)
        application.save(account)
    last = application.recorder.max_notification_id()
    began = time.monotonic()
    with ProjectionRunner(
        application_class=Accounts, projection_class=TotalsProjection, view_class=Totals, env=environment
    ) as runner:
        runner.wait(last, timeout=120)
        took = time.monotonic() - began
    application.close()
    return PEERS / took
