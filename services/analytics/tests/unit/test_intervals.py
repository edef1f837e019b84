"""Intervals of curves follow the calendar."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.projections.trends import Interval, next_after, start_of, starts
from kernel.errors import InvalidArgument


def test_quarters_and_weeks_begin_where_people_expect() -> None:
    assert start_of(Interval.QUARTER, date(2026, 5, 31)) == date(2026, 4, 1)
    assert start_of(Interval.WEEK, date(2026, 11, 22)) == date(2026, 11, 16)
    assert list(starts(Interval.MONTH, date(2025, 11, 30), date(2026, 2, 1))) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]


@given(st.sampled_from(Interval), st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_every_day_lies_in_its_interval(interval: Interval, day: date) -> None:
    start = start_of(interval, day)
    assert start <= day < next_after(interval, start)
    assert start_of(interval, next_after(interval, start)) == next_after(interval, start)


def test_a_curve_of_too_many_points_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="interval"):
        list(starts(Interval.DAY, date(1990, 1, 1), date(2026, 1, 1)))
