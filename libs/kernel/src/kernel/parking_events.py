"""What is recorded when people mend what is parked. Ids, types and counts only, nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RetriedStream:
    """What became of one stream of parked events."""

    consumer: str
    of_context: str
    stream_id: UUID
    handled: int
    failure: str


@dataclass(frozen=True, slots=True)
class ParkedRetried:
    """Somebody had what is parked tried again."""

    parking_id: UUID
    streams: tuple[RetriedStream, ...]
    timers: int
    timer_key: str


@dataclass(frozen=True, slots=True)
class ParkedSetAside:
    """Somebody decided that one event or one timer will never be handled."""

    parking_id: UUID
    consumer: str
    of_context: str
    stream_id: UUID | None
    position: int
    kind: str
    timer_key: str
