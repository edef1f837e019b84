"""`make soak`: millions of events once through the log's horizon, while everybody is killed again and again.

Appenders write batches and note down what was acknowledged; readers tail the log by its horizon and keep, in the
statement that moves them on, how much they saw. The parent kills appenders, readers and PostgreSQL at moments that
follow from the seed and starts them again; at the end everything is compared. What is in the folder already counts:
a soak that was interrupted goes on when it is called again.

What it can find: a batch is held open after its positions were drawn (HELD) while others commit, so a reader that
does not wait for it passes it by, and has another digest for ever. `--without-the-lock` plants just that, in the
processes that append: the soak must then end with "wrong". What it cannot find: anything beyond the log and its
readers. No relay, broker, consumer or view takes part; those are hurt by `make test-faults`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4
from zlib import crc32

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.sql import SQL

from headwater.servers import NotHealthy, PrivateServers
from kernel.log import LogRecorder, Metadata
from kernel.migrations import keys_role, migrate
from kernel.store import open_datastore

DATABASE = "soak"
BATCHES = (1, 20, 200, 1000)
PER_STREAM = 20
DATA = b"\x08\xac\x02\x12\x03EUR" + b"x" * 60
TAKEN_BACK, HELD = 0.03, 0.3
"""Shares of batches that are rolled back after positions were drawn, and that stay open for a moment.

While others overtake those, a reader needs the lock. With 0.02 a planted soak found nothing once in two runs.
"""

PAGE = 5_000
KILL_EVERY_S = (8.0, 25.0)
SERVER_SHARE = 0.12
"""Of the kills: PostgreSQL itself."""

LONGEST_LIFE_S = 24 * 3600.0
CATCH_UP_S = 1200.0
_RETRY_S = 0.5
_MODULUS = 2**62
_SEEN = Struct(">q16sq")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--minutes", type=float, default=180.0, help="stop after that long; the next call goes on")
    parser.add_argument("--folder", type=Path, default=Path(".run") / "soak")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("HEADWATER_SEED") or secrets.randbelow(2**32)))
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument(
        "--without-the-lock", action="store_true", help="plant the bug that the soak is there to find: it must say so"
    )
    parser.add_argument("--write", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--read", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.without_the_lock:
        LogRecorder.join_appenders = SQL("1")
    if options.write:
        return again_and_again(lambda url: write(url, options.folder, options.write, options.seed))
    if options.read:
        return again_and_again(lambda url: read(url, options.read))
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"HEADWATER_SEED={options.seed}", flush=True)
    report = Soak(options).run()
    print(json.dumps(report, indent=1))
    return 1 if report["wrong"] else 0


# -- those that are killed ---------------------------------------------------------------


def again_and_again(work: Any) -> int:
    """Work until killed; wait while the server is away."""
    end = time.monotonic() + LONGEST_LIFE_S
    while time.monotonic() < end:
        try:
            work(os.environ["SOAK_URL"])
        except psycopg.Error as error:
            print(type(error).__name__, flush=True)
            time.sleep(_RETRY_S)
    return 0


def write(url: str, folder: Path, name: str, seed: int) -> None:
    """Append batches. A line of the notes is written after a commit was answered, so kill -9 leaves none too many."""
    life = f"{name}.{secrets.token_hex(4)}"
    lots = random.Random(f"{seed} {name}")
    recorder = LogRecorder(open_datastore(url, 1, 0))
    notes = os.open(folder / f"{name}.acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    streams: dict[UUID, int] = {}
    number = 0
    try:
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=10) as connection:
            while True:
                number += 1
                size = lots.choice(BATCHES)
                request_id = f"{life}.{number}.{size}"
                after, rows = a_batch(dict(streams), size, request_id, lots)
                with connection.cursor() as cursor:
                    recorder.append(cursor, rows)
                if lots.random() < HELD:
                    time.sleep(lots.random() / 4)
                if lots.random() < TAKEN_BACK:
                    connection.rollback()
                    continue
                connection.commit()
                streams = after
                os.write(notes, f"{request_id}\n".encode())
    finally:
        os.close(notes)


def a_batch(
    streams: dict[UUID, int], size: int, request_id: str, lots: random.Random
) -> tuple[dict[UUID, int], list[tuple[UUID, int, str, bytes, Metadata]]]:
    """Events of some fifty open streams of twenty events each, and how far these are afterwards."""
    now, rows = datetime.now(UTC), []
    for _ in range(size):
        while len(streams) < 50:
            streams[uuid4()] = 0
        stream = lots.choice(list(streams)) if lots.random() < 0.1 else next(iter(streams))
        streams[stream] += 1
        metadata = Metadata(uuid4(), now, now, "soak", request_id, uuid4(), None, "", "")
        rows.append((stream, streams[stream], "crm.common.v1.Money", DATA, metadata))
        if streams[stream] >= PER_STREAM:
            del streams[stream]
    return streams, rows


def read(url: str, name: str) -> None:
    """Tail the log by its horizon; how far and how much is kept in one statement."""
    recorder = LogRecorder(open_datastore(url, 1, 0))
    with psycopg.connect(url, autocommit=True, row_factory=dict_row, connect_timeout=10) as connection:
        row = connection.execute("select position from soak_readers where reader = %s", (name,)).fetchone()
        assert row is not None, f"no reader {name}"
        position = int(row["position"])
        pause_s = 0.002
        while True:
            horizon = recorder.horizon_on(connection, timeout_s=60)
            while entries := recorder.read_log(connection, position, horizon, PAGE):
                assert all(a.position < b.position for a, b in pairwise(entries))
                digest = sum(seen(e.position, e.stream, e.version) for e in entries)
                moved = connection.execute(
                    "update soak_readers set position = %s, events = events + %s, digest = mod(digest + %s, %s)"
                    " where reader = %s and position = %s",
                    (entries[-1].position, len(entries), digest, _MODULUS, name, position),
                )
                assert moved.rowcount == 1, f"somebody else is {name}"
                position = entries[-1].position
                pause_s = 0.002
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)


def seen(position: int, stream: UUID, version: int) -> int:
    """What one event adds to a digest."""
    return crc32(_SEEN.pack(position, stream.bytes, version))


# -- who kills them ------------------------------------------------------------------------


class Soak:
    """One soak: its servers, its processes, and what it counted."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder: Path = options.folder
        self.lots = random.Random(options.seed)
        self.kills: Counter[str] = Counter()
        self._servers = PrivateServers(self.folder / "servers")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> dict[str, Any]:
        """Work, be killed, catch up, compare; the report, with what is wrong in it."""
        began_at, began = datetime.now(UTC), time.monotonic()
        with self._up():
            before = self._one("select coalesce((select max(notification_id) from events), 0)")
            self._work()
            worked_s = time.monotonic() - began
            self._stop("write")
            caught_up_s = self._catch_up()
            self._stop("read")
            compared = self._compare()
        return {
            "began_at": f"{began_at:%Y-%m-%dT%H:%M:%SZ}",
            "seed": self.options.seed,
            "writers": self.options.writers,
            "readers": self.options.readers,
            "kills": dict(self.kills),
            "positions_before": before,
            "worked_s": round(worked_s),
            "readers_caught_up_s": round(caught_up_s, 1),
            "without_the_lock": self.options.without_the_lock,
            **compared,
            "machine": f"{os.cpu_count()} processors, {platform.platform()}",
            "load_average": round(os.getloadavg()[0], 1),
        }

    @contextmanager
    def _up(self) -> Iterator[None]:
        self._admin_url = self._servers.up(print).postgres_url
        try:
            self._url = self._database()
            yield
        finally:
            self._stop("")
            self._servers.down()

    def _database(self) -> str:
        """The soak's database, made the first time; its URL as the role that owns it."""
        owner = sql.Identifier(DATABASE)
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            password = urlsplit(self._admin_url).password or ""
            if admin.execute("select from pg_database where datname = %s", (DATABASE,)).fetchone() is None:
                admin.execute(
                    sql.SQL("create role {} login superuser password {}").format(owner, sql.Literal(password))
                )
                admin.execute(sql.SQL("create role {} nologin").format(sql.Identifier(keys_role(DATABASE))))
                admin.execute(sql.SQL("create database {} owner {}").format(owner, owner))
        parts = urlsplit(self._admin_url)
        login = f"{DATABASE}:{password}@{parts.netloc.rpartition('@')[2]}"
        url = urlunsplit(parts._replace(netloc=login, path=f"/{DATABASE}"))
        migrate(url, [], DATABASE)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "create table if not exists soak_readers (reader text primary key, position bigint not null default 0,"
                " events bigint not null default 0, digest numeric not null default 0)"
            )
            for n in range(self.options.readers):
                connection.execute("insert into soak_readers (reader) values (%s) on conflict do nothing", (f"r{n}",))
        return url

    def _one(self, query: str) -> int:
        with psycopg.connect(self._url, connect_timeout=10) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def _start_what_is_missing(self, writers: bool = True) -> None:
        names = [f"read r{n}" for n in range(self.options.readers)]
        names += [f"write w{n}" for n in range(self.options.writers) if writers]
        for name in names:
            running = self._processes.get(name)
            if running is None or running.poll() is not None:
                how, who = name.split()
                command = [sys.executable, "-m", "bench.soak", f"--{how}", who, "--folder", str(self.folder)]
                command += ["--without-the-lock"] * self.options.without_the_lock
                with (self.folder / f"{who}.log").open("ab") as log:
                    self._processes[name] = subprocess.Popen(
                        [*command, "--seed", str(self.options.seed)],
                        env=os.environ | {"SOAK_URL": self._url},
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )

    def _stop(self, how: str) -> None:
        for name, process in self._processes.items():
            if name.startswith(how):
                process.kill()
                process.wait(10)

    def _work(self) -> None:
        """Until there are events enough, or the time is over; a kill every few seconds."""
        end, told = time.monotonic() + 60 * self.options.minutes, 0.0
        while time.monotonic() < end:
            with suppress(NotHealthy):
                self._servers.revive(print)
            self._start_what_is_missing()
            time.sleep(self.lots.uniform(*KILL_EVERY_S))
            with suppress(psycopg.OperationalError):
                drawn = self._one("select last_value from events_notification_id_seq")
                if drawn >= self.options.events and self._one("select count(*) from events") >= self.options.events:
                    return
                if time.monotonic() - told > 30:
                    told = time.monotonic()
                    print(f"{drawn:,} positions drawn, {sum(self.kills.values())} kills", flush=True)
            self._kill_one()

    def _kill_one(self) -> None:
        if self.lots.random() < SERVER_SHARE:
            if pid := self._servers.pids().get("postgres"):
                os.kill(pid, 9)
                self.kills["postgres"] += 1
            return
        name = self.lots.choice(list(self._processes))
        self._processes[name].kill()
        self._processes[name].wait(10)
        self.kills["appender" if name.startswith("write") else "reader"] += 1

    def _catch_up(self) -> float:
        """Let the readers come to the end of the log; how long that took."""
        self._servers.revive(print)  # the last kill may have been the server's
        began = time.monotonic()
        end = self._one("select max(notification_id) from events")
        while self._one("select min(position) from soak_readers") < end:
            if time.monotonic() - began > CATCH_UP_S:
                break  # the comparison will say what is missing
            self._start_what_is_missing(writers=False)
            time.sleep(_RETRY_S)
        return time.monotonic() - began

    # -- comparing -----------------------------------------------------------------------------

    def _compare(self) -> dict[str, Any]:
        wrong: list[str] = []
        events = digest = 0
        batches: Counter[str] = Counter()
        last: dict[UUID, int] = {}
        with psycopg.connect(self._url) as connection, connection.cursor("everything") as cursor:
            cursor.itersize = 20_000
            cursor.execute(
                "select notification_id, originator_id, originator_version, request_id from events"
                " order by notification_id"
            )
            for position, stream, version, request_id in cursor:
                events += 1
                digest += seen(position, stream, version)
                batches[request_id] += 1
                if last.get(stream, 0) + 1 != version:
                    wrong.append(f"{stream} goes from {last.get(stream, 0)} to {version} at {position}")
                last[stream] = version
                if version == PER_STREAM:
                    del last[stream]
        acknowledged = [
            line for path in self.folder.glob("*.acknowledged") for line in path.read_text().splitlines() if line
        ]
        lost = [batch for batch in acknowledged if batch not in batches]
        halves = [batch for batch, n in batches.items() if n != int(batch.rpartition(".")[2])]
        twice = [batch for batch, n in Counter(acknowledged).items() if n > 1]
        with psycopg.connect(self._url) as connection:
            readers = connection.execute("select reader, events, digest from soak_readers order by reader").fetchall()
        for reader, saw, its_digest in readers:
            if (saw, int(its_digest)) != (events, digest % _MODULUS):
                wrong.append(f"{reader} saw {saw:,} of {events:,} events, or others")
        for what, which in (("acknowledged and lost", lost), ("half there", halves), ("noted twice", twice)):
            if which:
                wrong.append(f"{len(which)} batches {what}: {which[:3]}")
        return {
            "events": events,
            "positions_drawn": self._one("select last_value from events_notification_id_seq"),
            "batches": len(batches),
            "batches_acknowledged": len(acknowledged),
            "seen_by_readers": [int(saw) for _, saw, _ in readers],
            "wrong": wrong[:20],
        }


if __name__ == "__main__":
    sys.exit(main())
