"""Registers the fixtures that all test folders share, and keeps the stories of the whole suite to the end."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["testkit.plugin"]
pytest.register_assert_rewrite("testkit.contracts")

_STORIES = Path(__file__).parent / "tests" / "integration"
_HEAVY = ("test_import_real_files", "test_killed_while_importing")
"""Stories that fill the suite: the others would be slow behind them, and whatever a kill breaks would be theirs."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories last, the heavy ones last of all: the suite they start would run beside everything else, at its cost."""

    def place(item: pytest.Item) -> int:
        if _STORIES not in item.path.parents:
            return 0
        return 2 + _HEAVY.index(item.path.stem) if item.path.stem in _HEAVY else 1

    items.sort(key=place)
