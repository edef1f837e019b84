"""Master keys are rotated while others write, and what they had wrapped in a backup opens no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from kernel.keyring import PARTS, Keyring, part_of, rotate
from kernel.store import EventStore, open_datastore
from kernel.vault import MasterKey, NotWrappedByUs, TableKeys
from testkit.plugin import MASTER_KEY

FIRST = MasterKey(MASTER_KEY)


@pytest.fixture
def store(database: Callable[[str], Any], tmp_path: Path) -> Iterator[EventStore[Any]]:
    from kernel.codec import Codec

    opened: EventStore[Any] = EventStore(
        open_datastore(database("customer").url), Codec([], []), Keyring(tmp_path / "keys" / "ring.json", FIRST)
    )
    yield opened
    opened.close()


def obtain(store: EventStore[Any], *subjects: str) -> dict[str, bytes]:
    """As a command does: in a transaction; nothing is remembered between two."""
    with store.connection() as connection, connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        store._key_cache._kept.clear()
        return store.keys(cursor).obtain(set(subjects))


def table(store: EventStore[Any]) -> dict[str, bytes]:
    with store.connection() as connection:
        return {
            row["subject"]: bytes(row["wrapped"])
            for row in connection.execute("select subject, wrapped from subject_keys where wrapped is not null")
        }


def test_all_keys_stay_and_are_wrapped_anew_and_what_wrapped_them_is_destroyed(
    store: EventStore[Any], tmp_path: Path
) -> None:
    with store.connection() as connection, connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        before_there_was_a_ring = TableKeys(cursor, FIRST, store._key_cache).obtain({"old"})
    keys = obtain(store, "a", "b", "c") | before_there_was_a_ring
    backup = table(store)
    with store.connection() as connection:
        wrapped, destroyed = rotate(connection, store.master, range(PARTS))  # type: ignore[arg-type]
    assert (wrapped, len(destroyed)) == (4, PARTS)
    assert obtain(store, *keys) == keys
    assert all(table(store)[subject] != backup[subject] for subject in keys)
    reopened = Keyring(tmp_path / "keys" / "ring.json", FIRST)
    assert reopened.unwrap("a", table(store)["a"]) == keys["a"]
    with pytest.raises(NotWrappedByUs, match="was destroyed"):
        reopened.unwrap("a", backup["a"])
    assert (tmp_path / "keys" / "ring.json").stat().st_mode & 0o077 == 0


@pytest.mark.feature("CUS-50")
def test_a_forgotten_persons_key_in_an_old_backup_opens_with_no_key_there_is(store: EventStore[Any]) -> None:
    keys = obtain(store, "forgotten", "other")
    assert part_of("forgotten") != part_of("other")
    backup = table(store)
    with store.connection() as connection:
        connection.execute("select forget_key('forgotten')")
        rotate(connection, store.master, {part_of("forgotten")})  # type: ignore[arg-type]
    with pytest.raises(NotWrappedByUs):
        store.master.unwrap("forgotten", backup["forgotten"])
    assert store.master.unwrap("other", backup["other"]) == keys["other"], "nobody else's was touched"


def test_keys_made_by_other_processes_during_a_rotation_are_never_lost(store: EventStore[Any], tmp_path: Path) -> None:
    """Each writer has a ring of its own, as each process has; all read one file."""
    made: dict[str, bytes] = {}
    failures: list[BaseException] = []
    done = threading.Event()

    def write(number: int) -> None:
        mine: EventStore[Any] = EventStore(
            store.datastore, store.codec, Keyring(tmp_path / "keys" / "ring.json", FIRST)
        )
        n = 0
        try:
            while not done.is_set():
                n += 1
                made.update(obtain(mine, f"{number}-{n}", f"{number}-{max(n - 3, 1)}"))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    with store.connection() as connection:
        for _ in range(5):
            rotate(connection, store.master, range(PARTS))  # type: ignore[arg-type]
    done.set()
    for writer in writers:
        writer.join(20)
    assert not failures
    assert len(made) > 20
    assert obtain(store, *made) == made
