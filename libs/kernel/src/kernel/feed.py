"""The published events of one service's log, from any position, without a gap between what was and what happens.

A reader keeps a position and nothing else: everything up to it was looked at. What it reads next ends at the log's
horizon, behind which nothing can appear any more, so history and present are one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from crm.audit.v1 import feed_service_pb2 as pb
from kernel.errors import Forbidden, InvalidArgument, TooMany, Unavailable
from kernel.log import LogRecorder
from kernel.outgoing import Wanted, cloud_event

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

    from kernel.rpc import Call
    from kernel.service import Service
    from kernel.store import EventStore

_WINDOW = 500
_MOST_WINDOWS = 10
_MOST_BYTES = 2 * 1024 * 1024
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 500
_HORIZON_TIMEOUT_S = 2.0
_FIRST_REST_S = 0.02
_LONGEST_REST_S = 0.5
_SILENT_FOR_S = 5.0
_LAST_MOMENT_S = 1.0
MOST_STREAMS = 32
"""Of one process; each has a thread."""
MOST_STREAMS_EACH = 10
"""Of one caller in one process: one for every context, and some to spare."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events as (position, CloudEvent), and how far was looked; `more` when the end was not reached."""

    events: list[tuple[int, dict[str, Any]]]
    position: int
    more: bool


class Feed:
    """Reads the published events of one log."""

    def __init__(self, context: str, recorder: LogRecorder) -> None:
        self.context = context
        self._recorder = recorder

    def page(self, connection: Connection[DictRow], after: int, wanted: Wanted, limit: int) -> Page:
        """Return at most `limit` events behind a position, looking at a bounded number of others on the way.

        Raises TimeoutError when an appender hangs at the end of the log.
        """
        if self._recorder.drawn(connection) <= after:
            return Page([], after, False)
        horizon = self._recorder.horizon_on(connection, _HORIZON_TIMEOUT_S)
        found: list[tuple[int, dict[str, Any]]] = []
        size = 0
        for _ in range(_MOST_WINDOWS):
            entries = self._recorder.read_log(connection, after, horizon, _WINDOW)
            for entry in entries:
                if entry.type in wanted:
                    found.append((entry.position, cloud_event(self.context, entry)))
                    size += len(entry.data)
                after = entry.position
                if len(found) >= limit or size > _MOST_BYTES:
                    return Page(found, after, True)
            if len(entries) < _WINDOW:
                return Page(found, max(after, horizon), False)
        return Page(found, after, True)

    def end(self, connection: Connection[DictRow]) -> int:
        """Return the position behind which nothing is published yet."""
        return self._recorder.horizon_on(connection, _HORIZON_TIMEOUT_S)


class Places:
    """How many streams may be open at once, in all and for one caller."""

    def __init__(self, most: int = MOST_STREAMS, each: int = MOST_STREAMS_EACH) -> None:
        self._most = most
        self._each = each
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one_for(self, who: str) -> Iterator[None]:
        """Take a place until the block ends; raise TooMany when there is none."""
        with self._lock:
            if self._taken[who] >= self._each:
                raise TooMany(f"you have {self._each} streams open here; end one, or ask page by page with ListEvents")
            if self._taken.total() >= self._most:
                raise TooMany("too many streams are open here; try again in a minute, or ask with ListEvents")
            self._taken[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[who] -= 1
                if not self._taken[who]:
                    del self._taken[who]


_PLACES = Places()


class FeedApi:
    """Answers partners, and our own webhooks, for one service."""

    def __init__(self, service: Service, places: Places = _PLACES) -> None:
        self._store: EventStore[Any] = service.store
        self._feed = Feed(service.name, service.store.recorder)
        self._places = places

    def ListEvents(self, request: pb.ListEventsRequest, call: Call) -> pb.ListEventsResponse:
        self._refuse(call)
        wanted = Wanted(request.types)
        if request.page_size < 0:
            raise InvalidArgument("page_size", "must not be negative")
        limit = min(request.page_size or _DEFAULT_PAGE, _LARGEST_PAGE)
        if request.from_now:
            return pb.ListEventsResponse(position=self._end())
        page = self._read(_after(request.after_position), wanted, limit)
        return pb.ListEventsResponse(events=_shown(page), position=page.position, more=page.more)

    def StreamEvents(self, request: pb.StreamEventsRequest, call: Call) -> Iterator[pb.StreamEventsResponse]:
        self._refuse(call)
        wanted = Wanted(request.types)
        after = _after(request.after_position)
        with self._places.one_for(call.caller.actor):
            if request.from_now:
                after = self._end()
            rest_s, told_at = _FIRST_REST_S, float("-inf")  # the first answer comes at once
            while True:
                page = self._read(after, wanted, _DEFAULT_PAGE)
                after = page.position
                if page.events or monotonic() - told_at > _SILENT_FOR_S:
                    yield pb.StreamEventsResponse(events=_shown(page), position=after)
                    told_at = monotonic()
                left_s = call.time_remaining()
                if left_s is not None and left_s < _LAST_MOMENT_S:
                    return
                if page.events or page.more:
                    rest_s = _FIRST_REST_S
                else:
                    sleep(rest_s)
                    rest_s = min(rest_s * 2, _LONGEST_REST_S)

    def _end(self) -> int:
        with self._store.connection() as connection:
            try:
                return self._feed.end(connection)
            except TimeoutError as error:
                raise Unavailable("something hangs at the end of the log; it is ended within seconds") from error

    def _read(self, after: int, wanted: Wanted, limit: int) -> Page:
        with self._store.connection() as connection:
            try:
                return self._feed.page(connection, after, wanted, limit)
            except TimeoutError:  # what hangs at the end is ended by the server; until then there is nothing new
                return Page([], after, False)

    def _refuse(self, call: Call) -> None:
        call.refuse_unless(f"{self._feed.context}.event.read")
        if call.caller.scope != "all":
            raise Forbidden("events tell of all records: this needs a role or client that sees all of them")
        if call.caller.fields:
            raise Forbidden("a role of yours masks or hides fields, which events would show; ask as an API client")


def _after(position: int) -> int:
    if position < 0:
        raise InvalidArgument("after_position", "must not be negative; 0 begins with the first event")
    return position


def _shown(page: Page) -> list[pb.FeedEvent]:
    found = []
    for position, event in page.events:
        one = pb.FeedEvent(position=position)
        one.event.update(event)
        found.append(one)
    return found
