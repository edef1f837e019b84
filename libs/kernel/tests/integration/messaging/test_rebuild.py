"""A view is built again beside the live one, equals it row for row, and takes its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from kernel.consumers import Views
from kernel.projections import Eventual, Inline
from kernel.rebuild import compare, rebuild, rebuild_command
from kernel.store import Cause
from testkit import wait_until


@pytest.fixture
def notes_service(store: Any, notes_database: Any, notes: Any) -> Any:
    """A service whose one inline view holds a row per note."""
    settings = SimpleNamespace(owner_url=lambda: notes_database.owner_url, amqp_url="")
    return SimpleNamespace(name="notes", settings=settings, store=store, inline=[notes.inline], eventual=[])


def take_notes(service: Any, notes: Any, count: int) -> None:
    for n in range(count):
        note_id, author_id = uuid4(), uuid4()
        events = [
            notes.NoteTaken(note_id=note_id, author_id=author_id, text=f"note {n}", answers={}),
            notes.NoteAmended(note_id=note_id, author_id=author_id, text=f"note {n}, amended"),
            notes.NoteStruck(note_id=note_id),
        ]
        with service.store.transaction(Cause.of("tester")) as tx:
            tx.append(note_id, 0, events[: 1 + n % 3])


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_rebuilt_inline_view_equals_the_live_one(notes_service: Any, notes: Any) -> None:
    take_notes(notes_service, notes, 30)
    result = compare(notes_service, notes.inline)
    assert result.equal
    assert result.events == 60
    assert [(t.table, t.rows) for t in result.tables] == [("notes", 20)]


def test_a_live_view_that_was_tampered_with_is_told_and_mended(
    notes_service: Any, notes: Any, notes_database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    take_notes(notes_service, notes, 9)
    url = notes_database.owner_url
    execute(url, "update notes set text = 'forged' where note_id = (select min(note_id::text)::uuid from notes)")
    execute(url, "create index notes_by_text on notes (text)")
    assert rebuild_command(notes_service, "notes", check_only=True) == 1
    assert "1 rows only live, 1 only rebuilt" in capsys.readouterr().out
    assert rebuild_command(notes_service, "all") == 0
    assert "events/s" in capsys.readouterr().out
    assert rebuild_command(notes_service, "notes", check_only=True) == 0
    indexes = execute(url, "select indexname from pg_indexes where tablename = 'notes' order by 1")
    assert indexes == [("notes_by_text",), ("notes_pkey",)]
    assert execute(notes_database.url, "select count(*) from notes") == [(6,)]  # the grants came along
    assert execute(url, "select 1 from pg_namespace where nspname like 'rebuild%'") == []


def test_a_view_that_does_not_exist_is_named(notes_service: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild_command(notes_service, "forecast") == 2
    assert "there are: notes" in capsys.readouterr().err


def test_appending_goes_on_during_a_rebuild(notes_service: Any, notes: Any) -> None:
    take_notes(notes_service, notes, 50)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            take_notes(notes_service, notes, 3)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        results = [rebuild(notes_service, notes.inline) for _ in range(3)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert all(result.equal for result in results)
    assert compare(notes_service, notes.inline).equal


def test_who_reads_a_view_and_then_appends_does_not_end_its_rebuild(
    notes_service: Any, notes: Any, notes_database: Any
) -> None:
    take_notes(notes_service, notes, 5)
    waits = "select count(*) from pg_locks where not granted and locktype = 'relation'"
    results: list[Any] = []
    rebuilding = threading.Thread(target=lambda: results.append(rebuild(notes_service, notes.inline)))
    note_id = uuid4()
    with suppress(psycopg.errors.DeadlockDetected), notes_service.store.transaction(Cause.of("tester")) as tx:
        tx.cursor.execute("select count(*) from notes")
        rebuilding.start()
        wait_until(lambda: execute(notes_database.url, waits) != [(0,)])
        taken = notes.NoteTaken(note_id=note_id, author_id=note_id, text="late", answers={})
        tx.append(note_id, 0, [taken])  # each waits for the other; one is ended
    rebuilding.join(60)
    assert [result.equal for result in results] == [True]
    assert compare(notes_service, notes.inline).equal


def test_a_projection_that_writes_elsewhere_cannot_reach_live_tables(
    notes_service: Any, notes: Any, notes_database: Any
) -> None:
    execute(notes_database.owner_url, "create table other (n int)")
    take_notes(notes_service, notes, 1)
    stray = Inline("notes", ("notes",), lambda cursor, _: cursor.execute("insert into other values (1)"))
    with pytest.raises(psycopg.errors.UndefinedTable):
        rebuild(notes_service, stray)
    assert execute(notes_database.url, "select count(*) from notes") == [(1,)]


def test_an_eventual_view_is_rebuilt_from_its_owners_logs(
    owner: Any, follower: Any, agree: Callable[..., None]
) -> None:
    def project(cursor: Any, events: Sequence[Any]) -> None:
        cursor.executemany(
            "insert into latest as l (stream, version, noted) values (%s, %s, %s)"
            " on conflict (stream) do update set version = excluded.version, noted = l.noted || excluded.noted",
            [(e.stream, e.version, [e.position]) for e in events],
        )

    execute(
        follower.database.owner_url,
        "create table latest (stream uuid primary key, version bigint, noted bigint[]);grant all on latest to public",
    )
    view = Eventual("latest", ("latest",), ("kernel_test",), project)
    owner.start_relay()
    follower.start(partitions=4, consumer=Views([view]))
    settings = SimpleNamespace(owner_url=lambda: follower.database.owner_url, amqp_url=follower.amqp_url)
    service = SimpleNamespace(name="follower", settings=settings, store=None, inline=[], eventual=[view])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            owner.append(50)

    owner.append(300)
    wait_until(lambda: follower.query("select 1 from latest"))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        results = [rebuild(service, view) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert all(result.equal for result in results)
    assert all(result.events > 0 for result in results)
    last = owner.log()[-1][0]
    wait_until(lambda: follower.query("select max(position) from tracking") == [(last,)], timeout_s=20)
    wait_until(lambda: compare(service, view).events == len(owner.log()), timeout_s=20)
    assert compare(service, view).equal
