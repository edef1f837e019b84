"""Every event pairs with its message, and bytes that were ever stored decode for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.bootstrap import EVENTS, MESSAGES
from identity.domain import api_client, person, role, session, sign_in_policy, team
from kernel.codec import Codec
from kernel.vault import ERASED, is_sealed

GOLDEN = Path(__file__).parent / "golden.txt"

ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))
OCTOBER = datetime(2026, 10, 1, 8, 30, tzinfo=UTC)
MASKED = (role.FieldRule("a.*.phone", role.FieldAccess.MASK),)

EXAMPLES: tuple[Any, ...] = (
    team.TeamFormed(ONE, "华东区", TWO, None),
    team.TeamRenamed(ONE, "华东区", "East"),
    team.TeamMoved(ONE, TWO, None),
    team.TeamManagerAppointed(ONE, None, THREE),
    team.TeamDissolved(ONE),
    role.RoleDefined(ONE, "buyer", "Buyer", ("a.b.read", "c.*.*"), role.DataScope.TEAM, False),
    role.RoleRevised(ONE, "Buyer", ("a.b.read",), role.DataScope.ALL, ("c.*.*",), role.DataScope.OWN),
    role.RoleDefined(ONE, "buyer", "Buyer", ("a.b.read",), role.DataScope.OWN, False, MASKED),
    role.RoleRevised(ONE, "Buyer", ("a.b.read",), role.DataScope.OWN, ("a.b.read",), role.DataScope.OWN, (), MASKED),
    role.RoleRetired(ONE),
    person.PersonJoined(ONE, "王小明", "wang@example.org", "wang.xm", TWO, "rep"),
    person.PersonRevised(ONE, "王晓明", "wang@example.org", "lead"),
    person.PersonMoved(ONE, TWO, THREE),
    person.PersonLeft(ONE, "retired"),
    person.PersonReturned(ONE, TWO),
    person.RoleGranted(ONE, "buyer"),
    person.RoleWithdrawn(ONE, "buyer"),
    person.PasswordChanged(ONE, True),
    person.PersonJoined(ONE, "李雷", "li@example.org", "li.l", None, "", person.PersonKind.PARTNER, THREE),
    person.RoleGranted(ONE, "buyer", OCTOBER, TWO),
    person.RoleWithdrawn(ONE, "buyer", True),
    person.SecondFactorEnrolled(ONE),
    person.SecondFactorRemoved(ONE, "reset"),
    person.RecoveryCodeUsed(ONE),
    person.ProviderLinked(ONE, "corp"),
    person.ProviderUnlinked(ONE, "corp"),
    session.SessionOpened(ONE, TWO, OCTOBER, "192.0.2.7", "Firefox"),
    session.SessionOpened(ONE, TWO, OCTOBER, "192.0.2.7", "Firefox", "password and code"),
    session.IdentitySwitched(ONE, TWO, "buyer"),
    session.AccountSharingSuspected(ONE, TWO, (THREE,), 3),
    session.SessionClosed(ONE, TWO, "signed out"),
    api_client.ApiClientRegistered(ONE, "Shop", ("a.b.read",), role.DataScope.ALL, TWO, OCTOBER),
    api_client.ApiClientRotated(ONE, OCTOBER),
    api_client.ApiClientRevoked(ONE, "replaced"),
    sign_in_policy.SignInPolicySet(ONE, 90, 3, 2, ("admin",)),
)


class OneKeyForAll:
    """Stands for the vault's table: everybody has the same key, unless everybody is forgotten."""

    def __init__(self, key: bytes | None = bytes(range(32))) -> None:
        self._key = key

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        assert self._key is not None
        return dict.fromkeys(subjects, self._key)

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        return dict.fromkeys(subjects, self._key)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(EVENTS, MESSAGES)


def test_there_is_an_example_of_every_event() -> None:
    assert {type(example) for example in EXAMPLES} == set(EVENTS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: type(it).__name__)
def test_an_event_comes_back_as_it_went(codec: Codec, example: Any) -> None:
    stored = codec.encode([(example, "s/1")], OneKeyForAll())
    assert codec.decode([(s.type, s.data, "s/1") for s in stored], OneKeyForAll()) == [example]


@pytest.mark.parametrize("line", GOLDEN.read_text().splitlines(), ids=lambda it: it.split(" ")[0])
def test_bytes_stored_once_decode_for_ever(codec: Codec, line: str) -> None:
    name, encoded = line.split(" ")
    (event,) = codec.decode([(name, bytes.fromhex(encoded), "s/1")], OneKeyForAll())
    assert event in EXAMPLES


def test_golden_bytes_cover_every_event() -> None:
    kept = {line.split(" ")[0].rpartition(".")[2] for line in GOLDEN.read_text().splitlines()}
    assert kept == {event.__name__ for event in EVENTS}


def test_personal_text_is_sealed_and_forgotten_with_its_key(codec: Codec) -> None:
    joined = next(it for it in EXAMPLES if isinstance(it, person.PersonJoined))
    (stored,) = codec.encode([(joined, "s/1")], OneKeyForAll())
    assert "王小明".encode() not in stored.data
    assert b"wang@example.org" not in stored.data
    (forgotten,) = codec.decode([(stored.type, stored.data, "s/1")], OneKeyForAll(None))
    assert (forgotten.name, forgotten.email, forgotten.login) == (ERASED, ERASED, "wang.xm")


@given(name=st.text(min_size=1, max_size=50), email=st.text(max_size=50))
def test_any_text_survives_sealing(name: str, email: str) -> None:
    codec = Codec(EVENTS, MESSAGES)
    joined = person.PersonJoined(ONE, name, email, "x.y", None, "")
    stored = codec.encode([(joined, "s/1")], OneKeyForAll())
    message = codec.types[stored[0].type].FromString(stored[0].data)
    assert is_sealed(message.name)  # type: ignore[attr-defined]
    assert codec.decode([(s.type, s.data, "s/1") for s in stored], OneKeyForAll()) == [joined]


@pytest.mark.parametrize("event", EVENTS, ids=lambda it: it.__name__)
def test_no_event_has_room_for_a_secret(event: type) -> None:
    names = " ".join(event.__dataclass_fields__)
    assert not any(word in names for word in ("password_", "hash", "token", "secret"))
