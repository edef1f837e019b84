import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.accounts import Passwords
from identity.domain.password import LONGEST, check_password
from kernel.errors import InvalidArgument


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "123456789", "1234567890", "Password123", "QWERTYUIOP", "aaaaaaaaaaaa",
        "ababababababab", "wang.xm2026", "x" * (LONGEST + 1), "ｐａｓｓｗｏｒｄ１２３",
    ],
)  # fmt: skip
def test_a_password_that_would_be_guessed_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_password("new_password", password, "wang.xm")
    assert refusal.value.field == "new_password"
    assert not password or password not in str(refusal.value)


@pytest.mark.parametrize("password", ["correct horse battery", "山高水长风清月白人间好时", "wang.xm+seven-birds"])
def test_a_decent_password_is_taken(password: str) -> None:
    check_password("password", password, "wang.xm")


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_only_the_password_itself_verifies(passwords: Passwords, mine: str, other: str) -> None:
    hashed = passwords.hash(mine)
    assert mine not in hashed or len(mine) < 6
    assert passwords.verify(hashed, mine)
    if passwords.verify(hashed, other):
        from identity.accounts import normalised

        assert normalised(mine) == normalised(other)


def test_nobody_verifies_nothing(passwords: Passwords) -> None:
    assert not passwords.verify(None, "anything at all")
    assert not passwords.verify("not a hash", "anything at all")
