"""What a service's user is refused by the broker, tried as every one; and processes that start with too much."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import amqp as wire
import pytest
from amqp.exceptions import AccessRefused

from headwater.provision import (
    BROKER_USERS,
    make_broker_users,
    partner_permissions_of,
    partner_topic_permissions,
)
from headwater.servers.management import Management
from kernel.backfill import BackfillAnswerer, BackfillClient
from kernel.broker import connect, drain
from kernel.config import CONTEXTS
from kernel.privileges import SKIP, TooMuchAllowed, broker_excess, database_excess, refuse_too_much
from kernel.slots import SLOTS
from kernel.topology import (
    ANSWERS,
    BACKFILL,
    EVENTS,
    PARTNERS,
    declare_backfill_queue,
    declare_partition_queue,
    declare_partner_stream,
)
from testkit import Database, Servers, wait_until
from testkit.brokers import Broker

Urls = Mapping[str, str]


@pytest.fixture
def users(servers: Servers, broker: Broker, amqp: str) -> Iterator[Urls]:
    """The AMQP URL of every service, and of a partner, on a virtual host made as provisioning makes it."""
    name = f"t_{secrets.token_hex(4)}"
    passwords = {f"{service}.broker": secrets.token_urlsafe(12) for service in BROKER_USERS}
    state = {
        "name": name,
        "secrets": passwords,
        "servers": {"amqp_url": amqp, "rabbitmq_api": servers.rabbitmq_api},
    }
    make_broker_users(state)
    here = Management(amqp, servers.rabbitmq_api)
    vhost, partner = quote(here.vhost, safe=""), f"{name}-partner"
    here.ask("PUT", f"users/{partner}", {"password": "p", "tags": ""})
    here.ask("PUT", f"permissions/{vhost}/{partner}", partner_permissions_of("acme"))
    for rights in partner_topic_permissions():
        here.ask("PUT", f"topic-permissions/{vhost}/{partner}", rights)
    yield {
        **{service: here.url(f"{name}-{service}", passwords[f"{service}.broker"]) for service in BROKER_USERS},
        "partner": here.url(partner, "p"),
        "admin": amqp,
    }
    for user in [*(f"{name}-{service}" for service in BROKER_USERS), partner]:
        broker.management.ask("DELETE", f"users/{user}")


def publish(channel: Any, exchange: str, key: str) -> None:
    channel.basic_publish_confirm(wire.Message(b""), exchange, key, timeout=5)


def attempts_against(victim: str) -> dict[str, Callable[[Any], Any]]:
    """What nobody but the victim may do."""
    queue, relay = f"{victim}.views.0-of-4", f"crm.backfill.{victim}"
    return {
        "publish its event": lambda c: publish(c, EVENTS, f"03.{victim}.Forged"),
        "publish its heartbeat": lambda c: publish(c, EVENTS, f"heartbeat.{victim}"),
        "answer for it": lambda c: publish(c, ANSWERS, f"{victim}.somebody"),
        "write into its queue": lambda c: publish(c, "", queue),
        "read its queue": lambda c: c.basic_get(queue),
        "consume its queue": lambda c: c.basic_consume(queue),
        "answer its log's requests": lambda c: c.basic_consume(relay),
        "purge its queue": lambda c: c.queue_purge(queue),
        "delete its queue": lambda c: c.queue_delete(queue),
        "bind its queue": lambda c: c.queue_bind(queue, EVENTS, "#"),
        "unbind its queue": lambda c: c.queue_unbind(queue, EVENTS, "*.customer.*"),
        "declare a queue of its name": lambda c: c.queue_declare(f"{victim}.more"),
    }


SHARED: dict[str, Callable[[Any], Any]] = {
    "declare a foreign exchange": lambda c: c.exchange_declare("mine", "topic", auto_delete=False),
    "declare one under its own name": lambda c: c.exchange_declare("crm.mine", "fanout", auto_delete=False),
    "delete the exchange of events": lambda c: c.exchange_delete(EVENTS),
    "delete the exchange of requests": lambda c: c.exchange_delete(BACKFILL),
    "delete the exchange of answers": lambda c: c.exchange_delete(ANSWERS),
    "have requests arrive as events": lambda c: c.exchange_bind(EVENTS, BACKFILL, "03.customer.Forged"),
    "have requests arrive as answers": lambda c: c.exchange_bind(ANSWERS, BACKFILL, "customer.x"),
    "read the requests": lambda c: c.queue_bind(c.queue_declare("", exclusive=True).queue, BACKFILL, "customer"),
    "read what the broker logs": lambda c: c.queue_bind("crm.backfill.customer", "amq.rabbitmq.trace", "#"),
}


def allowed(url: str, attempts: Mapping[str, Callable[[Any], Any]]) -> list[str]:
    """The attempts that were not refused for want of permission."""
    found = []
    with closing(connect(url)) as connection:
        for what, attempt in attempts.items():
            channel = connection.channel()
            try:
                attempt(channel)
            except AccessRefused:
                continue
            except Exception as error:
                found.append(f"{what}: not refused, but {error!r}")
                continue
            found.append(what)
    return found


def make_queues(users: Urls) -> None:
    """Queues of every context, made by itself: what it may do works."""
    for context in CONTEXTS:
        with closing(connect(users[context])) as connection:
            channel = connection.channel()
            declare_partition_queue(channel, context, "views", 0, 4, ["customer"])
            assert declare_backfill_queue(channel, context) == f"crm.backfill.{context}"
            publish(channel, EVENTS, f"03.{context}.Happened")
            publish(channel, EVENTS, f"heartbeat.{context}")
            publish(channel, ANSWERS, f"{context}.somebody")


def test_no_user_does_another_ones_work(users: Urls) -> None:
    make_queues(users)
    for user in (*BROKER_USERS, "partner"):
        for victim in CONTEXTS:
            if victim != user:
                assert allowed(users[user], attempts_against(victim)) == [], f"{user} against {victim}"
        assert allowed(users[user], SHARED) == [], user


def test_a_partner_reads_its_own_queue_and_sees_nothing_else(users: Urls) -> None:
    make_queues(users)
    with closing(connect(users["admin"])) as connection:
        for partner in ("acme", "acme2", "other"):
            connection.channel().queue_declare(f"partner.{partner}", durable=True, auto_delete=False)
    with closing(connect(users["partner"])) as connection:
        assert connection.channel().basic_get("partner.acme") is None
    more: dict[str, Callable[[Any], Any]] = {
        "declare a queue": lambda c: c.queue_declare("partner.acme.more"),
        "declare one without a name": lambda c: c.queue_declare("", exclusive=True),
        "bind its own queue to all events": lambda c: c.queue_bind("partner.acme", EVENTS, "#"),
        "delete its own queue": lambda c: c.queue_delete("partner.acme"),
        "write into its own queue": lambda c: publish(c, "", "partner.acme"),
        "read a queue whose name begins like its own": lambda c: c.basic_get("partner.acme2"),
        "read another partner's": lambda c: c.basic_get("partner.other"),
        "publish": lambda c: publish(c, EVENTS, "anything"),
    }
    assert allowed(users["partner"], more) == []


def test_a_partner_reads_the_stream_from_any_offset_and_nobody_speaks_for_another_service_on_it(users: Urls) -> None:
    with closing(connect(users["admin"])) as connection:
        declare_partner_stream(connection.channel())
    for service in ("customer", "pipeline"):
        with closing(connect(users[service])) as connection:
            publish(connection.channel(), EVENTS, f"03.{service}.Happened.partners")
    forged: dict[str, Callable[[Any], Any]] = {
        "speak for customer": lambda c: publish(c, EVENTS, "03.customer.Forged.partners"),
        "write into the stream": lambda c: publish(c, "", PARTNERS),
        "delete the stream": lambda c: c.queue_delete(PARTNERS),
        "bind the stream": lambda c: c.queue_bind(PARTNERS, EVENTS, "#"),
    }
    for user in ("pipeline", "gateway", "partner"):
        assert allowed(users[user], forged) == [], user
    reading: dict[str, Callable[[Any], Any]] = {"read the stream": lambda c: from_offset(c, 0)}
    for user in ("customer", "gateway"):
        assert allowed(users[user], reading) == [], user
    with closing(connect(users["partner"])) as connection:
        got: list[int] = []
        channel = connection.channel()
        from_offset(channel, 1, lambda message: got.append(message.headers["x-stream-offset"]))
        wait_until(lambda: drain(connection, 0.1) or got)
        assert got == [1]


def from_offset(channel: Any, offset: int, callback: Callable[[Any], object] = lambda _: None) -> None:
    channel.basic_qos(0, 10, False)
    channel.basic_consume(PARTNERS, callback=callback, arguments={"x-stream-offset": offset})


def test_asking_for_a_log_works_within_the_walls(users: Urls, database: Callable[[str], Database]) -> None:
    from crm.common.v1.envelope_pb2 import BackfillResponse

    class NoLog:
        def read_log(self, *_: object) -> list[Any]:
            return []

    class Answerer(BackfillAnswerer):
        def _published(self, _: Any) -> int:
            return 7

        def _previous_positions(self, *_: object) -> list[int]:
            return [0] * SLOTS

    stop = threading.Event()
    answerer = Answerer("customer", database("customer").url, users["customer"], NoLog())  # type: ignore[arg-type]
    thread = threading.Thread(target=answerer.run, args=(stop,))
    thread.start()
    try:
        with closing(connect(users["analytics"])) as connection:
            answer = BackfillClient(connection).fetch("customer", 0, 0)
        assert answer == BackfillResponse(complete_to_position=7)
    finally:
        stop.set()
        thread.join(10)


# -- starting ------------------------------------------------------------------------


def test_users_as_provisioning_makes_them_are_found_harmless(
    users: Urls, database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SKIP)
    for service in CONTEXTS:
        assert broker_excess(service, users[service]) == []
    refuse_too_much("gateway", users["gateway"])
    refuse_too_much("customer", users["customer"], database("customer").url)


def test_a_user_without_topic_permissions_is_found(users: Urls, servers: Servers) -> None:
    here = Management(users["admin"], servers.rabbitmq_api)
    user = urlsplit(users["pipeline"]).username
    here.ask("DELETE", f"topic-permissions/{here.vhost}/{user}")
    assert broker_excess("pipeline", users["pipeline"]) == [
        "may publish events of other services (it has no topic permissions?)",
        "may answer for other services",
    ]


def test_an_administrator_is_found(users: Urls, servers: Servers, database: Callable[[str], Database]) -> None:
    assert len(broker_excess("pipeline", users["admin"])) == 5
    with closing(connect(users["admin"])) as connection:  # and it left nothing behind
        connection.channel().exchange_declare(EVENTS, "topic", passive=True, auto_delete=False)
    fresh = database("pipeline")
    assert database_excess(fresh.url) == []
    assert "may delete events" in database_excess(fresh.owner_url)
    assert "is a superuser" in database_excess(servers.postgres_url)


@pytest.mark.parametrize("part", ["api", "bus", "relay", "worker"])
def test_a_process_refuses_to_start_with_too_much(
    users: Urls, database: Callable[[str], Database], part: str, settings_of: Callable[..., dict[str, str]]
) -> None:
    fresh = database("notification")
    said = start_of("notification", part, settings_of("notification", fresh.url, users["admin"]))
    assert "notification does not start: the user of NOTIFICATION_AMQP_URL may do too much" in said
    assert "may declare exchanges" in said
    said = start_of("notification", part, settings_of("notification", fresh.owner_url, users["notification"]))
    assert "the user of NOTIFICATION_DATABASE_URL may do too much" in said
    assert "may update events" in said
    assert urlsplit(fresh.owner_url).password not in said


def start_of(service: str, part: str, environment: dict[str, str]) -> str:
    """What a process says that ends by itself, badly."""
    command = [sys.executable, "-W", "ignore", "-m", service, part]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done
    return done.stderr


@pytest.fixture
def settings_of() -> Callable[..., dict[str, str]]:
    def settings(service: str, database_url: str, amqp_url: str) -> dict[str, str]:
        prefix = service.upper()
        return {name: value for name, value in os.environ.items() if name != SKIP} | {
            f"{prefix}_DATABASE_URL": database_url,
            f"{prefix}_AMQP_URL": amqp_url,
            f"{prefix}_MASTER_KEY": "A" * 43 + "=",
            f"{prefix}_SERVICE_SECRET": "s",
            "HEADWATER_TOKEN_PUBLIC_KEY": "k",
        }

    return settings


def test_the_message_names_the_variable_and_the_way_out(
    users: Urls, database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SKIP, "1")
        refuse_too_much("pipeline", users["admin"])
    monkeypatch.delenv(SKIP)
    with pytest.raises(TooMuchAllowed, match="Name a user in PIPELINE_AMQP_URL that has a service's rights only"):
        refuse_too_much("pipeline", users["admin"])
