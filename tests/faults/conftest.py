"""A suite on private servers, to be hurt, and what each campaign begins and ends with.

HEADWATER_SEED=… runs a campaign again as it was: what is done to which part, and when, follows from it.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from testkit.campaign.audit import Audit, Tap
from testkit.campaign.injuries import own_disk
from testkit.campaign.load import Load
from testkit.private_servers import suite_folder
from testkit.suites import RUNNING, Suite, running_suite, started

SEED = "HEADWATER_SEED"
DISK = "3g"
WARM_UP = 60
"""Answers before anything is done to the suite."""


@dataclass(frozen=True)
class Campaign:
    """One run: who works, what was published, and the lots that are drawn."""

    suite: Suite
    load: Load
    tap: Tap
    random: Random


class Clock:
    """Tells how long each part of a campaign took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def tell(self, what: str) -> None:
        now = time.monotonic()
        print(f"{what}: {now - self._since:.0f} s")
        self._since = now


@pytest.fixture(scope="session")
def disk() -> dict[str, Path]:
    """Where the suite keeps everything, if that is a file system of its own."""
    return {}


@pytest.fixture(scope="session")
def suite(disk: dict[str, Path]) -> Iterator[Suite]:
    """The suite, on private servers and, where we may mount one, a disk of its own.

    What a test has left wrong in any view is still there at the end, and shows in a replay beside it.
    """
    with ExitStack() as stack:
        if running := os.environ.get(RUNNING):
            if os.path.ismount(running):
                disk["folder"] = Path(running)
            suite = stack.enter_context(running_suite())
        else:
            folder = stack.enter_context(suite_folder())
            if stack.enter_context(own_disk(folder, DISK)):
                disk["folder"] = folder
            suite = stack.enter_context(started(folder, {}))
        yield suite
        audit = Audit(suite)
        audit.calm()
        audit.rebuilt()


@pytest.fixture
def seed() -> int:
    """Chosen anew every time, unless it is named; printed with every failure."""
    chosen = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    print(f"{SEED}={chosen}")
    return chosen


@pytest.fixture
def campaign(suite: Suite, seed: int) -> Callable[[], AbstractContextManager[Campaign]]:
    """`with campaign() as it:` people work; what is in the block happens to them; then everything is compared."""

    @contextmanager
    def run() -> Iterator[Campaign]:
        audit, clock = Audit(suite), Clock()
        audit.calm()
        clock.tell("calm before")
        with Tap(suite) as tap:
            with Load(suite, seed) as load:
                load.go_on(WARM_UP)
                clock.tell("warm")
                yield Campaign(suite, load, tap, Random(seed))
                clock.tell("hurt")
                load.go_on(WARM_UP)
            load.settle()
            clock.tell("answered")
            audit.check(load)
            tap.check(audit)
            clock.tell("calm and compared")

    return run
