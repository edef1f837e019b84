"""PostgreSQL and RabbitMQ in two containers of our own, through the command `docker`.

Their data is in named volumes, so it outlives the containers. Images come from the environment.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.servers import Addresses, NotHealthy

USER = "headwater"
START_TIMEOUT_S = 120
POSTGRES_IMAGE = ("HEADWATER_POSTGRES_IMAGE", "postgres:15")
RABBITMQ_IMAGE = ("HEADWATER_RABBITMQ_IMAGE", "rabbitmq:3-management")


class Containers:
    """The containers of the suite whose folder this is; found again by their names."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        mark = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        self._postgres = f"headwater-{mark}-postgres"
        self._rabbitmq = f"headwater-{mark}-rabbitmq"
        self._password = folder / "containers.password"
        self._environment = environment

    def up(self, tell: Callable[[str], None] = lambda _: None) -> Addresses:
        """Start or make both; their ports are on loopback and chosen by the engine."""
        if shutil.which("docker") is None:
            raise NotHealthy("HEADWATER_SERVERS=containers, but there is no docker command")
        if not self._password.exists():
            self._password.parent.mkdir(parents=True, exist_ok=True)
            self._password.touch(mode=0o600)
            self._password.write_text(secrets.token_urlsafe(24))
        password = self._password.read_text()
        # Values of secrets come from the command's own environment: arguments are seen by everybody.
        secret = {"POSTGRES_PASSWORD": password, "RABBITMQ_DEFAULT_PASS": password}
        postgres = ["-e", f"POSTGRES_USER={USER}", "-e", "POSTGRES_PASSWORD"]
        postgres += ["-v", f"{self._postgres}:/var/lib/postgresql/data", "-p", "127.0.0.1::5432"]
        rabbitmq = ["-e", f"RABBITMQ_DEFAULT_USER={USER}", "-e", "RABBITMQ_DEFAULT_PASS"]
        rabbitmq += ["-v", f"{self._rabbitmq}:/var/lib/rabbitmq", "--hostname", self._rabbitmq]
        rabbitmq += ["-p", "127.0.0.1::5672", "-p", "127.0.0.1::15672"]
        self._start(self._postgres, postgres, POSTGRES_IMAGE, tell, secret)
        self._start(self._rabbitmq, rabbitmq, RABBITMQ_IMAGE, tell, secret)
        login = f"{USER}:{password}@"
        amqp_port = self._port(self._rabbitmq, 5672)
        self._wait_for_broker(amqp_port)
        self._wait_for_database()
        return Addresses(
            f"postgresql://{login}127.0.0.1:{self._port(self._postgres, 5432)}/postgres",
            f"amqp://{login}127.0.0.1:{amqp_port}/%2F",
            f"http://127.0.0.1:{self._port(self._rabbitmq, 15672)}/api",
        )

    def down(self) -> None:
        """Stop both; their volumes stay."""
        for name in (self._rabbitmq, self._postgres):
            _docker("stop", name, check=False)

    def _start(
        self,
        name: str,
        options: list[str],
        image: tuple[str, str],
        tell: Callable[[str], None],
        secret: Mapping[str, str],
    ) -> None:
        known = _docker("ps", "-aq", "--filter", f"name=^{name}$")
        if known:
            _docker("start", name)
            return
        tell(f"making the container {name}")
        _docker(
            "run",
            "-d",
            "--restart",
            "unless-stopped",
            "--name",
            name,
            *options,
            self._environment.get(*image) or image[1],
            secret=secret,
        )

    @staticmethod
    def _port(name: str, inside: int) -> int:
        return int(_docker("port", name, f"{inside}/tcp").splitlines()[0].rpartition(":")[2])

    def _wait_for_database(self) -> None:
        """Asked inside the container and over TCP: while it sets itself up it listens on a socket only."""
        probe = ("exec", self._postgres, "pg_isready", "-h", "127.0.0.1")
        _until("PostgreSQL", lambda: "accepting" in _docker(*probe, check=False))

    def _wait_for_broker(self, port: int) -> None:
        def answers() -> bool:
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as connection:
                    connection.settimeout(2)
                    connection.sendall(b"AMQP\x00\x00\x09\x01")
                    return connection.recv(1) == b"\x01"
            except OSError:
                return False

        _until("RabbitMQ", answers)


def _until(what: str, probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not probe():
        if time.monotonic() > deadline:
            raise NotHealthy(f"{what}'s container did not become ready in {START_TIMEOUT_S} s")
        time.sleep(0.3)


def _docker(*arguments: str, check: bool = True, secret: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, env=os.environ | dict(secret or {}))
    if check and done.returncode:
        raise NotHealthy(f"docker {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()
