"""Data never leaves unless switched on: with the network shut, the suite starts and does all its work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from testkit.private_servers import suite_folder

pytestmark = [pytest.mark.security, pytest.mark.timeout(400)]

WORK = """
import socket, subprocess, sys, time
from headwater.api import Api, Refused
from headwater.home import Home
from testkit import wait_until

def headwater(*arguments):
    done = subprocess.run([sys.executable, "-m", "headwater", *arguments], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout

try:
    socket.create_connection(("192.0.2.1", 443), timeout=2).close()
except OSError as error:
    print("the network is shut:", error)
headwater("up", "--detach")
try:
    home = Home.here()
    state = home.read()
    with Api(home.url(), state["administrator"]["login"], state["administrator"]["password"], 60) as admin:
        customer = admin.post("/v1/customers", {"profile": {"name": "Inland Rivers", "phones": ["13912345678"]}})
        id_ = customer["customer_id"]

        def audited():
            try:
                return admin.get(f"/v1/audit/records/{id_}")["total_size"]
            except Refused as refused:
                if refused.status != 404:
                    raise
                return 0

        wait_until(audited, timeout_s=60)
        assert id_ in str(admin.get("/v1/search", q="Inland Rivers"))
        assert admin.get(f"/v1/customers/{id_}/overview")
    headwater("report", "funnel", "--json")
    print(headwater("audit", "verify", "customer"))
finally:
    headwater("down")
print("all of it worked")
"""


def test_with_the_network_shut_the_suite_starts_and_works() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can shut the network for one process: run this as root")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "PYTEST_"))}
    with suite_folder() as folder:
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-c", WORK],
            env=environment | {"HEADWATER_RUN": str(folder / "run")},
            capture_output=True,
            text=True,
            timeout=390,
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "the network is shut" in done.stdout
    assert done.stdout.rstrip().endswith("all of it worked")
