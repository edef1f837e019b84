"""Finding, waiting for and ending processes that outlive the one that started them."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept for ever: Python warns when it forgets a process that still runs."""


@atexit.register
def _let_go() -> None:
    """What still runs outlives us on purpose; Python would take it for forgotten."""
    for process in _STARTED:
        if process.poll() is None:
            process.returncode = 0


class NotHealthy(Exception):
    """A server or process did not become ready in its time; the message ends with its log."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Whether somebody could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def command_line(pid: int) -> str:
    """The command line of a running process; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    shown = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True)
    return shown.stdout.strip()


def start(command: Sequence[str | Path], log: Path, **how: Any) -> subprocess.Popen[bytes]:
    """Start a process that outlives us, in a session of its own, its output appended to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **how,
        )
    _STARTED.append(process)
    return process


def is_running(pid: int | None, mark: str) -> bool:
    """Whether `pid` runs and is ours: its command line holds `mark`, so a reused pid is not."""
    return bool(pid) and mark in command_line(pid or 0)


def first_running(mark: str, *pids: object) -> int | None:
    """The first of these that runs and is ours; they may be what a file of process ids says."""
    for pid in pids:
        text = str(pid).strip()
        if text.isdecimal() and is_running(int(text), mark):
            return int(text)
    return None


def first_line(path: Path) -> str:
    """The first line of a file; empty when there is none."""
    try:
        return path.read_text().partition("\n")[0]
    except OSError:
        return ""


def end(pid: int, how: signal.Signals, timeout_s: float) -> bool:
    """Ask a process to end, kill it after `timeout_s`; whether it ended by itself."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not _exists(pid):
            return True
        time.sleep(0.05)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    return False


def _exists(pid: int) -> bool:
    """A zombie has ended: only its parent's wait is missing, and its parent may be us."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass  # not our child
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()


def wait_healthy(what: str, probe: Callable[[], bool], timeout_s: float, log: Path, still: Callable[[], bool]) -> None:
    """Return once `probe` says yes; raise NotHealthy when time is up or `still` says no."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and still():
        if probe():
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-1500:] if log.exists() else "(no log)"
    raise NotHealthy(f"{what} did not become ready in {timeout_s:.0f} s\n--- {log}\n{tail}")
