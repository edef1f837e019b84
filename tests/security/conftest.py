"""A suite of its own with TLS on every hop, on private servers, shared by the long tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.api import Api
from headwater.certificates import Certificates
from headwater.home import Home
from headwater.provision import suite_environment
from headwater.servers import Addresses, PrivateServers
from testkit.private_servers import suite_folder

RUNNING = "HEADWATER_TEST_TLS_SUITE"
"""Names the folder of one that runs already, to try a test again and again."""


@dataclass(frozen=True, slots=True)
class TlsSuite:
    """A running suite: its folder, what its processes were told, its certificates, and an administrator's session."""

    home: Home
    environment: dict[str, str]
    certificates: Certificates
    servers: Addresses
    admin: Api

    @property
    def url(self) -> str:
        return self.home.url()

    @property
    def apis(self) -> str:
        return f"127.0.0.1:{self.home.read()['ports']['apis']}"


@pytest.fixture(scope="session")
def tls_suite() -> Iterator[TlsSuite]:
    """`headwater up --tls`, empty but for its administrator; stopped at the end."""
    if running := os.environ.get(RUNNING):
        yield from _signed_in(Home(Path(running)))
        return
    with suite_folder() as folder:
        yield from _started(folder)


def _started(folder: Path) -> Iterator[TlsSuite]:
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("HEADWATER_", "PYTEST_"))}
    environment |= {"HEADWATER_RUN": str(folder)}
    home = Home(folder)
    try:
        done = _headwater(environment, "up", "--detach", "--tls")
        if done.returncode:
            logs = "\n".join(f"--- {p.name}\n{p.read_text()[-3000:]}" for p in home.logs.glob("*.log"))
            pytest.fail(f"the suite did not start\n{done.stdout}{done.stderr}\n{logs}", pytrace=False)
        yield from _signed_in(home)
    finally:
        _headwater(environment, "down")


def _headwater(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headwater", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def _signed_in(home: Home) -> Iterator[TlsSuite]:
    state = home.read()
    certificates = Certificates(home.tls)
    servers = PrivateServers(home.folder / "servers").up(certificates=certificates)
    administrator = state["administrator"]
    with Api(home.url(), administrator["login"], administrator["password"], ca=home.ca()) as admin:
        yield TlsSuite(home, suite_environment(state, home, {}), certificates, servers, admin)
