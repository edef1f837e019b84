"""What takes changes of one record back: decisions of its own, never the events turned round.

A change is taken back field by field, the latest first. A field that somebody changed since is left as it is,
and so is what the record's own rules refuse; both are said with the reason. Pure: no clock, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as attributes
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol
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


class Reason(str):
    """Why a change stays: in English words, and as a code with values for who says it in another language.

    The code never changes its meaning; it is the same wherever the words are. `behind` is the reason of this reason.
    """

    code: str
    values: Mapping[str, str]
    behind: Reason | None

    def __new__(cls, code: str, words: str, behind: Reason | None = None, **values: str) -> Reason:
        reason = super().__new__(cls, f"{words}: {behind}" if behind else words)
        reason.code, reason.values, reason.behind = code, values, behind
        return reason


class Irreversible(DomainError):
    """What happened cannot be made not to have happened."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


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


class Look(Protocol):
    """How the other records of the service are looked at: their histories, and the views by which they are found."""

    @property
    def cursor(self) -> Any: ...

    def __call__(self, stream: UUID) -> Sequence[Any]:
        """Return a stream's events, oldest first."""


TakeBack = Callable[[Taking], Sequence[Any] | None]
Touches = Callable[[Any, Any, Any], Collection[str]]


@dataclass(frozen=True, slots=True)
class Change:
    """What events of one kind change in a record, and how that is taken back.

    `touches(before, after, event)` names the fields; "a.b" is a part of "a". None: the event followed from time or
    from a rule, and stands in nobody's way. `take_back` returns events, None when it goes along with what it follows
    from, or raises a DomainError whose words say why it stays. Without one it stays for the `reason`, or goes along.
    Made by `taken_back`, `defined`, `stays` and `goes_along`.
    """

    touches: Touches
    take_back: TakeBack | None = None
    reason: Reason | None = None


def taken_back(by: TakeBack, *fields: str | Touches) -> Change:
    """It is taken back by this decision; the fields are the same for all events, or are named for each."""
    return Change(_touching(*fields), by)


def stays(reason: Reason, *fields: str | Touches) -> Change:
    """It cannot be made not to have happened; the reason says why, and what to do instead."""
    return Change(_touching(*fields or (WHOLE,)), reason=reason)


def goes_along(*fields: str) -> Change:
    """It follows from something else, and goes or stays with that; without fields, from time or from a rule."""
    return Change(_touching(*fields))


def defined(unmade: Callable[[Any], Any] | Reason) -> Change:
    """Each event defines all of it: the definition before is given again, as the next version if it has versions.

    `unmade(now)` is the definition that stands for none; a reason says why there is no such.
    """

    def again(taking: Taking) -> Sequence[Any]:
        before, now = taking.before, taking.now
        if before is None:
            if isinstance(unmade, Reason):
                raise Irreversible(unmade)
            before = unmade(now)
        if not hasattr(now, "version"):
            return [] if before == now else [before]
        return [] if replace(before, version=now.version) == now else [replace(before, version=now.version + 1)]

    return taken_back(again, WHOLE)


def differing(one: Any, other: Any) -> frozenset[str]:
    """Name the fields in which two dataclass values differ."""
    return frozenset(it.name for it in attributes(one) if getattr(one, it.name) != getattr(other, it.name))


def with_former(now: Any, before: Any, names: Collection[str]) -> Any:
    """Return a dataclass value with the named fields as they were."""
    return replace(now, **{name: getattr(before, name) for name in names})


def latest(_: Any, event: Any) -> Any:
    """Fold a record whose every event defines all of it, or of which nothing needs to be known."""
    return event


def _touching(*fields: str | Touches) -> Touches:
    if len(fields) == 1 and not isinstance(fields[0], str):
        return fields[0]
    names = frozenset(name for name in fields if isinstance(name, str))
    return lambda before, after, event: names


def _appended(tx: Any, stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
    tx.append(stream, version, events)


def _nothing_else(look: Look, state: Any) -> None:
    """No decision of the record looks at another record."""


_UNTHOUGHT_OF = stays(Reason("not_foreseen", "changes of this kind cannot be taken back"))


@dataclass(frozen=True, slots=True)
class Reversals:
    """How the changes of one kind of record are taken back.

    `changes` has an entry for every event of the record. `save(transaction, state, version, events)` appends what
    takes changes back, with what must go along. `known` asks for what decisions need of other records.
    """

    record: str
    changes: Mapping[type, Change]
    evolve: Callable[[Any, Any], Any] = latest
    save: Callable[[Any, UUID, Any, int, Sequence[Any]], None] = _appended
    known: Callable[[Look, Any], Any] = _nothing_else

    def change(self, event: Any) -> Change:
        """How one event is taken back; an event that nobody thought of stays."""
        return self.changes.get(type(event), _UNTHOUGHT_OF)

    def touches(self, before: Any, after: Any, event: Any) -> frozenset[str]:
        """Name the fields that an event changed; the whole record when it begins with it."""
        return frozenset({WHOLE} if before is None else self.change(event).touches(before, after, event))


def kept(record: str, reasons: Mapping[type, Reason]) -> Reversals:
    """A kind of record that is never taken back by an undo, with the reason for each of its events."""
    return Reversals(record, {event: stays(reason) for event, reason in reasons.items()})


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a record's history. `mine`: to be taken back; `undoing`: made by this very undo before."""

    event: Any
    mine: bool = False
    undoing: bool = False
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one change: the fields taken back, and those that stay with the reason why."""

    index: int
    verdict: Verdict
    fields: tuple[str, ...] = ()
    kept: tuple[tuple[str, Reason], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an undo does to one record: outcomes from the latest change to the first, and the events to append."""

    outcomes: tuple[Outcome, ...]
    events: tuple[Any, ...]
    state: Any


_ALREADY = Reason("taken_back_before", "it was taken back before")
_FORGOTTEN = Reason("person_forgotten", "the former value was of a person who is forgotten since")


def _changed_since(step: Step) -> Reason:
    when = f" at {step.at:%Y-%m-%d %H:%M} UTC" if step.at else ""
    at = step.at.isoformat() if step.at else ""
    return Reason("changed_since", f"changed since by {step.who}{when}", who=step.who, at=at)


def _later_stays(reason: Reason) -> Reason:
    return Reason("later_stays", "a later change of it stays", reason)


def refused(error: DomainError) -> Reason:
    """Decisions that only an undo makes have reasons of their own; the rules that everybody meets have words."""
    return error.reason if isinstance(error, Irreversible) else Reason("rule", str(error), rule=str(error))


@dataclass(slots=True)
class _Since:
    """For every field touched later in history the nearest reason why it must not be set back."""

    reasons: dict[str, Reason] = field(default_factory=dict)

    def touch(self, fields: Collection[str], reason: Reason) -> None:
        self.reasons.update(dict.fromkeys(fields, reason))

    def why_not(self, name: str) -> Reason | None:
        return next((reason for other, reason in self.reasons.items() if _overlap(name, other)), None)


def _overlap(one: str, other: str) -> bool:
    return WHOLE in (one, other) or one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def plan(
    reversals: Reversals, steps: Sequence[Step], look: Look, is_lost: Callable[[Any], bool] = lambda _: False
) -> Plan:
    """Decide how to take the steps that are `mine` back. `is_lost` tells events with what nobody knows any more."""
    states: list[Any] = [None]
    for step in steps:
        states.append(reversals.evolve(states[-1], step.event))
    touched = [reversals.touches(states[i], states[i + 1], step.event) for i, step in enumerate(steps)]
    now = states[-1]
    known = reversals.known(look, now)
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
            since.touch(fields, _changed_since(step))
            continue
        outcome, decided = _take_back(reversals, Taking(step.event, states[i], now, fields, known), since, i, is_lost)
        outcomes.append(outcome)
        if outcome.kept:
            stuck = [(name, reason) for name, reason in outcome.kept if not since.why_not(name)]
            for name, reason in stuck:
                since.touch((name,), _later_stays(reason))
        for event in decided:
            now = reversals.evolve(now, event)
        events += decided
    return Plan(tuple(outcomes), tuple(events), states[-1])


def _take_back(
    reversals: Reversals, taking: Taking, since: _Since, index: int, is_lost: Callable[[Any], bool]
) -> tuple[Outcome, Sequence[Any]]:
    change, names = reversals.change(taking.event), sorted(taking.fields)
    if change.reason:
        return Outcome(index, Verdict.KEPT, kept=tuple((name, change.reason) for name in names)), ()
    decide = change.take_back
    if not names or decide is None:
        return Outcome(index, Verdict.GOES_ALONG), ()
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
        stays |= dict.fromkeys(sorted(free), refused(error))
        return Outcome(index, Verdict.KEPT, kept=tuple(stays.items())), ()
    if decided is None:
        return Outcome(index, Verdict.GOES_ALONG), ()
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
    decide = reversals.change(first.event).take_back
    others = any(fields and not (step.mine or step.undoing) for step, fields in zip(steps, touched, strict=True))
    if not first.mine or decide is None or others:
        return None
    try:
        decided = decide(Taking(first.event, None, now, frozenset({WHOLE}), known))
    except DomainError:
        return None
    if decided is None:
        return None
    verdict = Verdict.TAKEN_BACK if decided else Verdict.ALREADY_TAKEN_BACK
    along = [Outcome(i, Verdict.GOES_ALONG) for i in reversed(range(1, len(steps))) if steps[i].mine]
    return Plan((*along, Outcome(0, verdict, (WHOLE,) if decided else ())), tuple(decided), now)
