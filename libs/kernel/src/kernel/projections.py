"""What a read model is: its tables, and the function that folds events into them.

`Inline` views run in the append's transaction, `Eventual` ones follow other contexts' events. Both
write and read only their own tables, under unqualified names, and give the same rows for the same
events in any order across streams: that is what lets kernel.rebuild replay them beside the live ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel.delivered import Delivered

if TYPE_CHECKING:
    from psycopg import Cursor
    from psycopg.rows import DictRow

    from kernel.store import Recorded

__all__ = ["Delivered", "Eventual", "Inline"]


@dataclass(frozen=True, slots=True)
class Inline:
    """A view of the service's own events, written in the same transaction as they are."""

    name: str
    tables: tuple[str, ...]
    project: Callable[[Cursor[DictRow], Recorded[Any]], None]


@dataclass(frozen=True, slots=True)
class Eventual:
    """A view of other contexts' events, written a batch at a time with the tracking rows."""

    name: str
    tables: tuple[str, ...]
    contexts: tuple[str, ...]
    project: Callable[[Cursor[DictRow], Sequence[Delivered]], None]
