"""The names of what messaging needs on the broker, and how each is declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amqp.exceptions import NotFound

from kernel.slots import slots_of_partition

EVENTS = "crm.events"
"""Topic exchange; keys are `<slot>.<context>.<EventName>`, and `heartbeat.<context>`."""

BACKFILL = "crm.backfill"
"""Direct exchange; the key is the context whose log is asked for."""

ANSWERS = "crm.answers"
"""Topic exchange; keys are `<context>.<who asked>`: a context answers for itself only, and nobody needs
the default exchange, through which everybody reaches every queue."""

EXCHANGES = ((EVENTS, "topic"), (BACKFILL, "direct"), (ANSWERS, "topic"))
"""Name and type of each."""

PARTNERS = "crm.partners"
"""Stream queue of published events as CloudEvents, for partner systems; provisioned if there are any."""

PARTNER_KEYS = "*.*.*.partners"
"""What is bound to it. A word more than an event's own key, so no queue of the suite gets both; and as the first three
words are the event's, the broker lets each service speak for itself only."""

PARTNER_STREAM = {
    "x-queue-type": "stream",
    "x-max-age": "30D",
    "x-max-length-bytes": 5_000_000_000,
    "x-stream-max-segment-size-bytes": 50_000_000,
}
"""Kept for 30 days, 5 GB at most. What is older is read from the feed."""

_LONGEST_QUEUE = 1_000_000
_UNUSED_FOR_MS = 24 * 3600 * 1000


def heartbeat_key(context: str) -> str:
    """Routing key of a context's LogHeartbeat."""
    return f"heartbeat.{context}"


def backfill_queue(context: str) -> str:
    """Name of the queue that a context's relays answer."""
    return f"crm.backfill.{context}"


def partition_queue(service: str, group: str, partition: int, partitions: int) -> str:
    """Name of one partition queue. It tells the number of partitions: another number, other queues."""
    return f"{service}.{group}.{partition}-of-{partitions}"


def answer_key(context: str, asker: str) -> str:
    """Routing key of a context's answers; `*` for the context binds to those of all."""
    return f"{context}.{asker}"


def partner_key(event_key: str) -> str:
    """Routing key of an event on its way to partners."""
    return f"{event_key}.partners"


def declare_partner_stream(channel: Any) -> None:
    """Declare the stream and its binding. For those only who provision a broker."""
    channel.queue_declare(PARTNERS, durable=True, auto_delete=False, arguments=PARTNER_STREAM)
    channel.queue_bind(PARTNERS, EVENTS, PARTNER_KEYS)


def declare_exchanges(channel: Any) -> None:
    """Declare the exchanges that are missing. A provisioned broker has all, and lets no service declare one."""
    for name, kind in EXCHANGES:
        looking = channel.connection.channel()  # a miss closes it
        try:
            looking.exchange_declare(name, kind, passive=True, auto_delete=False)
            looking.close()
        except NotFound:
            channel.exchange_declare(name, kind, durable=True, auto_delete=False)


def declare_backfill_queue(channel: Any, context: str) -> str:
    """Declare the queue of requests to a context's relays if it is missing, and return its name.

    A provisioned broker has it, and lets no service bind to that exchange: what passed through one that
    takes any key could be made to arrive as anybody's event.
    """
    queue = backfill_queue(context)
    looking = channel.connection.channel()
    try:
        looking.queue_declare(queue, passive=True)
        looking.close()
    except NotFound:
        channel.queue_declare(queue, durable=True, auto_delete=False)
        channel.queue_bind(queue, BACKFILL, context)
    return queue


def declare_partition_queue(
    channel: Any, service: str, group: str, partition: int, partitions: int, contexts: Iterable[str]
) -> str:
    """Declare and bind one partition queue of a group and return its name.

    The queue is bounded and vanishes when nobody reads it for a day: what it drops is a gap, and
    gaps are repaired from the owner's log. There is no x-delivery-limit: with batches it would
    dead-letter the innocent (MESSAGING 3.5).
    """
    queue = partition_queue(service, group, partition, partitions)
    channel.queue_declare(
        queue,
        durable=True,
        auto_delete=False,
        arguments={
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-max-length": _LONGEST_QUEUE,
            "x-overflow": "drop-head",
            "x-expires": _UNUSED_FOR_MS,
        },
    )
    for context in contexts:
        for slot in slots_of_partition(partition, partitions):
            channel.queue_bind(queue, EVENTS, f"{slot:02d}.{context}.*")
        channel.queue_bind(queue, EVENTS, heartbeat_key(context))
    return queue
