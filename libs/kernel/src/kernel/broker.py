"""Connections to RabbitMQ, and what can go wrong with them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from kombu import connection as kombu

Amqp = Any
"""A py-amqp connection; the library has no types."""


def connect(url: str, heartbeat_s: int = 20, connect_timeout_s: float = 5.0) -> Amqp:
    """Open a connection. Close it with `close()`, or `collect()` if the peer may be dead.

    A polite close waits for an answer, which a dead peer never gives.
    """
    connection: Any = kombu.Connection
    opened = connection(url, heartbeat=heartbeat_s, connect_timeout=connect_timeout_s)
    opened.connect()
    return opened.connection


def drain(connection: Amqp, timeout_s: float) -> None:
    """Handle what arrives next, waiting at most that long for it, and keep the connection alive."""
    with suppress(TimeoutError):
        connection.drain_events(timeout=timeout_s)
    connection.heartbeat_tick()


class NotConfirmed(Exception):
    """The broker refused messages, or did not confirm them in time."""


def _errors() -> tuple[type[Exception], ...]:
    connection: Any = kombu.Connection
    unused = connection()
    return (*unused.connection_errors, *unused.channel_errors, NotConfirmed, TimeoutError, OSError)


BROKER_ERRORS: tuple[type[Exception], ...] = _errors()
"""Everything that a lost, refused or broken broker connection raises."""
