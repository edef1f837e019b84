"""The simulation finds known bugs when they are planted; without them the same schedules find nothing."""

from __future__ import annotations

from typing import Any

import pytest

from .finding import find
from .planted import PLANTED, Planted
from .test_simulation import OF_EVERY_CHANGE


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Planted, notes: Any) -> None:
    with bug.plant():
        found = find(notes, OF_EVERY_CHANGE[:400], most_tries=0)
    assert found is not None, f"no schedule shows it: {bug.what}"
    assert "does not know" not in found.violation, "the simulation met what it cannot judge"


def test_a_schedule_that_breaks_a_promise_is_told_small(notes: Any) -> None:
    """Of a broken promise one gets the few steps that lead there, and the way to see them again."""
    (skipping,) = (bug for bug in PLANTED if bug.name == "skipping_gaps")
    with skipping.plant():
        raw = find(notes, OF_EVERY_CHANGE, most_tries=0)
        small = find(notes, OF_EVERY_CHANGE, most_tries=40)
    assert raw is not None
    assert small is not None
    assert small.seed == raw.seed
    assert "lost" in small.violation or "did not come to rest" in small.violation
    assert len(small.lines) < len(raw.lines)
    assert f"HEADWATER_SCHEDULES={small.seed}" in str(small)
