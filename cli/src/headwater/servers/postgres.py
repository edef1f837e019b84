"""A private PostgreSQL: its own data directory, a free loopback port, no unix socket."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from headwater.certificates import Certificates, write_secret
from headwater.servers.processes import (
    NotHealthy,
    end,
    first_line,
    first_running,
    free_port,
    port_is_free,
    start,
    wait_healthy,
)
from kernel.config import Tls

ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root; then it runs as this account, which its package makes."""

SUPERUSER = "headwater"
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
"""One that knows letters beyond ASCII; macOS has no C.UTF-8."""

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
ATTEMPTS = 4
ATTEMPT_PAUSE_S = 1.0


class PrivatePostgres:
    """One instance below `folder`. `state` is a dict of ours that is kept between runs."""

    def __init__(self, folder: Path, state: dict[str, Any], durable: bool) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._state = state
        self._durable = durable

    @property
    def url(self) -> str:
        """As the superuser, to the database postgres."""
        login = f"{SUPERUSER}:{self._state['password']}"
        query = f"?{tls_query(self._operator())}" if self._state.get("tls") else ""
        return f"postgresql://{login}@127.0.0.1:{self._state['port']}/postgres{query}"

    def use(self, certificates: Certificates | None) -> bool:
        """Remember which certificates to run with; whether that is a change."""
        wanted = certificates.fingerprints("postgres") if certificates else None
        changed = bool(self._state.get("tls") != wanted)
        self._state["tls"] = wanted
        return changed

    def _operator(self) -> Tls:
        return Certificates(Path(self._state["tls"]["folder"])).of("operator")

    def is_up(self) -> bool:
        """It is ours, running, and answers."""
        return self.is_alive() and self._answers()

    def is_alive(self) -> bool:
        return self.pid() is not None

    def pid(self) -> int | None:
        """Its process; its own file knows it even if whoever started it was killed before he wrote it down."""
        return first_running(str(self._data), self._state.get("pid"), first_line(self._data / "postmaster.pid"))

    def up(self) -> None:
        """Start it unless it runs; make its data directory the first time."""
        if self.is_up():
            return
        if self.is_alive():  # alive and deaf
            self.down()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._give_away(self._folder)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._start()
                return
            except NotHealthy:
                if attempt == ATTEMPTS:
                    raise
            if not port_is_free(self._state["port"]):
                self._state.pop("port")  # somebody took it meanwhile
            # Left by a kill -9, and its number may be another process's by now. PostgreSQL itself
            # still refuses to start while an old backend is attached to the data.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            time.sleep(ATTEMPT_PAUSE_S)

    def down(self) -> None:
        """A fast shutdown: clients are cut off, everything committed is on disk."""
        pid = self.pid()
        if pid is not None:
            end(pid, signal.SIGINT, STOP_TIMEOUT_S)
        self._state.pop("pid", None)

    def _start(self) -> None:
        self._state.setdefault("port", free_port())
        settings = {
            "unix_socket_directories": "",
            "max_connections": "300",
            "idle_in_transaction_session_timeout": "60s",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "wal_recycle": "off",  # a segment that is no longer needed goes, with what stood in it
            "jit": "off",  # it costs short statements more than it saves
        }
        if sys.platform == "linux":
            # After a crash it syncs every file of the data directory, one by one, unless told better.
            settings["recovery_init_sync_method"] = "syncfs"
        if self._state.get("tls"):
            settings |= self._encrypted()
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        where = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self._state["port"])]
        process = start([binaries() / "postgres", *where, *options], self._log, **self._as_account())
        self._state["pid"] = process.pid
        wait_healthy("PostgreSQL", self._answers, START_TIMEOUT_S, self._log, lambda: process.poll() is None)

    def _encrypted(self) -> dict[str, str]:
        """Settings, and files of its own, for TLS and nothing else; clients show a certificate and a password."""
        folder = self._folder / "tls"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._give_away(folder)
        ours = Certificates(Path(self._state["tls"]["folder"])).of("postgres")
        for name, path in {"ca.pem": ours.ca, "server.pem": ours.cert, "server.key": ours.key}.items():
            write_secret(folder / name, Path(path).read_bytes())
            self._give_away(folder / name)
        write_secret(folder / "pg_hba.conf", b"hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n")
        self._give_away(folder / "pg_hba.conf")
        return {
            "ssl": "on",
            "ssl_min_protocol_version": "TLSv1.2",
            "ssl_ca_file": str(folder / "ca.pem"),
            "ssl_cert_file": str(folder / "server.pem"),
            "ssl_key_file": str(folder / "server.key"),
            "hba_file": str(folder / "pg_hba.conf"),
        }

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._state["password"] = secrets.token_urlsafe(24)
        password = self._folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._state["password"] + "\n")
        self._give_away(password)
        subprocess.run(
            [
                *(binaries() / "initdb", "-D", self._data, "-U", SUPERUSER, f"--pwfile={password}"),
                *("--auth=scram-sha-256", "-E", "UTF8", f"--locale={LOCALE}", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_account(),
        )
        password.unlink()

    def _answers(self) -> bool:
        where = ["-h", "127.0.0.1", "-p", str(self._state.get("port", 0))]
        return subprocess.run([binaries() / "pg_isready", "-q", *where]).returncode == 0

    def _as_account(self) -> dict[str, Any]:
        """How to start its programs: never as root, with an environment of their own."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": LOCALE,
            "TZ": "UTC",
            "HOME": str(self._folder),
        }
        arguments: dict[str, Any] = {"cwd": "/", "env": environment}
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            arguments |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return arguments

    @staticmethod
    def _give_away(path: Path) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(path, account.pw_uid, account.pw_gid)


def tls_query(tls: Tls) -> str:
    """What a PostgreSQL URL says so that both sides are verified, the server's name included."""
    return urlencode({"sslmode": "verify-full", "sslrootcert": tls.ca, "sslcert": tls.cert, "sslkey": tls.key})


def binaries() -> Path:
    """The newest PostgreSQL's programs: Debian keeps them out of the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    if found is None:
        raise NotHealthy("no PostgreSQL server here: apt-get install postgresql")
    return Path(found).resolve().parent
