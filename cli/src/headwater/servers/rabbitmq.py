"""A private RabbitMQ: its own node, Erlang cookie, epmd, data and free loopback ports."""

from __future__ import annotations

import glob
import hashlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from headwater.certificates import Certificates
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

USER = "headwater"
VHOST = "headwater"
PORTS = ("port", "distribution_port", "epmd_port", "management_port")
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 40
ATTEMPTS = 3


class PrivateRabbitMQ:
    """One node below `folder`. `state` is a dict of ours that is kept between runs."""

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self._folder = folder
        self._log = folder / "console.log"
        self._state = state

    @property
    def url(self) -> str:
        """As the administrator, to the virtual host of the suite."""
        scheme, query = ("amqps", f"?{tls_query(self._operator())}") if self._state.get("tls") else ("amqp", "")
        return f"{scheme}://{USER}:{self._state['password']}@127.0.0.1:{self._state['port']}/{VHOST}{query}"

    @property
    def api(self) -> str:
        """The management API, for the same user."""
        return f"http{'s' if self._state.get('tls') else ''}://127.0.0.1:{self._state['management_port']}/api"

    def use(self, certificates: Certificates | None) -> bool:
        """Remember which certificates to run with; whether that is a change."""
        wanted = certificates.fingerprints("rabbitmq") if certificates else None
        changed = bool(self._state.get("tls") != wanted)
        self._state["tls"] = wanted
        return changed

    def _operator(self) -> Tls:
        return Certificates(Path(self._state["tls"]["folder"])).of("operator")

    def is_up(self) -> bool:
        """It is ours, running, and both doors are open."""
        return self.is_alive() and self._answers()

    def is_alive(self) -> bool:
        return self.pid() is not None

    def pid(self) -> int | None:
        """Its process; its own file knows it even if whoever started it was killed before he wrote it down."""
        return first_running(str(self._folder), self._state.get("pid"), first_line(self._folder / "pid"))

    def up(self) -> None:
        """Start it unless it runs."""
        if self.is_up():
            return
        if self.is_alive():  # alive and deaf
            self.down()
        for name in ("mnesia", "log", "generated"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        # The data directory is named after the node, so the name must be the same for ever.
        name = "headwater" + hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        self._state.setdefault("node", f"{name}@localhost")
        self._state.setdefault("password", secrets.token_urlsafe(24))
        cookie = self._folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(20))
            cookie.chmod(0o400)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._start()
                return
            except NotHealthy:
                self.down()
                if attempt == ATTEMPTS:
                    raise
                for port in PORTS:
                    if not port_is_free(self._state[port]):
                        self._state.pop(port)  # somebody took it meanwhile

    def down(self) -> None:
        """Stop the node and then its epmd, which would outlive it."""
        pid = self.pid()
        if pid is not None:
            end(pid, signal.SIGTERM, STOP_TIMEOUT_S)
        self._state.pop("pid", None)
        installed = sorted(glob.glob("/usr/lib/erlang/erts-*/bin/epmd"))
        epmd = installed[-1] if installed else shutil.which("epmd")
        if epmd and self._state.get("epmd_port"):
            subprocess.run(
                [epmd, "-port", str(self._state["epmd_port"]), "-kill"],
                capture_output=True,
                env=self._environment(),
                timeout=10,
            )

    def _start(self) -> None:
        for port in PORTS:
            self._state.setdefault(port, free_port())
        (self._folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        settings = self._folder / "rabbitmq.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"{self._doors()}"
            f"default_user = {USER}\n"
            f"default_pass = {self._state['password']}\n"
            f"default_vhost = {VHOST}\n"
            "disk_free_limit.absolute = 64MB\n"
            "vm_memory_high_watermark.absolute = 512MB\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        )
        process = start([program()], self._log, cwd=self._folder, env=self._environment())
        self._state["pid"] = process.pid
        wait_healthy("RabbitMQ", self._answers, START_TIMEOUT_S, self._log, lambda: process.poll() is None)
        # The node itself, not the shell that started it.
        self._state["pid"] = first_running(str(self._folder), first_line(self._folder / "pid"), process.pid)

    def _doors(self) -> str:
        """Both doors on loopback: AMQP and the management's, plain or else TLS only with clients' certificates."""
        if not self._state.get("tls"):
            return (
                f"listeners.tcp.1 = 127.0.0.1:{self._state['port']}\n"
                "management.tcp.ip = 127.0.0.1\n"
                f"management.tcp.port = {self._state['management_port']}\n"
            )
        ours = Certificates(Path(self._state["tls"]["folder"])).of("rabbitmq")
        lines = [
            "listeners.tcp = none",
            f"listeners.ssl.1 = 127.0.0.1:{self._state['port']}",
            "management.ssl.ip = 127.0.0.1",
            f"management.ssl.port = {self._state['management_port']}",
        ]
        for door in ("ssl_options", "management.ssl"):
            lines += [
                f"{door}.cacertfile = {ours.ca}",
                f"{door}.certfile = {ours.cert}",
                f"{door}.keyfile = {ours.key}",
                f"{door}.verify = verify_peer",
                f"{door}.fail_if_no_peer_cert = true",
                f"{door}.versions.1 = tlsv1.3",
                f"{door}.versions.2 = tlsv1.2",
            ]
        return "\n".join(lines) + "\n"

    def _answers(self) -> bool:
        """A whole AMQP hand-shake: an open port is not yet a broker. And the management's door."""
        try:
            with self._connected() as connection:
                connection.settimeout(2)
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                if connection.recv(1) != b"\x01":
                    return False
            with socket.create_connection(("127.0.0.1", self._state["management_port"]), 1):
                return True
        except OSError:
            return False

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._state["port"]), 1)
        if not self._state.get("tls"):
            return connection
        operator = self._operator()
        context = ssl.create_default_context(cafile=operator.ca)
        context.load_cert_chain(operator.cert, operator.key)
        try:
            return context.wrap_socket(connection, server_hostname="127.0.0.1")
        except OSError:
            connection.close()
            raise

    def _environment(self) -> dict[str, str]:
        """All of it ours: RABBITMQ_* of the surroundings would change the node."""
        folder = self._folder
        quiet = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
        return {
            "PATH": f"{Path(program()).parent}:/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "ERL_EPMD_PORT": str(self._state["epmd_port"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._state["node"],
            "RABBITMQ_DIST_PORT": str(self._state["distribution_port"]),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (f"{quiet} -kernel inet_dist_use_interface {{127,0,0,1}}"),
        }


def tls_query(tls: Tls) -> str:
    """What an AMQP URL says so that both sides are verified; see kernel.broker.connect."""
    return urlencode({"cacertfile": tls.ca, "certfile": tls.cert, "keyfile": tls.key})


def program() -> str:
    """Not Debian's wrapper in /usr/sbin: that one insists on root or the account rabbitmq."""
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    found = str(debian) if debian.exists() else shutil.which("rabbitmq-server")
    if found is None:
        raise NotHealthy("no RabbitMQ here: apt-get install rabbitmq-server")
    return found
