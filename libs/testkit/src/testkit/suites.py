"""The whole suite as a test sees it: its folder, who administers it, how to speak to it and find its processes."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headwater.api import Api
from headwater.home import Home
from headwater.servers import PrivateServers
from headwater.supervisor import MARK
from testkit.private_servers import suite_folder
from testkit.servers import AMQP, POSTGRES, RABBITMQ_API, wanted_kind

RUNNING = "HEADWATER_TEST_SUITE"
"""Names the folder of a suite that runs already, to try a story again and again."""

_START_TIMEOUT_S = 240
_STOP_TIMEOUT_S = 120
_COMMAND_TIMEOUT_S = 600


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
            timeout=_COMMAND_TIMEOUT_S,
        )
        assert done.returncode in ok, f"headwater {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def pid(self, name: str) -> int:
        """The process of a part of the suite, or of one of its private servers."""
        found = self.find(name)
        assert found is not None, f"{name} does not run"
        return found

    def find(self, name: str) -> int | None:
        """As `pid`; None while it does not run."""
        if name in ("postgres", "rabbitmq"):
            return PrivateServers(self.home.folder / "servers").pids().get(name)
        return self.home.process(name, MARK)

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
        session = Api(self.url, login, password, patience_s=60)
        session.sign_in()
        self.sessions.append(session)
        return id_, session


@contextmanager
def running_suite(**variables: str) -> Iterator[Suite]:
    """A suite on the wanted servers, told these variables, empty but for its administrator; stopped at the end.

    One that runs already was told its own.
    """
    if running := os.environ.get(RUNNING):
        with signed_in(Home(Path(running)), dict(os.environ) | {"HEADWATER_RUN": running}, private=True) as suite:
            yield suite
        return
    kind = wanted_kind(os.environ)
    variables |= _server_variables(kind)
    with suite_folder() as folder, started(folder, variables, private=kind == "private") as suite:
        yield suite


@contextmanager
def started(folder: Path, variables: Mapping[str, str], private: bool = True) -> Iterator[Suite]:
    """A suite in that folder, told these variables; stopped at the end, with everything it started."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "PYTEST_"))
    } | {"HEADWATER_RUN": str(folder), "HEADWATER_NAME": f"story_{secrets.token_hex(3)}", **variables}
    home = Home(folder)
    try:
        up(home, environment)
        with signed_in(home, environment, private) as suite:
            yield suite
    finally:
        down(environment)


def up(home: Home, environment: Mapping[str, str]) -> None:
    """Start the suite of that environment, or fail the test with what its logs say."""
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "up", "--detach"],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_START_TIMEOUT_S,
    )
    if done.returncode:
        logs = "\n".join(f"--- {p.name}\n{p.read_text()[-3000:]}" for p in home.logs.glob("*.log"))
        pytest.fail(f"the suite did not start\n{done.stdout}{done.stderr}\n{logs}", pytrace=False)


def down(environment: Mapping[str, str], *options: str) -> None:
    """Stop the suite of that environment."""
    subprocess.run(
        [sys.executable, "-m", "headwater", "down", *options],
        env=dict(environment),
        capture_output=True,
        timeout=_STOP_TIMEOUT_S,
        check=False,
    )


@contextmanager
def signed_in(home: Home, environment: dict[str, str], private: bool) -> Iterator[Suite]:
    """A suite that runs, with its administrator's session; the sessions of people that a test made end too."""
    state = home.read()
    url = f"http://127.0.0.1:{state['ports']['gateway']}"
    with Api(url, state["administrator"]["login"], state["administrator"]["password"], patience_s=120) as admin:
        suite = Suite(home, environment, admin, private)
        yield suite
        for session in suite.sessions:
            session.__exit__(None, None, None)


def _server_variables(kind: str) -> dict[str, str]:
    if kind == "environment":
        return {
            "HEADWATER_POSTGRES_URL": os.environ[POSTGRES],
            "HEADWATER_AMQP_URL": os.environ[AMQP],
            "HEADWATER_RABBITMQ_API": os.environ[RABBITMQ_API],
        }
    return {"HEADWATER_SERVERS": "containers"} if kind == "containers" else {}
