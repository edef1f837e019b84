"""A bounded context that no service knows joins a running suite: a database, a broker user, and published events."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from headwater.provision import database_url, make_broker_user, make_database, management_of, public_key
from kernel.broker import connect
from kernel.topology import EVENTS, backfill_queue
from testkit import wait_until

SOURCE = Path(__file__).parent / "newcomer" / "src"
NAME = "loyalty"


@pytest.fixture
def newcomer(suite: Any) -> Iterator[dict[str, str]]:
    """What an operator gives a context that joins: its own database and broker user. Nothing else is touched."""
    state = dict(suite.home.read())
    kinds = ("owner", "database", "broker")
    state["secrets"] = state["secrets"] | {f"{NAME}.{kind}": secrets.token_urlsafe(18) for kind in kinds}
    management = management_of(state)
    user = f"{state['name']}-{NAME}"
    with psycopg.connect(state["servers"]["postgres_url"], autocommit=True) as admin:
        make_database(admin, state, NAME, lambda _: None)
        make_broker_user(management, state, NAME)
        try:
            yield {
                **{name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")},
                "PYTHONPATH": str(SOURCE),
                "LOYALTY_DATABASE_URL": database_url(state, NAME, "database"),
                "LOYALTY_OWNER_DATABASE_URL": database_url(state, NAME, "owner"),
                "LOYALTY_AMQP_URL": management.url(user, state["secrets"][f"{NAME}.broker"]),
                "LOYALTY_MASTER_KEY": b64encode(secrets.token_bytes(32)).decode(),
                "LOYALTY_SERVICE_SECRET": "not asked for",
                "HEADWATER_TOKEN_PUBLIC_KEY": public_key(state["secrets"]["signing_key"]),
                "HEADWATER_PARTITIONS": "1",
            }
        finally:
            role = f"{state['name']}_{NAME}"
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(role)))
            for one in (f"{role}_keys", role, f"{role}_owner"):
                admin.execute(sql.SQL("drop role {}").format(sql.Identifier(one)))
            management.ask("DELETE", f"queues/{quote(management.vhost, safe='')}/{backfill_queue(NAME)}")
            management.ask("DELETE", f"users/{user}")


@contextmanager
def running(process: str, environment: Mapping[str, str]) -> Iterator[None]:
    """One of its processes, which ends well when it is told to."""
    running = subprocess.Popen([sys.executable, "-W", "ignore", "-m", NAME, process], env=dict(environment))
    try:
        yield
        assert running.poll() is None, f"its {process} did not stay"
    finally:
        running.terminate()
        status = running.wait(20)
    assert status == 0


@pytest.mark.feature("NFR-14")
def test_a_new_context_lives_by_published_events_while_no_service_is_touched(
    suite: Any, newcomer: dict[str, str]
) -> None:
    processes = {name: suite.pid(name) for name in ("supervisor", "apis", "buses", "gateway")}
    before = suite.admin.post("/v1/customers", {"profile": {"name": f"Was There {secrets.token_hex(4)}"}})
    subprocess.run([sys.executable, "-m", NAME, "migrate"], env=newcomer, check=True, capture_output=True, timeout=60)

    def points(*customers: Mapping[str, Any]) -> list[int]:
        with psycopg.connect(newcomer["LOYALTY_DATABASE_URL"]) as own:
            found = dict(own.execute("select customer_id::text, points from balances").fetchall())
        return [found.get(customer["customer_id"], 0) for customer in customers]

    state = suite.home.read()
    with closing(connect(state["servers"]["amqp_url"])) as listening:
        channel = listening.channel()
        queue = channel.queue_declare(exclusive=True).queue
        channel.queue_bind(queue, EVENTS, "*.loyalty.*")
        with running("bus", newcomer), running("relay", newcomer):
            wait_until(lambda: points(before) == [100], 60)
            after = suite.admin.post("/v1/customers", {"profile": {"name": f"Came Later {secrets.token_hex(4)}"}})
            wait_until(lambda: points(after) == [100], 60)
            own = wait_until(lambda: channel.basic_get(queue, no_ack=True), 30)
            assert own.delivery_info["routing_key"].endswith(".loyalty.PointsGiven")
        assert points(before, after) == [100, 100]
    assert {name: suite.pid(name) for name in processes} == processes
    assert suite.admin.get("/v1/customers", query="Came Later", page_size=1)["customers"]
