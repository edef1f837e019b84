"""Registers the fixtures that all test folders share, and keeps the stories of the whole suite together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["testkit.plugin"]
pytest.register_assert_rewrite("testkit.contracts")

settings.register_profile("any machine", deadline=None)  # how long an example takes is the machine's business
settings.load_profile("any machine")

_ROOT = Path(__file__).parent
_STORIES = _ROOT / "tests" / "integration"
_HEAVY = ("test_import_real_files",)
"""Stories that fill the suite: the others would be slow behind them."""


class StoriesTogether(LoadFileScheduling):
    """All stories share one running suite, so one worker tells them all; any other file stays whole."""

    def _split_scope(self, nodeid: str) -> str:
        return "stories" if nodeid.startswith(f"{_STORIES.relative_to(_ROOT)}/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StoriesTogether:
    """Share the tests out by our own rule, whatever --dist says."""
    return StoriesTogether(config, log)


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
