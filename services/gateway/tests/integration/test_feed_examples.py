"""examples/: programs that follow the feed over HTTP, run against a gateway; killed and started again, they go on."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from testkit.examples import command_of, run_example

from .conftest import Running


@pytest.mark.parametrize("name", ["follow_feed.py", "followFeed.ts"])
def test_a_program_catches_up_and_goes_on_where_it_was(
    name: str, running: Running, admin: httpx.Client, tmp_path: Path
) -> None:
    asked = {"name": "Shop", "permissions": ["*.event.read"], "data_scope": "DATA_SCOPE_ALL"}
    made = admin.post("/v1/api-clients", json=asked).json()
    command = command_of(name, tmp_path)
    if name.endswith(".py"):
        command += ["--url", running.url, "--client-id", made["client_id"], "--service", "identity", "--once"]
    else:
        command += [running.url, made["client_id"], "identity", str(tmp_path / "kept.json"), "once"]
    secret = {"CLIENT_SECRET": made["client_secret"]}
    first = run_example(command, secret, tmp_path)
    team = admin.post("/v1/teams", json={"name": "Told"}).json()["team_id"]
    second = run_example(command, secret, tmp_path)
    if name.endswith(".py"):
        assert _effects(second) == _effects(first) + 1
    else:
        assert "crm.identity.v1.RoleDefined" in first
        assert second.strip() == f"crm.identity.v1.TeamFormed {team}"


def _effects(said: str) -> int:
    return int(said.split()[0])
