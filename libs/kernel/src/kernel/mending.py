"""Lets administrators see what a service has parked, and have it tried again or left out for good.

What they do is recorded in the service's own log. Retrying is outside of that record's transaction: each event takes
effect in one of its own, so when the answer fails, asking again is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crm.audit.v1 import parking_service_pb2 as pb
from kernel.consumers import consumers_of
from kernel.envelope import timestamp_of
from kernel.errors import Conflict, Forbidden, InvalidArgument, NotFound
from kernel.ids import derived_id
from kernel.parking import list_streams, set_aside
from kernel.parking_events import ParkedRetried, ParkedSetAside, RetriedStream
from kernel.request import optional_text, optional_uuid, required_uuid
from kernel.retrying import Retried, hold_slot, retry_parked
from kernel.timers import drop_failed_timer, failed_timers, retry_failed_timers

if TYPE_CHECKING:
    from kernel.rpc import Call
    from kernel.service import Service
    from kernel.store import Transaction

MOST_LISTED = 200
MOST_RETRIED = 200
"""Streams in one answer, and in one recorded event."""
_SPARE_S = 2.0
_LONGEST_KEY = 500


class ParkingApi:
    """Answers what is parked in one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parking = derived_id("parking", service.name)

    def ListParked(self, request: pb.ListParkedRequest, call: Call) -> pb.ListParkedResponse:
        _require_all(call)
        cursor = call.query()
        streams = list_streams(cursor, MOST_LISTED + 1)
        timers = failed_timers(cursor, MOST_LISTED + 1)
        return pb.ListParkedResponse(
            context=self._service.name,
            streams=[
                pb.ParkedStream(
                    consumer=first.consumer,
                    of_context=first.context,
                    stream_id=str(first.stream),
                    position=first.position,
                    version=first.version,
                    event_type=first.type,
                    reason=first.reason,
                    attempts=first.attempts,
                    parked_at=timestamp_of(first.parked_at),
                    events=events,
                )
                for first, events in streams[:MOST_LISTED]
            ],
            timers=[
                pb.FailedTimer(
                    key=timer["key"],
                    kind=timer["kind"],
                    reason=timer["last_error"],
                    attempts=timer["attempts"],
                    due_at=timestamp_of(timer["due_at"]),
                    failed_at=timestamp_of(timer["failed_at"]),
                )
                for timer in timers[:MOST_LISTED]
            ],
            more=max(len(streams), len(timers)) > MOST_LISTED,
        )

    def RetryParked(self, request: pb.RetryParkedRequest, call: Call) -> pb.RetryParkedResponse:
        _require_all(call)
        consumer, stream = optional_text(request, "consumer"), optional_uuid(request, "stream_id")
        key = optional_text(request, "timer_key", max_length=_LONGEST_KEY)
        if consumer and stream is None:
            raise InvalidArgument("stream_id", "is needed with consumer; leave both out to try everything")
        if key and stream:
            raise InvalidArgument("timer_key", "goes without stream_id: try one thing at a time, or everything")

        def is_late() -> bool:
            left = call.time_remaining()
            return left is not None and left < _SPARE_S

        tried: list[Retried] = []
        if not key:
            tried = list(islice(retry_service(self._service, stream, consumer, is_late), MOST_RETRIED))
        tx = call.transaction()
        timers = 0 if stream else retry_failed_timers(tx.cursor, key)
        if key and not timers:
            raise NotFound("this timer is not set aside any more; list again")
        if tried or timers:
            told = tuple(RetriedStream(it.consumer, it.context, it.stream, it.handled, it.failure) for it in tried)
            self._record(tx, ParkedRetried(self._parking, told, timers, key))
        return pb.RetryParkedResponse(
            streams=[
                pb.RetriedParked(
                    consumer=it.consumer,
                    of_context=it.context,
                    stream_id=str(it.stream),
                    handled=it.handled,
                    failure=it.failure,
                )
                for it in tried
            ],
            timers=timers,
            more=is_late() or len(tried) == MOST_RETRIED,
        )

    def SetParkedAside(self, request: pb.SetParkedAsideRequest, call: Call) -> pb.SetParkedAsideResponse:
        _require_all(call)
        tx = call.transaction()
        if key := optional_text(request, "timer_key", max_length=_LONGEST_KEY):
            kind = drop_failed_timer(tx.cursor, key)
            if kind is None:
                raise NotFound("this timer is not set aside any more; list again")
            self._record(tx, ParkedSetAside(self._parking, "", "", None, 0, kind, key))
            return pb.SetParkedAsideResponse()
        consumer, stream = optional_text(request, "consumer"), required_uuid(request, "stream_id")
        first = next((it for it, _ in list_streams(tx.cursor, 1, consumer, stream)), None)
        if first is None:
            raise NotFound("nothing of this stream waits any more; list again")
        hold_slot(tx.cursor, first.consumer, first.context, first.stream)
        left = set_aside(tx.cursor, first, tx.recorded_at) if first.position == request.position else None
        if left is None:
            raise Conflict("another event of this stream is the first to wait by now; list again, and look at it")
        self._record(
            tx,
            ParkedSetAside(self._parking, first.consumer, first.context, first.stream, first.position, first.type, ""),
        )
        return pb.SetParkedAsideResponse(events=left)

    def _record(self, tx: Transaction[Any], event: ParkedRetried | ParkedSetAside) -> None:
        tx.append(self._parking, len(tx.history(self._parking)), [event])


def _require_all(call: Call) -> None:
    if call.caller.scope != "all":
        raise Forbidden("what is parked may be of anybody's records: this needs a role that sees all of them")


def retry_service(
    service: Service, stream: UUID | None = None, consumer: str = "", is_late: Callable[[], bool] = lambda: False
) -> Iterator[Retried]:
    """Retry what is parked in a service for its views and reactions, or for one of them; tell stream by stream."""
    consumers = [it for it, _ in consumers_of(service) if consumer in ("", it.name)]
    yield from retry_parked(consumers, service.settings.database_url, stream, is_late)
