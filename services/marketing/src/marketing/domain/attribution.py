"""Divide the revenue of a deal over the touches before it, to the last minor unit.

Every model is a row of weights, one per touch. Revenue times weight is rounded down, and the minor units
left over go one each to the largest remainders, the earlier touch first among equals (Hamilton's method),
so the shares of a deal add up to its revenue exactly, and the shares of all deals to all revenue.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction

from kernel.money import Money


class AttributionModel(IntEnum):
    UNSPECIFIED = 0
    FIRST_TOUCH = 1
    LAST_TOUCH = 2
    LINEAR = 3
    POSITION_BASED = 4


_ENDS = Fraction(2, 5)


def weights(model: AttributionModel, touches: int) -> list[Fraction]:
    """Return what each of so many touches, oldest first, weighs; they add up to 1."""
    if touches < 1:
        return []
    even = Fraction(1, touches)
    match model:
        case AttributionModel.FIRST_TOUCH:
            return [Fraction(1), *[Fraction(0)] * (touches - 1)]
        case AttributionModel.LAST_TOUCH:
            return [*[Fraction(0)] * (touches - 1), Fraction(1)]
        case AttributionModel.POSITION_BASED if touches > 2:
            between = (1 - 2 * _ENDS) / (touches - 2)
            return [_ENDS, *[between] * (touches - 2), _ENDS]
        case _:
            return [even] * touches


def divide(revenue: Money, parts: Sequence[Fraction]) -> list[Money]:
    """Divide an amount by weights that add up to 1; the results add up to the amount.

    A negative amount divides as its positive one does.
    """
    if not parts:
        return []
    assert sum(parts) == 1, parts
    sign = -1 if revenue.minor_units < 0 else 1
    whole = abs(revenue.minor_units)
    exact = [whole * part for part in parts]
    floors = [int(share) for share in exact]
    left_over = whole - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda i: (floors[i] - exact[i], i))
    for i in by_remainder[:left_over]:
        floors[i] += 1
    return [Money(sign * share, revenue.currency_code) for share in floors]


def attribute(model: AttributionModel, revenue: Money, touches: int) -> list[Money]:
    """Return each touch's share of a deal's revenue, oldest touch first."""
    return divide(revenue, weights(model, touches))
