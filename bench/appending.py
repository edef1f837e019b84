"""24 writers append single events: our log, the library's default recorder, and a bare insert."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.sql import SQL

from bench.figures import Figure
from bench.stage import DISKS, Stage, execute, recorder_of
from kernel.ids import new_id
from kernel.log import LogRecorder, Metadata
from kernel.store import open_datastore

PROCESSES, THREADS = 4, 6
SECONDS = 3.0
ROUNDS = 3
HOWS = ("insert", "ours", "library")
LIBRARY = "library_events"
DATA = b"\x08\xac\x02\x12\x03EUR" + b"x" * 200


def measure(stage: Stage) -> list[Figure]:
    """Events per second of each, on both disks."""
    figures = []
    for disk in DISKS:
        with stage.disk(disk), stage.database() as database:
            execute(database.owner_url, "create table plain_events (like events including all)")
            execute(database.owner_url, "grant all on plain_events to public; grant create on schema public to public")
            with recorder_of(database.url) as ours:
                PostgresApplicationRecorder(ours.datastore, events_table_name=LIBRARY).create_table()
            rate = dict.fromkeys(HOWS, 0.0)
            for how in HOWS * ROUNDS:  # in turns, best of all: others may use the machine too
                rate[how] = max(rate[how], writers(database.url, how))
            bare = rate["insert"]
        stage.tell(f"append, {disk}: {rate}")
        figures += [
            Figure(
                *("append, 24 writers", disk, rate["ours"], "events/s"),
                *("library's default recorder", rate["library"]),
                *(("≥ 15x", rate["ours"] >= 15 * rate["library"]) if disk != "plain" else ("", None)),
            ),
            Figure(
                *("append, 24 writers", disk, rate["ours"], "events/s", "insert without order", bare),
                *("≥ 0.9x", rate["ours"] >= 0.9 * bare),
            ),
        ]
    return figures


def writers(url: str, how: str) -> float:
    """Let 24 threads in 4 processes write for some seconds; return events per second."""
    spawn = get_context("spawn")
    counts = spawn.Queue()
    together = spawn.Barrier(PROCESSES)
    processes = [spawn.Process(target=_process, args=(url, how, together, counts)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    total = sum(counts.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return float(round(total / SECONDS, 1))


def _process(url: str, how: str, together: Any, counts: Any) -> None:
    datastore = open_datastore(url, THREADS, 0)
    datastore.pool.open(wait=True)
    write = _writer(datastore, how)
    write()
    written = [0] * THREADS
    together.wait(60)
    end = time.monotonic() + SECONDS

    def run(n: int) -> None:
        while True:
            write()
            if time.monotonic() > end:
                return
            written[n] += 1

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    datastore.close()
    counts.put(sum(written))


def _writer(datastore: PostgresDatastore, how: str) -> Callable[[], object]:
    """Return what appends one event, each in a transaction of the library's datastore."""
    if how == "library":
        recorder = PostgresApplicationRecorder(datastore, events_table_name=LIBRARY)
        return lambda: recorder.insert_events([StoredEvent(uuid4(), 1, "crm.common.v1.Money", DATA)])
    log = LogRecorder(datastore) if how == "ours" else Unordered(datastore, events_table_name="plain_events")
    return partial(_append, log, datastore)


class Unordered(LogRecorder):
    """The same insert, but nobody can tell when a position is final."""

    join_appenders = SQL("{0}").format(0)


def _append(log: LogRecorder, datastore: PostgresDatastore) -> None:
    now = datetime.now(UTC)
    metadata = Metadata(new_id(), now, now, "person:1", "request", new_id(), None, "", "")
    with datastore.transaction(commit=True) as cursor:
        log.append(cursor, [(uuid4(), 1, "crm.common.v1.Money", DATA, metadata)])
