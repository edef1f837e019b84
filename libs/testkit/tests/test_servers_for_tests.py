"""The fixtures themselves: a database is fresh, private to its roles and gone afterwards."""

import urllib.error
from collections.abc import Callable

import psycopg
import pytest

from testkit import Database, Servers, wait_until
from testkit.brokers import Broker
from testkit.databases import Databases
from testkit.servers import ServersMissing, named_servers, wanted_kind


def a_note_table(owner_url: str, service: str, service_role: str) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("create table note (words text)")
        owner.execute(f"grant select, insert on note to {service_role}")


def test_each_clone_is_migrated_and_empty_and_dropped(servers: Servers) -> None:
    databases = Databases(servers.postgres_url, a_note_table)
    try:
        with databases.fresh("alpha") as first, databases.fresh("alpha") as second:
            with psycopg.connect(first.url) as connection:
                connection.execute("insert into note values ('one')")
            with psycopg.connect(second.url) as connection:
                assert connection.execute("select count(*) from note").fetchone() == (0,)
            refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
            with refused, psycopg.connect(second.url) as connection:
                connection.execute("drop table note")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(first.url)
    finally:
        databases.close()


def test_a_service_cannot_enter_the_database_of_another(servers: Servers) -> None:
    databases = Databases(servers.postgres_url, a_note_table)
    try:
        with databases.fresh("alpha") as alpha, databases.fresh("beta") as beta:
            trespass = alpha.url.rpartition("/")[0] + "/" + beta.url.rpartition("/")[2]
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(trespass)
    finally:
        databases.close()


def test_a_virtual_host_is_fresh_and_gone_afterwards(broker: Broker) -> None:
    with broker.fresh_vhost() as url:
        vhost = url.rpartition("/")[2]
        assert broker.management.ask("GET", f"queues/{vhost}") == []
    with pytest.raises(urllib.error.HTTPError) as gone:
        broker.management.ask("GET", f"vhosts/{vhost}")
    gone.value.close()


def test_waiting_returns_the_answer_and_says_what_it_missed() -> None:
    answers = iter([0, 0, 7])
    assert wait_until(lambda: next(answers)) == 7
    with pytest.raises(AssertionError, match=r"not within 0.01 s: rain; last answer: 0"):
        wait_until(lambda: 0, timeout_s=0.01, describe=lambda: "rain")


def test_unknown_and_missing_servers_are_named() -> None:
    with pytest.raises(ServersMissing, match="private, containers, environment"):
        wanted_kind({"HEADWATER_TEST_SERVERS": "cloud"})
    with pytest.raises(ServersMissing, match="HEADWATER_TEST_AMQP_URL"):
        named_servers({"HEADWATER_TEST_POSTGRES_URL": "postgresql://x"})
    assert wanted_kind({}) == "private"


def test_the_kernel_s_own_tables_are_there_and_events_cannot_be_changed(
    database: Callable[[str], Database],
) -> None:
    with psycopg.connect(database("kernel").url) as connection:
        assert connection.execute("select count(*) from events").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from events")
