"""What had happened to opportunities, as arrays: stays in stages, closures, amounts over time.

Time is in days since 1970-01-01 in the business's time zone, as a float. Everything can be cut off at a
moment: what happened later is then unknown, which is what a back-test needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = np.inf
STILL_OPEN, WON, LOST = -1, -2, -3
"""How a stay ended; any other number is the stage it went on to."""


class Kind(IntEnum):
    """What a move of an opportunity is. The numbers are stored."""

    OPENED = 1
    STAGED = 2
    WON = 3
    LOST = 4
    REOPENED = 5
    REVALUED = 6
    RESCHEDULED = 7
    TRANSFERRED = 8
    DETAILED = 9
    REMOVED = 10


class Move(NamedTuple):
    """One fact about one opportunity, in the order of its stream."""

    opportunity: object
    kind: Kind
    day: float
    stage: object = None
    amount: float | None = None
    currency: str = ""
    probability: float | None = None
    expected_day: float | None = None


class Snapshot(NamedTuple):
    """The opportunities open at a moment, as they were then."""

    stage: Ints
    age: Floats
    amount: Floats
    """nan where none was known."""
    currency: npt.NDArray[np.str_]
    probability: Floats
    expected_day: Floats


@dataclass(frozen=True, slots=True)
class History:
    """Everything the forecast learns from. One row per stay, per closure, per change of terms."""

    stages: tuple[object, ...]
    opened: Floats
    stay_opportunity: Ints
    stay_stage: Ints
    stay_entered: Floats
    stay_left: Floats
    stay_end: Ints
    closed_opportunity: Ints
    closed_at: Floats
    closed_undone: Floats
    closed_won: Flags
    closed_amount: Floats
    closed_currency: npt.NDArray[np.str_]
    closed_amount_before: Floats
    terms_opportunity: Ints
    terms_at: Floats
    terms_amount: Floats
    terms_currency: npt.NDArray[np.str_]
    terms_probability: Floats
    terms_expected: Floats

    @staticmethod
    def of(moves: Iterable[Move]) -> History:
        """Fold moves, which must come opportunity by opportunity, each in its own order."""
        return _Folder().fold(moves)

    def wins(self, before: float = NEVER) -> tuple[Floats, Floats, npt.NDArray[np.str_]]:
        """Return day, amount and currency of every win that stood at `before`."""
        stands = self.closed_won & (self.closed_at < before) & (self.closed_undone >= before)
        return self.closed_at[stands], self.closed_amount[stands], self.closed_currency[stands]

    def open_at(self, moment: float) -> Snapshot:
        """Return the opportunities open at a moment with their stage, age in it and terms."""
        here = (self.stay_entered < moment) & (self.stay_left >= moment)
        opportunity = self.stay_opportunity[here]
        size = len(self.opened)
        last = np.full(size, -1, dtype=np.int64)
        known = np.flatnonzero(self.terms_at < moment)
        np.maximum.at(last, self.terms_opportunity[known], known)
        terms = last[opportunity]
        found = terms >= 0
        opportunity, terms = opportunity[found], terms[found]
        return Snapshot(
            self.stay_stage[here][found],
            moment - self.stay_entered[here][found],
            self.terms_amount[terms],
            self.terms_currency[terms],
            self.terms_probability[terms],
            self.terms_expected[terms],
        )


class _Folder:
    """Turns moves into rows. A closed opportunity that is reopened gets a second stay."""

    def __init__(self) -> None:
        self._stage_of: dict[object, int] = {}
        self._opened: list[float] = []
        self._stays: list[list[Any]] = []
        self._closures: list[list[Any]] = []
        self._terms: list[tuple[Any, ...]] = []

    def fold(self, moves: Iterable[Move]) -> History:
        current: object = object()
        stay: list[Any] | None = None
        closure: list[Any] | None = None
        amount, currency, probability, expected = np.nan, "", np.nan, np.nan
        stage = -1
        known = False
        for move in moves:
            if move.opportunity != current:
                current = move.opportunity
                stay = closure = None
                amount, currency, probability, expected = np.nan, "", np.nan, np.nan
                known = move.kind is Kind.OPENED
                if known:
                    self._opened.append(move.day)
            if not known:
                continue
            index = len(self._opened) - 1
            day = move.day
            before = amount
            if move.amount is not None:
                amount = float(move.amount) if move.amount else np.nan
                currency = move.currency or currency
            if move.probability is not None:
                probability = move.probability
            if move.expected_day is not None:
                expected = move.expected_day
            if move.stage is not None or move.kind is Kind.OPENED:
                stage = self._stage_of.setdefault(move.stage, len(self._stage_of))
            match move.kind:
                case Kind.OPENED:
                    stay = self._enter(index, stage, day)
                case Kind.STAGED if stay is not None and stage != stay[1]:
                    _leave(stay, day, stage)
                    stay = self._enter(index, stage, day)
                case Kind.WON | Kind.LOST if stay is not None:
                    won = move.kind is Kind.WON
                    _leave(stay, day, WON if won else LOST)
                    closure = [index, max(day, stay[2]), NEVER, won, amount, currency, before]
                    self._closures.append(closure)
                    stay = None
                case Kind.REOPENED if stay is None:
                    if closure is not None:
                        closure[2] = day
                    closure = None
                    stay = self._enter(index, stage, day)
                case Kind.REMOVED:
                    if stay is not None:
                        _leave(stay, day, STILL_OPEN)
                    if closure is not None:
                        closure[2] = -NEVER
                    stay = closure = None
                case _:
                    pass
            self._terms.append((index, day, amount, currency, probability, expected))
        return self._history()

    def _enter(self, opportunity: int, stage: int, day: float) -> list[Any]:
        stay = [opportunity, stage, day, NEVER, STILL_OPEN]
        self._stays.append(stay)
        return stay

    def _history(self) -> History:
        stays: list[Any] = list(zip(*self._stays, strict=True)) or [()] * 5
        closures: list[Any] = list(zip(*self._closures, strict=True)) or [()] * 7
        terms: list[Any] = list(zip(*self._terms, strict=True)) or [()] * 6
        text, real, whole = np.str_, np.float64, np.int64
        return History(
            tuple(self._stage_of),
            np.array(self._opened, real),
            np.array(stays[0], whole),
            np.array(stays[1], whole),
            np.array(stays[2], real),
            np.array(stays[3], real),
            np.array(stays[4], whole),
            np.array(closures[0], whole),
            np.array(closures[1], real),
            np.array(closures[2], real),
            np.array(closures[3], np.bool_),
            np.array(closures[4], real),
            np.array(closures[5], text),
            np.array(closures[6], real),
            np.array(terms[0], whole),
            np.array(terms[1], real),
            np.array(terms[2], real),
            np.array(terms[3], text),
            np.array(terms[4], real),
            np.array(terms[5], real),
        )


def _leave(stay: list[Any], day: float, end: int) -> None:
    stay[3] = max(day, stay[2])
    stay[4] = end
