"""Carry a service's log to the broker: in order, nothing skipped, again after any failure.

A relay publishes only what the log's horizon says is final, and remembers a position only after the
broker has confirmed everything up to it, so what a failure repeats are duplicates, which consumers
drop. What the broker refuses in so many words it does not insist on for ever: a full queue that somebody
bound by hand would hold everybody up. After a few refusals it goes on without, and whoever missed something
finds the gap and fetches it from the log. A broker that is only slow is waited for. It never runs in a
patched process. One per service is active; others stand by.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from crm.common.v1.envelope_pb2 import RecordedEvent
from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.backfill import BackfillAnswerer
from kernel.broker import BROKER_ERRORS, NotConfirmed, RefusedByBroker, drain
from kernel.envelope import enveloped
from kernel.log import Entry, LogRecorder
from kernel.partner_stream import StreamFeeder
from kernel.publisher import WINDOW, Publisher
from kernel.seal import Sealer
from kernel.slots import SLOTS, routing_key, slot_of
from kernel.telemetry import Heartbeat, gauges
from kernel.topology import EVENTS, declare_exchanges, heartbeat_key
from kernel.tracing import sent

log = logging.getLogger(__name__)

_EXPECTED = (*BROKER_ERRORS, psycopg.Error)
_RELAY = "events"
_LOCK = 817
_FIRST_POLL_S = 0.002
_SLOWEST_POLL_S = 0.05
_STAND_BY_POLL_S = 0.5
_AT_ONCE_S = 0.0005
_CONFIRM_TIMEOUT_S = 15.0
_SLOW_CONFIRM_S = 1.0
_LAST_CONFIRMS_S = 5.0
_MOST_REFUSALS = 3
_MOST_HEARTBEATS = 100
_INSIST_AGAIN_S = 600.0
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 10.0
_HEALTHY_AFTER_S = 30.0
_COUNT_EVERY_S = 15.0
_BROKER = {"messaging.system": "rabbitmq", "messaging.destination.name": EVENTS}
WHAT_WAITS = """
    select (select count(distinct (consumer, stream_id)) from parked where set_aside_at is null) as parked_streams,
        (select count(*) from timers where failed_at is not null) as failed_timers,
        (select coalesce(extract(epoch from now() - min(due_at)), 0) from timers
            where failed_at is null and timeline_id = '' and due_at <= now()) as timers_overdue_seconds
"""


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
        sealer: Sealer | None = None,
        feeder: StreamFeeder | None = None,
    ) -> None:
        self.context = context
        self._database_url = database_url
        self._amqp_url = amqp_url
        self.recorder = recorder
        self.heartbeat_every_s = heartbeat_every_s
        self.window = window
        self.on_batch = on_batch
        self.sealer = sealer
        self.feeder = feeder
        self.heartbeat = Heartbeat(f"relay of {context}")
        self.active = False
        self.published = 0
        self._refusals = 0
        self._refused_at = 0.0

    @property
    def insists(self) -> bool:
        """Whether to send again what the broker refuses: yes, until it was in vain a few times in a row.

        Ten minutes without a refusal make it worth trying again.
        """
        if time.monotonic() - self._refused_at > _INSIST_AGAIN_S:
            self._refusals = 0
        return self._refusals < _MOST_REFUSALS

    def was_refused(self) -> None:
        """The broker refused something."""
        self._refusals += 1
        self._refused_at = time.monotonic()

    def was_confirmed(self) -> None:
        """Everything that was sent was taken, and we had insisted on it."""
        self._refusals = 0

    def run(self, stop: Event) -> None:
        """Relay until told to stop; after any failure begin again from the checkpoint.

        Requests for what was published before are answered meanwhile, active or standing by. Sealing needs no
        broker; it, and feeding partners' stream, have their own turn of being active.
        """
        answerer = BackfillAnswerer(self.context, self._database_url, self._amqp_url, self.recorder)
        beside = [Thread(target=answerer.run, args=(stop,), name=f"backfill-{self.context}")]
        if self.sealer is not None:
            beside.append(Thread(target=self.sealer.run, args=(stop,), name=f"seal-{self.context}"))
        if self.feeder is not None:
            beside.append(Thread(target=self.feeder.run, args=(stop,), name=f"partners-{self.context}"))
        for thread in beside:
            thread.start()
        try:
            self._relay_until(stop)
        finally:
            stop.set()
            for thread in beside:
                thread.join()

    def _relay_until(self, stop: Event) -> None:
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            started = time.monotonic()
            try:
                self._run_once(stop)
            except Exception as error:
                if isinstance(error, RefusedByBroker):
                    self.was_refused()
                if time.monotonic() - started > _HEALTHY_AFTER_S or not self.insists:
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """Events that the broker has not confirmed yet, up to message `number`, since `at`."""

    number: int
    entries: Sequence[Entry]
    slot_positions: list[int]
    at: float


class _Shift:
    """One relay's time of being active, on one pair of connections.

    What is sent goes ahead of what is confirmed by two windows at most; the checkpoint follows what
    is confirmed.
    """

    def __init__(self, relay: Relay, connection: Connection[DictRow], publisher: Publisher) -> None:
        self._relay = relay
        self._connection = connection
        self._publisher = publisher
        publisher.insists = relay.insists
        self._let_go = 0
        self._position, self._slot_positions = self._checkpoint()
        self._horizon = self._position
        self._unconfirmed: deque[_Sent] = deque()
        self._ahead = 0  # events in there; heartbeats, which nobody waits for, do not count
        self._next_heartbeat = 0.0
        self._next_count = 0.0

    def work(self, stop: Event) -> None:
        pause_s = _FIRST_POLL_S
        while not stop.is_set() and self._publisher.insists == self._relay.insists:
            self._relay.heartbeat.beat()
            sent = self._send_some() if self._ahead < 2 * self._relay.window else 0
            self._heartbeat()
            self._count_what_waits()
            # Waiting on the broker's socket also answers its heartbeats and notices its death.
            drain(self._publisher.amqp, _AT_ONCE_S if sent else pause_s)
            self._remember_confirmed()
            pause_s = _FIRST_POLL_S if sent or self._unconfirmed else min(pause_s * 2, _SLOWEST_POLL_S)
        self._publisher.flush(_LAST_CONFIRMS_S)
        self._remember_confirmed()

    def _checkpoint(self) -> tuple[int, list[int]]:
        row = self._connection.execute(
            "select position, slot_positions from relay_checkpoint where relay = %s", (_RELAY,)
        ).fetchone()
        if row is None:
            return 0, [0] * SLOTS
        return row["position"], list(row["slot_positions"])

    def _send_some(self) -> int:
        """Send at most one window of what is final; return how many events that was."""
        if self._position >= self._horizon:
            drawn = self._relay.recorder.drawn(self._connection)
            if drawn <= self._horizon:
                return 0
            self._horizon = self._relay.recorder.horizon_on(self._connection)
        entries = self._relay.recorder.read_log(self._connection, self._position, self._horizon, self._relay.window)
        if not entries:
            self._position = self._horizon  # only holes: positions drawn and rolled back
            return 0
        slots = list(self._slot_positions)
        with self._publisher.together():
            for entry in entries:
                slot = slot_of(entry.stream)
                self._send(enveloped(self._relay.context, slot, slots[slot], entry))
                slots[slot] = entry.position
        self._position, self._slot_positions = entries[-1].position, slots
        self._unconfirmed.append(_Sent(self._publisher.sent, entries, slots, time.monotonic()))
        self._ahead += len(entries)
        return len(entries)

    def _remember_confirmed(self) -> None:
        """Store how far all is confirmed, or not insisted on. Raises NotConfirmed if it takes too long."""
        settled = self._settle()
        if self._unconfirmed:
            first = self._unconfirmed[0]
            waited_s = time.monotonic() - first.at
            if waited_s > _SLOW_CONFIRM_S:  # nothing may be stored for long: the lag that was told last is not true now
                self._tell_lag(self._ahead, time.time() - first.entries[0].metadata.recorded_at.timestamp())
            if waited_s > _CONFIRM_TIMEOUT_S:
                raise NotConfirmed(f"nothing was confirmed for {_CONFIRM_TIMEOUT_S} s")
        elif settled is None:
            self._tell_lag(0, 0.0)

    def _settle(self) -> _Sent | None:
        """Store the checkpoint behind the last window that is settled as a whole; return that window."""
        settled: _Sent | None = None
        while self._unconfirmed and self._publisher.confirmed_up_to() >= self._unconfirmed[0].number:
            settled = self._unconfirmed.popleft()
            self._ahead -= len(settled.entries)
            self._relay.on_batch(settled.entries)
            self._relay.published += len(settled.entries)
        if settled is not None:
            self._store(settled)
        if not self._publisher.insists:
            self._tell_refused()
        elif settled is not None:
            self._relay.was_confirmed()
        return settled

    def _tell_refused(self) -> None:
        """Say how much we went on without; the first time also in the log."""
        if (refused := self._publisher.refused) == self._let_go:
            return
        self._relay.was_refused()
        context = self._relay.context
        if not self._let_go:
            log.error("went on without the broker's confirmation", extra={"context": context, "messages": refused})
        gauges.add("relay_refused_total", refused - self._let_go, context=context)
        self._let_go = refused

    def _send(self, record: RecordedEvent) -> None:
        key = routing_key(record.slot, record.context, record.type)
        traceparent = sent(f"publish {record.type}", record.metadata.traceparent, _BROKER)
        self._publisher.publish(
            record.SerializeToString(), EVENTS, key, {"traceparent": traceparent} if traceparent else None
        )

    def _store(self, confirmed: _Sent) -> None:
        last = confirmed.entries[-1]
        self._connection.execute(
            "insert into relay_checkpoint (relay, position, slot_positions) values (%s, %s, %s)"
            " on conflict (relay) do update set position = excluded.position,"
            " slot_positions = excluded.slot_positions, confirmed_at = now()",
            (_RELAY, last.position, confirmed.slot_positions),
            prepare=True,
        )
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
        if not self._unconfirmed and self._publisher.unconfirmed > _MOST_HEARTBEATS:
            raise NotConfirmed(f"{_MOST_HEARTBEATS} heartbeats were not confirmed")
        context = self._relay.context
        heartbeat = LogHeartbeat(context=context, position=self._position, slot_positions=self._slot_positions)
        self._publisher.publish(
            heartbeat.SerializeToString(),
            EVENTS,
            heartbeat_key(context),
            delivery_mode=1,
            expiration=str(int(self._relay.heartbeat_every_s * 2000)),
        )

    def _count_what_waits(self) -> None:
        """Tell how much of this service is parked or overdue. Here, because one relay a service is active."""
        if time.monotonic() < self._next_count:
            return
        self._next_count = time.monotonic() + _COUNT_EVERY_S
        row = self._connection.execute(WHAT_WAITS).fetchone()
        assert row is not None
        for name, number in row.items():
            gauges.set(name, float(number), context=self._relay.context)
