"""How far the owners' logs go, asked of their relays over the broker, beside the requests and never in their way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock, Thread

from kernel.backfill import BackfillClient
from kernel.broker import BROKER_ERRORS, connect
from kernel.errors import Unavailable

_GOOD_FOR_S = 3.0
_BAD_FOR_S = 15.0
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 1.0


class LogEnds:
    """The last published position of each context's log, as far as the owners answered last.

    Calling it answers at once with what is known and asks anew in the background when that is old, so the
    first call knows nothing. At most one thread asks at a time, and each question has a limit.
    """

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
        self._asking = False
        self._ends: Mapping[str, int] = {}
        self._good_until = 0.0

    def __call__(self) -> Mapping[str, int]:
        """Return the ends by context; a context whose owner did not answer is left out."""
        with self._lock:
            if not self._asking and self._clock() >= self._good_until:
                self._asking = True
                Thread(target=self._refresh, name="log-ends", daemon=True).start()
            return self._ends

    def _refresh(self) -> None:
        ends: Mapping[str, int] = {}
        try:
            ends = self.ask()
        finally:
            whole = len(ends) == len(self._contexts)
            with self._lock:
                self._ends = ends
                self._good_until = self._clock() + (_GOOD_FOR_S if whole else _BAD_FOR_S)
                self._asking = False

    def ask(self) -> Mapping[str, int]:
        """Ask every owner now; a context whose owner does not answer is left out."""
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
