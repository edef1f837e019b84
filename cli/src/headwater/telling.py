"""How long-running commands say what they are doing."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def say(words: str) -> None:
    """One line with the seconds since the command began; on standard error, so that answers stay clean."""
    print(f"[{time.monotonic() - _started:6.1f} s] {words}", file=sys.stderr, flush=True)
