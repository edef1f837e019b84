"""A coupon: a promise of a price, issued to one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from kernel.money import Money

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 10


@dataclass(frozen=True, slots=True)
class CouponIssued:
    coupon_id: UUID
    code: str
    value: Money
    expires_on: date
    customer_id: UUID | None
    contact_id: UUID | None
    campaign_id: UUID | None
    run_id: UUID | None
    owner_id: UUID | None


CouponEvent = CouponIssued


def code_of(coupon_id: UUID) -> str:
    """Return ten letters that a person can read out, the same for the same coupon always."""
    number = coupon_id.int
    letters = []
    for _ in range(_CODE_LENGTH):
        number, at = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[at])
    return "".join(letters)
