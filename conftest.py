"""Registers the fixtures that all test folders share, and keeps the stories of the whole suite to the end."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["testkit.plugin"]
pytest.register_assert_rewrite("testkit.contracts")

_STORIES = Path(__file__).parent / "tests" / "integration"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories last: the suite they start would run beside everything else, at its cost."""
    items.sort(key=lambda item: _STORIES in item.path.parents)
