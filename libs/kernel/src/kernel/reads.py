"""Who was shown which personal data: one row for each answer, committed before the answer leaves.

Answers that are ready at the same moment share a commit, so the cost falls as the load rises.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from crm.audit.v1 import reads_service_pb2 as pb
from kernel.envelope import timestamp_of
from kernel.errors import Unavailable
from kernel.request import optional_text, optional_uuid, page_of

if TYPE_CHECKING:
    from kernel.rpc import Call
    from kernel.store import EventStore

_INSERT = (
    "insert into reads (actor, method, request_id, correlation_id, subjects, classes)"
    " values (%b, %b, %b, %b, %b::uuid[], %b::text[])"
)
_LONGEST_WAIT_S = 10.0


@dataclass(slots=True)
class Read:
    """One answer with personal data. `subjects` are the records shown, `classes` what was shown of them."""

    actor: str
    method: str
    request_id: str
    correlation_id: UUID
    subjects: Sequence[str]
    classes: Sequence[str]
    done: bool = field(default=False, compare=False)


class ReadRecorder:
    """Writes reads through a service's store; whoever comes first writes for all who wait."""

    def __init__(self, store: EventStore[Any]) -> None:
        self._store = store
        self._waiting: list[Read] = []
        self._mutex = threading.Lock()
        self._writing = threading.Lock()

    def record(self, read: Read) -> None:
        """Return once the read is committed; raise Unavailable when it cannot be: then nothing is shown."""
        with self._mutex:
            self._waiting.append(read)
        if not self._writing.acquire(timeout=_LONGEST_WAIT_S):
            self._give_up(read)
            raise Unavailable("the record of reads is overloaded, and nothing is shown unrecorded; try again")
        try:
            if not read.done:
                self._write_all(read)
        finally:
            self._writing.release()

    def _write_all(self, mine: Read) -> None:
        with self._mutex:
            batch, self._waiting = self._waiting, []
        rows = [(r.actor, r.method, r.request_id, r.correlation_id, r.subjects, r.classes) for r in batch]
        try:
            with self._store.connection() as connection:
                if len(rows) == 1:
                    connection.execute(_INSERT, rows[0], prepare=True)
                else:
                    with connection.transaction(), connection.cursor() as cursor:
                        cursor.executemany(_INSERT, rows)
        except psycopg.Error:
            with self._mutex:  # everybody tries for himself: the row of one must not refuse the others
                self._waiting = [read for read in batch if read is not mine] + self._waiting
            raise
        for read in batch:
            read.done = True

    def _give_up(self, mine: Read) -> None:
        with self._mutex:
            self._waiting = [read for read in self._waiting if read is not mine]


class ReadsApi:
    """Answers who was shown what by one service."""

    def __init__(self, context: str) -> None:
        self._context = context

    def ListReads(self, request: pb.ListReadsRequest, call: Call) -> pb.ListReadsResponse:
        page = page_of(request)
        conditions: list[str] = ["true"]
        values: list[Any] = []

        def only(condition: str, value: object) -> None:
            conditions.append(condition)
            values.append(value)

        if subject := optional_uuid(request, "subject_id"):
            only("subjects @> array[%s]::uuid[]", subject)
        if actor := optional_text(request, "actor"):
            only("actor = %s", actor if ":" in actor else f"person:{actor}")
        if request.HasField("from_at"):
            only("read_at >= %s", request.from_at.ToDatetime(UTC))
        if request.HasField("to_at"):
            only("read_at < %s", request.to_at.ToDatetime(UTC))
        if before := request.before_position or (page.after and page.after[0]):
            only("position < %s", before)
        rows = (
            call.query()
            .execute(
                f"select * from reads where {' and '.join(conditions)} order by position desc limit %s",
                [*values, page.limit + 1],
            )
            .fetchall()
        )
        shown = rows[: page.limit]
        return pb.ListReadsResponse(
            reads=[self._message(row) for row in shown],
            next_page_token=page.next_token(rows, [shown[-1]["position"]]) if shown else "",
        )

    def _message(self, row: Mapping[str, Any]) -> pb.Read:
        return pb.Read(
            context=self._context,
            position=row["position"],
            read_at=timestamp_of(row["read_at"]),
            actor=row["actor"],
            method=row["method"],
            request_id=row["request_id"],
            correlation_id=str(row["correlation_id"]),
            subject_ids=[str(subject) for subject in row["subjects"]],
            classes=row["classes"],
        )
