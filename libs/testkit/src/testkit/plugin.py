"""The pytest fixtures that every part of Headwater shares; registered by the root conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from testkit.brokers import Broker
from testkit.databases import Database, Databases
from testkit.migrated import migrate_service
from testkit.servers import Servers, ServersMissing, running_servers


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
