"""One-time codes against the vectors of RFC 6238, and what a used or drifting code is worth."""

from datetime import UTC, datetime

import pytest

from identity.second_factor import code_at, new_recovery_codes, otpauth_uri, step_of

SECRET = b"12345678901234567890"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.feature("IDN-12")
@pytest.mark.parametrize(
    ("seconds", "code"),  # RFC 6238, appendix B, SHA-1; the last six of eight digits
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // 30) == code
    assert step_of(code, SECRET, at(seconds), 0) == seconds // 30


def test_a_clock_may_be_a_step_off_and_not_two() -> None:
    code = code_at(SECRET, 1000)
    for step, taken in ((998, None), (999, 1000), (1000, 1000), (1001, 1000), (1002, None)):
        assert step_of(code, SECRET, at(step * 30), 0) == taken


@pytest.mark.feature("IDN-12")
def test_a_used_step_and_those_before_it_are_not_taken_again() -> None:
    now = at(1000 * 30)
    assert step_of(code_at(SECRET, 1000), SECRET, now, 1000) is None
    assert step_of(code_at(SECRET, 999), SECRET, now, 1000) is None
    assert step_of(code_at(SECRET, 1001), SECRET, now, 1000) == 1001


@pytest.mark.parametrize("code", ["", "28708", "2870820", "abcdef", "२८७०८२"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert step_of(code, SECRET, at(59), 0) is None


def test_an_app_reads_the_uri() -> None:
    assert otpauth_uri(SECRET, "wang") == (
        "otpauth://totp/Headwater%3Awang?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Headwater"
    )


def test_recovery_codes_differ() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == len(codes) == 10
    assert all(len(code) == 13 for code in codes)
