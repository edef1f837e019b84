"""Provisioning makes what is missing, twice the same, and gives each service its own door only."""

import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from amqp.basic_message import Message
from amqp.exceptions import AccessRefused
from psycopg import sql

from headwater.api import Api, Refused
from headwater.home import Home
from headwater.provision import BROKER_USERS, ServersNotNamed, find_servers, provision, suite_environment
from headwater.servers import PrivateServers
from kernel.broker import connect
from kernel.config import CONTEXTS, Settings
from testkit import Database, Servers, wait_until
from testkit.brokers import Broker
from testkit.servers import wanted_kind


class Suite:
    """A provisioned suite of a random name on the test servers."""

    def __init__(self, home: Home, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment

    def provision(self) -> dict[str, str]:
        told: list[str] = []
        provision(self.home, told.append, self.environment)
        return suite_environment(self.home.read(), self.home, self.environment)


@pytest.fixture
def suite(tmp_path: Path, servers: Servers, broker: Broker, amqp: str) -> Iterator[Suite]:
    name = f"t_{secrets.token_hex(4)}"
    yield Suite(
        Home(tmp_path),
        {
            "HEADWATER_NAME": name,
            "HEADWATER_POSTGRES_URL": servers.postgres_url,
            "HEADWATER_AMQP_URL": amqp,
            "HEADWATER_RABBITMQ_API": servers.rabbitmq_api,
        },
    )
    for service in BROKER_USERS:
        broker.management.ask("DELETE", f"users/{quote(f'{name}-{service}')}")
    with psycopg.connect(servers.postgres_url, autocommit=True) as admin:
        for service in CONTEXTS:
            database = sql.Identifier(f"{name}_{service}")
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(database))
            admin.execute(sql.SQL("drop role if exists {}").format(database))
            for more in ("owner", "keys"):
                admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(f"{name}_{service}_{more}")))


def test_provisioning_twice_changes_nothing_and_opens_only_one_s_own_doors(suite: Suite) -> None:
    first = suite.provision()
    assert suite.provision() == first

    state = suite.home.folder / "suite.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert json.loads(state.read_text())["administrator"]["login"] == "admin"

    pipeline = Settings.from_environment("pipeline", first)
    with psycopg.connect(pipeline.database_url) as connection:
        connection.execute("select count(*) from events")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("truncate events")
    trespass = pipeline.database_url.rpartition("_")[0] + "_customer"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(trespass)


def test_a_provisioned_database_has_the_walls_that_tests_run_within(
    suite: Suite, database: Callable[[str], Database]
) -> None:
    provisioned = Settings.from_environment("pipeline", suite.provision())
    of_tests = database("pipeline")
    assert walls(of_tests.owner_url, of_tests.url) == walls(provisioned.owner_url(), provisioned.database_url)


def walls(owner_url: str, url: str) -> list[tuple[Any, ...]]:
    """Who may do what with which table, sequence, function and schema; roles by what they are, not by name."""
    role = urlsplit(url).username
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "select kind, name, replace(grantee::regrole::text, %s, 'service'), privilege_type from ("
            " select 'relation' as kind, relname as name, (aclexplode(relacl)).* from pg_class"
            "  where relnamespace = 'public'::regnamespace"
            " union all select 'function', proname, (aclexplode(proacl)).* from pg_proc"
            "  where pronamespace = 'public'::regnamespace"
            " union all select 'schema', nspname, (aclexplode(nspacl)).* from pg_namespace where nspname = 'public'"
            " union all select 'database', 'own', (aclexplode(datacl)).* from pg_database"
            "  where datname = current_database()) as granted order by 1, 2, 3, 4",
            (role,),
        ).fetchall()
    assert ("relation", "events", "service", "INSERT") in rows
    assert ("relation", "events", "service", "UPDATE") not in rows
    return rows


def test_nobody_publishes_events_of_another_service(suite: Suite) -> None:
    environment = suite.provision()
    connection = connect(environment["PIPELINE_AMQP_URL"])
    try:
        channel = connection.channel()
        channel.confirm_select()
        publish(channel, "03.pipeline.OpportunityWon")
        with pytest.raises(AccessRefused):
            publish(channel, "03.customer.CustomerRegistered")
    finally:
        connection.close()


def publish(channel: Any, key: str) -> None:
    """Publish and wait for the broker's word."""
    channel.basic_publish(Message(b""), "crm.events", key)
    channel.connection.drain_events(timeout=5)


def test_naming_only_some_servers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServersNotNamed, match="HEADWATER_AMQP_URL, HEADWATER_RABBITMQ_API"):
        find_servers(Home(tmp_path), print, {"HEADWATER_POSTGRES_URL": "postgresql://x"})


def test_private_servers_that_were_killed_come_back_on_the_same_ports(tmp_path: Path) -> None:
    if wanted_kind(os.environ) != "private":
        pytest.skip("HEADWATER_TEST_SERVERS asks for other servers than private ones")
    private = PrivateServers(tmp_path, durable=False)
    addresses = private.up()
    try:
        assert private.status() == {"postgres": True, "rabbitmq": True}
        for pid in private.pids().values():
            os.kill(pid, signal.SIGKILL)
        assert private.up() == addresses
        with psycopg.connect(addresses.postgres_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        private.down()
        remaining = private.pids()
        shutil.rmtree(private.folder)
    assert remaining == {}


def headwater(suite: Suite, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER_", "PYTEST_"))}
    environment |= suite.environment | {"HEADWATER_RUN": str(suite.home.folder)}
    command = [sys.executable, "-m", "headwater", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def administrator(suite: Suite) -> Api:
    known = suite.home.read()["administrator"]
    return Api(suite.home.url(), known["login"], known["password"], patience_s=30)


def customers_counted(api: Api) -> int:
    points = api.get("/v1/analytics/customer-growth")["points"]
    return int(points[-1]["total"]) if points else 0


@pytest.mark.feature("NFR-15")
def test_customers_alone_are_an_installation_and_what_joins_later_knows_what_was(suite: Suite) -> None:
    try:
        headwater(suite, "up", "--detach", "--modules", "customer,identity")
        with administrator(suite) as api:
            assert api.get("/v1/me")["switched_off"] == [c for c in CONTEXTS if c not in ("customer", "identity")]
            customer = api.post("/v1/customers", {"profile": {"name": "先来的客户有限公司"}})["customer_id"]
            page = api.get(f"/v1/customers/{customer}/overview")
            assert page["card"]["card"]["name"] == "先来的客户有限公司"
            assert page["missing"] == [], "what is not there is not missed"
            assert not {"opportunities", "orders", "tickets", "touches"} & set(page)
            with pytest.raises(Refused, match="pipeline is switched off here") as refused:
                api.get("/v1/opportunities")
            assert refused.value.status == 501
            contact = api.post(f"/v1/customers/{customer}/contacts", {"contact": {"name": "王小明"}})["contact_id"]
            person = {"person_kind": "PERSON_KIND_CONTACT", "person_id": contact, "confirmation": f"forget {contact}"}
            asked = api.post("/v1/erasures", person | {"reason": "request"})["erasure_id"]
            wait_until(lambda: api.get(f"/v1/erasures/{asked}")["erasure"]["state"] == "complete")
        headwater(suite, "down")

        headwater(suite, "up", "--detach", "--modules", "all")
        with administrator(suite) as api:
            assert "switched_off" not in {k: v for k, v in api.get("/v1/me").items() if v}
            assert set(api.get(f"/v1/customers/{customer}/overview")) >= {"opportunities", "orders", "tickets"}
            wait_until(lambda: customers_counted(api) == 1, describe="analytics knows who came before it")
    finally:
        headwater(suite, "down")
