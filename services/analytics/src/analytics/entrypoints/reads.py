"""Asks every service whom it showed personal data, and puts the answers in one order."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.audit.v1 import reads_service_pb2 as audit
from kernel.errors import InvalidArgument
from kernel.request import Page
from kernel.rpc import Call

log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_COLUMNS = (
    "read_at",
    "actor",
    "subject_ids",
    "classes",
    "context",
    "method",
    "request_id",
    "correlation_id",
    "position",
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of reads, newest first; `unanswered` names services whose reads are missing."""

    reads: Sequence[audit.Read]
    next_page_token: str
    unanswered: Sequence[str]


def search(
    request: pb.SearchReadsRequest | pb.ExportReadsRequest, page: Page, call: Call, services: Sequence[str]
) -> Found:
    """Ask the services one after the other, each for one page, and return the newest of all."""
    places = _places(page)
    if request.context and request.context not in services:
        raise InvalidArgument("context", f"is none of {', '.join(services)}")
    found: list[audit.Read] = []
    unanswered = []
    for context in [request.context] if request.context else services:
        answer = _ask(context, request, page, places.get(context, 0), call)
        if answer is None:
            unanswered.append(context)
        else:
            found += answer.reads
    found.sort(key=lambda read: (read.read_at.ToNanoseconds(), read.context, read.position), reverse=True)
    shown = found[: page.limit]
    for read in shown:
        places[read.context] = read.position
    return Found(shown, page.next_token(found, [places]), unanswered)


def _ask(context: str, request: Any, page: Page, before: int, call: Call) -> audit.ListReadsResponse | None:
    import grpc  # here, because bus processes load this package's neighbours and never grpc

    from crm.audit.v1.reads_service_pb2_grpc import ReadsServiceStub

    asked = audit.ListReadsRequest(
        context=context,
        subject_id=request.subject_id,
        actor=request.actor,
        from_at=request.from_at if request.HasField("from_at") else None,
        to_at=request.to_at if request.HasField("to_at") else None,
        page_size=min(page.limit + 1, 500),
        before_position=before,
    )
    stub: Any = ReadsServiceStub(call.peer(context))
    try:
        answer: audit.ListReadsResponse = stub.ListReads(asked, timeout=_TIMEOUT_S)
    except grpc.RpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise
        log.warning("reads not answered", extra={"context": context, "status": error.code().name})
        return None
    return answer


def _places(page: Page) -> dict[str, int]:
    if not page.after:
        return {}
    places = page.after[0]
    if not isinstance(places, dict):
        raise InvalidArgument("page_token", "is not one that this list gave")
    return {str(context): int(position) for context, position in places.items()}


def csv_lines(reads: Sequence[audit.Read], header: bool) -> str:
    """Return the reads as CSV (RFC 4180), lists joined by spaces."""
    out = io.StringIO()
    writer = csv.writer(out)
    if header:
        writer.writerow(_COLUMNS)
    for read in reads:
        values: Mapping[str, Any] = {
            "read_at": read.read_at.ToJsonString(),
            "subject_ids": " ".join(read.subject_ids),
            "classes": " ".join(read.classes),
        }
        writer.writerow([values.get(name, getattr(read, name)) for name in _COLUMNS])
    return out.getvalue()
