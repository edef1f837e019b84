"""Private PostgreSQL and RabbitMQ below one folder, started from the system's programs.

They survive the process that started them and are found again; they never touch servers that run
already.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.certificates import Certificates
from headwater.servers.postgres import ACCOUNT, PrivatePostgres
from headwater.servers.processes import NotHealthy
from headwater.servers.rabbitmq import PrivateRabbitMQ

__all__ = ["Addresses", "NotHealthy", "PrivateServers"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are, as users who may do everything."""

    postgres_url: str
    amqp_url: str
    rabbitmq_api: str


class PrivateServers:
    """The two instances below `folder`; `durable=False` is for throw-away test servers only."""

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.folder = reachable(folder)
        self._durable = durable

    def up(self, tell: Callable[[str], None] = lambda _: None, certificates: Certificates | None = None) -> Addresses:
        """Start what does not run; two at once: the second waits and finds them.

        With certificates they speak TLS only, and to those only who show one of the same authority. A server
        that runs otherwise, or with older ones, is started again.
        """
        with self._locked() as (postgres, rabbitmq):
            for name, server in (("PostgreSQL", postgres), ("RabbitMQ", rabbitmq)):
                if server.use(certificates) and server.is_alive():
                    tell(f"stopping {name}: its certificates change")
                    server.down()
                if not server.is_up():
                    tell(f"starting {name} (log: {self.folder})")
                    server.up()
            return Addresses(postgres.url, rabbitmq.url, rabbitmq.api)

    def down(self) -> None:
        """Stop both; the data stays."""
        with self._locked() as (postgres, rabbitmq):
            rabbitmq.down()
            postgres.down()

    def status(self) -> dict[str, bool]:
        """Which of them answers."""
        with self._locked() as (postgres, rabbitmq):
            return {"postgres": postgres.is_up(), "rabbitmq": rabbitmq.is_up()}

    def revive(self, tell: Callable[[str], None]) -> None:
        """Start again what has died. Much cheaper to ask than `up`: it only looks for the processes."""
        with self._locked() as (postgres, rabbitmq):
            for name, server in (("PostgreSQL", postgres), ("RabbitMQ", rabbitmq)):
                if not server.is_alive():
                    tell(f"{name} has died; starting it again")
                    server.up()

    def pids(self) -> dict[str, int]:
        """The processes that run, as {"postgres": …, "rabbitmq": …}; tests kill them."""
        with self._locked() as (postgres, rabbitmq):
            found = {"postgres": postgres.pid(), "rabbitmq": rabbitmq.pid()}
        return {name: pid for name, pid in found.items() if pid is not None}

    @contextmanager
    def _locked(self) -> Iterator[tuple[PrivatePostgres, PrivateRabbitMQ]]:
        """Both servers, alone; what they remember is written down at the end."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._read()
            try:
                yield (
                    PrivatePostgres(self.folder / "postgres", state["postgres"], self._durable),
                    PrivateRabbitMQ(self.folder / "rabbitmq", state["rabbitmq"]),
                )
            finally:
                self._write(state)

    def _read(self) -> dict[str, dict[str, Any]]:
        path = self.folder / "state.json"
        state: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
        return {"postgres": {}, "rabbitmq": {}} | state

    def _write(self, state: dict[str, dict[str, Any]]) -> None:
        path = self.folder / "state.json"
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(state, indent=1))
        fresh.replace(path)


def reachable(folder: Path) -> Path:
    """`folder` itself, or a stand-in below /var/tmp when PostgreSQL's account cannot get there.

    Root's home is closed to the account postgres; the stand-in is named after the folder.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or _can_enter(folder):
        return folder
    name = "headwater-" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    stand_in = Path("/var/tmp") / name
    stand_in.mkdir(mode=0o711, exist_ok=True)
    if stand_in.stat().st_uid != 0 or stand_in.is_symlink():
        raise NotHealthy(f"{stand_in} belongs to somebody else: remove it")
    return stand_in


def _can_enter(folder: Path) -> bool:
    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise NotHealthy("no account postgres: apt-get install postgresql") from None
    for path in (folder, *folder.parents):
        found = path.stat()
        mine, group = found.st_uid == account.pw_uid, found.st_gid == account.pw_gid
        if not found.st_mode & (0o100 if mine else 0o010 if group else 0o001):
            return False
    return True
