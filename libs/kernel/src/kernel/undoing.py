"""Take back what one cause did: find its records in the log, preview, then append what their reversals decide.

Only the log is asked, and only compensating events are written, in the transaction of the command: one page of
records at a time, and only as previewed. They name the undo as their cause, so that doing it twice does nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.audit.v1 import undo_service_pb2 as pb
from kernel.envelope import timestamp_of
from kernel.errors import Conflict, Forbidden, InvalidArgument
from kernel.handed_over import RecordsHandedOver
from kernel.ids import derived_id
from kernel.parking_events import ParkedRetried, ParkedSetAside
from kernel.purged import PersonPurged
from kernel.request import Page, optional_date, optional_text, optional_uuid, page_of
from kernel.reversals import Outcome, Plan, Reason, Reversals, Step, kept, plan
from kernel.vault import Erased

if TYPE_CHECKING:
    from kernel.rpc import Call
    from kernel.service import Service
    from kernel.store import EventStore, Recorded

MOST_RECORDS = 100
EVERYWHERE = (
    kept(
        "handover",
        {
            RecordsHandedOver: Reason(
                "handed_over", "records were given to a successor: hand them back to whom they belong"
            )
        },
    ),
    kept(
        "parked",
        {
            ParkedRetried: Reason("parked_went_on", "what was waiting has gone its way: undo what it led to"),
            ParkedSetAside: Reason(
                "parked_left_out", "what was left out is not delivered any more: enter what is missing by hand"
            ),
        },
    ),
    kept("erasure", {PersonPurged: Reason("stays_forgotten", "whoever is forgotten stays forgotten")}),
)
"""What every service records besides its own events."""
_NOBODYS = Reversals("", {})


@dataclass(frozen=True, slots=True)
class UndoCause:
    """Whose events: a condition on the log, and the id of the undo, the same whenever the same is asked."""

    undo_id: UUID
    condition: str
    values: tuple[Any, ...]

    def streams(self, cursor: Cursor[DictRow], page: Page, limit: int) -> list[UUID]:
        """Return the next records that the cause changed, by id; one more than `limit` when there are more."""
        after = _after(page)
        rows = cursor.execute(
            f"select distinct originator_id as id from events where {self.condition}"
            " and causation_id is distinct from %s and originator_id > %s order by id limit %s",
            (*self.values, self.undo_id, after, limit + 1),
        ).fetchall()
        return [row["id"] for row in rows]

    def events(self, cursor: Cursor[DictRow], streams: Sequence[UUID]) -> set[UUID]:
        """Return the ids of the cause's events in these records."""
        rows = cursor.execute(
            f"select event_id from events where {self.condition}"
            " and causation_id is distinct from %s and originator_id = any(%s)",
            (*self.values, self.undo_id, list(streams)),
        ).fetchall()
        return {row["event_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class _Look:
    """What decisions may ask of other records, on the cursor of the request."""

    cursor: Cursor[DictRow]
    store: EventStore[Any]

    def __call__(self, stream: UUID) -> Sequence[Any]:
        entries = self.store.recorder.read_stream(self.cursor, stream)
        return [each.event for each in self.store.decode(self.cursor, entries)]


@dataclass(frozen=True, slots=True)
class _Record:
    """One record: its history, what is the cause's in it, and what is to be done."""

    stream: UUID
    history: Sequence[Recorded[Any]]
    reversals: Reversals
    plan: Plan


class UndoApi:
    """Answers for one service what an undo would do, and does it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kinds = (*service.undoing, *EVERYWHERE, _NOBODYS)
        self._reversals = {event: each for each in self._kinds for event in each.changes}

    def PreviewUndo(self, request: pb.PreviewUndoRequest, call: Call) -> pb.PreviewUndoResponse:
        _require_all(call)
        cause, page = _cause(request), page_of(request)
        records, shown = self._look(call.query(), cause, page)
        return pb.PreviewUndoResponse(
            records=[_message(record) for record in records],
            next_page_token=_next(shown),
            fingerprint=_fingerprint(cause, records) if records else "",
        )

    def Undo(self, request: pb.UndoRequest, call: Call) -> pb.UndoResponse:
        _require_all(call)
        cause, page = _cause(request), page_of(request)
        call.cause = replace(call.cause, causation_id=cause.undo_id)
        tx = call.transaction()
        records, _ = self._look(tx.cursor, cause, page)
        if not records or request.fingerprint != _fingerprint(cause, records):
            raise Conflict(
                "what would be taken back is not what the preview showed: somebody changed it since,"
                " or it was taken back already; look at the preview again"
            )
        for kind in self._kinds:  # in the service's order: what carries over to other records comes after them
            for record in records:
                if record.reversals is kind and record.plan.events:
                    kind.save(tx, record.stream, record.plan.state, len(record.history), record.plan.events)
        return pb.UndoResponse(
            records=[_message(record) for record in records],
            recorded=sum(len(record.plan.events) for record in records),
            undo_id=str(cause.undo_id),
            correlation_id=str(call.cause.correlation_id),
        )

    def _look(self, cursor: Cursor[DictRow], cause: UndoCause, page: Page) -> tuple[list[_Record], list[UUID]]:
        limit = min(page.limit, MOST_RECORDS)
        found = cause.streams(cursor, page, limit)
        streams = found[:limit]
        mine = cause.events(cursor, streams)
        store = self._service.store
        entries = store.recorder.read_streams(cursor, streams)

        look = _Look(cursor, store)
        records = []
        for stream in streams:
            recorded = store.decode(cursor, entries[stream])
            steps = [_step(each, mine, cause.undo_id) for each in recorded]
            reversals = self._reversals.get(type(recorded[0].event), _NOBODYS)
            records.append(_Record(stream, recorded, reversals, plan(reversals, steps, look, _is_lost)))
        return records, found[: limit + 1] if len(found) > limit else []


def _after(page: Page) -> UUID:
    try:
        return UUID(str(page.after[0])) if page.after else UUID(int=0)
    except ValueError as error:
        raise InvalidArgument("page_token", "is not one that this list gave") from error


def _require_all(call: Call) -> None:
    if call.caller.scope != "all":
        raise Forbidden("taking back what others did needs a role that sees all records")


def _cause(request: Any) -> UndoCause:
    """Read the one cause that a request names."""
    correlation = optional_uuid(request, "correlation_id")
    request_id = optional_text(request, "of_request_id")
    actor, day = optional_text(request, "actor"), optional_date(request, "day")
    named = [bool(correlation), bool(request_id), bool(actor or day)]
    if sum(named) != 1:
        raise InvalidArgument("correlation_id", "name one cause: correlation_id, of_request_id, or actor and day")
    if correlation:
        return UndoCause(derived_id("undo", "correlation", correlation), "correlation_id = %s", (correlation,))
    if request_id:
        return UndoCause(derived_id("undo", "request", request_id), "request_id = %s", (request_id,))
    if not actor or day is None:
        raise InvalidArgument("actor" if not actor else "day", "is required: actor and day go together")
    who = actor if ":" in actor else f"person:{actor}"
    begin, end = _span(day, optional_text(request, "time_zone", 64) or "UTC")
    return UndoCause(
        derived_id("undo", "day", who, begin.isoformat(), end.isoformat()),
        "actor = %s and recorded_at >= %s and recorded_at < %s",
        (who, begin, end),
    )


def _span(day: date, name: str) -> tuple[datetime, datetime]:
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument("time_zone", f"{name[:40]!r} is no time zone like Asia/Shanghai") from error
    if day == date.max:
        raise InvalidArgument("day", "is the last day there is")
    begin, end = (datetime.combine(d, time.min, zone).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    return begin, end


def _step(recorded: Recorded[Any], mine: set[UUID], undo_id: UUID) -> Step:
    metadata = recorded.metadata
    return Step(
        recorded.event,
        metadata.event_id in mine,
        metadata.causation_id == undo_id,
        metadata.actor,
        metadata.recorded_at,
    )


def _is_lost(value: Any) -> bool:
    """Whether an event holds text of somebody forgotten."""
    if isinstance(value, tuple | list):
        return any(_is_lost(each) for each in value)
    if is_dataclass(value):
        return any(_is_lost(getattr(value, f.name)) for f in fields(value))
    return isinstance(value, Erased)


def _next(streams: Sequence[UUID]) -> str:
    return Page(len(streams) - 1).next_token(streams, [streams[-2]]) if streams else ""


def _fingerprint(cause: UndoCause, records: Sequence[_Record]) -> str:
    told = [
        [
            str(record.stream),
            len(record.history),
            [[o.index, int(o.verdict), o.fields, [field for field, _ in o.kept]] for o in record.plan.outcomes],
            [type(event).__name__ for event in record.plan.events],
        ]
        for record in records
    ]
    return hashlib.sha256(json.dumps([str(cause.undo_id), told]).encode()).hexdigest()


def _message(record: _Record) -> pb.UndoRecord:
    return pb.UndoRecord(
        kind=record.reversals.record,
        record_id=str(record.stream),
        version=len(record.history),
        changes=[_change(record.history[outcome.index], outcome) for outcome in record.plan.outcomes],
        compensating_events=len(record.plan.events),
    )


def _change(recorded: Recorded[Any], outcome: Outcome) -> pb.UndoChange:
    return pb.UndoChange(
        event_id=str(recorded.metadata.event_id),
        event=type(recorded.event).__name__,
        recorded_at=timestamp_of(recorded.metadata.recorded_at),
        actor=recorded.metadata.actor,
        verdict=pb.UndoVerdict.ValueType(int(outcome.verdict)),
        fields=[name or "record" for name in outcome.fields],
        kept=[
            pb.UndoKept(field=name or "record", reason=reason, because=_because(reason))
            for name, reason in outcome.kept
        ],
    )


def _because(reason: Reason) -> list[pb.UndoReason]:
    behind = _because(reason.behind) if reason.behind else []
    return [pb.UndoReason(code=reason.code, values=reason.values), *behind]
