"""Long answers are given again for a while, to who may see the same, and worked out once for all who wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from analytics.entrypoints.kept import OLDEST_S, TIMES_AS_LONG, KeptAnswers
from crm.analytics.v1 import analytics_service_pb2 as pb
from kernel.errors import Unavailable
from kernel.ids import new_id
from testkit import a_call, a_caller


class Figures:
    """Works out a funnel in so many seconds of a clock that only it moves; counts how often."""

    def __init__(self, took_s: float) -> None:
        self.now, self.took_s, self.times = 0.0, took_s, 0
        self.kept = KeptAnswers(lambda: self.now)

    def ask(self, request: pb.GetFunnelRequest | None = None, **caller: Any) -> int:
        call = a_call(caller=a_caller(**caller))
        answer: Any = self.kept.answer(request or pb.GetFunnelRequest(), call, self.work_out)
        return int(answer.totals.opportunities)

    def work_out(self) -> pb.GetFunnelResponse:
        self.now += self.took_s
        self.times += 1
        answer = pb.GetFunnelResponse()
        answer.totals.opportunities = self.times
        return answer


def test_what_took_long_is_given_again_for_a_few_times_as_long() -> None:
    figures = Figures(took_s=2.0)
    assert [figures.ask(), figures.ask()] == [1, 1]
    figures.now += 2.0 * TIMES_AS_LONG + 0.1
    assert figures.ask() == 2


def test_no_answer_is_older_than_half_a_minute() -> None:
    figures = Figures(took_s=100.0)
    figures.ask()
    figures.now += OLDEST_S + 0.1
    assert figures.ask() == 2


def test_what_is_quick_is_worked_out_every_time() -> None:
    figures = Figures(took_s=0.01)
    assert [figures.ask(), figures.ask()] == [1, 2]


def test_who_may_see_something_else_gets_an_answer_of_his_own() -> None:
    figures = Figures(took_s=2.0)
    boss, rep = new_id(), new_id()
    assert figures.ask(person_id=boss) == 1
    assert figures.ask(person_id=rep) == 1, "who sees all sees what everybody who sees all sees"
    asked = [
        figures.ask(pb.GetFunnelRequest(group_by=1)),
        figures.ask(permissions=("analytics.figure.read",)),
        figures.ask(scope="team", person_id=boss, owners=(rep,)),
        figures.ask(scope="own", person_id=rep),
        figures.ask(scope="own", person_id=boss),
        figures.ask(fields=(("customer.*", "hide"),)),
    ]
    assert asked == [2, 3, 4, 5, 6, 7]
    assert figures.ask(scope="own", person_id=rep) == 5


def test_what_is_given_is_not_what_is_kept() -> None:
    figures = Figures(took_s=2.0)
    call = a_call()
    for _ in range(2):
        answer: Any = figures.kept.answer(pb.GetFunnelRequest(), call, figures.work_out)
        answer.ClearField("totals")
    assert figures.ask() == 1


def test_all_who_wait_get_what_one_works_out_and_later_ones_the_last_meanwhile() -> None:
    figures = Figures(took_s=2.0)
    begun, go_on = Event(), Event()

    def slowly() -> pb.GetFunnelResponse:
        begun.set()
        assert go_on.wait(30)
        return figures.work_out()

    def ask_slowly() -> Any:
        return figures.kept.answer(pb.GetFunnelRequest(), a_call(), slowly)

    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(ask_slowly)
        assert begun.wait(30)
        others = [threads.submit(figures.ask) for _ in range(4)]
        go_on.set()
        assert first.result(30).totals.opportunities == 1
        assert [other.result(30) for other in others] == [1, 1, 1, 1]

        figures.now += 2.0 * TIMES_AS_LONG + 0.1
        begun.clear()
        go_on.clear()
        again = threads.submit(ask_slowly)
        assert begun.wait(30)
        assert figures.ask() == 1, "nobody waits while there is an answer of a moment ago"
        go_on.set()
        assert again.result(30).totals.opportunities == 2
        assert figures.ask() == 2


def test_what_fails_is_not_kept_and_who_cannot_wait_is_told() -> None:
    figures = Figures(took_s=2.0)

    def broken() -> pb.GetFunnelResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        figures.kept.answer(pb.GetFunnelRequest(), a_call(), broken)

    begun, go_on = Event(), Event()

    def slowly() -> pb.GetFunnelResponse:
        begun.set()
        assert go_on.wait(30)
        return figures.work_out()

    impatient = a_call()
    impatient.time_remaining = lambda: 0.01
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(figures.kept.answer, pb.GetFunnelRequest(), a_call(), slowly)
        assert begun.wait(30)
        with pytest.raises(Unavailable, match="worked out"):
            figures.kept.answer(pb.GetFunnelRequest(), impatient, slowly)
        go_on.set()
        first.result(30)
