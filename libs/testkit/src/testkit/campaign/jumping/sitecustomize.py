"""Python runs this first in a process whose PYTHONPATH names this folder: its clock is off by what a file says.

The clock that services are given, time.time() and the one by which PyJWT judges tokens are moved; the monotonic
clock, which never jumps, is not.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import kernel.clock

_FILE = Path(os.environ["HEADWATER_CLOCK_OFFSET"])
_READ_EVERY_S = 0.5
_true_time = time.time
_read = (0.0, 0.0)  # when (monotonic), and what it said


def offset_s() -> float:
    """How many seconds this process is ahead of the truth."""
    global _read
    now = time.monotonic()
    if now - _read[0] > _READ_EVERY_S:
        _read = now, float(_FILE.read_text())
    return _read[1]


def jumping_clock() -> datetime:
    """What services take for the time now."""
    return datetime.now(UTC) + timedelta(seconds=offset_s())


class JumpingDatetime(datetime):
    """What a module takes for datetime that asks it for the time itself."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(seconds=offset_s())


class WhenTokensAreRead(MetaPathFinder):
    """Moves PyJWT's clock once somebody imports it; earlier would be before eventlet has patched what it needs."""

    def find_spec(self, name: str, *_: Any) -> Any:
        if name != "jwt.api_jwt":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def and_then_move(module: Any) -> None:
            execute(module)
            module.datetime = JumpingDatetime

        spec.loader.exec_module = and_then_move  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, WhenTokensAreRead())
kernel.clock.system_clock = jumping_clock
time.time = lambda: _true_time() + offset_s()
