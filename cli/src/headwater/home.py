"""Where a suite on this machine keeps what must outlive it: secrets, ports, logs, process ids.

Everything is below one folder: HEADWATER_RUN, or .run where the command is given.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.servers.processes import is_running


class NotProvisioned(Exception):
    """There is no suite in this folder yet."""


class Home:
    """The folder of one suite. Files that hold secrets can be read by their owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.mail = self.folder / "mail"
        self._state = self.folder / "suite.json"

    @staticmethod
    def here(environment: Mapping[str, str] = os.environ) -> Home:
        return Home(Path(environment.get("HEADWATER_RUN") or ".run"))

    @property
    def availability(self) -> Path:
        """The file of how much of the time the suite answered."""
        return self.folder / "availability.json"

    @property
    def backups(self) -> Path:
        """The folder of backups, where nobody names another."""
        return self.folder / "backups"

    @property
    def tls(self) -> Path:
        """The folder of certificates and keys."""
        return self.folder / "tls"

    def url(self) -> str:
        """Where the gateway answers."""
        state = self.read()
        return f"http{'s' if state.get('tls') else ''}://127.0.0.1:{state['ports']['gateway']}"

    def ca(self) -> str:
        """The authority whose certificates this suite shows; empty without TLS."""
        return str(self.tls / "ca.pem") if self.read().get("tls") else ""

    def read(self) -> dict[str, Any]:
        """What was remembered; NotProvisioned if nothing was."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except FileNotFoundError:
            raise NotProvisioned(f"no suite in {self.folder}: make demo, or headwater up") from None
        return state

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """What is remembered, to be changed by one process at a time; kept even if the block fails."""
        for folder in (self.folder, self.logs, self.mail):
            folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "suite.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read() if self._state.exists() else {}
            try:
                yield state
            finally:
                fresh = self._state.with_suffix(".new")
                fresh.unlink(missing_ok=True)
                fresh.touch(mode=0o600)
                fresh.write_text(json.dumps(state, indent=1))
                fresh.replace(self._state)

    # -- processes ---------------------------------------------------------------

    def remember_process(self, name: str, pid: int) -> None:
        self._pid_file(name).write_text(f"{pid}\n")

    def forget_process(self, name: str) -> None:
        self._pid_file(name).unlink(missing_ok=True)

    def process(self, name: str, mark: str) -> int | None:
        """The pid of a process that was remembered and still runs; `mark` stands in its command line."""
        try:
            pid = int(self._pid_file(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_running(pid, mark) else None

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"
