"""A coupon's code can be read out and is the same for the same coupon."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from marketing.domain.coupon import code_of


@given(st.uuids(), st.uuids())
def test_a_code_has_ten_letters_that_cannot_be_mistaken(one: UUID, other: UUID) -> None:
    assert code_of(one) == code_of(one)
    assert len(code_of(one)) == 10
    assert not set(code_of(one)) & set("01IO")
    assert one.int & (2**50 - 1) == other.int & (2**50 - 1) or code_of(one) != code_of(other)
