"""Feeds partners' stream queue: a service's published events as CloudEvents, in order, none missing.

Beside the relay, with a position of its own, so that neither waits for the other. The position is stored after the
broker has confirmed what is before it: a crash in between repeats some, which readers know by `source` and `sequence`.
One per service is active. Structured mode, not binary: the message is the whole event, the same bytes as the feed and
webhooks give, and AMQP 0.9.1 has no binding of its own in the standard that would say what headers are called.
"""

from __future__ import annotations

import logging
from threading import Event
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from kernel.broker import BROKER_ERRORS, NotConfirmed, drain
from kernel.feed import Feed
from kernel.log import LogRecorder
from kernel.outgoing import MEDIA_TYPE, Wanted, as_json
from kernel.publisher import WINDOW, Publisher
from kernel.slots import SLOTS, routing_key, slot_of
from kernel.telemetry import gauges
from kernel.topology import EVENTS, declare_exchanges, partner_key

log = logging.getLogger(__name__)

_EXPECTED = (*BROKER_ERRORS, psycopg.Error)
_RELAY = "partners"
_LOCK = 819
_FIRST_POLL_S = 0.02
_SLOWEST_POLL_S = 0.5
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0


class StreamFeeder:
    """Feeds the stream from one context's log. `run` returns when `stop` is set, and never raises before."""

    def __init__(self, context: str, database_url: str, amqp_url: str, recorder: LogRecorder) -> None:
        self._context = context
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._feed = Feed(context, recorder)
        self._wanted = Wanted(())

    def run(self, stop: Event) -> None:
        """Feed until told to stop; after any failure begin again from what was confirmed."""
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                self._run_once(stop)
                backoff_s = _FIRST_BACKOFF_S
            except Exception as error:
                log.warning(
                    "partners' stream interrupted",
                    extra={"context": self._context, "reason": type(error).__name__, "again_in_s": backoff_s},
                    exc_info=None if isinstance(error, _EXPECTED) else error,
                )
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    def _run_once(self, stop: Event) -> None:
        with psycopg.connect(
            self._database_url, autocommit=True, row_factory=dict_row, connect_timeout=10
        ) as connection:
            while not _is_ours(connection):
                if stop.wait(_SLOWEST_POLL_S):
                    return
            with Publisher(self._amqp_url) as publisher:
                declare_exchanges(publisher.channel)
                self._feed_until(stop, connection, publisher)

    def _feed_until(self, stop: Event, connection: Connection[DictRow], publisher: Publisher) -> None:
        position, rest_s = _position(connection), _FIRST_POLL_S
        while not stop.is_set():
            page = self._feed.page(connection, position, self._wanted, WINDOW)
            if page.events:
                with publisher.together():
                    for _, event in page.events:
                        publisher.publish(
                            as_json(event),
                            EVENTS,
                            partner_key(routing_key(slot_of(UUID(event["subject"])), self._context, event["type"])),
                            content_type=MEDIA_TYPE,
                            message_id=event["id"],
                            type=event["type"],
                        )
                publisher.flush()
                if publisher.unroutable:
                    raise NotConfirmed("no stream queue is bound; provisioning makes it")
            if page.position != position:
                position = page.position
                _store(connection, position)
            gauges.set("partner_stream_more", float(page.more), context=self._context)
            rest_s = _FIRST_POLL_S if page.events or page.more else min(rest_s * 2, _SLOWEST_POLL_S)
            drain(publisher.amqp, 0.0005 if page.more else rest_s)


def _is_ours(connection: Connection[DictRow]) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s) as ours", (_LOCK,)).fetchone()
    return bool(row and row["ours"])


def _position(connection: Connection[DictRow]) -> int:
    row = connection.execute("select position from relay_checkpoint where relay = %s", (_RELAY,)).fetchone()
    return int(row["position"]) if row else 0


def _store(connection: Connection[DictRow], position: int) -> None:
    connection.execute(
        "insert into relay_checkpoint (relay, position, slot_positions) values (%s, %s, %s)"
        " on conflict (relay) do update set position = excluded.position, confirmed_at = now()",
        (_RELAY, position, [0] * SLOTS),
    )
