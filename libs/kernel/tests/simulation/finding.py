"""Play schedules until one breaks a promise, then make it as small as it gets and tell it in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .scheduling import Choices, Violated
from .suite import play

_MOST_LINES = 120
_MOST_TRIES = 300


@dataclass(frozen=True, slots=True)
class Found:
    """A promise broken: by which seed, and the smallest schedule found that breaks one."""

    seed: int
    violation: str
    lines: list[str]

    def __str__(self) -> str:
        shown = self.lines
        if len(shown) > _MOST_LINES:
            shown = [*shown[: _MOST_LINES // 3], "    ...", *shown[-2 * _MOST_LINES // 3 :]]
        again = "HEADWATER_SCHEDULES={} .venv/bin/python -m pytest -m faults libs/kernel/tests/simulation"
        return "\n".join(
            [
                self.violation,
                f"the smallest schedule found that shows it (from seed {self.seed}):",
                *shown,
                f"to see it again: {again.format(self.seed)}",
            ]
        )


def find(notes: Any, seeds: Iterable[int], *, most_tries: int = _MOST_TRIES) -> Found | None:
    """Play the schedules of these seeds; return the first that breaks a promise, made smaller by so many tries."""
    for seed in seeds:
        choices = Choices(seed)
        try:
            play(choices, notes)
        except Violated as violation:
            return tell(notes, seed, shrink(notes, choices.made, _kind(violation), most_tries))
    return None


def tell(notes: Any, seed: int, made: list[int]) -> Found:
    """Play a schedule once more, writing it down."""
    try:
        world = play(Choices(given=made), notes, tracing=True)
    except Violated as violation:
        return Found(seed, str(violation), violation.world.trace)  # type: ignore[attr-defined]
    return Found(seed, "it broke a promise once, and not again: the simulation is not deterministic", world.trace or [])


def told(notes: Any, seed: int) -> list[str]:
    """The lines of one seed's schedule."""
    try:
        return play(Choices(seed), notes, tracing=True).trace or []
    except Violated as violation:
        return [*violation.world.trace, str(violation)]  # type: ignore[attr-defined]


def shrink(notes: Any, made: list[int], kind: list[str], most_tries: int) -> list[int]:
    """Make choices quiet, many at once and then fewer, as long as the schedule breaks the same promise."""
    tries = 0
    size = len(made)
    while size >= 1:
        for start in range(0, len(made), size):
            if tries < most_tries and any(made[start : start + size]):
                tries += 1
                quieter = [*made[:start], *[0] * len(made[start : start + size]), *made[start + size :]]
                if breaks(notes, quieter, kind):
                    made = quieter
        size //= 2
    return made


def breaks(notes: Any, made: list[int], kind: list[str]) -> bool:
    """Whether a schedule breaks a promise of this kind."""
    try:
        play(Choices(given=made), notes)
    except Violated as violation:
        return _kind(violation) == kind
    return False


def _kind(violation: Violated) -> list[str]:
    """Two words tell which promise it is."""
    return str(violation).split()[:2]
