"""From an event's commit to the commit that makes it visible in another service's view, at 500 a second."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from itertools import count
from multiprocessing import get_context
from uuid import uuid4

from bench.figures import Figure
from bench.projecting import bus
from bench.relaying import relaying
from bench.stage import DISKS, Stage, execute, recorder_of
from bench.views import TABLES
from kernel.ids import new_id
from kernel.log import Metadata

RATE, SECONDS, WRITERS = 500, 20, 8
WARM_UP_S = 3


def measure(stage: Stage) -> list[Figure]:
    """Milliseconds at the median and the 99th percentile; both ends are PostgreSQL's commit timestamps."""
    figures = []
    for disk in DISKS:
        with (
            stage.disk(disk),
            stage.database() as owner,
            stage.database() as database,
            stage.vhost() as amqp_url,
        ):
            execute(database.owner_url, TABLES)
            with relaying(owner.url, amqp_url), bus(database.url, amqp_url, "arrivals"):
                _write(owner.url)
                written = _committed(owner.url, "select notification_id, {} from events")
                deadline = time.monotonic() + 30
                while len(arrived := _committed(database.url, "select position, {} from arrivals")) < len(written):
                    assert time.monotonic() < deadline, f"{len(arrived)} of {len(written)} arrived"
                    time.sleep(0.1)
        first = min(written.values()) + WARM_UP_S
        waits = sorted((arrived[p] - at) * 1000 for p, at in written.items() if at > first)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        rate = len(written) / (max(written.values()) - min(written.values()))
        stage.tell(f"visible, {disk}: {rate:.0f}/s p50 {p50:.1f} p99 {p99:.1f} max {waits[-1]:.1f} ms")
        what = f"commit to visible at {rate:.0f}/s"
        figures += [
            Figure(f"{what}, p50", disk, round(p50, 1), "ms", goal="< 50 ms", met=p50 < 50),
            Figure(f"{what}, p99", disk, round(p99, 1), "ms", goal="< 250 ms", met=p99 < 250),
        ]
    return figures


def _committed(url: str, statement: str) -> dict[int, float]:
    rows = execute(url, statement.format("extract(epoch from pg_xact_commit_timestamp(xmin))::float8"))
    return dict(rows)


def _write(url: str) -> None:
    process = get_context("spawn").Process(target=_writers, args=(url,))
    process.start()
    process.join()
    assert process.exitcode == 0


def _writers(url: str) -> None:
    """Append one event per transaction at an even pace, from several threads."""
    turns = count()
    began = time.monotonic() + 1
    with recorder_of(url, WRITERS) as recorder:

        def run() -> None:
            while (turn := next(turns)) < RATE * SECONDS:
                time.sleep(max(0.0, began + turn / RATE - time.monotonic()))
                now = datetime.now(UTC)
                metadata = Metadata(new_id(), now, now, "person:1", "request", new_id(), None, "", "")
                with recorder.datastore.transaction(commit=True) as cursor:
                    recorder.append(cursor, [(uuid4(), 1, "crm.common.v1.Money", b"\x08\x01", metadata)])

        threads = [threading.Thread(target=run) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
