"""Keeps the processes of a suite running: starts them, restarts what died, ends them in good order.

A process that keeps dying is restarted ever more slowly, at most once in half a minute. Private servers
are watched too: a killed PostgreSQL or RabbitMQ comes back on the same port with the same data.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headwater.availability import Availability, is_ready, measure
from headwater.home import Home
from headwater.provision import servers_are_private, suite_environment
from headwater.servers import NotHealthy, PrivateServers
from headwater.servers.processes import end, start

log = logging.getLogger(__name__)

NAME = "supervisor"
MARK = "headwater"
"""Stands in the command line of everything we start."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
STOP_TIMEOUT_S = 10.0
READY_TIMEOUT_S = 180.0
WATCH_EVERY_S = 0.2
WATCH_SERVERS_EVERY_S = 2.0
LARGEST_LOG = 50 * 1024 * 1024

COMMANDS: dict[str, tuple[str, ...]] = {
    "apis": ("-m", "headwater.suite", "apis"),
    "buses": ("-m", "headwater.suite", "buses"),
    "gateway": ("-m", "headwater.suite", "gateway"),
    "mail": ("-m", "headwater.mail_sink"),
}


@dataclass
class Child:
    """One process that is kept alive."""

    name: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    restart_at: float = 0.0
    restarts: int = field(default=0)


class Supervisor:
    """Runs until `stop` is set. `environment` is what the children get; `servers` are watched too.

    `ready` says whether the suite answers; how often it did is written down.
    """

    def __init__(
        self,
        home: Home,
        environment: Mapping[str, str],
        commands: Mapping[str, Sequence[str]] = COMMANDS,
        servers: PrivateServers | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self._home = home
        self._environment = dict(environment)
        self._children = [Child(name, tuple(command)) for name, command in commands.items()]
        self._servers = servers
        self._ready = ready

    def run(self, stop: threading.Event) -> None:
        self._home.remember_process(NAME, os.getpid())
        # Beside the processes, not before them: a server takes seconds to come back.
        servers = threading.Thread(target=self._watch_servers, args=(stop,), daemon=True)
        servers.start()
        if self._ready is not None:
            counted = Availability(self._home.availability)
            threading.Thread(target=measure, args=(counted, self._ready, stop), daemon=True).start()
        try:
            while not stop.is_set():
                for child in self._children:
                    self._watch(child)
                stop.wait(WATCH_EVERY_S)
        finally:
            self._end_all()
            servers.join(STOP_TIMEOUT_S)
            self._home.forget_process(NAME)

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._start(child, now)
            return
        status = child.process.poll()
        if status is None:
            if now - child.started_at > HEALTHY_AFTER_S:
                child.pause_s = FIRST_PAUSE_S
            return
        child.process = None
        child.restarts += 1
        self._again_later(child, now, f"ended with {status}")

    def _start(self, child: Child, now: float) -> None:
        """Start a process and write down its number; one that has no room for that is tried again later."""
        path = self._home.logs / f"{child.name}.log"
        try:
            turn_over(path)
            child.process = start([sys.executable, *child.command], path, env=self._environment)
            child.started_at = now
            self._home.remember_process(child.name, child.process.pid)
        except OSError as error:
            if child.process is not None:
                child.process.kill()
                child.process.wait(5)
                child.process = None
            self._again_later(child, now, f"could not be started: {error}")
            return
        log.info("%s started as %s", child.name, child.process.pid)

    @staticmethod
    def _again_later(child: Child, now: float, why: str) -> None:
        child.restart_at = now + child.pause_s
        log.warning("%s %s; again in %.1f s", child.name, why, child.pause_s)
        child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)

    def _watch_servers(self, stop: threading.Event) -> None:
        while self._servers is not None and not stop.wait(WATCH_SERVERS_EVERY_S):
            try:
                self._servers.revive(log.warning)
            except (NotHealthy, OSError) as error:  # a full disk must not be the end of the watch
                log.error("%s", error)

    def _end_all(self) -> None:
        """Ask all at once and wait for all: together they have the time one may take."""
        running = [child for child in self._children if child.process and child.process.poll() is None]
        for child in running:
            assert child.process is not None
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("%s did not end in %.0f s and was killed", child.name, STOP_TIMEOUT_S)
                child.process.kill()
                child.process.wait(5)
        for child in self._children:
            self._home.forget_process(child.name)


def turn_over(path: Path) -> None:
    """Keep a log from growing for ever: a large one becomes the previous one."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))


# -- from the outside --------------------------------------------------------------------


def run_here(home: Home) -> None:
    """Supervise in this process until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    servers = PrivateServers(home.folder / "servers") if servers_are_private() else None
    url, ca = home.url(), home.ca()
    suite = suite_environment(home.read(), home)
    commands = COMMANDS | scheduled(os.environ)
    Supervisor(home, suite, commands, servers=servers, ready=lambda: is_ready(url, ca)).run(stop)


def scheduled(environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Backups while the suite runs, if HEADWATER_BACKUP_EVERY_HOURS says how often; HEADWATER_BACKUP_KEEP of them."""
    hours = environment.get("HEADWATER_BACKUP_EVERY_HOURS", "")
    if not hours:
        return {}
    kept = environment.get("HEADWATER_BACKUP_KEEP", "14")
    return {"backups": ("-m", "headwater", "backup", "--every-hours", hours, "--keep", kept)}


def start_detached(home: Home) -> None:
    """Start a supervisor that outlives us, unless one runs."""
    if home.process(NAME, MARK):
        return
    home.logs.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"HEADWATER_RUN": str(home.folder)}
    process = start(
        [sys.executable, "-m", "headwater", "up", "--supervise"],
        home.logs / f"{NAME}.log",
        env=environment,
    )
    home.remember_process(NAME, process.pid)


def stop_detached(home: Home) -> bool:
    """End the supervisor and with it the suite; whether one ran."""
    pid = home.process(NAME, MARK)
    if pid is None:
        return False
    end(pid, signal.SIGTERM, STOP_TIMEOUT_S + 10)
    return True


def wait_ready(home: Home, tell: Callable[[str], None], timeout_s: float = READY_TIMEOUT_S) -> None:
    """Return once all answer; NotHealthy, with the end of the log of the one that does not, otherwise."""
    deadline = time.monotonic() + timeout_s
    for name in COMMANDS:
        while not answers(home, name):
            if time.monotonic() > deadline:
                path = home.logs / f"{name}.log"
                tail = path.read_text(errors="replace")[-2000:] if path.exists() else "(no log)"
                raise NotHealthy(f"{name} did not become ready in {timeout_s:.0f} s\n--- {path}\n{tail}")
            time.sleep(0.2)
        tell(f"ready: {name}")


def answers(home: Home, name: str) -> bool:
    """Whether one process of the suite runs and does its work."""
    pid = home.process(name, MARK)
    if pid is None:
        return False
    if name == "buses":  # they listen nowhere; they write down that they consume
        return home.process("buses-ready", MARK) == pid
    ports = home.read()["ports"]
    if name == "gateway":
        return _http_answers(f"{home.url()}/healthz", home.ca())
    return _listens(ports["apis" if name == "apis" else "smtp"])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _http_answers(url: str, ca: str) -> bool:
    """Any answer below 500 means that it is there."""
    try:
        context = ssl.create_default_context(cafile=ca) if ca else None
        with urllib.request.urlopen(url, timeout=2, context=context):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code < 500
    except OSError:
        return False
