"""Answers that took long are given again for a while, to everybody who may see the same.

A figure over all deals is worked out from all deals, and a dashboard is looked at by many at once. An answer is kept
for a few times as long as it took, so one question never takes up more than a fixed part of a processor, and what is
quick to work out is never old. Every answer says when it was computed.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any

from google.protobuf.message import Message

from kernel.errors import Unavailable
from kernel.rpc import Call

TIMES_AS_LONG = 5.0
QUICK_S = 0.05
"""What takes no longer is worked out every time."""
OLDEST_S = 30.0
_MOST = 256
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Answer:
    message: Message
    good_until: float
    usable_until: float


@dataclass(slots=True)
class _Kept:
    working: Lock = field(default_factory=Lock)
    answer: _Answer | None = None


class KeptAnswers:
    """The last answers by question and by what the asker may see; each is worked out by one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def answer(self, request: Message, call: Call, work_out: Callable[[], Message]) -> Message:
        """Return a fresh enough answer; while somebody works it out anew, the last one.

        Raises Unavailable when somebody works out the first one for longer than the caller waits.
        """
        kept = self._of(request, call)
        if (known := kept.answer) is not None and self._clock() < known.good_until:
            return _copy(known.message)
        if known is not None and self._clock() < known.usable_until:
            mine = kept.working.acquire(blocking=False)
            if not mine:
                return _copy(known.message)
        else:
            remaining = call.time_remaining()
            patience_s = _PATIENCE_S if remaining is None else min(max(remaining, 0.0), _PATIENCE_S)
            if not kept.working.acquire(timeout=patience_s):
                raise Unavailable("this is being worked out for somebody else; ask again in a moment")
        try:
            if (known := kept.answer) is not None and self._clock() < known.good_until:
                return _copy(known.message)  # somebody else did it while we waited
            began = self._clock()
            message = work_out()
            ended = self._clock()
            took_s = ended - began
            good_until = ended + min(took_s * TIMES_AS_LONG, OLDEST_S)
            kept.answer = None if took_s < QUICK_S else _Answer(_copy(message), good_until, good_until + OLDEST_S)
            return message
        finally:
            kept.working.release()

    def _of(self, request: Message, call: Call) -> _Kept:
        caller = call.caller
        key = (
            request.DESCRIPTOR.full_name,
            request.SerializeToString(deterministic=True),
            caller.scope,
            "" if caller.scope == "all" else caller.actor,
            caller.owners,
            caller.teams,
            caller.guest_of,
            caller.permissions,
            caller.fields,
        )
        with self._lock:
            found = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return found


def _copy(answer: Message) -> Message:
    """What is given away is taken apart by who may not see all of it."""
    copied = type(answer)()
    copied.CopyFrom(answer)
    return copied


def kept(handler: Callable[[Any, Any, Call], Any]) -> Callable[[Any, Any, Call], Any]:
    """Answer by the api's `kept_answers` where they are fresh enough."""

    @wraps(handler)
    def answer(api: Any, request: Message, call: Call) -> Message:
        answers: KeptAnswers = api.kept_answers
        return answers.answer(request, call, lambda: handler(api, request, call))

    return answer
