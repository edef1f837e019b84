"""Every view, rebuilt from the log, is the live one, row for row."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)


def test_every_view_rebuilt_equals_the_live_one(suite: Any) -> None:
    done = suite.headwater("rebuild", "--check")
    assert "differ" not in done.stdout.lower(), done.stdout
    assert re.search(r"events/s", done.stdout), done.stdout
