"""The time now, injected so that tests and simulations may say what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time now, aware and in UTC."""
    return datetime.now(UTC)
