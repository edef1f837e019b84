"""Every event pairs with its message, and bytes that were ever stored decode for ever."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kernel.codec import Codec
from kernel.money import Money
from kernel.vault import ERASED
from marketing.bootstrap import EVENTS, MESSAGES
from marketing.domain.form import FormAnswer, FormSubmitted
from marketing.domain.message import MessagePlanned
from testkit.contracts import OneKey

GOLDEN = Path(__file__).parent / "golden.txt"
SENTENCE = "华东 spring"


def an_example_of(hint: Any, at: int = 1) -> Any:
    """A value of this type in which nothing is empty, the same always."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return an_example_of(next(a for a in typing.get_args(hint) if a is not type(None)), at)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return (an_example_of(inner, at), an_example_of(inner, at + 1))
    if typing.get_origin(hint) is dict:
        return {"utm_source": SENTENCE}
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return list(hint)[-1]
    if is_dataclass(hint) and hint is not Money:
        hints = typing.get_type_hints(hint)
        return hint(**{f.name: an_example_of(hints[f.name], at + n) for n, f in enumerate(fields(hint))})  # type: ignore[operator]
    simple = {
        UUID: UUID(int=at),
        str: f"{SENTENCE} {at}",
        int: at,
        bool: True,
        Money: Money(at, "CNY"),
        date: date(2026, 3, at % 28 + 1),
        datetime: datetime(2026, 3, 2, 9, at % 60, tzinfo=UTC),
    }
    return simple[hint]


EXAMPLES = tuple(an_example_of(event) for event in EVENTS)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(EVENTS, MESSAGES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: type(it).__name__)
def test_an_event_comes_back_as_it_went(codec: Codec, example: Any) -> None:
    [stored] = codec.encode([(example, "s/1")], OneKey())
    assert codec.decode([(stored.type, stored.data, "s/1")], OneKey()) == [example]


@pytest.mark.parametrize("line", GOLDEN.read_text().splitlines(), ids=lambda it: it.split(" ")[0])
def test_bytes_stored_once_decode_for_ever(codec: Codec, line: str) -> None:
    name, encoded = line.split(" ")
    [event] = codec.decode([(name, bytes.fromhex(encoded), "s/1")], OneKey())
    assert event in EXAMPLES


def test_golden_bytes_cover_every_event() -> None:
    kept = {line.split(" ")[0].rpartition(".")[2] for line in GOLDEN.read_text().splitlines()}
    assert kept == {event.__name__ for event in EVENTS}


@pytest.mark.feature("MKT-05")
def test_what_a_visitor_enters_is_sealed_and_forgotten_with_his_key(codec: Codec) -> None:
    answers = (FormAnswer("plan", "Plan", "a wedding in May"),)
    submitted = replace(
        an_example_of(FormSubmitted),
        person_name="王芳",
        phone="+86 139",
        email="wang@example.com",
        company="华新",
        answers=answers,
    )
    [stored] = codec.encode([(submitted, "s/1")], OneKey())
    for entered in ("王芳", "+86 139", "wang@example.com", "华新", "a wedding in May"):
        assert entered.encode() not in stored.data
    [forgotten] = codec.decode([(stored.type, stored.data, "s/1")], OneKey(None))
    assert (forgotten.person_name, forgotten.email, forgotten.answers[0].value) == (ERASED,) * 3
    assert forgotten.region_code == submitted.region_code


def test_the_address_of_a_test_is_sealed(codec: Codec) -> None:
    planned = an_example_of(MessagePlanned)
    [stored] = codec.encode([(planned, "s/1")], OneKey())
    assert planned.test_address.encode() not in stored.data
