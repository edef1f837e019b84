"""Identifiers: UUIDv7 for new things, UUIDv5 for things that follow from others."""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f1d2f6a-5f0e-5b5e-9a53-2b1d8f0f4c11")


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds << 80) | tail
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def derived_id(*parts: object) -> UUID:
    """Return the same id for the same parts, always: what makes a repeated step harmless."""
    return uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts))
