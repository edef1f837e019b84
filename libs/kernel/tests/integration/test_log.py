"""The log keeps everything, in order, while many append and one reads along."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from kernel.errors import LostRace
from kernel.ids import new_id
from kernel.store import Cause, EventStore

WRITERS = 8
EACH = 60


def someone() -> Cause:
    return Cause.of("person:00000000-0000-0000-0000-000000000001")


def test_a_tailing_reader_misses_nothing_while_many_append(store: EventStore[Any], notes: SimpleNamespace) -> None:
    """Writers race; a reader that only trusts the horizon sees every event once, and rising."""
    written: list[UUID] = []
    lock = threading.Lock()

    def write(_: int) -> None:
        for _ in range(EACH):
            note = new_id()
            with store.transaction(someone()) as tx:
                tx.append(note, 0, [notes.NoteStruck(note), notes.NoteStruck(note)])
            with lock:
                written.append(note)

    seen: list[tuple[UUID, int]] = []
    done = threading.Event()

    def read() -> None:
        after, last_round = 0, False
        with store.connection() as connection:
            while True:
                finishing = done.is_set()
                horizon = store.recorder.horizon_on(connection)
                while entries := store.recorder.read_log(connection, after, horizon, 500):
                    seen.extend((e.stream, e.version) for e in entries)
                    after = entries[-1].position
                if last_round:
                    return
                last_round = finishing

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    done.set()
    reader.join(60)
    assert len(seen) == WRITERS * EACH * 2
    assert len(set(seen)) == len(seen)
    for note in written:
        versions = [version for stream, version in seen if stream == note]
        assert versions == [1, 2]


def test_the_horizon_waits_for_an_open_appender_and_for_nobody_else(
    store: EventStore[Any], notes: SimpleNamespace, notes_database: Any
) -> None:
    note = new_id()
    with psycopg.connect(notes_database.url) as stranger:
        stranger.execute("select count(*) from events")  # a long transaction that appends nothing
        with store.transaction(someone()) as tx:
            tx.append(note, 0, [notes.NoteStruck(note)])
            with pytest.raises(TimeoutError, match="still open"):
                store.recorder.horizon(timeout_s=0.2)
        assert store.recorder.horizon(timeout_s=2) >= 1


def test_one_of_two_writers_at_the_same_version_loses(store: EventStore[Any], notes: SimpleNamespace) -> None:
    note = new_id()
    with store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteStruck(note)])
    with pytest.raises(LostRace, match=str(note)), store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteStruck(note)])
    with store.transaction(someone()) as tx:
        assert tx.append(note, 1, [notes.NoteStruck(note)]) == 2


def test_views_and_events_stand_or_fall_together(store: EventStore[Any], notes: SimpleNamespace) -> None:
    kept, lost = new_id(), new_id()
    with store.transaction(someone()) as tx:
        tx.append(kept, 0, [notes.NoteTaken(kept, uuid4(), "stays", answers={})])
    with pytest.raises(RuntimeError, match="changed my mind"), store.transaction(someone()) as tx:
        tx.append(lost, 0, [notes.NoteTaken(lost, uuid4(), "goes", answers={})])
        raise RuntimeError("changed my mind")
    with store.query() as cursor:
        assert cursor.execute("select note_id, text from notes").fetchall() == [{"note_id": kept, "text": "stays"}]
    with store.transaction(someone()) as tx:
        assert tx.history(lost) == []


def test_a_key_that_was_rolled_back_never_seals_what_stays(store: EventStore[Any], notes: SimpleNamespace) -> None:
    author, note = uuid4(), new_id()
    with pytest.raises(RuntimeError), store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteTaken(note, author, "first try", answers={})])
        raise RuntimeError
    with store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteTaken(note, author, "second try", answers={})])
    with store.connection() as connection:
        assert connection.execute("select count(*) as n from subject_keys").fetchone() == {"n": 1}
    with store.transaction(someone()) as tx:
        assert tx.history(note)[0].text == "second try"


def test_the_services_role_cannot_change_or_remove_events(
    store: EventStore[Any], notes: SimpleNamespace, notes_database: Any
) -> None:
    note = new_id()
    with store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteStruck(note)])
    for statement in (
        "update events set topic = 'x'",
        "delete from events",
        "truncate events",
        "drop table events",
        "alter table events disable trigger all",
    ):
        with (
            psycopg.connect(notes_database.url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_metadata_says_who_when_and_why(store: EventStore[Any], notes: SimpleNamespace) -> None:
    from datetime import UTC, datetime

    note, then = new_id(), datetime(2025, 3, 4, 5, 6, tzinfo=UTC)
    cause = Cause("person:x", "r-1", new_id(), new_id(), "00-trace", then, "import-7")
    with store.transaction(cause) as tx:
        tx.append(note, 0, [notes.NoteStruck(note)])
    with store.transaction(someone()) as tx:
        [recorded] = tx.recorded(note)
    found = recorded.metadata
    assert (found.actor, found.request_id, found.correlation_id) == ("person:x", "r-1", cause.correlation_id)
    assert (found.causation_id, found.traceparent, found.timeline_id) == (
        cause.causation_id,
        "00-trace",
        "import-7",
    )
    assert found.effective_at == then
    assert found.recorded_at > then


def test_a_forgotten_persons_text_is_erased_and_cannot_be_written_again(
    store: EventStore[Any], notes: SimpleNamespace
) -> None:
    from kernel.vault import ERASED, SubjectForgotten

    author, note = uuid4(), new_id()
    with store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteTaken(note, author, "remember me", answers={})])
    with store.transaction(someone()) as tx:
        assert tx.forget(str(author))
    fresh = store.with_inline(())
    with fresh.transaction(someone()) as tx:
        assert tx.history(note)[0].text is ERASED
        with pytest.raises(SubjectForgotten):
            tx.append(note, 1, [notes.NoteAmended(note, author, "again")])


def test_the_id_of_something_else_has_no_state_and_cannot_be_added_to(
    store: EventStore[Any], notes: SimpleNamespace
) -> None:
    def evolve_another(state: int | None, event: Any) -> int:
        raise AssertionError("assert_never")

    def evolve_badly(state: int | None, event: Any) -> int:
        assert state is None, "a mistake of ours"
        return 1

    note = new_id()
    with store.transaction(someone()) as tx:
        tx.append(note, 0, [notes.NoteStruck(note), notes.NoteStruck(note)])
    with store.transaction(someone()) as tx:
        found = tx.load(note, evolve_another)
        assert (found.state, found.version) == (None, 0)
        with pytest.raises(AssertionError, match="a mistake of ours"):
            tx.load(note, evolve_badly)
    with pytest.raises(LostRace), store.transaction(someone()) as tx:
        tx.append(note, found.version, [notes.NoteStruck(note)])
