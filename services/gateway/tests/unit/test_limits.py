"""Token buckets: what may come at once, what comes back with time, and how much is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.limits import Buckets, Limits, network_of, subject_of
from gateway.problems import TOO_MANY, Problem
from testkit import a_caller, a_token


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_five_seconds_worth_may_come_at_once_and_then_as_many_as_time_brings() -> None:
    clock = Clock()
    buckets = Buckets(2, clock)
    assert [buckets.take("a") for _ in range(11)] == [0.0] * 10 + [0.5]
    assert buckets.take("b") == 0.0, "others are not held up"
    clock.now += 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0.0, 0.5]
    clock.now += 3600
    assert [buckets.take("a") for _ in range(11)].count(0.0) == 10


def test_memory_is_bounded_and_the_idle_are_forgotten_first() -> None:
    clock = Clock()
    buckets = Buckets(1, clock, most=100)
    while buckets.take("busy") == 0.0:
        pass
    for n in range(1000):
        buckets.take(f"passer-by {n}")
        assert buckets.take("busy") > 0.0
    assert len(buckets) == 100


def test_an_address_is_that_of_one_subscriber() -> None:
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")
    assert network_of("::ffff:192.0.2.7") != network_of("::ffff:192.0.2.8")
    assert network_of("not an address") == "not an address"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.bnVsbA.c", "a.W10.c", "a.\xff.c"])
def test_what_is_no_token_is_counted_as_nobody(token: str) -> None:
    assert subject_of(token) == "nobody"


def test_the_refusal_says_who_and_for_how_long() -> None:
    caller = a_caller()
    assert subject_of(a_token(caller)) == caller.subject
    limits = Limits(per_address=1, anonymous=0.5, per_person=0.1)

    def refused(action: Any, *given: Any) -> Problem:
        with pytest.raises(Problem) as problem:
            for _ in range(20):
                action(*given)
        assert problem.value.kind is TOO_MANY
        return problem.value

    by_person = refused(limits.person, a_token(caller))
    assert (by_person.headers["Retry-After"], "person" in by_person.detail) == ("5", True)
    assert "without signing in" in refused(limits.address, "192.0.2.1", "/v1/session", False).detail
    assert "from this address;" in refused(limits.address, "192.0.2.2", "/static/docs.js", False).detail
    assert "from this address;" in refused(limits.address, "192.0.2.3", "/v1/me", True).detail
