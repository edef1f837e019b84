"""What operators do while people work: stop a process, rebuild a view, add and lose replicas. Nobody notices.

The comparison at the end of each campaign is testkit.campaign.audit's, as in test_campaigns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import httpx
import pytest

from headwater.servers.processes import free_port
from testkit import wait_until
from testkit.campaign import injuries
from testkit.suites import Suite

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

Start = Callable[[], AbstractContextManager[Any]]

ACCEPTED = 6
"""Requests in hand when a process is told to end."""

READ = ("/v1/customers", "/v1/opportunities", "/v1/tickets", "/v1/analytics/funnel", "/v1/follow-ups")
VIEWS = ("customer", "pipeline", "ticketing", "analytics", "notification")


# -- SIGTERM ---------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["apis", "gateway"])
def test_what_was_accepted_is_answered_by_who_is_told_to_end(campaign: Start, part: str) -> None:
    with campaign() as it, ThreadPoolExecutor(ACCEPTED + 1) as threads:
        with injuries.held_up(it.suite, "identity", "teams"):  # which nobody else at work here writes
            asked = [threads.submit(_ask, it.suite, n) for n in range(ACCEPTED)]
            wait_until(lambda: injuries.waiting(it.suite, "identity") >= ACCEPTED)
            took = threads.submit(injuries.drain_part, it.suite, part)
            injuries.hold(1.0)  # it has begun to drain, and cannot end yet
            assert not took.done()
        assert [each.result(30) for each in asked] == [200] * ACCEPTED
        print(f"{part} drained in {took.result(injuries.BACK_WITHIN_S):.1f} s")
        for _ in range(2):
            injuries.hold(it.random.uniform(0.0, 1.0))
            print(f"{part} drained in {injuries.drain_part(it.suite, part):.1f} s")
            it.load.go_on(10)


def test_a_batch_in_hand_is_finished_by_a_bus_that_is_told_to_end(campaign: Start) -> None:
    with campaign() as it, ThreadPoolExecutor(1) as threads:
        with injuries.held_up(it.suite, "analytics", "customers"):
            wait_until(lambda: injuries.waiting(it.suite, "analytics"))
            took = threads.submit(injuries.drain_part, it.suite, "buses")
            injuries.hold(1.0)
            assert not took.done()
        print(f"buses drained in {took.result(injuries.BACK_WITHIN_S):.1f} s")
        it.load.go_on(10)
        print(f"buses drained in {injuries.drain_part(it.suite, 'buses'):.1f} s")
    assert "not drained in time" not in (it.suite.home.logs / "buses.log").read_text()


def test_a_relay_and_a_worker_that_are_told_to_end_leave_all_to_others(campaign: Start) -> None:
    with campaign() as it, injuries.more_relays(it.suite, ("customer",)) as [relay]:
        worker = injuries.Process(it.suite, "notification", "worker")
        with injuries.ended([worker]):
            injuries.back(it.suite, "apis", injuries.kill(it.suite, "apis"))  # with the relay that was active
            wait_until(relay.has_the_lock, injuries.BACK_WITHIN_S, describe="the second relay took over")
            wait_until(worker.sessions, describe="the worker works")
            it.load.go_on(30)
            print(f"the active relay drained in {injuries.drain(relay):.1f} s")
            print(f"the worker drained in {injuries.drain(worker):.1f} s")
            it.load.go_on(20)


def _ask(suite: Suite, n: int) -> int:
    """One request, asked once."""
    with httpx.Client(base_url=suite.url, trust_env=False, timeout=30) as client:
        return client.post(
            "/v1/teams",
            json={"name": f"In hand {n}"},
            headers={"Authorization": f"Bearer {suite.admin.session_token}"},
        ).status_code


# -- rebuilding ------------------------------------------------------------------------


def test_views_are_rebuilt_while_people_work_and_no_reading_fails(campaign: Start) -> None:
    with campaign() as it, _reading(it.suite) as answers:
        it.load.go_on(100)
        before = len(answers)
        done = it.suite.headwater("rebuild", *VIEWS)
        during = len(answers) - before
        lines = [line for line in done.stdout.splitlines() if line.endswith("swapped")]
        assert {line.partition(".")[0] for line in lines} == set(VIEWS), done.stdout
        assert not [line for line in lines if "DIFFERENT" in line], done.stdout
        it.load.go_on(30)
    print(f"{len(lines)} views rebuilt, {during} readings meanwhile")
    assert during >= len(READ)
    failed = [answer for answer in answers if answer[1] != 200]
    assert not failed, failed[:5]


@contextmanager
def _reading(suite: Suite) -> Iterator[list[tuple[str, int]]]:
    """Somebody reads one list after the other and asks each once; yields (path, status) as it comes, 0 for none."""
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def read() -> None:
        headers = {"Authorization": f"Bearer {suite.admin.session_token}"}
        with httpx.Client(base_url=suite.url, trust_env=False, timeout=30, headers=headers) as client:
            while not stop.wait(0.05):
                for path in READ:
                    status = 0
                    with suppress(httpx.TransportError):
                        status = client.get(path).status_code
                    answers.append((path, status))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join(60)


# -- replicas ------------------------------------------------------------------------


@pytest.mark.feature("NFR-13")
def test_one_service_is_scaled_alone_and_may_lose_replicas(suite: Suite, campaign: Start) -> None:
    """Two more apis and two more buses of one service, beside one of all others: variables say so, no code."""
    places = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with injuries.told(suite, CUSTOMER_TARGET=f"ipv4:{','.join(places)}"):
        apis = [injuries.Process(suite, "customer", "api", CUSTOMER_LISTEN=place) for place in places]
        buses = [injuries.Process(suite, "customer", "bus") for _ in range(2)]
        with injuries.ended([*apis, *buses]), campaign() as it:
            wait_until(lambda: all(api.sessions() for api in apis), injuries.BACK_WITHIN_S, "both apis are asked")
            wait_until(lambda: all(bus.reads() for bus in buses), injuries.BACK_WITHIN_S, "both buses read")
            it.load.go_on(40)
            for lost in (apis[0], buses[0]):
                lost.process.kill()
            it.load.go_on(40)
            print(f"a bus drained in {injuries.drain(buses[1]):.1f} s")
            it.load.go_on(20)
