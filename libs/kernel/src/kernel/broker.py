"""Connections to RabbitMQ, and what can go wrong with them."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from kombu import connection as kombu

Amqp = Any
"""A py-amqp connection; the library has no types."""


WRITE_TIMEOUT_S = 15
_DEAD_AFTER_MS = 30_000
_NETWORK: dict[str, Any] = {
    "write_timeout": WRITE_TIMEOUT_S,
    # py-amqp's own is one second, and a broker that is busy, or waits for a slow queue, reads nothing for longer.
    "socket_settings": {socket.TCP_USER_TIMEOUT: _DEAD_AFTER_MS} if hasattr(socket, "TCP_USER_TIMEOUT") else {},
}


def connect(url: str, heartbeat_s: int = 20, connect_timeout_s: float = 5.0) -> Amqp:
    """Open a connection. Close it with `close()`, or `collect()` if the peer may be dead.

    A polite close waits for an answer, which a dead peer never gives. A broker that reads nothing from us for
    WRITE_TIMEOUT_S, because a queue is slow or its disk full, is an OSError. An amqps:// URL is verified, the host's
    name included, against `?cacertfile=` or else the system's authorities; `&certfile=&keyfile=` is who we are.
    (The names are those of RabbitMQ's URI query parameters.)
    """
    connection: Any = kombu.Connection
    plain = urlunsplit(urlsplit(url)._replace(query=""))
    tls = tls_of(url)
    more = {"ssl": tls} if tls else {}
    opened = connection(
        plain, heartbeat=heartbeat_s, connect_timeout=connect_timeout_s, transport_options=_NETWORK, **more
    )
    opened.connect()
    return opened.connection


def tls_of(url: str) -> dict[str, Any]:
    """What an AMQP URL says about TLS, for py-amqp; empty for amqp://."""
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return {}
    given = dict(parse_qsl(parts.query))
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": parts.hostname,
        "tls_minimum_version": ssl.TLSVersion.TLSv1_2,
        "ca_certs": given.get("cacertfile"),
        "certfile": given.get("certfile"),
        "keyfile": given.get("keyfile"),
    }


def drain(connection: Amqp, timeout_s: float) -> None:
    """Handle what arrives next, waiting at most that long for it, and keep the connection alive."""
    with suppress(TimeoutError):
        connection.drain_events(timeout=timeout_s)
    connection.heartbeat_tick()


class NotConfirmed(Exception):
    """The broker refused messages, or did not confirm them in time."""


class RefusedByBroker(NotConfirmed):
    """It said that it did not take them: a queue that they go to is full."""


def _errors() -> tuple[type[Exception], ...]:
    connection: Any = kombu.Connection
    unused = connection()
    return (*unused.connection_errors, *unused.channel_errors, NotConfirmed, TimeoutError, OSError)


BROKER_ERRORS: tuple[type[Exception], ...] = _errors()
"""Everything that a lost, refused or broken broker connection raises."""
