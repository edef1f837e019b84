"""PostgreSQL and RabbitMQ in containers, through testcontainers; images named by the environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from testkit.servers import Servers, ServersMissing

POSTGRES_IMAGE = "HEADWATER_TEST_POSTGRES_IMAGE"
RABBITMQ_IMAGE = "HEADWATER_TEST_RABBITMQ_IMAGE"
MANAGEMENT_PORT = 15672
AMQP_PORT = 5672
USER = "headwater"
TIMEOUT_S = 10


@contextmanager
def container_servers(environment: Mapping[str, str] = os.environ) -> Iterator[Servers]:
    """Both servers, removed at the end; ServersMissing when there is no engine or no image."""
    refuse_without_an_engine(environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    from docker.errors import DockerException
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.community.rabbitmq import RabbitMqContainer

    postgres = PostgresContainer(
        environment.get(POSTGRES_IMAGE, "postgres:15"),
        username=USER,
        password=USER,
        dbname="postgres",
        driver=None,
    ).with_command("postgres -c fsync=off -c synchronous_commit=off -c max_connections=300")
    rabbitmq = (
        RabbitMqContainer(environment.get(RABBITMQ_IMAGE, "rabbitmq:3-management"), username=USER, password=USER)
        .with_exposed_ports(AMQP_PORT, MANAGEMENT_PORT)
        .with_env("RABBITMQ_LOOPBACK_USERS", "none")
    )
    try:
        with postgres, rabbitmq:
            host = rabbitmq.get_container_host_ip()
            login = f"{USER}:{USER}@{host}"
            yield Servers(
                postgres.get_connection_url(),
                f"amqp://{login}:{rabbitmq.get_exposed_port(AMQP_PORT)}/%2F",
                f"http://{host}:{rabbitmq.get_exposed_port(MANAGEMENT_PORT)}/api",
            )
    except (DockerException, OSError) as error:
        raise ServersMissing(f"HEADWATER_TEST_SERVERS=containers, but no containers: {error}") from error


def refuse_without_an_engine(address: str) -> None:
    """Knock at the engine's door first: its client leaves sockets open when nobody is there."""
    where = urlsplit(address)
    try:
        if where.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(where.path)
        else:
            socket.create_connection((where.hostname or "", where.port or 2375), TIMEOUT_S).close()
    except OSError as error:
        raise ServersMissing(
            f"HEADWATER_TEST_SERVERS=containers, but no container engine answers at {address}: {error}"
        ) from None
