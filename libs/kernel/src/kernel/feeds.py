"""How fresh what a consumer knows is: behind by how much, and which feed has fallen silent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.delivered import Delivered
from kernel.telemetry import gauges

log = logging.getLogger(__name__)

SILENT_AFTER_S = 60.0
"""A relay speaks every five seconds, whether or not anything happens."""


class Feeds:
    """The feeds that one partition reads, by context. A reader that stands by hears none of them."""

    def __init__(
        self,
        service: str,
        consumer: str,
        partition: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._labels = {"service": service, "consumer": consumer, "partition": str(partition)}
        self._clock = clock
        self._heard_at: dict[str, float] = {}

    def applied(self, last: Delivered) -> None:
        """Note that everything up to this event has taken effect."""
        self._heard_at[last.context] = self._clock()
        behind_s = max(0.0, time.time() - last.recorded_at_s)
        gauges.set("consumer_lag_seconds", behind_s, context=last.context, **self._labels)

    def compared(self, heartbeat: LogHeartbeat) -> None:
        """Note that nothing is missing up to this heartbeat."""
        self._heard_at[heartbeat.context] = self._clock()
        gauges.set("consumer_lag_seconds", 0.0, context=heartbeat.context, **self._labels)

    def complain(self) -> list[str]:
        """Raise the alarm over feeds that fell silent, once a minute each; return their contexts."""
        now = self._clock()
        silent = [context for context, at in self._heard_at.items() if now - at > SILENT_AFTER_S]
        for context in silent:
            self._heard_at[context] = now
            log.error("feed is silent: is its relay running?", extra=self._labels | {"context": context})
            gauges.add("consumer_feed_silent", 1, context=context, **self._labels)
        return silent

    def forget(self) -> None:
        """Begin anew: another instance may be the one that hears them now."""
        self._heard_at.clear()
