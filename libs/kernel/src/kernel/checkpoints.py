"""Gives a service's signed checkpoints to whoever wants to keep a copy where this service cannot write."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from crm.audit.v1 import seal_service_pb2 as pb
from kernel.envelope import timestamp_of
from kernel.errors import InvalidArgument
from kernel.request import optional_text, page_of
from kernel.seal import CHAINS, EVENTS

if TYPE_CHECKING:
    from kernel.rpc import Call

_MOST = 100
"""A checkpoint carries up to 16,000 bytes of marks."""


class SealApi:
    """Answers what was sealed."""

    def ListCheckpoints(self, request: pb.ListCheckpointsRequest, call: Call) -> pb.ListCheckpointsResponse:
        chain = optional_text(request, "chain") or EVENTS.table
        if chain not in (known := [one.table for one in CHAINS]):
            raise InvalidArgument("chain", f"must be one of: {', '.join(known)}")
        page = page_of(request)
        limit = min(page.limit, _MOST)
        after = page.after[0] if page.after else request.after_number
        if not isinstance(after, int):
            raise InvalidArgument("page_token", "is not one that this list gave")
        rows = (
            call.query()
            .execute(
                "select number, body, signature, marks from seals where chain = %s and number > %s"
                " order by number limit %s",
                (chain, after, limit + 1),
            )
            .fetchall()
        )
        shown = rows[:limit]
        found = pb.ListCheckpointsResponse(
            next_page_token=page.next_token([None] * (page.limit + 1), [shown[-1]["number"]]) if rows[limit:] else ""
        )
        for row in shown:
            said = json.loads(row["body"])
            found.checkpoints.add(
                number=row["number"],
                position=said["position"],
                sealed_at=timestamp_of(datetime.fromisoformat(said["sealed_at"])),
                body=row["body"],
                signature=row["signature"],
                marks=row["marks"],
            )
        return found
