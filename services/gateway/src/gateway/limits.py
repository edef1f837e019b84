"""How often one address and one person may ask, and how long a connection may take to say what it wants.

Counts are this process's own: with several gateways each allows its share. Memory is bounded; who has not
asked for the longest time is forgotten first, and begins with a full bucket.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.problems import TOO_MANY, Problem

MOST_KEPT: Final = 20_000
BURST_S: Final = 5.0
"""How many seconds' worth may come at once."""

HEADERS_WITHIN_S: Final = 15.0
LARGEST_HEADERS: Final = 32 * 1024
MOST_HEADERS: Final = 100
_UNBOUNDED_SITES: Final = ("/static/", "/livez", "/readyz", "/healthz")


class Buckets:
    """Token buckets: `per_second` on average, five seconds' worth at once."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic, most: int = MOST_KEPT) -> None:
        self._rate = per_second
        self._burst = per_second * BURST_S
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def take(self, who: str) -> float:
        """Take one; return 0, or how many seconds until there is one."""
        now = self._clock()
        tokens, then = self._kept.get(who, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        wait_s = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._kept[who] = (tokens if wait_s else tokens - 1, now)
        self._kept.move_to_end(who)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return wait_s

    def __len__(self) -> int:
        return len(self._kept)


class Limits:
    """The buckets of one gateway. Each method raises Problem when it is too much."""

    def __init__(self, per_address: float, anonymous: float, per_person: float) -> None:
        self._addresses = Buckets(per_address)
        self._anonymous = Buckets(anonymous)
        self._people = Buckets(per_person)

    def address(self, source: str, path: str, signed_in: bool) -> None:
        """One more request from there. Without a session fewer are allowed, but pages load as they like."""
        where = network_of(source)
        _check(self._addresses.take(where), "from this address")
        if not signed_in and not path.startswith(_UNBOUNDED_SITES):
            _check(self._anonymous.take(where), "from this address without signing in")

    def person(self, access_token: str) -> None:
        """One more request of whoever this access token is for."""
        _check(self._people.take(subject_of(access_token)), "by this person or client")


def _check(wait_s: float, whose: str) -> None:
    if wait_s > 0:
        seconds = max(1, math.ceil(wait_s))
        words = f"too many requests {whose}; come back in {seconds} s"
        raise Problem(TOO_MANY, words, headers={"Retry-After": str(seconds)})


def network_of(source: str) -> str:
    """An address as limits see it: of IPv6 the half that one subscriber is given."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def subject_of(access_token: str) -> str:
    """Whom a token says it is for. Only for counting: nothing is verified here."""
    try:
        body = access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return str(claims["sub"])[:100]
    except (IndexError, ValueError, KeyError, TypeError):
        return "nobody"


class PromptProtocol(H11Protocol):
    """uvicorn's, but a connection that does not finish the head of its request in time is closed.

    Otherwise a few thousand connections that send a byte a minute would take all there are.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.trailing_data[0]:  # the beginning of another request came before this one was answered
            self._unset_keepalive_if_required()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        waits_for_head = self.cycle is None or self.cycle.response_complete
        if not waits_for_head:
            self._unwatch()
        elif self._due is None and self.timeout_keep_alive_task is None:
            self._due = self.loop.call_later(HEADERS_WITHIN_S, self._too_slow)

    def _unwatch(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _too_slow(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            self.transport.close()
