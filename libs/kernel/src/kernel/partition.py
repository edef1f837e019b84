"""Read one partition queue, in order, and repair what the broker lost.

One connection and one thread (or greenthread) per queue, so that acknowledging many at once is exact
and order is the queue's. Every event names its predecessor in its slot: a predecessor that was not
seen is fetched from the owner's log before going on. The same code runs patched and un-patched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError

from crm.common.v1.envelope_pb2 import RecordedEvent
from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.backfill import BackfillClient
from kernel.broker import BROKER_ERRORS, Amqp, connect, drain
from kernel.consumers import Consumer
from kernel.delivered import Delivered
from kernel.errors import Unavailable
from kernel.feeds import Feeds
from kernel.instances import Instances
from kernel.progress import Key, Moved, Progress
from kernel.slots import routing_key, slots_of_partition
from kernel.telemetry import Heartbeat, gauges
from kernel.topology import declare_exchanges, declare_partition_queue, heartbeat_key, partition_queue

log = logging.getLogger(__name__)

BATCH = 500
_SHORTEST_FILL_S = 0.001
_LONGEST_FILL_S = 0.05
_IDLE_S = 1.0
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 10.0
_SUSPECT_AFTER = 2
_MOST_REREADS = 10
_ASK_AFTER_S = 2.0
_ASK_AGAIN_S = 10.0
_STAND_BACK_S = 1.0


@dataclass(frozen=True, slots=True)
class PartitionQueue:
    """Which queue: one of `partitions` of a service's consumer group."""

    service: str
    consumer: Consumer
    partition: int
    partitions: int

    @property
    def name(self) -> str:
        """The queue's name on the broker."""
        return partition_queue(self.service, self.consumer.name, self.partition, self.partitions)

    def declare(self, channel: Any) -> str:
        """Declare it on the broker and return its name."""
        declare_exchanges(channel)
        return declare_partition_queue(
            channel,
            self.service,
            self.consumer.name,
            self.partition,
            self.partitions,
            self.consumer.contexts,
        )


class PartitionReader:
    """Reads one queue until told to stop; connects again, with back-off, after any failure."""

    def __init__(
        self,
        queue: PartitionQueue,
        database_url: str,
        amqp_url: str,
        instances: Instances | None = None,
    ) -> None:
        self.queue = queue
        self._instances = instances
        self._amqp_url = amqp_url
        self._amqp: Amqp = None
        self._backfill: BackfillClient | None = None
        self._stopping = False
        self._heartbeats = {heartbeat_key(context) for context in queue.consumer.contexts}
        self._progress = Progress(
            queue.consumer,
            database_url,
            slots_of_partition(queue.partition, queue.partitions),
            self._pause,
        )
        self.heartbeat = Heartbeat(queue.name)
        self._feeds = Feeds(queue.service, queue.consumer.name, queue.partition)

    def stop(self) -> None:
        """Finish the batch in hand, then return from `run`."""
        self._stopping = True

    def run(self, handle: Callable[[Sequence[Any]], None] | None = None) -> None:
        """Read and handle batches until stopped. `handle` may wrap `self.handle` (tracing)."""
        backoff_s = _FIRST_BACKOFF_S
        while not self._stopping:
            started = time.monotonic()
            try:
                self._read(handle or self.handle)
            except Exception as error:
                if time.monotonic() - started > _LONGEST_BACKOFF_S:
                    backoff_s = _FIRST_BACKOFF_S
                expected = isinstance(error, (*BROKER_ERRORS, Unavailable))
                log.warning(
                    "partition interrupted",
                    extra={
                        "consumer": self.queue.consumer.name,
                        "partition": self.queue.partition,
                        "reason": type(error).__name__,
                        "again_in_s": backoff_s,
                    },
                    exc_info=None if expected else error,
                )
                self._drop_connection()
                self._sleep(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            finally:
                self._progress.close()

    def _read(self, handle: Callable[[Sequence[Any]], None]) -> None:
        self._amqp = connect(self._amqp_url)
        channel = self._amqp.channel()
        queue = self.queue.declare(channel)
        self._backfill = BackfillClient(self._amqp)
        self._progress.open(self._backfill.end_of)
        channel.basic_qos(0, 2 * BATCH, False)
        arrived: list[Any] = []
        cancelled: list[str] = []
        took_s = 0.0
        self._feeds.forget()
        ask_at = time.monotonic() + _ASK_AFTER_S
        channel.basic_consume(queue, callback=arrived.append, on_cancel=cancelled.append)
        while not self._stopping and not cancelled:
            self.heartbeat.beat()
            self._feeds.complain()
            # Half as long as the last batch took: the busier we are, the larger the batches.
            self._collect(arrived, min(max(took_s / 2, _SHORTEST_FILL_S), _LONGEST_FILL_S))
            if arrived:
                batch = arrived[:BATCH]
                del arrived[:BATCH]  # in place: the list is what the channel appends to
                began = time.monotonic()
                handle(batch)
                took_s = time.monotonic() - began
                channel.basic_ack(batch[-1].delivery_info["delivery_tag"], multiple=True)
                ask_at = time.monotonic() + _ASK_AGAIN_S
                if self._is_wanted_elsewhere():
                    break
            elif time.monotonic() > ask_at:
                ask_at = time.monotonic() + _ASK_AGAIN_S
                self._ask_for_what_is_ours()
        # No basic.cancel: it would let the next consumer start with later messages than ours.
        channel.close()
        self._amqp.close()
        self._amqp = None
        if not self._stopping:
            self._sleep(_STAND_BACK_S)

    def _ask_for_what_is_ours(self) -> None:
        """We read nothing: if the partition is ours, somebody else holds it."""
        if self._instances is not None and self._instances.is_home(self.queue.partition):
            self._progress.want(self._instances.me)

    def _is_wanted_elsewhere(self) -> bool:
        """Whether another instance asked for this partition; the request is then answered."""
        wanted_by = self._progress.wanted_by
        if not wanted_by or self._instances is None:
            return False
        self._progress.want(None)
        if wanted_by == self._instances.me:
            return False
        log.info("partition handed over", extra={"queue": self.queue.name, "to": wanted_by})
        return True

    def _collect(self, arrived: list[Any], fill_for_s: float) -> None:
        """Wait for a first message, then a little for more."""
        if not arrived:
            drain(self._amqp, _IDLE_S)
        if not arrived:
            return
        end = time.monotonic() + fill_for_s
        while len(arrived) < BATCH and (left := end - time.monotonic()) > 0:
            drain(self._amqp, left)

    def handle(self, batch: Sequence[Any]) -> None:
        """Let a batch take effect, repairing gaps; return when it may be acknowledged."""
        assert self._backfill is not None, "handled outside of run"
        suspicious = delivered_before(batch[0]) >= _SUSPECT_AFTER
        for _ in range(_MOST_REREADS):
            try:
                return self._handle(self._backfill, batch, suspicious)
            except Moved:
                self._progress.open(self._backfill.end_of)
        raise Unavailable("another consumer keeps moving the same slots")

    def _handle(self, backfill: BackfillClient, batch: Sequence[Any], suspicious: bool) -> None:
        run = _Run(self.queue, self._progress, backfill, suspicious, self.heartbeat, self._feeds)
        for message in batch:
            key = message.delivery_info["routing_key"]
            try:
                if key in self._heartbeats:
                    heartbeat = LogHeartbeat.FromString(message.body)
                    if heartbeat_key(heartbeat.context) == key:
                        run.compare(heartbeat)
                        continue
                else:
                    record = RecordedEvent.FromString(message.body)
                    if routing_key(record.slot, record.context, record.type) == key:
                        run.follow(record)
                        continue
            except DecodeError:
                pass
            # The broker lets a service publish under its own keys only; what the message says of itself
            # counts for nothing beside that. If something true was lost with it, it shows as a gap.
            log.error("a message was dropped that does not say what its routing key says", extra={"key": key})
            gauges.add("messages_forged_total", service=self.queue.service)
        run.flush()

    def _pause(self, seconds: float) -> None:
        """Sleep, but keep the broker's connection alive."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stopping:
                raise Unavailable("stopping")
            time.sleep(min(left, 1.0))
            self.heartbeat.beat()
            if self._amqp is not None:
                self._amqp.heartbeat_tick()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stopping:
            time.sleep(min(left, 0.2))

    def _drop_connection(self) -> None:
        if self._amqp is not None:
            self._amqp.collect()  # close() would wait for a dead peer
            self._amqp = None


class _Run:
    """One batch on its way into the database: what follows on, and what is missing in between."""

    def __init__(
        self,
        queue: PartitionQueue,
        progress: Progress,
        backfill: BackfillClient,
        suspicious: bool,
        alive: Heartbeat,
        feeds: Feeds,
    ) -> None:
        self._queue = queue
        self._progress = progress
        self._backfill = backfill
        self._suspicious = suspicious
        self._alive = alive
        self._feeds = feeds
        self._expected = dict(progress.positions)
        self._following: list[Delivered] = []

    def follow(self, record: RecordedEvent) -> None:
        """Take the next event; drop it if it took effect before, repair what is missing before it."""
        key = record.context, record.slot
        at = self._expected.get(key)
        if at is None or record.position <= at:
            return
        if record.previous_position != at:
            self.flush()
            self._repair(key, record.position - 1)
        self._following.append(Delivered.of(record))
        self._expected[key] = record.position

    def compare(self, heartbeat: LogHeartbeat) -> None:
        """Repair the tail of every slot in which more was published than has arrived."""
        behind = [
            (heartbeat.context, slot)
            for slot, position in enumerate(heartbeat.slot_positions)
            if position > self._expected.get((heartbeat.context, slot), position)
        ]
        if behind:
            self.flush()
        for key in behind:
            self._repair(key, heartbeat.slot_positions[key[1]])
            self._expected[key] = self._progress.positions[key]
        self._feeds.compared(heartbeat)

    def flush(self) -> None:
        """Let what has been taken so far take effect."""
        if self._following:
            self._progress.apply(self._following, self._suspicious)
            self._feeds.applied(self._following[-1])
            self._following = []

    def _repair(self, key: Key, up_to: int) -> None:
        """Fetch and apply what is missing in a slot, up to a position."""
        context, slot = key
        repaired = 0
        more = True
        while more:
            after = self._progress.positions[key]
            page = self._progress.persist(partial(self._backfill.fetch, context, slot, after, up_to))
            self._alive.beat()
            events = [Delivered.of(record) for record in page.events]
            if events:
                with self._progress.in_hand(events) as careful:
                    self._progress.apply(events, careful or self._suspicious)
            repaired += len(events)
            more = page.more and bool(events)
        consumer = self._queue.consumer.name
        if repaired:
            log.info(
                "gap repaired",
                extra={"consumer": consumer, "log": context, "slot": slot, "events": repaired},
            )
        gauges.add(
            "events_repaired",
            repaired,
            service=self._queue.service,
            consumer=consumer,
            context=context,
        )


def delivered_before(message: Any) -> int:
    """How often the broker delivered this message to somebody who did not acknowledge it."""
    headers = message.properties.get("application_headers") or {}
    return int(headers.get("x-delivery-count", 0))
