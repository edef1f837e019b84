"""How much of the time the suite answered: asked every ten seconds, kept by the day, reported by the month.

A question counts as answered when the gateway says within two seconds that it is ready: when people can sign in.
While the supervisor does not run nothing is asked: a suite that was stopped on purpose is not counted as away, and how
long was measured is said beside the figure.
"""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

EVERY_S = 10.0
PROMISED = 0.999
"""Of a month: 43 minutes of 30 days may be missing."""

_MOST_DAYS = 400
_ANSWER_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """How often was asked, and how often the suite answered."""

    asked: int
    answered: int

    @property
    def share(self) -> float:
        """Between 0 and 1; 1 when nothing was asked."""
        return self.answered / self.asked if self.asked else 1.0

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept so far."""
        return self.share >= PROMISED

    def words(self) -> str:
        """For people: "99.98 % of 8,640 questions, one every 10 s; promised are 99.9 %"."""
        away_min = (self.asked - self.answered) * EVERY_S / 60
        return (
            f"{self.share * 100:.3f} % this month (promised: {PROMISED * 100:.1f} %); asked {self.asked:,} times,"
            f" every {EVERY_S:.0f} s for {self.asked * EVERY_S / 3600:,.1f} h; away for {away_min:,.1f} min"
        )


class Availability:
    """The counts of each day, in a file. One writer: the supervisor."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, answered: bool, at: datetime) -> None:
        """Count one question. Days long past are dropped."""
        days = self._days()
        asked, good = days.get(f"{at.astimezone(UTC):%Y-%m-%d}", (0, 0))
        days[f"{at.astimezone(UTC):%Y-%m-%d}"] = (asked + 1, good + answered)
        kept = dict(sorted(days.items())[-_MOST_DAYS:])
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.replace(self._path)

    def of_month(self, day: date) -> Measured:
        """What was measured in the calendar month (UTC) of that day."""
        counts = [count for name, count in self._days().items() if name.startswith(f"{day:%Y-%m}-")]
        return Measured(sum(asked for asked, _ in counts), sum(good for _, good in counts))

    def _days(self) -> dict[str, tuple[int, int]]:
        try:
            found = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}  # a disk that was full; what was counted is lost, the suite goes on
        return {name: (int(asked), int(good)) for name, (asked, good) in found.items()}


def is_ready(url: str, ca: str) -> bool:
    """Whether the gateway says that it is ready, in time."""
    context = ssl.create_default_context(cafile=ca) if ca else None
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_ANSWER_WITHIN_S, context=context) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def measure(availability: Availability, ready: Callable[[], bool], stop: threading.Event) -> None:
    """Ask until told to stop. Begins with the first good answer, so that starting up is not counted."""
    begun = False
    while not stop.wait(EVERY_S):
        answered = ready()
        begun = begun or answered
        if begun and not stop.is_set():
            try:
                availability.note(answered, datetime.now(UTC))
            except OSError:
                continue  # a full disk must not be the end of the measuring
