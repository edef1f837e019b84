"""The relay, from the log to confirmed, beside kombu's own confirming publisher."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import connection as kombu

from bench.figures import Figure
from bench.service import CONTEXT
from bench.stage import LONGEST_S, Stage, execute, fill, recorder_of
from kernel.publisher import Publisher
from kernel.relay import Relay
from kernel.seal import Sealer
from kernel.topology import EVENTS, declare_exchanges
from testkit import wait_until

EVENTS_OURS, EVENTS_PEER = 60_000, 6_000


def measure(stage: Stage) -> list[Figure]:
    """Events per second of each."""
    with stage.database() as database, stage.vhost() as amqp_url:
        fill(database, EVENTS_OURS)
        body = b"x" * 420  # about what an event of `fill` is on the wire
        tap(amqp_url)
        peer = _kombu(amqp_url, body)
        with relaying(database.url, amqp_url) as relay:
            began = time.monotonic()
            wait_until(lambda: relay.published >= EVENTS_OURS, LONGEST_S)
            ours = EVENTS_OURS / (time.monotonic() - began)
        assert execute(database.url, "select position from relay_checkpoint")
    return [
        Figure(
            *("relay, log to confirmed", "plain", round(ours), "events/s", "kombu, confirm_publish"),
            *(round(peer), "≥ 4x, ≥ 10,000/s", ours >= 4 * peer and ours >= 10_000),
        )
    ]


@contextmanager
def relaying(database_url: str, amqp_url: str, sealer: Sealer | None = None) -> Iterator[Relay]:
    """A relay in a thread of its own, and what seals beside it."""
    stop = threading.Event()
    with recorder_of(database_url) as recorder:
        relay = Relay(CONTEXT, database_url, amqp_url, recorder, heartbeat_every_s=1.0, sealer=sealer)
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        try:
            yield relay
        finally:
            stop.set()
            thread.join()


def tap(amqp_url: str) -> None:
    """Bind a quorum queue to everything, as a consumer would."""
    with Publisher(amqp_url) as publisher:
        declare_exchanges(publisher.channel)
        quorum = {"x-queue-type": "quorum"}
        publisher.channel.queue_declare("tap", durable=True, auto_delete=False, arguments=quorum)
        publisher.channel.queue_bind("tap", EVENTS, "#")


def _kombu(amqp_url: str, body: bytes) -> float:
    """kombu's Producer as its documentation has it, every message confirmed."""
    connect: Any = kombu.Connection
    with connect(amqp_url, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer()
        began = time.monotonic()
        for n in range(EVENTS_PEER):
            producer.publish(
                body,
                exchange=EVENTS,
                routing_key=f"{n % 16:02d}.{CONTEXT}.Money",
                delivery_mode=2,
                content_type="application/x-protobuf",
                content_encoding="binary",
            )
        return EVENTS_PEER / (time.monotonic() - began)
