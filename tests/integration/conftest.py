"""The whole suite, started once for all stories: its own servers' databases, three processes, a supervisor.

Stories speak to it as its users do: over HTTP and by the command line, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testkit.suites import Suite, running_suite


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """The suite, empty but for its administrator; stopped at the end."""
    with running_suite() as suite:
        yield suite


@pytest.fixture
def now() -> Callable[[], str]:
    return lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path
