"""Python runs this first in a process whose PYTHONPATH names this folder: its clock is off by what a file says.

The clock that services are given and time.time() are moved; the monotonic clock, which never jumps, is not.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

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


kernel.clock.system_clock = jumping_clock
time.time = lambda: _true_time() + offset_s()
