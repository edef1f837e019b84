"""Whatever is done to the suite while people work: nothing acknowledged is lost, nothing happens twice, all in order.

Each test is one campaign of minutes at most. The comparison at its end is testkit.campaign.audit's; after the last
test the product compares every view with a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from testkit import wait_until
from testkit.campaign import injuries

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

Start = Callable[[], AbstractContextManager[Any]]


def test_kill_9_of_parts_at_random_instants(campaign: Start) -> None:
    with campaign() as it:
        for _ in range(6):
            name = it.random.choice(injuries.PARTS)
            former = injuries.kill(it.suite, name)
            injuries.hold(it.random.uniform(0.0, 2.5))
            injuries.back(it.suite, name, former)


def test_kill_9_of_all_parts_at_once(campaign: Start) -> None:
    with campaign() as it:
        for _ in range(2):
            former = {name: injuries.kill(it.suite, name) for name in injuries.PARTS}
            for name, pid in former.items():
                injuries.back(it.suite, name, pid)
            it.load.go_on(30)


@pytest.mark.parametrize("server", injuries.SERVERS)
def test_kill_9_of_a_server(campaign: Start, server: str) -> None:
    with campaign() as it:
        for _ in range(2):
            injuries.back(it.suite, server, injuries.kill(it.suite, server))
            it.load.go_on(30)


def test_kill_9_of_everything_there_is(campaign: Start) -> None:
    with campaign() as it:
        names = [*injuries.PARTS, *injuries.SERVERS]
        it.random.shuffle(names)
        former = {name: injuries.kill(it.suite, name) for name in names}
        for name, pid in former.items():
            injuries.back(it.suite, name, pid)


def test_cut_connections(campaign: Start) -> None:
    with campaign() as it:
        for _ in range(8):
            if it.random.random() < 0.5:
                injuries.cut_database_sessions(it.suite, it.random)
            else:
                injuries.close_broker_connections(it.suite, it.random)
            it.load.go_on(10)


def test_processes_that_stand_still(campaign: Start) -> None:
    with campaign() as it:
        for name in it.random.sample([*injuries.PARTS, *injuries.SERVERS], 5):
            injuries.stop_for(it.suite, name, it.random.uniform(2.0, 8.0))
            it.load.go_on(10)


def test_relays_that_die_and_one_that_does_not_know_it_was_replaced(campaign: Start) -> None:
    with campaign() as it, injuries.more_relays(it.suite, ("customer", "pipeline")) as relays:
        injuries.back(it.suite, "apis", injuries.kill(it.suite, "apis"))  # with every relay that was active
        for relay in relays:
            wait_until(
                relay.has_the_lock, injuries.BACK_WITHIN_S, describe=f"the second relay of {relay.context} took over"
            )
        it.load.go_on(30)
        zombie, victim = relays
        injuries.stop_and_replace(zombie, it.load)
        victim.process.kill()
        it.load.go_on(30)


def test_queues_purged_and_deleted_behind_our_back(campaign: Start) -> None:
    with campaign() as it:
        for n in range(4):
            names = it.random.sample(every := injuries.queues(it.suite), len(every) // 2)
            injuries.purge(it.suite, names, delete=n == 3)
            it.load.go_on(20)
        injuries.back(it.suite, "buses", injuries.kill(it.suite, "buses"))  # and what was to come with nobody there
        injuries.purge(it.suite, injuries.queues(it.suite))


def test_messages_delivered_twice_and_late(campaign: Start) -> None:
    with campaign() as it:
        for _ in range(4):
            it.load.go_on(25)
            it.tap.take()
            late = it.random.choices(range(len(it.tap.records)), k=len(it.tap.records) // 2)
            it.tap.publish_again(late)


def test_a_full_disk(campaign: Start, disk: dict[str, Any]) -> None:
    if not disk:
        pytest.skip("a full disk needs a file system of our own: run as root where tmpfs may be mounted")
    with campaign() as it:
        with injuries.full_disk(disk["folder"]):
            injuries.hold(8.0)
        it.load.go_on(30)
