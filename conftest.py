"""Registers the fixtures that all test folders share, and keeps the stories of the whole suite together."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["testkit.plugin"]
pytest.register_assert_rewrite("testkit.contracts")

_STORIES = Path(__file__).parent / "tests" / "integration"
_HEAVY = ("test_import_real_files", "test_killed_while_importing")
"""Stories that fill the suite: the others would be slow behind them, and whatever a kill breaks would be theirs."""


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """All stories share one running suite, so one worker tells them all; any other file stays whole."""
    told_by = "stories" if _STORIES in item.path.parents else str(item.path)
    item.add_marker(pytest.mark.xdist_group(told_by))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stories in one block, the heavy ones last.

    Told alone they come last, or their suite would run beside everything else at its cost. With several
    workers they come first, because they take one of them the longest.
    """
    block = -1 if hasattr(config, "workerinput") else 1

    def place(item: pytest.Item) -> tuple[int, int]:
        if _STORIES not in item.path.parents:
            return 0, 0
        return block, 1 + _HEAVY.index(item.path.stem) if item.path.stem in _HEAVY else 0

    items.sort(key=place)
