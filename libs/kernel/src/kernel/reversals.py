"""What takes changes of one record back: decisions of its own, never the events turned round.

A change is taken back field by field, the latest first. A field that somebody changed since is left as it is,
and so is what the record's own rules refuse; both are said with the reason. Pure: no clock, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from uuid import UUID

from kernel.errors import DomainError

WHOLE = ""
"""The field that stands for the whole record: whatever touches any other touches it."""


class Verdict(IntEnum):
    """What becomes of a change."""

    UNSPECIFIED = 0
    TAKEN_BACK = 1
    KEPT = 2
    PARTLY_KEPT = 3
    ALREADY_TAKEN_BACK = 4
    GOES_ALONG = 5


class Irreversible(DomainError):
    """What happened cannot be made not to have happened."""


@dataclass(frozen=True, slots=True)
class Taking:
    """One change to take back: the event, the state before it and the state now, the fields nobody changed since.

    `known` is what the record's decisions need to know of other records.
    """

    event: Any
    before: Any
    now: Any
    fields: frozenset[str]
    known: Any = None


History = Callable[[UUID], Sequence[Any]]
TakeBack = Callable[[Taking], Sequence[Any]]


def _nothing_else(history: History, state: Any) -> None:
    """No decision of the record looks at another record."""


@dataclass(frozen=True, slots=True)
class Reversals:
    """How the changes of one kind of record are taken back.

    `touches(before, after, event)` names the fields that an event changed; none when it follows from another
    change, or from time. "a.b" is a part of "a". `take_back` has a decision for every event that can be taken
    back: it returns events, or raises a DomainError whose words say why not. `save(transaction, state, version,
    events)` appends them, with what must go along.
    """

    record: str
    events: tuple[type, ...]
    evolve: Callable[[Any, Any], Any]
    touches: Callable[[Any, Any, Any], Collection[str]]
    take_back: Mapping[type, TakeBack]
    save: Callable[[Any, UUID, Any, int, Sequence[Any]], None]
    known: Callable[[History, Any], Any] = _nothing_else


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a record's history. `mine`: to be taken back; `undoing`: made by this very undo before."""

    event: Any
    mine: bool = False
    undoing: bool = False
    who: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one change: the fields taken back, and those that stay with the reason why."""

    index: int
    verdict: Verdict
    fields: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an undo does to one record: outcomes from the latest change to the first, and the events to append."""

    outcomes: tuple[Outcome, ...]
    events: tuple[Any, ...]
    state: Any


_ALREADY = "it was taken back before"
_LATER_STAYS = "a later change of it stays"
_UNKNOWN = "this cannot be taken back"
_FORGOTTEN = "the former value was of a person who is forgotten since"


@dataclass(slots=True)
class _Since:
    """For every field touched later in history the nearest reason why it must not be set back."""

    reasons: dict[str, str] = field(default_factory=dict)

    def touch(self, fields: Collection[str], reason: str) -> None:
        self.reasons.update(dict.fromkeys(fields, reason))

    def why_not(self, name: str) -> str:
        return next((reason for other, reason in self.reasons.items() if _overlap(name, other)), "")


def _overlap(one: str, other: str) -> bool:
    return WHOLE in (one, other) or one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def plan(
    reversals: Reversals, steps: Sequence[Step], history: History, is_lost: Callable[[Any], bool] = lambda _: False
) -> Plan:
    """Decide how to take the steps that are `mine` back. `is_lost` tells events with what nobody knows any more."""
    states: list[Any] = [None]
    for step in steps:
        states.append(reversals.evolve(states[-1], step.event))
    touched = [frozenset(reversals.touches(states[i], states[i + 1], step.event)) for i, step in enumerate(steps)]
    now = states[-1]
    known = reversals.known(history, now)
    whole = _taken_whole(reversals, steps, touched, now, known)
    if whole is not None:
        return whole
    since = _Since()
    outcomes: list[Outcome] = []
    events: list[Any] = []
    for i in reversed(range(len(steps))):
        step, fields = steps[i], touched[i]
        if step.undoing:
            since.touch(fields, _ALREADY)
            continue
        if not step.mine:
            since.touch(fields, f"changed since by {step.who}")
            continue
        outcome, decided = _take_back(reversals, Taking(step.event, states[i], now, fields, known), since, i, is_lost)
        outcomes.append(outcome)
        if outcome.kept:
            stuck = [(name, reason) for name, reason in outcome.kept if not since.why_not(name)]
            for name, reason in stuck:
                since.touch((name,), f"{_LATER_STAYS}: {reason}")
        for event in decided:
            now = reversals.evolve(now, event)
        events += decided
    return Plan(tuple(outcomes), tuple(events), states[-1])


def _take_back(
    reversals: Reversals, taking: Taking, since: _Since, index: int, is_lost: Callable[[Any], bool]
) -> tuple[Outcome, Sequence[Any]]:
    if not taking.fields:
        return Outcome(index, Verdict.GOES_ALONG), ()
    names = sorted(taking.fields)
    decide = reversals.take_back.get(type(taking.event))
    if decide is None:
        return Outcome(index, Verdict.KEPT, kept=tuple((name, _UNKNOWN) for name in names)), ()
    stays = {name: reason for name in names if (reason := since.why_not(name))}
    free = frozenset(names) - stays.keys()
    done = all(reason == _ALREADY for reason in stays.values())
    stays = {name: reason for name, reason in stays.items() if reason != _ALREADY}
    if not free:
        verdict = Verdict.ALREADY_TAKEN_BACK if done else Verdict.KEPT
        return Outcome(index, verdict, kept=tuple(stays.items())), ()
    try:
        decided = decide(Taking(taking.event, taking.before, taking.now, free, taking.known))
    except DomainError as error:
        stays |= dict.fromkeys(sorted(free), str(error))
        return Outcome(index, Verdict.KEPT, kept=tuple(stays.items())), ()
    if any(is_lost(event) for event in decided):
        stays |= dict.fromkeys(sorted(free), _FORGOTTEN)
        return Outcome(index, Verdict.KEPT, kept=tuple(stays.items())), ()
    if not decided:  # it is as it was before
        return Outcome(index, Verdict.KEPT if stays else Verdict.ALREADY_TAKEN_BACK, kept=tuple(stays.items())), ()
    verdict = Verdict.PARTLY_KEPT if stays else Verdict.TAKEN_BACK
    return Outcome(index, verdict, tuple(sorted(free)), tuple(stays.items())), decided


def _taken_whole(
    reversals: Reversals, steps: Sequence[Step], touched: Sequence[frozenset[str]], now: Any, known: Any
) -> Plan | None:
    """A record that came to be by what is taken back, and that nobody else touched, goes as a whole."""
    first = steps[0]
    decide = reversals.take_back.get(type(first.event))
    others = any(fields and not (step.mine or step.undoing) for step, fields in zip(steps, touched, strict=True))
    if not first.mine or decide is None or others:
        return None
    try:
        decided = decide(Taking(first.event, None, now, frozenset({WHOLE}), known))
    except DomainError:
        return None
    verdict = Verdict.TAKEN_BACK if decided else Verdict.ALREADY_TAKEN_BACK
    along = [Outcome(i, Verdict.GOES_ALONG) for i in reversed(range(1, len(steps))) if steps[i].mine]
    return Plan((*along, Outcome(0, verdict, (WHOLE,) if decided else ())), tuple(decided), now)
