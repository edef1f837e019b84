"""The supervisor restarts what dies, ever more slowly, and ends everything in good order."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.home import Home
from headwater.supervisor import Supervisor, turn_over
from testkit import wait_until

SLEEPER = ("-c", "import signal; print('headwater', flush=True); signal.pause()")
CRASHER = ("-c", "print('headwater crashes', flush=True); raise SystemExit(3)")
DEAF = (
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('headwater', flush=True);"
    "[signal.pause() for _ in range(99)]",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    with home.changing():
        pass
    return home


Run = Callable[[dict[str, tuple[str, ...]]], threading.Event]


@pytest.fixture
def supervise(home: Home) -> Iterator[Run]:
    running: list[tuple[threading.Event, threading.Thread]] = []

    def run(commands: dict[str, tuple[str, ...]]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=Supervisor(home, dict(os.environ), commands).run, args=(stop,))
        thread.start()
        running.append((stop, thread))
        return stop

    yield run
    for stop, thread in running:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_a_killed_process_is_started_again(home: Home, supervise: Run) -> None:
    supervise({"sleeper": SLEEPER})
    first = wait_until(lambda: home.process("sleeper", "headwater"))
    os.kill(first, signal.SIGKILL)
    second = wait_until(lambda: (pid := home.process("sleeper", "headwater")) != first and pid)
    assert second


def test_a_process_that_keeps_dying_is_started_ever_more_slowly(home: Home, supervise: Run) -> None:
    supervise({"crasher": CRASHER})
    log = home.logs / "crasher.log"
    started = time.monotonic()
    wait_until(lambda: log.exists() and log.read_text().count("crashes") >= 3, timeout_s=20)
    assert time.monotonic() - started > 0.5 + 1.0


def test_a_process_whose_number_cannot_be_written_down_is_started_once_it_can(home: Home, supervise: Run) -> None:
    """As on a full disk: neither the supervisor nor the others end of it."""
    in_the_way = home.folder / "first.pid"
    in_the_way.mkdir()
    supervise({"first": SLEEPER, "second": SLEEPER})
    assert wait_until(lambda: home.process("second", "headwater"))
    wait_until(lambda: (home.logs / "first.log").exists())
    in_the_way.rmdir()
    assert wait_until(lambda: home.process("first", "headwater"), timeout_s=20)


def test_servers_are_watched_on_after_a_failure(home: Home) -> None:
    class FullDisk:
        asked = 0

        def revive(self, tell: object) -> None:
            self.asked += 1
            raise OSError(errno.ENOSPC, "no space left on device")

    servers, stop = FullDisk(), threading.Event()
    watch = threading.Thread(target=Supervisor(home, {}, {}, servers).run, args=(stop,))
    watch.start()
    try:
        wait_until(lambda: servers.asked >= 2, timeout_s=20)
    finally:
        stop.set()
        watch.join(20)


def test_stopping_ends_all_and_forgets_them(home: Home, supervise: Run) -> None:
    stop = supervise({"one": SLEEPER, "two": SLEEPER})
    pids = [wait_until(lambda name=name: home.process(name, "headwater")) for name in ("one", "two")]
    stop.set()
    wait_until(lambda: home.process("one", "headwater") is None and home.process("two", "headwater") is None)
    # One that has ended stays in the process table for a moment, until the supervisor collects it.
    wait_until(lambda: not any(is_listed(pid) for pid in pids))


def test_a_process_that_does_not_listen_is_killed(home: Home, supervise: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.supervisor.STOP_TIMEOUT_S", 0.3)
    stop = supervise({"deaf": DEAF})
    log = home.logs / "deaf.log"
    wait_until(lambda: log.exists() and "headwater" in log.read_text())
    pid = home.process("deaf", "headwater")
    stop.set()
    assert pid
    wait_until(lambda: home.process("deaf", "headwater") is None)


def test_a_large_log_is_turned_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.supervisor.LARGEST_LOG", 10)
    log = tmp_path / "x.log"
    log.write_text("more than ten characters")
    turn_over(log)
    assert not log.exists()
    assert (tmp_path / "x.log.1").exists()


def test_a_reused_process_id_is_not_taken_for_ours(home: Home) -> None:
    home.remember_process("gateway", os.getpid())
    assert home.process("gateway", "no such words in the command line") is None
    assert home.process("gateway", Path(sys.executable).name) == os.getpid()


def is_listed(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
