"""Carry a service's log to the broker: in order, nothing skipped, again after any failure.

A relay publishes only what the log's horizon says is final, and remembers a position only after the
broker has confirmed everything up to it, so what a failure repeats are duplicates, which consumers
drop. It never runs in a patched process. One per service is active; others stand by.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from crm.common.v1.envelope_pb2 import RecordedEvent
from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.backfill import BackfillAnswerer
from kernel.broker import BROKER_ERRORS, drain
from kernel.envelope import enveloped
from kernel.log import Entry, LogRecorder
from kernel.publisher import WINDOW, Publisher
from kernel.slots import SLOTS, routing_key, slot_of
from kernel.telemetry import Heartbeat, gauges
from kernel.topology import EVENTS, declare_exchanges, heartbeat_key

log = logging.getLogger(__name__)

_EXPECTED = (*BROKER_ERRORS, psycopg.Error)
_RELAY = "events"
_LOCK = 817
_FIRST_POLL_S = 0.002
_SLOWEST_POLL_S = 0.05
_STAND_BY_POLL_S = 0.5
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 10.0
_HEALTHY_AFTER_S = 30.0


class Relay:
    """The relay of one context. `run` returns when `stop` is set, and never raises before."""

    def __init__(
        self,
        context: str,
        database_url: str,
        amqp_url: str,
        recorder: LogRecorder,
        *,
        heartbeat_every_s: float = 5.0,
        window: int = WINDOW,
        on_batch: Callable[[Sequence[Entry]], None] = lambda _: None,
    ) -> None:
        self.context = context
        self._database_url = database_url
        self._amqp_url = amqp_url
        self.recorder = recorder
        self.heartbeat_every_s = heartbeat_every_s
        self.window = window
        self.on_batch = on_batch
        self.heartbeat = Heartbeat()
        self.active = False
        self.published = 0

    def run(self, stop: Event) -> None:
        """Relay until told to stop; after any failure begin again from the checkpoint.

        Requests for what was published before are answered meanwhile, active or standing by.
        """
        answerer = BackfillAnswerer(self.context, self._database_url, self._amqp_url, self.recorder)
        answering = Thread(target=answerer.run, args=(stop,), name=f"backfill-{self.context}")
        answering.start()
        try:
            self._relay_until(stop)
        finally:
            stop.set()
            answering.join()

    def _relay_until(self, stop: Event) -> None:
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            started = time.monotonic()
            try:
                self._run_once(stop)
            except Exception as error:
                if time.monotonic() - started > _HEALTHY_AFTER_S:
                    backoff_s = _FIRST_BACKOFF_S
                log.warning(
                    "relay interrupted",
                    extra={
                        "context": self.context,
                        "reason": type(error).__name__,
                        "again_in_s": backoff_s,
                    },
                    exc_info=None if isinstance(error, _EXPECTED) else error,
                )
                self.heartbeat.beat()
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)
            finally:
                self.active = False

    def _run_once(self, stop: Event) -> None:
        with psycopg.connect(
            self._database_url, autocommit=True, row_factory=dict_row, connect_timeout=10
        ) as connection:
            # A checkpoint that a crash forgets costs duplicates, not events.
            connection.execute("set synchronous_commit = off")
            if not self._become_active(connection, stop):
                return
            with Publisher(self._amqp_url) as publisher:
                declare_exchanges(publisher.channel)
                self.active = True
                _Shift(self, connection, publisher).work(stop)

    def _become_active(self, connection: Connection[DictRow], stop: Event) -> bool:
        """Wait for our turn; False when stopped before it came."""
        while not stop.is_set():
            self.heartbeat.beat()
            row = connection.execute("select pg_try_advisory_lock(%s) as ours", (_LOCK,)).fetchone()
            if row and row["ours"]:
                return True
            stop.wait(_STAND_BY_POLL_S)
        return False


class _Shift:
    """One relay's time of being active, on one pair of connections."""

    def __init__(self, relay: Relay, connection: Connection[DictRow], publisher: Publisher) -> None:
        self._relay = relay
        self._connection = connection
        self._publisher = publisher
        self._position, self._slot_positions = self._checkpoint()
        self._horizon = self._position
        self._next_heartbeat = 0.0

    def work(self, stop: Event) -> None:
        pause_s = _FIRST_POLL_S
        while not stop.is_set():
            self._relay.heartbeat.beat()
            published = self._publish_window()
            self._heartbeat()
            if published:
                pause_s = _FIRST_POLL_S
                continue
            # Waiting on the broker's socket also answers its heartbeats and notices its death.
            drain(self._publisher.amqp, pause_s)
            pause_s = min(pause_s * 2, _SLOWEST_POLL_S)

    def _checkpoint(self) -> tuple[int, list[int]]:
        row = self._connection.execute(
            "select position, slot_positions from relay_checkpoint where relay = %s", (_RELAY,)
        ).fetchone()
        if row is None:
            return 0, [0] * SLOTS
        return row["position"], list(row["slot_positions"])

    def _publish_window(self) -> int:
        """Publish at most one window of what is final; return how many events that was."""
        if self._position >= self._horizon:
            drawn = self._relay.recorder.drawn(self._connection)
            if drawn <= self._horizon:
                self._tell_lag(0, 0.0)
                return 0
            self._horizon = self._relay.recorder.horizon_on(self._connection)
        entries = self._relay.recorder.read_log(self._connection, self._position, self._horizon, self._relay.window)
        if not entries:
            self._position = self._horizon  # only holes: positions drawn and rolled back
            return 0
        slots = list(self._slot_positions)
        for entry in entries:
            slot = slot_of(entry.stream)
            record = enveloped(self._relay.context, slot, slots[slot], entry)
            slots[slot] = entry.position
            self._send(record)
        self._publisher.flush()
        self._relay.on_batch(entries)
        self._confirm(entries[-1], slots, len(entries))
        return len(entries)

    def _send(self, record: RecordedEvent) -> None:
        self._publisher.publish(
            record.SerializeToString(),
            EVENTS,
            routing_key(record.slot, record.context, record.type),
            {"traceparent": record.metadata.traceparent} if record.metadata.traceparent else None,
        )

    def _confirm(self, last: Entry, slots: list[int], count: int) -> None:
        self._connection.execute(
            "insert into relay_checkpoint (relay, position, slot_positions) values (%s, %s, %s)"
            " on conflict (relay) do update set position = excluded.position,"
            " slot_positions = excluded.slot_positions, confirmed_at = now()",
            (_RELAY, last.position, slots),
            prepare=True,
        )
        self._position, self._slot_positions = last.position, slots
        self._relay.published += count
        behind_s = time.time() - last.metadata.recorded_at.timestamp()
        self._tell_lag(max(0, self._horizon - last.position), max(0.0, behind_s))

    def _tell_lag(self, events: int, seconds: float) -> None:
        context = self._relay.context
        gauges.set("relay_lag_events", events, context=context)
        gauges.set("relay_lag_seconds", seconds, context=context)
        gauges.set("relay_unroutable", self._publisher.unroutable, context=context)

    def _heartbeat(self) -> None:
        """Tell consumers how far the log has been published: a lost tail has no successor."""
        if time.monotonic() < self._next_heartbeat:
            return
        self._next_heartbeat = time.monotonic() + self._relay.heartbeat_every_s
        context = self._relay.context
        heartbeat = LogHeartbeat(context=context, position=self._position, slot_positions=self._slot_positions)
        self._publisher.publish(
            heartbeat.SerializeToString(),
            EVENTS,
            heartbeat_key(context),
            delivery_mode=1,
            expiration=str(int(self._relay.heartbeat_every_s * 2000)),
        )
        self._publisher.flush()
