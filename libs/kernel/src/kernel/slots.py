"""The sixteen units of order: a stream belongs to one slot for ever, and order holds within it."""

from __future__ import annotations

from uuid import UUID
from zlib import crc32

SLOTS = 16


def slot_of(stream: UUID) -> int:
    """Return the slot of a stream; migration 0002_bus.sql holds the same function in SQL."""
    return crc32(stream.bytes) % SLOTS


def routing_key(slot: int, context: str, event_type: str) -> str:
    """Return `<slot>.<context>.<EventName>` for an event's full protobuf name."""
    return f"{slot:02d}.{context}.{event_type.rpartition('.')[2]}"


def slots_of_partition(partition: int, partitions: int) -> list[int]:
    """Return the slots that the given partition queue of a group carries."""
    return [slot for slot in range(SLOTS) if slot % partitions == partition]
