"""Events become bytes and come back; personal text is sealed on the way and opens nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag

from kernel.codec import Codec, ContractError
from kernel.money import Money
from kernel.vault import ERASED


class MemoryKeys:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        return {s: self.kept.setdefault(s, os.urandom(32)) for s in subjects}

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        return {s: self.kept.get(s) for s in subjects}


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def taken(notes: SimpleNamespace) -> object:
    return notes.NoteTaken(
        note_id=UUID(int=1),
        author_id=UUID(int=2),
        text="张伟 asked twice",
        phones=("+8613812345678", "+49301234567"),
        answers={"q1": "sky blue", "q2": "no"},
        lines=(notes.Line("a", "secret one"), notes.Line("b", "")),
        price=Money(1230, "EUR"),
        mood=notes.Mood.CROSS,
        due_on=date(2026, 2, 28),
        taken_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        share=Decimal("0.125"),
        parent_id=UUID(int=9),
        rank=0,
    )


def test_everything_an_event_holds_comes_back(notes, keys, taken):
    [stored] = notes.codec.encode([(taken, "b/1")], keys)
    assert stored.type == "kernel_test.v1.NoteTaken"
    assert notes.codec.decode([(*stored, "b/1")], keys) == [taken]


def test_what_is_not_set_comes_back_as_none(notes, keys):
    bare = notes.NoteTaken(UUID(int=1), UUID(int=2), "x", answers={})
    [stored] = notes.codec.encode([(bare, "b/1")], keys)
    [back] = notes.codec.decode([(*stored, "b/1")], keys)
    assert (back.price, back.due_on, back.taken_at, back.parent_id, back.rank) == (None,) * 5


def test_no_personal_text_is_stored_in_clear(notes, keys, taken):
    [stored] = notes.codec.encode([(taken, "b/1")], keys)
    for clear in ("张伟", "13812345678", "301234567", "sky blue", "secret one"):
        assert clear.encode() not in stored.data
    assert b"q1" in stored.data  # keys of a map are not personal, nor are labels


def test_without_the_key_personal_text_reads_erased_and_the_rest_stays(notes, keys, taken):
    [stored] = notes.codec.encode([(taken, "b/1")], keys)
    keys.kept.clear()
    [back] = notes.codec.decode([(*stored, "b/1")], keys)
    assert back.text is ERASED
    assert back.phones == (ERASED, ERASED)
    assert back.lines[0] == notes.Line("a", ERASED)
    assert back.price == taken.price


@pytest.mark.parametrize("elsewhere", ["b/2", "c/1"])
def test_sealed_text_does_not_open_in_another_event(notes, keys, taken, elsewhere):
    [stored] = notes.codec.encode([(taken, "b/1")], keys)
    with pytest.raises(InvalidTag):
        notes.codec.decode([(*stored, elsewhere)], keys)


def test_sealed_text_does_not_open_in_another_field(notes, keys, taken):
    [stored] = notes.codec.encode([(taken, "b/1")], keys)
    message = notes.messages.NoteTaken.FromString(stored.data)
    message.phones[0], message.phones[1] = message.phones[1], message.phones[0]
    with pytest.raises(InvalidTag):
        notes.codec.decode([(stored.type, message.SerializeToString(), "b/1")], keys)


def test_personal_text_of_nobody_is_refused(notes, keys):
    message = notes.messages.NoteAmended(note_id="n", text="whose?")
    with pytest.raises(ContractError, match="no subject"):
        notes.codec.decode([("kernel_test.v1.NoteAmended", message.SerializeToString(), "b/1")], keys)


def test_an_old_event_reads_as_todays(notes, keys, taken):
    def amended_was_taken(old):
        return notes.messages.NoteTaken(note_id=old.note_id, author_id=old.author_id, text=old.text, share="0", mood=1)

    codec = Codec((notes.NoteTaken,), [notes.messages], {notes.messages.NoteAmended: amended_was_taken})
    [stored] = notes.codec.encode([(notes.NoteAmended(UUID(int=1), UUID(int=2), "old"), "b/1")], keys)
    [event] = codec.decode([(*stored, "b/1")], keys)
    assert isinstance(event, notes.NoteTaken)
    assert event.text == "old"


def test_a_class_that_does_not_fit_its_message_is_refused_at_start(notes):
    @dataclass(frozen=True)
    class NoteStruck:
        note_id: UUID
        reason: str

    with pytest.raises(ContractError, match="reason"):
        Codec((NoteStruck,), [notes.messages])


def test_equal_events_of_equal_keys_have_equal_clear_parts(notes, keys, taken):
    struck = notes.NoteStruck(UUID(int=5))
    first, second = notes.codec.encode([(struck, "b/1"), (replace(struck), "b/2")], keys)
    assert first.data == second.data
