"""Asks the owners' relays, over the broker, how far their logs go. Remembered for a moment, never waited for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from kernel.backfill import BackfillClient
from kernel.broker import BROKER_ERRORS, connect
from kernel.errors import Unavailable

_GOOD_FOR_S = 3.0
_BAD_FOR_S = 15.0
_CONNECT_TIMEOUT_S = 1.0
_ANSWER_TIMEOUT_S = 0.5


class LogEnds:
    """The last published position of each context's log, as far as the owners answer."""

    def __init__(
        self,
        amqp_url: str,
        contexts: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._amqp_url = amqp_url
        self._contexts = tuple(contexts)
        self._clock = clock
        self._lock = Lock()
        self._ends: Mapping[str, int] = {}
        self._good_until = 0.0

    def __call__(self) -> Mapping[str, int]:
        """Return the ends by context; a context whose owner does not answer is left out."""
        with self._lock:
            if self._clock() >= self._good_until:
                self._ends = self._ask()
                whole = len(self._ends) == len(self._contexts)
                self._good_until = self._clock() + (_GOOD_FOR_S if whole else _BAD_FOR_S)
            return self._ends

    def _ask(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        try:
            connection = connect(self._amqp_url, connect_timeout_s=_CONNECT_TIMEOUT_S)
        except BROKER_ERRORS:
            return found
        try:
            client = BackfillClient(connection, _ANSWER_TIMEOUT_S)
            for context in self._contexts:
                try:
                    found[context] = client.end_of(context)
                except Unavailable:
                    continue
        except BROKER_ERRORS:
            return found
        finally:
            connection.collect()
        return found
