"""The PostgreSQL and the RabbitMQ that tests speak to: named ones, private ones or containers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, cast, get_args

Kind = Literal["private", "containers", "environment"]

POSTGRES = "HEADWATER_TEST_POSTGRES_URL"
AMQP = "HEADWATER_TEST_AMQP_URL"
RABBITMQ_API = "HEADWATER_TEST_RABBITMQ_API"
WANTED = "HEADWATER_TEST_SERVERS"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are; both users may create databases, roles and virtual hosts."""

    postgres_url: str
    amqp_url: str
    rabbitmq_api: str


class ServersMissing(Exception):
    """The wanted kind of test server cannot be had; the message says why and what to do."""


def wanted_kind(environment: Mapping[str, str]) -> Kind:
    """What HEADWATER_TEST_SERVERS asks for; without it: named servers if named, else private."""
    kind = environment.get(WANTED) or ("environment" if POSTGRES in environment else "private")
    if kind not in get_args(Kind):
        raise ServersMissing(f"{WANTED}={kind!r}: expected one of {', '.join(get_args(Kind))}")
    return cast(Kind, kind)


@contextmanager
def running_servers(environment: Mapping[str, str] = os.environ) -> Iterator[Servers]:
    """The wanted servers, up; private ones and containers go down with the last session."""
    kind = wanted_kind(environment)
    if kind == "environment":
        yield named_servers(environment)
    elif kind == "private":
        from testkit.private_servers import private_servers

        with private_servers() as servers:
            yield servers
    else:
        from testkit.containers import container_servers

        with container_servers(environment) as servers:
            yield servers


def named_servers(environment: Mapping[str, str]) -> Servers:
    """The servers named in the environment; ServersMissing names every missing variable."""
    missing = [name for name in (POSTGRES, AMQP, RABBITMQ_API) if not environment.get(name)]
    if missing:
        raise ServersMissing(f"{WANTED}=environment needs {', '.join(missing)}")
    return Servers(environment[POSTGRES], environment[AMQP], environment[RABBITMQ_API])
