"""The whole suite, started once for all stories: its own servers' databases, three processes, a supervisor.

Stories speak to it as its users do: over HTTP and by the command line, nothing else.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.api import Api
from headwater.home import Home
from headwater.servers import PrivateServers
from headwater.supervisor import MARK
from testkit.private_servers import suite_folder
from testkit.servers import AMQP, POSTGRES, RABBITMQ_API, wanted_kind


@dataclass
class Suite:
    """A running suite: where it answers, who may sign in, and its folder."""

    home: Home
    environment: dict[str, str]
    admin: Api
    private: bool
    people: dict[str, str] = field(default_factory=dict)
    sessions: list[Api] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.admin.url

    def headwater(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run the command line against this suite; fails the test with its words when it does not end well."""
        done = subprocess.run(
            [sys.executable, "-m", "headwater", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode in ok, f"headwater {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def pid(self, name: str) -> int:
        """The process of a part of the suite, or of one of its private servers."""
        if name in ("postgres", "rabbitmq"):
            return PrivateServers(self.home.folder / "servers").pids()[name]
        found = self.home.process(name, MARK)
        assert found is not None, f"{name} does not run"
        return found

    def person(self, role: str, team_id: str = "", *more_roles: str, **fields: Any) -> tuple[str, Api]:
        """A new person in that role: id and signed-in session."""
        login, password = f"{role}.{secrets.token_hex(4)}".replace("_", "-"), secrets.token_urlsafe(12)
        body: dict[str, Any] = {
            "name": f"Test {role}",
            "email": f"{login}@people.example",
            "login": login,
            "roles": [role, *more_roles],
            "password": password,
            "keep_password": True,
            **fields,
        }
        if team_id:
            body["team_id"] = team_id
        id_ = self.admin.post("/v1/people", body)["person_id"]
        session = Api(self.url, login, password, patience_s=30)
        session.sign_in()
        self.sessions.append(session)
        return id_, session


def _server_variables(kind: str) -> dict[str, str]:
    if kind == "environment":
        return {
            "HEADWATER_POSTGRES_URL": os.environ[POSTGRES],
            "HEADWATER_AMQP_URL": os.environ[AMQP],
            "HEADWATER_RABBITMQ_API": os.environ[RABBITMQ_API],
        }
    return {"HEADWATER_SERVERS": "containers"} if kind == "containers" else {}


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """The suite, empty but for its administrator; stopped at the end.

    HEADWATER_TEST_SUITE names the folder of one that runs already, to try a story again and again.
    """
    if running := os.environ.get("HEADWATER_TEST_SUITE"):
        yield from _signed_in(Home(Path(running)), dict(os.environ) | {"HEADWATER_RUN": running}, private=True)
        return
    with suite_folder() as folder:
        yield from _started(folder, wanted_kind(os.environ))


def _started(folder: Path, kind: str) -> Iterator[Suite]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "PYTEST_"))
    } | {
        "HEADWATER_RUN": str(folder),
        "HEADWATER_NAME": f"story_{secrets.token_hex(3)}",
        **_server_variables(kind),
    }
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "up", "--detach"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    home = Home(folder)
    if done.returncode:
        logs = "\n".join(f"--- {p.name}\n{p.read_text()[-3000:]}" for p in home.logs.glob("*.log"))
        pytest.fail(f"the suite did not start\n{done.stdout}{done.stderr}\n{logs}", pytrace=False)
    try:
        yield from _signed_in(home, environment, private=kind == "private")
    finally:
        subprocess.run(
            [sys.executable, "-m", "headwater", "down"], env=environment, capture_output=True, timeout=120, check=False
        )


def _signed_in(home: Home, environment: dict[str, str], private: bool) -> Iterator[Suite]:
    state = home.read()
    url = f"http://127.0.0.1:{state['ports']['gateway']}"
    with Api(url, state["administrator"]["login"], state["administrator"]["password"], patience_s=60) as admin:
        suite = Suite(home, environment, admin, private)
        yield suite
        for session in suite.sessions:
            session.__exit__(None, None, None)


@pytest.fixture
def now() -> Callable[[], str]:
    return lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path
