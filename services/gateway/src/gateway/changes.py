"""Live changes for browsers: what happened to which record, without who did it and without personal data.

One thread reads an exclusive, bounded queue on crm.events and hands each change to the listeners. A listener
that does not keep up is told to start over (`reset`) and dropped: nothing here ever waits for a slow client.
Best effort by design: a change may be missed while the broker is away, and then every listener gets `reset`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.auth import Caller
from kernel.broker import BROKER_ERRORS, connect, drain
from kernel.ids import new_id
from kernel.slots import routing_key
from kernel.telemetry import gauges
from kernel.topology import EVENTS, declare_exchanges

log = logging.getLogger(__name__)

MOST_LISTENERS: Final = 2_000
BUFFER: Final = 500
REPLAY: Final = 2_000
MOST_STREAMS: Final = 200

_QUEUE_LENGTH = 20_000
_PREFETCH = 500
_FIRST_REST_S = 0.5
_LONGEST_REST_S = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One event as a browser may know it. `number` counts the changes this process has seen."""

    number: int
    id: str
    context: str
    event: str  # "OpportunityWon"
    stream_id: str
    version: int


class Listener:
    """One client's buffer. `lagging` once it overflowed: its owner sends `reset` and ends."""

    def __init__(self, caller: Caller, streams: frozenset[str], contexts: frozenset[str]) -> None:
        self.caller = caller
        self.streams = streams
        self.contexts = contexts
        self.waiting: deque[Change] = deque()
        self.awake = asyncio.Event()
        self.lagging = False

    def offer(self, change: Change) -> None:
        if self.lagging or not may_hear(self.caller, change.context, change.event):
            return
        if self.contexts and change.context not in self.contexts:
            return
        if len(self.waiting) >= BUFFER:
            self.lagging = True
            self.waiting.clear()
        else:
            self.waiting.append(change)
        self.awake.set()

    def take(self) -> Iterator[Change]:
        while self.waiting:
            yield self.waiting.popleft()
        self.awake.clear()

    def shown(self, change: Change) -> str:
        """The change as a server-sent event. Whoever does not see all records learns only of the
        streams he named, which he has seen; of others only that something of the kind happened."""
        data: dict[str, Any] = {"context": change.context, "event": change.event}
        if self.caller.scope == "all" or change.stream_id in self.streams:
            data |= {"stream_id": change.stream_id, "version": change.version}
        return sse("change", data, change.id)


def sse(event: str, data: Any, id_: str = "") -> str:
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def may_hear(caller: Caller, context: str, event: str) -> bool:
    """Whether the caller may read what the event is about, as far as its name tells. Guests hear nothing: a name
    does not tell whose it is."""
    if caller.guest_of is not None:
        return False
    if caller.may(f"{context}.*.read"):
        return True
    noun = "".join(c if c.islower() else f" {c.lower()}" for c in event).split()
    return bool(noun) and caller.may(f"{context}.{noun[0]}.read")


class Changes:
    """Runs the reading thread and keeps the listeners. Use from the event loop's thread."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._listeners: set[Listener] = set()
        self._recent: deque[Change] = deque(maxlen=REPLAY)
        self._number = 0
        self._instance = secrets.token_hex(4)  # another process counts differently
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connected = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
        self._thread.start()

    def dismiss(self) -> None:
        """End every stream; the clients connect again, to another process."""
        for listener in self._listeners:
            listener.lagging = True
            listener.awake.set()

    def stop(self) -> None:
        self._stop.set()
        self.dismiss()
        if self._thread is not None:
            self._thread.join(5)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def subscribe(self, listener: Listener, last_id: str) -> bool:
        """Add a listener; replay what came after the last id it saw, if that is still known.

        Returns whether that was possible. Raises OverflowError when there are too many listeners.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise OverflowError(f"{MOST_LISTENERS} clients listen already")
        self._listeners.add(listener)
        gauges.set("changes_listeners", len(self._listeners))
        if not last_id:
            return True
        instance, _, number = last_id.partition("-")
        if instance != self._instance or not number.isdecimal():
            return False
        after = int(number)
        oldest = self._recent[0].number if self._recent else self._number + 1
        if not oldest - 1 <= after <= self._number:
            return False
        for change in self._recent:
            if change.number > after:
                listener.offer(change)
        return True

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        gauges.set("changes_listeners", len(self._listeners))

    # -- on the loop -----------------------------------------------------------

    def publish(self, context: str, event: str, stream_id: str, version: int) -> None:
        self._number += 1
        id_ = f"{self._instance}-{self._number}"
        change = Change(self._number, id_, context, event, stream_id, version)
        self._recent.append(change)
        for listener in self._listeners:
            listener.offer(change)

    def interrupted(self) -> None:
        """Something may have been missed: everybody starts over."""
        self._recent.clear()
        self._number += 1
        for listener in self._listeners:
            listener.lagging = True
            listener.waiting.clear()
            listener.awake.set()

    # -- in the thread -----------------------------------------------------------

    def _run(self) -> None:
        rest_s = _FIRST_REST_S
        first = True
        while not self._stop.is_set():
            try:
                self._read(first)
                rest_s, first = _FIRST_REST_S, False
            except BROKER_ERRORS as error:
                log.warning("changes interrupted", extra={"reason": type(error).__name__})
                if self.connected:
                    rest_s, first = _FIRST_REST_S, False
                self.connected = False
                self._stop.wait(rest_s)
                rest_s = min(rest_s * 2, _LONGEST_REST_S)

    def _read(self, first: bool) -> None:
        connection = connect(self._url)
        try:
            channel = connection.channel()
            declare_exchanges(channel)
            queue = f"gateway.changes.{new_id()}"
            channel.queue_declare(
                queue,
                durable=False,
                exclusive=True,
                auto_delete=True,
                arguments={"x-max-length": _QUEUE_LENGTH, "x-overflow": "drop-head"},
            )
            channel.queue_bind(queue, EVENTS, "*.*.*")
            channel.basic_qos(0, _PREFETCH, False)
            channel.basic_consume(queue, no_ack=True, callback=self._on_message)
            self.connected = True
            if not first:
                self._call(self.interrupted)
            while not self._stop.is_set():
                drain(connection, 0.5)
            connection.close()
        except BaseException:
            connection.collect()
            raise

    def _on_message(self, message: Any) -> None:
        try:
            record = RecordedEvent.FromString(_bytes(message.body))
        except DecodeError:
            gauges.add("changes_unreadable_total")
            return
        if message.delivery_info["routing_key"] != routing_key(record.slot, record.context, record.type):
            gauges.add("changes_unreadable_total")  # published by another service than it says
            return
        name = record.type.rpartition(".")[2]
        self._call(self.publish, record.context, name, record.stream_id, record.version)

    def _call(self, action: Any, *arguments: Any) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(action, *arguments)
        except RuntimeError:  # the loop is closed: we are going down
            self._stop.set()


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else bytes(body) if isinstance(body, memoryview) else body.encode("latin-1")
