"""The whole suite, started once for all stories: its own servers' databases, three processes, a supervisor.

Stories speak to it as its users do: over HTTP and by the command line, nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testkit.collector import Collector, collecting
from testkit.suites import RUNNING, Suite, running_suite


@pytest.fixture(scope="session")
def _collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def suite(_collector: Collector) -> Iterator[Suite]:
    """The suite, empty but for its administrator; stopped at the end."""
    with running_suite(HEADWATER_OTLP_ENDPOINT=_collector.url, OTEL_BSP_SCHEDULE_DELAY="500") as suite:
        yield suite


@pytest.fixture
def collector(suite: Suite, _collector: Collector) -> Collector:
    """Who is told the suite's spans; a suite that ran already tells somebody else."""
    if RUNNING in os.environ:
        pytest.skip(f"{RUNNING} names a suite that sends its spans elsewhere")
    return _collector


@pytest.fixture
def now() -> Callable[[], str]:
    return lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path
