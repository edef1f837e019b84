"""The time now, injected so that tests and simulations may say what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time now, aware and in UTC."""
    return datetime.now(UTC)


_MOMENT: ContextVar[datetime | None] = ContextVar("moment", default=None)


def present() -> datetime:
    """Return what a query takes for now: the moment that it asks for, else the time now."""
    return _MOMENT.get() or system_clock()


@contextmanager
def presenting(moment: datetime) -> Iterator[None]:
    """Within the block, `present` is this moment."""
    token = _MOMENT.set(moment)
    try:
        yield
    finally:
        _MOMENT.reset(token)
