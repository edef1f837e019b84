"""Attribution: every model divides a deal's revenue to the last minor unit.

The real paths are 10,000 lines of `channel_attribution`: steps joined by " > ", conversions and their
value. First, last and linear touch are exact sums there, so they can be checked against plain arithmetic.
"""

import csv
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from marketing.domain.attribution import AttributionModel, attribute, divide, weights
from testkit.real_data import folder_of

MODELS = [model for model in AttributionModel if model is not AttributionModel.UNSPECIFIED]


def yuan(*amounts: int) -> list[Money]:
    return [Money(amount, "CNY") for amount in amounts]


@pytest.mark.feature("MKT-21")
@pytest.mark.parametrize(
    ("model", "shares"),
    [
        (AttributionModel.FIRST_TOUCH, yuan(100, 0, 0)),
        (AttributionModel.LAST_TOUCH, yuan(0, 0, 100)),
        (AttributionModel.LINEAR, yuan(34, 33, 33)),
        (AttributionModel.POSITION_BASED, yuan(40, 20, 40)),
    ],
)
def test_each_model_gives_three_touches_their_share(model: AttributionModel, shares: list[Money]) -> None:
    assert attribute(model, Money(100, "CNY"), 3) == shares


def test_position_based_with_fewer_than_three_touches_is_linear() -> None:
    assert attribute(AttributionModel.POSITION_BASED, Money(101, "CNY"), 2) == yuan(51, 50)
    assert attribute(AttributionModel.POSITION_BASED, Money(101, "CNY"), 1) == yuan(101)


def test_a_deal_nobody_touched_is_given_to_nobody() -> None:
    assert attribute(AttributionModel.LINEAR, Money(100, "CNY"), 0) == []


@given(
    st.sampled_from(MODELS),
    st.integers(min_value=-(10**15), max_value=10**15),
    st.integers(min_value=1, max_value=40),
)
def test_shares_add_up_exactly_and_are_within_a_minor_unit_of_the_truth(
    model: AttributionModel, minor_units: int, touches: int
) -> None:
    shares = attribute(model, Money(minor_units, "CNY"), touches)
    assert sum(share.minor_units for share in shares) == minor_units
    for share, weight in zip(shares, weights(model, touches), strict=True):
        assert abs(share.minor_units - minor_units * weight) < 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 10**9))
def test_a_larger_weight_never_gets_less(raw: list[int], minor_units: int) -> None:
    parts = [Fraction(part, sum(raw)) for part in raw]
    shares = divide(Money(minor_units, "CNY"), parts)
    for weight, share in zip(parts, shares, strict=True):
        for other_weight, other in zip(parts, shares, strict=True):
            assert not (weight > other_weight and share < other)


@pytest.mark.feature("MKT-21")
@pytest.mark.parametrize("model", [AttributionModel.FIRST_TOUCH, AttributionModel.LAST_TOUCH, AttributionModel.LINEAR])
def test_real_paths_give_the_exact_sums(model: AttributionModel) -> None:
    shares: dict[str, int] = defaultdict(int)
    truth: dict[str, Fraction] = defaultdict(Fraction)
    total, paths, touches = 0, 0, 0
    with (folder_of("channel_attribution") / "PathData.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter=";"):
            steps = row["path"].split(" > ")
            exact = Decimal(row["total_conversion_value"]).scaleb(17)  # more digits than any value has
            assert exact == int(exact), row
            revenue = Money(int(exact), "XXX")
            for step, share in zip(steps, attribute(model, revenue, len(steps)), strict=True):
                shares[step] += share.minor_units
            match model:
                case AttributionModel.FIRST_TOUCH:
                    truth[steps[0]] += revenue.minor_units
                case AttributionModel.LAST_TOUCH:
                    truth[steps[-1]] += revenue.minor_units
                case _:
                    for step in steps:
                        truth[step] += Fraction(revenue.minor_units, len(steps))
            total += revenue.minor_units
            paths += 1
            touches += len(steps)
    assert paths == 10_000
    assert len(truth) == 12
    assert sum(shares.values()) == total
    if model is AttributionModel.LINEAR:
        for channel, exact_share in truth.items():
            assert abs(shares[channel] - exact_share) < touches, channel  # a unit of 1e-17 a touch
    else:
        assert shares == {channel: int(share) for channel, share in truth.items() if share}
