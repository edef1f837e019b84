"""Put one thing in the place of another, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def instead_of(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Within the block, `owner.name` is this. Raises AttributeError if there is no such place."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)
