"""What only a real server can confirm: without the appenders' lock PostgreSQL itself loses events to a reader."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from kernel.ids import new_id
from kernel.store import Cause, EventStore, open_datastore
from kernel.vault import MasterKey

from .planted import PLANTED

BUGS = {bug.name: bug for bug in PLANTED}


@pytest.mark.parametrize(
    ("name", "is_lost"),
    [("", False), ("appending_without_the_lock", True), ("a_horizon_that_does_not_wait", True)],
)
def test_a_reader_passes_a_late_commit_only_with_the_bug(
    name: str, is_lost: bool, notes: Any, database: Callable[[str], Any]
) -> None:
    """One draws a position and commits late, another draws the next and commits at once, a reader reads between."""
    with BUGS[name].plant() if name else nullcontext():
        store: EventStore[Any] = EventStore(
            open_datastore(database("kernel").url, 1, 5), notes.codec, MasterKey(bytes(32))
        )
        late, early = new_id(), new_id()
        seen = []
        with store.connection() as reader:
            with store.transaction(Cause.of("person:late")) as slow:
                slow.append(late, 0, [notes.NoteStruck(late)])
                with store.transaction(Cause.of("person:early")) as quick:
                    quick.append(early, 0, [notes.NoteStruck(early)])
                after = _read(store, reader, 0, seen)
            _read(store, reader, after, seen)
        store.close()
    assert seen == ([early] if is_lost else [late, early])


def _read(store: EventStore[Any], reader: Any, after: int, seen: list[Any]) -> int:
    """Read up to the horizon, if there is one; return how far."""
    try:
        horizon = store.recorder.horizon_on(reader, timeout_s=0.2)
    except TimeoutError:
        return after
    seen += [entry.stream for entry in store.recorder.read_log(reader, after, horizon, 100)]
    return horizon
