"""Waits for a condition and says what it saw when the condition never came; tests never sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.1


def wait_until(
    condition: Callable[[], T],
    timeout_s: float = 60,
    describe: str | Callable[[], object] = "the condition",
) -> T:
    """Ask `condition` until its answer is true and return that answer.

    Raises AssertionError after `timeout_s` seconds, with `describe` (a text, or a function asked
    then) and the last answer. An exception raised by `condition` ends the wait at once.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = FIRST_PAUSE_S
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            wanted = describe() if callable(describe) else describe
            raise AssertionError(f"not within {timeout_s} s: {wanted}; last answer: {answer!r}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
