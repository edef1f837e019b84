"""A small context for the kernel's tests: notes that somebody takes, amends and strikes.

Its messages are made in memory, so that no test schema stands among the contracts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, timestamp_pb2
from google.protobuf.message_factory import GetMessageClass

from crm.common.v1 import money_pb2
from crm.options.v1 import options_pb2
from kernel.codec import Codec
from kernel.money import Money
from kernel.projections import Inline
from kernel.store import EventStore, Recorded, open_datastore
from kernel.vault import MasterKey

F = descriptor_pb2.FieldDescriptorProto


class Mood(IntEnum):
    CALM = 1
    CROSS = 2


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    remark: str


@dataclass(frozen=True, slots=True)
class NoteTaken:
    note_id: UUID
    author_id: UUID
    text: str
    phones: tuple[str, ...] = ()
    answers: dict[str, str] = None  # type: ignore[assignment]
    lines: tuple[Line, ...] = ()
    price: Money | None = None
    mood: Mood = Mood.CALM
    due_on: date | None = None
    taken_at: datetime | None = None
    share: Decimal = Decimal(0)
    parent_id: UUID | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class NoteAmended:
    note_id: UUID
    author_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class NoteStruck:
    note_id: UUID


Event = NoteTaken | NoteAmended | NoteStruck


@cache
def messages() -> ModuleType:
    """The generated module that notes would have, had they a contract."""
    file = descriptor_pb2.FileDescriptorProto(name="kernel_test/notes.proto", package="kernel_test.v1", syntax="proto3")
    file.dependency.extend([money_pb2.DESCRIPTOR.name, options_pb2.DESCRIPTOR.name, timestamp_pb2.DESCRIPTOR.name])

    def message(name: str, subject: str, *fields: tuple[str, int, dict[str, Any]]) -> Any:
        made = file.message_type.add(name=name)
        if subject:
            made.options.Extensions[options_pb2.subject] = subject
        for number, (field_name, kind, more) in enumerate(fields, 1):
            more = dict(more)
            marked = more.pop("personal", False)
            field = made.field.add(name=field_name, number=number, type=kind, label=more.pop("label", 1), **more)
            field.options.Extensions[options_pb2.personal] = marked
        return made

    enum = file.enum_type.add(name="Mood")
    for value, name in enumerate(("MOOD_UNSPECIFIED", "MOOD_CALM", "MOOD_CROSS")):
        enum.value.add(name=name, number=value)
    message("Line", "", ("label", F.TYPE_STRING, {}), ("remark", F.TYPE_STRING, {"personal": True}))
    taken = message(
        "NoteTaken",
        "author_id",
        ("note_id", F.TYPE_STRING, {}),
        ("author_id", F.TYPE_STRING, {}),
        ("text", F.TYPE_STRING, {"personal": True}),
        ("phones", F.TYPE_STRING, {"personal": True, "label": 3}),
        (
            "answers",
            F.TYPE_MESSAGE,
            {"label": 3, "type_name": ".kernel_test.v1.NoteTaken.AnswersEntry", "personal": True},
        ),
        ("lines", F.TYPE_MESSAGE, {"label": 3, "type_name": ".kernel_test.v1.Line"}),
        ("price", F.TYPE_MESSAGE, {"type_name": ".crm.common.v1.Money"}),
        ("mood", F.TYPE_ENUM, {"type_name": ".kernel_test.v1.Mood"}),
        ("due_on", F.TYPE_STRING, {}),
        ("taken_at", F.TYPE_MESSAGE, {"type_name": ".google.protobuf.Timestamp"}),
        ("share", F.TYPE_STRING, {}),
        ("parent_id", F.TYPE_STRING, {}),
        ("rank", F.TYPE_INT64, {"proto3_optional": True, "oneof_index": 0}),
    )
    taken.oneof_decl.add(name="_rank")
    entry = taken.nested_type.add(name="AnswersEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=F.TYPE_STRING, label=1)
    entry.field.add(name="value", number=2, type=F.TYPE_STRING, label=1)
    message(
        "NoteAmended",
        "author_id",
        ("note_id", F.TYPE_STRING, {}),
        ("author_id", F.TYPE_STRING, {}),
        ("text", F.TYPE_STRING, {"personal": True}),
    )
    message("NoteStruck", "", ("note_id", F.TYPE_STRING, {}))
    message("TakeNoteRequest", "", ("note_id", F.TYPE_STRING, {}), ("text", F.TYPE_STRING, {"personal": True}))
    message("TakeNoteResponse", "", ("version", F.TYPE_INT64, {}), ("text", F.TYPE_STRING, {"personal": True}))
    message("GetNoteRequest", "", ("note_id", F.TYPE_STRING, {}))
    message("GetNoteResponse", "", ("text", F.TYPE_STRING, {"personal": True}))
    service = file.service.add(name="NoteService")
    for name, permission, is_query in (
        ("TakeNote", "kernel.note.write", False),
        ("GetNote", "kernel.note.read", True),
    ):
        method = service.method.add(
            name=name,
            input_type=f".kernel_test.v1.{name}Request",
            output_type=f".kernel_test.v1.{name}Response",
        )
        method.options.Extensions[options_pb2.permission] = permission
        if is_query:
            method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    pool = descriptor_pool.Default()
    pool.Add(file)
    module = ModuleType("kernel_test_notes_pb2")
    for made in file.message_type:
        descriptor = pool.FindMessageTypeByName(f"kernel_test.v1.{made.name}")
        setattr(module, made.name, GetMessageClass(descriptor))
    module.DESCRIPTOR = pool.FindFileByName(file.name)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return module


def keep_note(cursor: Any, recorded: Recorded[Event]) -> None:
    match recorded.event:
        case NoteTaken(note_id=note_id, text=text) | NoteAmended(note_id=note_id, text=text):
            cursor.execute(
                "insert into notes (note_id, text, version) values (%s, %s, %s)"
                " on conflict (note_id) do update set text = excluded.text, version = excluded.version",
                (note_id, text, recorded.version),
            )
        case NoteStruck(note_id=note_id):
            cursor.execute("delete from notes where note_id = %s", (note_id,))


NOTES = Inline("notes", ("notes",), keep_note)
MASTER = bytes(range(32))


@pytest.fixture(scope="session")
def notes() -> SimpleNamespace:
    """The context's names: events, messages, codec."""
    return SimpleNamespace(
        NoteTaken=NoteTaken,
        NoteAmended=NoteAmended,
        NoteStruck=NoteStruck,
        Line=Line,
        Mood=Mood,
        messages=messages(),
        codec=Codec((NoteTaken, NoteAmended, NoteStruck), [messages()]),
        inline=NOTES,
    )


@pytest.fixture
def notes_database(database: Callable[[str], Any]) -> Any:
    """A database with the kernel's tables and the notes view."""
    import psycopg

    found = database("kernel")
    with psycopg.connect(found.owner_url, autocommit=True) as owner:
        owner.execute("create table notes (note_id uuid primary key, text text not null, version bigint not null)")
        owner.execute("grant select, insert, update, delete on notes to public")
    return found


@pytest.fixture
def store(notes: SimpleNamespace, notes_database: Any) -> Iterator[EventStore[Any]]:
    """A store of notes with their inline view."""
    opened: EventStore[Any] = EventStore(
        open_datastore(notes_database.url, 2, 30), notes.codec, MasterKey(MASTER), [notes.inline]
    )
    yield opened
    opened.close()
