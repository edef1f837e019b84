"""The bus as a process of its own: it drains when told to, and survives being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from kernel.parking import list_parked
from testkit import wait_until

PROGRAM = Path(__file__).with_name("bus_process.py")


class Bus:
    """Starts bus processes one after the other."""

    def __init__(self, follower: Any) -> None:
        self._follower = follower
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, killer: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                str(PROGRAM),
                self._follower.database.url,
                self._follower.amqp_url,
                killer,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def end_all(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def bus(follower: Any) -> Iterator[Bus]:
    bus = Bus(follower)
    yield bus
    bus.end_all()


def test_it_drains_on_sigterm_and_goes_on_where_it_was(
    owner: Any, follower: Any, bus: Bus, agree: Callable[..., None]
) -> None:
    owner.start_relay()
    process = bus.start()
    owner.append(300)
    wait_until(lambda: follower.tail() > 0)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 10
    owner.append(300)
    bus.start()
    agree()


@pytest.mark.feature("NFR-20")
def test_killing_it_again_and_again_costs_nothing(
    owner: Any, follower: Any, bus: Bus, agree: Callable[..., None]
) -> None:
    owner.start_relay()
    for _ in range(4):
        process = bus.start()
        before = follower.tail()
        owner.append(400)
        wait_until(lambda before=before: follower.tail() > before, timeout_s=60)
        process.kill()
        process.wait(10)
    bus.start()
    agree()


def test_what_kills_the_process_is_found_and_parked_and_nothing_else_is(owner: Any, follower: Any, bus: Bus) -> None:
    owner.start_relay()
    killer = owner.streams[5]
    owner.append(200)  # eight events of each of 25 streams; the second of one is deadly

    def parked() -> list[Any]:
        with psycopg.connect(follower.database.url, row_factory=dict_row) as connection:
            return list_parked(connection.cursor())

    for _ in range(12):
        process = bus.start(str(killer))
        wait_until(lambda process=process: process.poll() is not None or parked(), timeout_s=60)
        if parked():
            break
    wait_until(lambda: follower.tail() == 193, timeout_s=60, describe=follower.tail)
    assert [(p.stream, p.version) for p in parked()] == [(killer, n) for n in range(2, 9)]
    assert parked()[0].reason == "killed the process"
    wait_until(lambda: follower.query("select count(*) from suspects") == [(0,)])


def test_two_instances_share_the_partitions_and_the_second_takes_over(
    owner: Any, follower: Any, bus: Bus, agree: Callable[..., None]
) -> None:
    owner.start_relay()
    first = bus.start()
    agree()
    second = bus.start()

    def writers() -> set[int]:
        owner.append(50)
        return {process for (process,) in follower.query("select process from seen_by")}

    wait_until(lambda: writers() == {first.pid, second.pid}, timeout_s=60)
    first.kill()
    first.wait(10)
    agree()
