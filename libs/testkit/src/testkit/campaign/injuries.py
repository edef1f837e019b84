"""What can be done to a running suite. Every injury is bounded in time and leaves nothing broken behind.

Only processes of the suite's own folder are touched, by their number.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import psycopg

from headwater.provision import suite_environment
from headwater.servers.management import Management
from headwater.supervisor import answers
from testkit.campaign.load import Load
from testkit.suites import Suite, down, up
from testkit.waiting import wait_until

PARTS = ("apis", "buses", "gateway")
SERVERS = ("postgres", "rabbitmq")
BACK_WITHIN_S = 180.0
DRAINED_WITHIN_S = 10.0


def hold(seconds: float) -> None:
    """Let a fault last."""
    threading.Event().wait(seconds)


def running(suite: Suite, name: str) -> int:
    """The number of a part's or a server's process, once it runs."""
    return wait_until(lambda: suite.find(name) or 0, BACK_WITHIN_S, describe=f"{name} runs")


def kill(suite: Suite, name: str) -> int:
    """kill -9 of a part or a server, once it runs; its number was that."""
    pid = running(suite, name)
    print(f"kill -9 {name}")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return pid


def back(suite: Suite, name: str, former: int) -> None:
    """Wait until another process has taken the former's place."""
    wait_until(lambda: suite.find(name) not in (None, former), BACK_WITHIN_S, describe=f"{name} runs again")


def stop_for(suite: Suite, name: str, seconds: float) -> None:
    """SIGSTOP, a while, SIGCONT: it knows of nothing, but everybody else went on without it."""
    pid = running(suite, name)
    print(f"SIGSTOP {name} for {seconds:.1f} s")
    os.kill(pid, signal.SIGSTOP)
    try:
        hold(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


# -- servers -----------------------------------------------------------------------


def superuser(suite: Suite, context: str = "") -> psycopg.Connection[Any]:
    """A connection that may do everything, to a service's database."""
    state = suite.home.read()
    database = f"{state['name']}_{context}" if context else "postgres"
    return psycopg.connect(state["servers"]["postgres_url"], dbname=database, autocommit=True)


def management(suite: Suite) -> Management:
    """RabbitMQ's management API, as its administrator."""
    servers = suite.home.read()["servers"]
    return Management(servers["amqp_url"], servers["rabbitmq_api"])


def cut_database_sessions(suite: Suite, random: Random, share: float = 0.5) -> int:
    """End that share of the services' sessions; how many that was."""
    with superuser(suite) as connection:
        mine = [
            row[0]
            for row in connection.execute(
                "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
        ]
        chosen = random.sample(mine, int(len(mine) * share))
        connection.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as chosen(pid)", (chosen,))
    print(f"{len(chosen)} of {len(mine)} database sessions ended")
    return len(chosen)


def close_broker_connections(suite: Suite, random: Random, share: float = 0.5) -> int:
    """Have the broker close that share of its connections; how many that was."""
    found: Any = management(suite).ask("GET", "connections?columns=name")
    chosen = random.sample([each["name"] for each in found], int(len(found) * share))
    for name in chosen:
        with suppress(OSError):  # gone meanwhile
            management(suite).ask("DELETE", f"connections/{quote(name, safe='')}")
    print(f"{len(chosen)} of {len(found)} broker connections closed")
    return len(chosen)


def queues(suite: Suite) -> list[str]:
    """The services' own queues of events."""
    broker = management(suite)
    found: Any = broker.ask("GET", f"queues/{quote(broker.vhost, safe='')}?columns=name")
    return sorted(each["name"] for each in found if "-of-" in each["name"])


def purge(suite: Suite, names: Sequence[str], delete: bool = False) -> None:
    """Throw away what waits in queues, or the queues themselves, behind everybody's back."""
    broker = management(suite)
    vhost = quote(broker.vhost, safe="")
    for name in names:
        with suppress(OSError):  # being declared at this moment
            broker.ask("DELETE", f"queues/{vhost}/{quote(name, safe='')}" + ("" if delete else "/contents"))
    print(f"{len(names)} queues {'deleted' if delete else 'purged'}")


# -- processes of one service ---------------------------------------------------------


class Process:
    """One more process of one service: api, relay, worker or bus. `variables` are told to it alone."""

    def __init__(self, suite: Suite, context: str, kind: str, **variables: str) -> None:
        state = suite.home.read()
        self.context = context
        self.kind = kind
        self._suite = suite
        self._log = (suite.home.logs / f"{kind}-{context}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", context, kind],
            env=suite_environment(state, suite.home, suite.environment) | variables,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def sessions(self) -> int:
        """How many sessions with its database it has now."""
        ports = list(_local_ports(self.process.pid))
        with superuser(self._suite, self.context) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity where client_port = any(%s)", (ports,)
            ).fetchone()
        return int(row[0]) if row else 0

    def reads(self) -> list[str]:
        """The queues of which it is the one active reader."""
        ports = _local_ports(self.process.pid)
        found: Any = management(self._suite).ask("GET", "consumers")
        return sorted(
            each["queue"]["name"]
            for each in found
            if each["active"] and each["channel_details"] and int(each["channel_details"]["peer_port"] or 0) in ports
        )

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(10)
        self._log.close()


class Relay(Process):
    """One more relay of a service."""

    def __init__(self, suite: Suite, context: str) -> None:
        super().__init__(suite, context, "relay")

    def stands_by(self) -> bool:
        """Whether it has begun to ask for the relays' lock, and so takes over from whoever loses it."""
        return self._has_session("select client_port from pg_stat_activity where query like '%try_advisory_lock%'")

    def has_the_lock(self) -> bool:
        """Whether it is the active one: the session that holds the relays' lock is one of this process's."""
        return self._has_session(
            "select a.client_port from pg_locks l join pg_stat_activity a using (pid)"
            " where l.locktype = 'advisory' and l.objid = 817 and l.granted and a.datname = current_database()"
        )

    def _has_session(self, query: str) -> bool:
        ports = _local_ports(self.process.pid)
        with superuser(self._suite, self.context) as connection:
            return any(row[0] in ports for row in connection.execute(query.encode()))

    def end_its_sessions(self) -> int:
        """The server forgets it, lock and all; it does not know yet."""
        ports = list(_local_ports(self.process.pid))
        with superuser(self._suite, self.context) as connection:
            rows = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where client_port = any(%s)", (ports,)
            ).fetchall()
        return len(rows)


def stop_and_replace(zombie: Relay, load: Load) -> None:
    """Stop an active relay, let the server forget it and another take its place, and wake it up again."""
    zombie.process.send_signal(signal.SIGSTOP)
    zombie.end_its_sessions()
    load.go_on(20)  # the other publishes meanwhile
    zombie.process.send_signal(signal.SIGCONT)
    load.go_on(20)


@contextmanager
def more_relays(suite: Suite, contexts: Sequence[str]) -> Iterator[list[Relay]]:
    """A second relay of each of these services, gone at the end."""
    relays: list[Relay] = []
    try:
        for context in contexts:
            relays.append(Relay(suite, context))
        for relay in relays:
            wait_until(relay.stands_by, BACK_WITHIN_S, describe=f"the second relay of {relay.context} stands by")
        yield relays
    finally:
        for relay in relays:
            relay.close()


def _local_ports(pid: int) -> set[int]:
    """The local ports of a process's TCP connections, as /proc tells them."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            target = os.readlink(entry)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[9] in inodes:
            found.add(int(columns[1].rpartition(":")[2], 16))
    return found


# -- replicas, and their end ---------------------------------------------------------


@contextmanager
def told(suite: Suite, **variables: str) -> Iterator[None]:
    """Start the suite's processes again with these variables; as they were at the end."""
    try:
        _start_again(suite, suite.environment | variables)
        yield
    finally:
        _start_again(suite, suite.environment)


@contextmanager
def ended(processes: Sequence[Process]) -> Iterator[None]:
    """These are gone at the end, in whatever state they are."""
    try:
        yield
    finally:
        for process in processes:
            process.close()


def drain(process: Process) -> float:
    """SIGTERM; how many seconds it took to end well."""
    print(f"SIGTERM {process.context} {process.kind}")
    began = time.monotonic()
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(DRAINED_WITHIN_S) == 0, f"{process.context} {process.kind} did not end well"
    return time.monotonic() - began


def drain_part(suite: Suite, name: str) -> float:
    """SIGTERM to a part of the suite; how many seconds it took to end well. It is started again."""
    log = suite.home.logs / "supervisor.log"
    before = log.read_text().count(f"{name} ended with 0")
    wait_until(lambda: answers(suite.home, name), BACK_WITHIN_S, describe=f"{name} works")
    pid = running(suite, name)
    print(f"SIGTERM {name}")
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: suite.find(name) != pid, DRAINED_WITHIN_S, describe=f"{name} ended")
    took_s = time.monotonic() - began
    wait_until(lambda: log.read_text().count(f"{name} ended with 0") > before, describe=f"{name} ended well")
    wait_until(lambda: answers(suite.home, name), BACK_WITHIN_S, describe=f"{name} works again")
    return took_s


@contextmanager
def held_up(suite: Suite, context: str, table: str) -> Iterator[None]:
    """Nobody writes a view's table until the block ends; who began to waits for it."""
    with superuser(suite, context) as connection, connection.transaction():
        connection.execute(f"lock table {table} in exclusive mode".encode())
        yield


def waiting(suite: Suite, context: str) -> int:
    """How many sessions of a service's database wait for a lock that somebody holds."""
    with superuser(suite, context) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone()
    return int(row[0]) if row else 0


# -- the clock -------------------------------------------------------------------------


@contextmanager
def jumping_clock(suite: Suite) -> Iterator[Callable[[float], None]]:
    """Start the suite's processes again under a clock that can be set: `jump(3600)` is an hour ahead of the truth.

    The servers keep the true time, and so does the monotonic clock, which never jumps. (libfaketime would reach the
    servers too, but Python's sleep fails or hangs under Debian 12's.)
    """
    offset = suite.home.folder / "clock"

    def jump(seconds: float) -> None:
        print(f"the clock is {seconds:+.0f} s from the truth")
        fresh = offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(offset)

    jump(0)
    moved = {"PYTHONPATH": str(Path(__file__).with_name("jumping")), "HEADWATER_CLOCK_OFFSET": str(offset)}
    with told(suite, **moved):
        yield jump
        jump(0)


def _start_again(suite: Suite, environment: Mapping[str, str]) -> None:
    down(suite.environment, "--keep-servers")
    up(suite.home, environment)


# -- poison ------------------------------------------------------------------------------


@contextmanager
def poison(suite: Suite, context: str, table: str, key: str, one_in: int) -> Iterator[str]:
    """Have a service's view refuse every event about one in so many streams; yields the SQL condition of the healthy.

    The refusal is a constraint: permanent, and nobody's mistake who sent the event.
    """
    healthy = f"abs(hashtext({key}::text)) % {one_in} <> 0"
    with superuser(suite, context) as connection:
        connection.execute(f"alter table {table} add constraint poison check ({healthy}) not valid".encode())
    print(f"{context} cannot take one in {one_in} streams into {table}")
    try:
        yield healthy
    finally:
        with superuser(suite, context) as connection:
            connection.execute(f"alter table {table} drop constraint poison".encode())


# -- a full disk ---------------------------------------------------------------------


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Leave not one free page where `folder` is, until the block ends. Only for a file system of our own."""
    ballast = folder / "ballast"
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):
            os.posix_fallocate(file, 0, shutil.disk_usage(folder).free)
        with suppress(OSError):  # what others gave back meanwhile
            os.lseek(file, 0, os.SEEK_END)
            while os.write(file, bytes(4096)):
                pass
        print(f"the disk is full: {shutil.disk_usage(folder).free} bytes are free")
        yield
    finally:
        os.close(file)
        ballast.unlink()


@contextmanager
def own_disk(folder: Path, size: str) -> Iterator[bool]:
    """A file system of that size at `folder`, in memory; False where nobody may mount one."""
    mounted = os.geteuid() == 0 and sys.platform == "linux"
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "headwater-faults", str(folder)]
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
