"""A stream RPC as server-sent events: one for each answer, whose id is the position to go on after.

A stream ends when its token does, within a minute; the client connects again by itself (that is what server-sent
events are) and says in Last-Event-ID where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from google.protobuf.message import Message

from gateway.changes import sse
from gateway.problems import Problem
from gateway.transcoding import Malformed, Violation, as_tree

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_AGAIN_MS = 200
_LONGEST_ID = 20


def go_on(request: Message, headers: Mapping[str, str]) -> None:
    """Begin where the client says it was. Raises Malformed for an id that no stream gave."""
    last = headers.get("last-event-id", "")
    if not last or "after_position" not in request.DESCRIPTOR.fields_by_name:
        return
    if not last.isdecimal() or not last.isascii() or len(last) > _LONGEST_ID or int(last) >= 2**63:
        raise Malformed([Violation("Last-Event-ID", "is not one that this stream gave")])
    request.after_position = int(last)  # type: ignore[attr-defined]
    if "from_now" in request.DESCRIPTOR.fields_by_name:
        request.from_now = False  # type: ignore[attr-defined]


async def shown(first: Message, answers: AsyncIterator[Message]) -> AsyncIterator[str]:
    """The answers as server-sent events. What goes wrong after the first ends the stream: the client comes back."""
    yield f"retry: {_AGAIN_MS}\n" + _event(first)
    try:
        async for answer in answers:
            yield _event(answer)
    except (Problem, asyncio.CancelledError):
        return
    finally:
        await answers.aclose()  # type: ignore[attr-defined]


def _event(answer: Any) -> str:
    return sse("events", as_tree(answer), str(answer.position))
