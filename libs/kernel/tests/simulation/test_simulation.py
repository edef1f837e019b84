"""Thousands of schedules of relay, consumers, views, reactions and timers keep every promise."""

from __future__ import annotations

import os
from typing import Any

import pytest

from .finding import find, told

OF_EVERY_CHANGE = range(1000)
_OF_THE_LONG_RUN = range(1000, 30_000)


@pytest.mark.timeout(600)
def test_no_schedule_loses_repeats_or_reorders_anything(notes: Any) -> None:
    found = find(notes, OF_EVERY_CHANGE)
    assert found is None, str(found)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_no_schedule_of_many_more_does(notes: Any) -> None:
    """HEADWATER_SCHEDULES=from:to plays others, HEADWATER_SCHEDULES=seed one alone."""
    given = os.environ.get("HEADWATER_SCHEDULES", "")
    first, _, end = given.partition(":")
    chosen = range(int(first), int(end or int(first) + 1)) if given else _OF_THE_LONG_RUN
    found = find(notes, chosen)
    assert found is None, str(found)


def test_a_schedule_is_the_same_whenever_it_is_played(notes: Any) -> None:
    assert told(notes, 17) == told(notes, 17)
    assert told(notes, 17) != told(notes, 18)
