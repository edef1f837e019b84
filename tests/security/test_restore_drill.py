"""The drill: all databases and the broker are lost; what an administrator downloaded brings the suite back, in time.

Stated in docs/backups.md: what is lost is what came after the last backup (RPO: the time between two), and how long
it takes (RTO). The drill measures both and prints them.
"""

from __future__ import annotations

import io
import shutil
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from headwater.api import Api
from headwater.home import Home
from testkit.private_servers import suite_folder
from testkit.suites import down, signed_in, started, up

CUSTOMERS, AT_ONCE = 1_000, 200
LONGEST_S = 600
"""The stated RTO for a small house on two cores; most of it is starting servers and processes."""


@pytest.mark.security
@pytest.mark.timeout(1200)
@pytest.mark.feature("NFR-05")
def test_after_losing_all_servers_a_downloaded_backup_brings_everything_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with suite_folder() as folder, started(folder, {}) as suite:
        home, environment = suite.home, suite.environment
        for first in range(0, CUSTOMERS, AT_ONCE):
            rows = [
                {"external_ref": f"d-{n}", "profile": {"name": f"Drill {n:04} Ltd", "phones": [f"139{n:08}"]}}
                for n in range(first, first + AT_ONCE)
            ]
            body = {"import_id": "drill", "rows": rows, "policy": "DUPLICATE_POLICY_SKIP"}
            outcomes = {it["outcome"] for it in suite.admin.post("/v1/customers:import", body)["results"]}
            assert outcomes == {"ROW_OUTCOME_CREATED"}
        ticket = {"subject": "It hums", "channel": "CHANNEL_PHONE", "category": "other"}
        ticket_id = suite.admin.post("/v1/tickets", ticket)["ticket_id"]
        began = time.monotonic()
        suite.headwater("backup")
        backup_s = time.monotonic() - began
        after = suite.admin.post("/v1/customers", {"profile": {"name": "Came After Ltd"}})["customer_id"]
        kept = downloaded(suite.url, suite.admin.session_token, tmp_path / "kept")

        down(environment)
        told = (home.logs / "supervisor.log").read_text()
        assert "was killed" not in told, "what is told to stop drains in ten seconds"
        shutil.rmtree(home.folder / "servers")  # PostgreSQL and RabbitMQ, with all they held
        shutil.rmtree(home.backups)
        began = time.monotonic()
        up(home, environment)
        down(environment, "--keep-servers")
        restoring = time.monotonic()
        suite.headwater("restore", str(kept), "--yes")
        restore_s = time.monotonic() - restoring
        up(home, environment)
        with signed_in(Home(folder), environment, private=True) as back:
            found = back.admin.get("/v1/customers", query="Drill 0999 Ltd", page_size=10)["customers"]
            recovery_s = time.monotonic() - began
            assert [it["name"] for it in found] == ["Drill 0999 Ltd"]
            assert count(back.admin) == CUSTOMERS
            assert back.admin.get(f"/v1/tickets/{ticket_id}")["ticket"]["subject"] == "It hums"
            gone = httpx.get(f"{back.url}/v1/customers/{after}", headers=bearer(back.admin), timeout=30)
            assert gone.status_code == 404, "what came after the backup is what is lost"
            back.admin.post("/v1/customers", {"profile": {"name": "Goes On Ltd"}})
        with capsys.disabled():
            print(f"\ndrill: backup {backup_s:.0f} s; back after {recovery_s:.0f} s, {restore_s:.0f} s of it restoring")
        assert recovery_s < LONGEST_S


def downloaded(url: str, session: str, to: Path) -> Path:
    """What an administrator has on his own disk: the backup that the gateway gave him."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {session}"}, timeout=60) as client:
        [backup] = client.get("/v1/backups").json()["backups"]
        answer = client.get(f"/v1/backups/{backup['backup_id']}:download")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(to)
    return to / backup["backup_id"]


def bearer(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.session_token}"}


def count(api: Api) -> int:
    """Customers whose name begins as the drill's do."""
    return sum(1 for it in api.pages("/v1/customers", "customers") if it["name"].startswith("Drill "))
