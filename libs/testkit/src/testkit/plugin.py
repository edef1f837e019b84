"""The pytest fixtures that every part of Headwater shares; registered by the root conftest.py."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

import pytest

from kernel.config import Settings
from kernel.privileges import SKIP
from testkit.brokers import Broker
from testkit.callers import signing_key
from testkit.databases import Database, Databases
from testkit.migrated import migrate_service
from testkit.servers import Servers, ServersMissing, running_servers


def pytest_configure() -> None:
    """Processes that a test starts speak to a virtual host of its own, as the administrator."""
    os.environ.setdefault(SKIP, "1")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and RabbitMQ for this session; see HEADWATER_TEST_SERVERS."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(running_servers())
        except ServersMissing as error:
            pytest.fail(str(error), pytrace=False)
        yield running


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator[Databases]:
    """This session's templates."""
    databases = Databases(servers.postgres_url, migrate_service)
    yield databases
    databases.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[Callable[[str], Database]]:
    """`database("pipeline")`: a fresh migrated database of that service, dropped after the test."""
    with ExitStack() as stack:
        yield lambda service: stack.enter_context(databases.fresh(service))


@pytest.fixture(scope="session")
def broker(servers: Servers) -> Broker:
    """The management side of the session's RabbitMQ."""
    return Broker(servers.amqp_url, servers.rabbitmq_api)


@pytest.fixture
def amqp(broker: Broker) -> Iterator[str]:
    """The AMQP URL of a virtual host that nobody else uses, removed after the test."""
    with broker.fresh_vhost() as url:
        yield url


MASTER_KEY = bytes(range(32))
"""Every test's; never the product's."""

NO_BROKER = "amqp://nobody:nothing@127.0.0.1:1/none"
"""Nobody listens there: a test that means to use a broker passes its `amqp` fixture."""


class SettingsFor(Protocol):
    """What the fixture `a_settings` is."""

    def __call__(
        self,
        service: str,
        amqp_url: str = NO_BROKER,
        targets: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Settings: ...


@pytest.fixture
def a_settings(database: Callable[[str], Database]) -> SettingsFor:
    """`a_settings("pipeline", amqp_url=amqp)`: settings over a fresh database of that service.

    `targets` says where its peers are; `extra` adds variables as the environment would.
    """
    return _settings_over(database)


@pytest.fixture(scope="module")
def shared_settings(databases: Databases) -> Iterator[SettingsFor]:
    """The same over databases that live as long as the module, for tests that only read."""
    with ExitStack() as stack:
        yield _settings_over(lambda service: stack.enter_context(databases.fresh(service)))


def _settings_over(database: Callable[[str], Database]) -> SettingsFor:
    def settings(
        service: str,
        amqp_url: str = NO_BROKER,
        targets: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Settings:
        fresh = database(service)
        prefix = service.upper()
        environment = {
            f"{prefix}_DATABASE_URL": fresh.url,
            f"{prefix}_OWNER_DATABASE_URL": fresh.owner_url,
            f"{prefix}_AMQP_URL": amqp_url,
            f"{prefix}_MASTER_KEY": b64encode(MASTER_KEY).decode(),
            f"{prefix}_SERVICE_SECRET": f"secret of {service}",
            "HEADWATER_TOKEN_PUBLIC_KEY": signing_key().public_pem,
            "IDENTITY_SIGNING_KEY": signing_key().private_pem,
        }
        environment |= {f"{peer.upper()}_TARGET": at for peer, at in (targets or {}).items()}
        return Settings.from_environment(service, environment | dict(extra or {}))

    return settings
