"""Whether a process lives and can work: two HTTP answers for whoever keeps it running.

/livez says 503 when a loop hangs: restart the process. /readyz says 503 when it cannot do its work now: the
database or the broker is away, or the database is older than the code. Neither asks for a token, so both name
parts and kinds of errors only. Works in patched and un-patched processes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg

from kernel.broker import connect
from kernel.migrations import pending
from kernel.parking import reason_of
from kernel.telemetry import late_loops

Check = Callable[[], str]
"""Returns what is wrong, or nothing; may raise instead."""

_ASKED_AGAIN_AFTER_S = 2.0
_CONNECT_TIMEOUT_S = 3


def database_is_there(url: str, folders: Sequence[Path] = ()) -> Check:
    """A check that the database answers and has every migration of the kernel's and these folders."""

    def check() -> str:
        with psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            missing = pending(connection, folders)
        return f"{len(missing)} migrations are missing, the first is {missing[0]}: run migrate" if missing else ""

    return check


def broker_is_there(url: str) -> Check:
    """A check that the broker lets us in."""

    def check() -> str:
        connect(url, connect_timeout_s=_CONNECT_TIMEOUT_S).close()
        return ""

    return check


class Health:
    """What is asked of one process. Checks run one at a time, and not more often than every two seconds."""

    def __init__(self, checks: Mapping[str, Check], clock: Callable[[], float] = time.monotonic) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: dict[str, str] = {}
        self._asked_at: float | None = None

    def wrong(self) -> dict[str, str]:
        """What keeps the process from working now, by part; empty when it can."""
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at >= _ASKED_AGAIN_AFTER_S:
                found = {name: self._ask(check) for name, check in self._checks.items()}
                self._wrong = {name: told for name, told in found.items() if told}
                self._asked_at = self._clock()
            return dict(self._wrong)

    def _ask(self, check: Check) -> str:
        try:
            return check()
        except Exception as error:  # whatever it is, the process is not ready; the answer says so
            return reason_of(error)

    def answer(self, path: str) -> tuple[int, dict[str, object]]:
        """Return the HTTP status and the JSON document of a path."""
        if path == "/livez":
            late = late_loops()
            return (503, {"status": "hangs", "loops": late}) if late else (200, {"status": "lives"})
        if path == "/readyz":
            wrong = self.wrong()
            return (503, {"status": "not ready", "wrong": wrong}) if wrong else (200, {"status": "ready"})
        return 404, {"status": "ask /livez or /readyz"}


@contextmanager
def answering(health: Health, listen: str) -> Iterator[int]:
    """Answer on host:port in threads of its own; yield the port. An empty `listen` answers nobody (0)."""
    if not listen:
        yield 0
        return
    host, _, port = listen.rpartition(":")
    server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(health))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            status, document = health.answer(self.path)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler
