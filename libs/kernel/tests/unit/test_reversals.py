"""How changes of any record are taken back: decisions, reasons, what goes along, and definitions given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kernel.errors import DomainError
from kernel.reversals import (
    WHOLE,
    Change,
    Irreversible,
    Plan,
    Reason,
    Reversals,
    Step,
    Taking,
    Verdict,
    defined,
    goes_along,
    kept,
    latest,
    plan,
    stays,
    taken_back,
)


@dataclass(frozen=True)
class Begun:
    name: str


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Signed:
    pass


@dataclass(frozen=True)
class Ticked:
    pass


@dataclass(frozen=True)
class Ended:
    pass


@dataclass(frozen=True)
class Rules:
    version: int
    text: str


def _evolve(name: str | None, event: Any) -> str:
    return str(getattr(event, "name", name))


def _named_back(taking: Taking) -> Sequence[Any]:
    if taking.before == "nobody":
        raise Irreversible(Reason("nameless", "it had no name"))
    return [] if taking.now == taking.before else [Named(taking.before)]


SIGNED = Reason("signed", "a signature holds: terminate it")
THING: Mapping[type, Change] = {
    Begun: taken_back(lambda _: [Ended()], WHOLE),
    Named: taken_back(_named_back, "name"),
    Signed: stays(SIGNED, "name", "state"),
    Ticked: goes_along(),
    Ended: stays(Reason("ended", "it has ended")),
}


def _by_rule(taking: Taking) -> Sequence[Any]:
    raise DomainError("names are for ever")


def planned(*told: tuple[bool, Any], changes: Mapping[type, Change] = THING, evolve: Any = _evolve) -> Plan:
    return plan(Reversals("thing", changes, evolve), [Step(e, mine, who="Bo") for mine, e in told], lambda _: ())


def test_what_stays_says_its_own_reason_and_holds_what_came_before_it() -> None:
    found = planned((False, Begun("a")), (True, Named("b")), (True, Signed()), (True, Ticked()))
    ticked, signed, named = found.outcomes
    assert found.events == ()
    assert ticked.verdict is Verdict.GOES_ALONG
    assert dict(signed.kept) == dict.fromkeys(("name", "state"), "a signature holds: terminate it")
    assert named.kept == (("name", "a later change of it stays: a signature holds: terminate it"),)


def test_a_reason_is_told_whoever_changed_it_since() -> None:
    found = planned((False, Begun("a")), (True, Signed()), (False, Named("b")))
    assert dict(found.outcomes[0].kept) == dict.fromkeys(("name", "state"), "a signature holds: terminate it")


def test_what_follows_from_time_stands_in_nobodys_way() -> None:
    found = planned((True, Begun("a")), (False, Ticked()))
    assert found.events == (Ended(),)
    found = planned((True, Begun("a")), (False, Named("b")))
    assert found.outcomes[-1].kept == ((WHOLE, "changed since by Bo"),)


def test_a_decision_may_say_that_it_goes_along_or_why_not() -> None:
    along = {**THING, Named: taken_back(lambda _: None, "name")}
    assert planned((False, Begun("a")), (True, Named("b")), changes=along).outcomes[0].verdict is Verdict.GOES_ALONG
    assert planned((False, Begun("nobody")), (True, Named("b"))).outcomes[0].kept == (("name", "it had no name"),)


def test_a_reason_has_a_code_and_values_for_who_says_it_in_another_language() -> None:
    stays_since = planned((False, Begun("a")), (True, Named("b")), (True, Signed())).outcomes[-1].kept[0][1]
    assert (stays_since.code, stays_since.behind) == ("later_stays", SIGNED)
    at = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    steps = [Step(Begun("a")), Step(Named("b"), True), Step(Named("c"), who="person:1", at=at)]
    [(_, since)] = plan(Reversals("thing", THING, _evolve), steps, lambda _: ()).outcomes[0].kept
    assert since == "changed since by person:1 at 2026-01-31 09:30 UTC"
    assert (since.code, since.values) == ("changed_since", {"who": "person:1", "at": "2026-01-31T09:30:00+00:00"})
    ruled = {**THING, Named: taken_back(_by_rule, "name")}
    [(_, rule)] = planned((False, Begun("a")), (True, Named("b")), changes=ruled).outcomes[0].kept
    assert (rule.code, rule.values) == ("rule", {"rule": "names are for ever"})


def test_an_event_that_nobody_thought_of_stays() -> None:
    found = planned((False, Begun("a")), (True, Rules(1, "x")))
    assert found.outcomes[0].kept == ((WHOLE, "changes of this kind cannot be taken back"),)
    assert planned((True, Rules(1, "x")), changes={}, evolve=latest).events == ()


def test_a_definition_is_given_again_as_the_next_version_or_the_built_in_one() -> None:
    rules = {Rules: defined(lambda now: Rules(0, "built in"))}
    first, second, mine = Rules(1, "first"), Rules(2, "second"), Rules(3, "mine")
    told = [(False, first), (False, second), (True, mine)]
    assert planned(*told, changes=rules, evolve=latest).events == (Rules(4, "second"),)
    assert planned((True, first), (True, second), changes=rules, evolve=latest).events == (Rules(3, "built in"),)
    since = planned((False, first), (True, second), (False, mine), changes=rules, evolve=latest)
    assert since.outcomes[0].kept == ((WHOLE, "changed since by Bo"),)
    none = {Rules: defined(Reason("needed", "others need it: define it anew"))}
    found = planned((True, first), (True, second), changes=none, evolve=latest)
    assert found.events == (Rules(3, "first"),)
    assert found.outcomes[-1].kept == ((WHOLE, "others need it: define it anew"),)


def test_a_record_of_facts_is_kept_with_the_reason_of_each() -> None:
    facts = kept("fact", {Signed: Reason("was_signed", "it was signed"), Ended: Reason("ended", "it has ended")})
    steps = [Step(Signed(), True), Step(Ended(), True), Step(Signed(), True)]
    assert [dict(o.kept)[WHOLE] for o in plan(facts, steps, lambda _: ()).outcomes] == [
        "it was signed",
        "it has ended",
        "it was signed",
    ]
