"""Publish to RabbitMQ with a window of confirms: send many, wait once.

Nothing is known to be published until `flush` returns; after any exception the caller sends again
from what it knows to be confirmed. A caller whose readers can fetch what they miss need not insist on
that: one queue that refuses would hold it up for ever. kombu's `confirm_publish=True` is never set: it
waits per message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import amqp

from kernel.broker import NotConfirmed, RefusedByBroker, connect

WINDOW = 500
_PERSISTENT = 2
_PIECE_BYTES = 65536


class Publisher:
    """One connection and one channel in confirm mode. Not for use by two threads at a time."""

    def __init__(self, url: str, heartbeat_s: int = 20, connect_timeout_s: float = 5.0) -> None:
        self.amqp = connect(url, heartbeat_s, connect_timeout_s)
        self.channel = self.amqp.channel()
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._on_ack)
        self.channel.events["basic_nack"].add(self._on_nack)
        self.channel.events["basic_return"].add(self._on_return)
        self.insists = True
        """Whether a refused message is an error. If not, it counts as settled."""
        self.sent = 0
        self.refused = 0
        self._waiting: dict[int, None] = {}
        self.unroutable = 0

    def publish(
        self,
        body: bytes,
        exchange: str,
        routing_key: str,
        headers: Mapping[str, str] | None = None,
        **properties: Any,
    ) -> None:
        """Send one persistent message; it counts only after the next `flush`."""
        properties.setdefault("delivery_mode", _PERSISTENT)
        message = amqp.Message(body, application_headers=dict(headers or {}), **properties)
        self.sent += 1
        self._waiting[self.sent] = None
        self.channel.basic_publish(message, exchange, routing_key, mandatory=True)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is published inside the block in large pieces. Nothing else may happen there.

        A synchronous call would wait for the answer to a question that still sits in the buffer.
        """
        transport = self.amqp.transport
        write, waiting = transport._write, bytearray()

        def gather(data: bytes) -> None:
            waiting.extend(data)
            if len(waiting) > _PIECE_BYTES:
                write(bytes(waiting))
                waiting.clear()

        transport._write = gather
        try:
            yield
        finally:
            transport._write = write
        if waiting:
            write(bytes(waiting))

    @property
    def unconfirmed(self) -> int:
        """How many messages were sent and not confirmed yet."""
        return len(self._waiting)

    def confirmed_up_to(self) -> int:
        """Return the number of the last message before which, itself included, all are settled.

        Raises NotConfirmed if the broker refused one and we insist.
        """
        if self.refused and self.insists:
            raise RefusedByBroker(f"the broker refused {self.refused} messages")
        return next(iter(self._waiting), self.sent + 1) - 1

    def flush(self, timeout_s: float = 15.0) -> None:
        """Wait until all that was sent is confirmed. Raises NotConfirmed, or a broker error.

        A message that no queue is bound to is confirmed too; `unroutable` counts those.
        """
        deadline = time.monotonic() + timeout_s
        while self._waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotConfirmed(f"{len(self._waiting)} messages unconfirmed for {timeout_s} s")
            self.amqp.drain_events(timeout=left)
        if self.refused and self.insists:
            raise RefusedByBroker(f"the broker refused {self.refused} messages")

    def close(self) -> None:
        """Close politely; for a connection that may be dead, use `abandon`."""
        self.amqp.close()

    def abandon(self) -> None:
        """Drop the socket. A polite close would wait for an answer from a dead peer."""
        self.amqp.collect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self.refused += self._settle(tag, multiple)

    def _settle(self, tag: int, multiple: bool) -> int:
        if not multiple:
            return 1 if self._waiting.pop(tag, self) is None else 0
        settled = []
        for sent in self._waiting:
            if sent > tag:
                break
            settled.append(sent)
        for sent in settled:
            del self._waiting[sent]
        return len(settled)

    def _on_return(self, *_: Any) -> None:
        self.unroutable += 1
