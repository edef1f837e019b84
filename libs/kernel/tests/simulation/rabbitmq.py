"""A RabbitMQ as far as the kernel uses it: topic exchanges, quorum queues with a single active consumer, confirms.

Nothing crosses a connection at once: what was written waits for the broker's turn, and is lost if the connection
breaks before. What a consumer did not acknowledge is delivered again, in its place, to whoever is next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import amqp

from .scheduling import Process, Task, World

_DOWN_S = 2.0


class Message:
    """One message in one queue."""

    __slots__ = ("body", "deliveries", "expires_at", "key", "properties")

    def __init__(self, body: bytes, key: str, properties: dict[str, Any], expires_at: float | None) -> None:
        self.body = body
        self.key = key
        self.properties = properties
        self.expires_at = expires_at
        self.deliveries = 0


class Queue:
    """Ready messages, and who takes them: the first who came, while he is there."""

    def __init__(self, name: str, owner: Connection | None = None) -> None:
        self.name = name
        self.owner = owner
        self.ready: deque[Message] = deque()
        self.consumers: list[Consumer] = []


class Consumer:
    """Somebody who reads a queue."""

    def __init__(self, channel: Channel, queue: Queue, callback: Callable[[Any], None], no_ack: bool) -> None:
        self.channel = channel
        self.queue = queue
        self.callback = callback
        self.no_ack = no_ack
        self.unacknowledged: dict[int, Message] = {}


class Broker:
    """Exchanges, queues and connections. `step` does a little of what waits to be done."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.broker = self
        self.up = True
        self.queues: dict[str, Queue] = {}
        self.bindings: dict[tuple[str, str, Queue], list[str]] = {}
        self.connections: list[Connection] = []
        self.refuses = 0
        self.silent_until = 0.0
        self.accepted: Callable[[str, str, bytes], None] = lambda exchange, key, body: None
        self.acknowledged: Callable[[Queue, list[Message]], None] = lambda queue, messages: None
        self._routes: dict[tuple[str, str], list[Queue]] = {}
        self._busy: list[Connection] = []
        self._confirming: list[Channel] = []

    def connect(self, process: Process) -> Connection:
        """Open a connection. Raises ConnectionRefusedError while the broker is away."""
        self.world.point()
        if not self.up:
            raise ConnectionRefusedError("no broker")
        return Connection(self, process)

    def is_busy(self) -> bool:
        return bool(self._busy or self._confirming)

    def step(self) -> None:
        """Read from one connection, or confirm on one channel."""
        choices = self.world.choices
        chosen = choices.of(len(self._busy) + len(self._confirming))
        if chosen < len(self._busy):
            connection = self._busy[chosen]
            for _ in range(len(connection.outgoing) - choices.rarely(len(connection.outgoing), 0.1)):
                connection.outgoing.popleft()()
            if not connection.outgoing:
                self._busy.remove(connection)
            return
        channel = self._confirming.pop(chosen - len(self._busy))
        number = channel.accepted_up_to
        channel.connection.arrive(lambda: channel.tell("basic_ack", number, True))

    def has_written(self, connection: Connection) -> None:
        if connection not in self._busy:
            self._busy.append(connection)

    def bind(self, queue: Queue, exchange: str, key: str) -> None:
        if (exchange, key, queue) not in self.bindings:
            self.bindings[exchange, key, queue] = key.split(".")
            self._routes.clear()

    def publish(self, channel: Channel, number: int, message: Any, exchange: str, key: str, mandatory: bool) -> None:
        """Take one message in."""
        if self.refuses and number:
            self.refuses -= 1
            self.world.note("broker", f"refuses message {number} of {channel.connection.process.name}")
            channel.connection.arrive(lambda: channel.tell("basic_nack", number, False))
            return
        queues = self.routed(exchange, key)
        if not queues and mandatory:
            channel.connection.arrive(lambda: channel.tell("basic_return"))
        expiration = message.properties.get("expiration")
        expires_at = self.world.now + int(expiration) / 1000 if expiration else None
        for queue in queues:
            self.put(queue, Message(message.body, key, message.properties, expires_at))
        self.accepted(exchange, key, message.body)
        if number and self.world.now >= self.silent_until:
            channel.accepted_up_to = number
            if channel not in self._confirming:
                self._confirming.append(channel)

    def routed(self, exchange: str, key: str) -> list[Queue]:
        """The queues that a message goes to."""
        found = self._routes.get((exchange, key))
        if found is None:
            words = key.split(".")
            fitting = [
                queue
                for (bound_to, _, queue), pattern in self.bindings.items()
                if bound_to == exchange and len(pattern) == len(words)
                if all(p in ("*", word) for p, word in zip(pattern, words, strict=True))
            ]
            found = self._routes[exchange, key] = list(dict.fromkeys(fitting))
        return found

    def put(self, queue: Queue, message: Message) -> None:
        queue.ready.append(message)
        self.deliver(queue)

    def deliver(self, queue: Queue) -> None:
        """Hand ready messages to the active consumer, as many as it may hold."""
        while queue.ready and queue.consumers:
            consumer = queue.consumers[0]
            if len(consumer.unacknowledged) >= consumer.channel.prefetch:
                return
            message = queue.ready.popleft()
            if message.expires_at is not None and message.expires_at < self.world.now:
                continue
            consumer.channel.deliver(consumer, message)

    def requeue(self, consumer: Consumer) -> None:
        """A consumer is gone: what it held comes first again, in its order."""
        held = list(consumer.unacknowledged.values())
        for message in held:
            message.deliveries += 1
        consumer.queue.ready.extendleft(reversed(held))
        consumer.unacknowledged.clear()
        consumer.queue.consumers.remove(consumer)
        self.deliver(consumer.queue)

    def is_gone(self, connection: Connection) -> None:
        """Forget a connection, and what was only its own."""
        self.connections.remove(connection)
        if connection in self._busy:
            self._busy.remove(connection)
        self._confirming = [channel for channel in self._confirming if channel.connection is not connection]
        consumers = [consumer for channel in connection.channels for consumer in channel.consumers]
        for queue in [queue for queue in self.queues.values() if queue.owner is connection]:
            del self.queues[queue.name]
            self.bindings = {name: pattern for name, pattern in self.bindings.items() if name[2] is not queue}
            self._routes.clear()
        for consumer in consumers:
            self.requeue(consumer)

    def cut_connections(self) -> None:
        """Close every connection."""
        self.world.note("broker", "CLOSES EVERY CONNECTION")
        for connection in list(self.connections):
            connection.cut()

    def crash(self) -> None:
        """Die and come back. Quorum queues keep what they hold."""
        if not self.up:
            return
        self.world.note("broker", "CRASHES")
        self.up = False
        for connection in list(self.connections):
            connection.cut()

        def come_back() -> None:
            self.up = True
            self.world.note("broker", "is back")

        self.world.later(_DOWN_S, come_back)


class Connection:
    """What a py-amqp connection offers, as far as the kernel uses it."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self.broker = broker
        self.process = process
        self.closed = False
        self.channels: list[Channel] = []
        self.outgoing: deque[Callable[[], None]] = deque()
        self.transport = SimpleNamespace(_write=lambda _: None)
        self._incoming: deque[Callable[[], None]] = deque()
        self._waiting: list[Task] = []
        broker.connections.append(self)
        process.connections.append(self)

    def check(self) -> None:
        if self.closed:
            raise ConnectionResetError("the broker closed the connection")

    def channel(self) -> Channel:
        self.check()
        channel = Channel(self)
        self.channels.append(channel)
        return channel

    def ask(self) -> None:
        """Wait for the answer to a question, and so for everything written before it."""
        self.broker.world.point()
        self.check()
        while self.outgoing:
            self.outgoing.popleft()()

    def write(self, frame: Callable[[], None]) -> None:
        """Send something that nobody answers."""
        self.check()
        self.outgoing.append(frame)
        self.broker.has_written(self)

    def arrive(self, frame: Callable[[], None]) -> None:
        """The broker has sent something."""
        self._incoming.append(frame)
        self.broker.world.wake(self._waiting)

    def drain_events(self, timeout: float | None = None) -> None:
        self.broker.world.point()
        self.check()
        if not self._incoming:
            self.broker.world.wait(self._waiting, timeout)
            self.check()
        if not self._incoming:
            raise TimeoutError
        self._incoming.popleft()()

    def heartbeat_tick(self) -> None:
        self.check()

    def cut(self) -> None:
        """Break. Of what was on its way the broker may have got a part."""
        if self.closed:
            return
        arrived = self.broker.world.choices.of(len(self.outgoing) + 1) if self.broker.up else 0
        for _ in range(arrived):
            self.outgoing.popleft()()
        self._end()

    def close(self) -> None:
        if not self.process.alive or self.closed:
            return
        self.ask()
        self._end()

    def collect(self) -> None:
        if self.process.alive:
            self.cut()

    def _end(self) -> None:
        self.closed = True
        self.outgoing.clear()
        self._incoming.clear()
        self.process.connections.remove(self)
        self.broker.is_gone(self)
        self.broker.world.wake(self._waiting)


class Channel:
    """What a py-amqp channel offers, as far as the kernel uses it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: dict[str, set[Any]] = {"basic_ack": set(), "basic_nack": set(), "basic_return": set()}
        self.prefetch = 10**9
        self.consumers: list[Consumer] = []
        self.accepted_up_to = 0
        self._broker = connection.broker
        self._confirms = False
        self._published = 0
        self._delivered = 0
        self._by_tag: dict[int, Consumer] = {}

    def confirm_select(self) -> None:
        self.connection.ask()
        self._confirms = True

    def basic_qos(self, _size: int, count: int, _global: bool) -> None:
        self.connection.ask()
        self.prefetch = count

    def exchange_declare(self, name: str, kind: str, **_: Any) -> None:
        """Every exchange is there."""

    def queue_declare(self, queue: str, **arguments: Any) -> Any:
        self.connection.ask()
        owner = self.connection if arguments.get("exclusive") else None
        if not queue:
            queue = f"answers-{len(self._broker.queues)}-{self._broker.world.steps}"
        elif arguments.get("passive") and queue not in self._broker.queues:
            raise amqp.exceptions.NotFound("no such queue")
        self._broker.queues.setdefault(queue, Queue(queue, owner))
        return SimpleNamespace(queue=queue)

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None:
        self.connection.check()
        self._broker.bind(self._broker.queues[queue], exchange, routing_key)

    def basic_consume(
        self,
        queue: str,
        *,
        callback: Callable[[Any], None],
        no_ack: bool = False,
        on_cancel: Callable[[str], None] | None = None,
    ) -> None:
        self.connection.ask()
        found = self._broker.queues[queue]
        consumer = Consumer(self, found, callback, no_ack)
        self.consumers.append(consumer)
        found.consumers.append(consumer)
        self._broker.deliver(found)

    def basic_publish(self, message: Any, exchange: str, routing_key: str, mandatory: bool = False) -> None:
        if self._confirms:
            self._published += 1
        number = self._published if self._confirms else 0
        self.connection.write(lambda: self._broker.publish(self, number, message, exchange, routing_key, mandatory))

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        self.connection.write(lambda: self._settle(delivery_tag, multiple))

    def close(self) -> None:
        """Close politely: consumers go, and what they held with them."""
        if self.consumers:
            self.connection.ask()
        for consumer in self.consumers:
            self._broker.requeue(consumer)
        self.consumers.clear()

    def tell(self, event: str, *what: Any) -> None:
        """Something the broker says of what was published."""
        for listener in list(self.events[event]):
            listener(*what)

    def deliver(self, consumer: Consumer, message: Message) -> None:
        self._delivered += 1
        tag = self._delivered
        if not consumer.no_ack:
            consumer.unacknowledged[tag] = message
            self._by_tag[tag] = consumer
        properties = dict(message.properties)
        if message.deliveries:
            headers = properties.get("application_headers") or {}
            properties["application_headers"] = {**headers, "x-delivery-count": message.deliveries}
        delivered = SimpleNamespace(
            body=message.body,
            properties=properties,
            delivery_info={"routing_key": message.key, "delivery_tag": tag},
            channel=self,
        )
        self.connection.arrive(lambda: consumer.callback(delivered))

    def _settle(self, tag: int, multiple: bool) -> None:
        tags = [t for t in self._by_tag if t <= tag] if multiple else [t for t in (tag,) if t in self._by_tag]
        settled: dict[Queue, list[Message]] = {}
        for one in tags:
            consumer = self._by_tag.pop(one)
            settled.setdefault(consumer.queue, []).append(consumer.unacknowledged.pop(one))
        for queue, messages in settled.items():
            self._broker.acknowledged(queue, messages)
            self._broker.deliver(queue)
