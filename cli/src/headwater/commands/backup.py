"""Write a sealed backup of all services as of one moment, or open one to check it: headwater backup [FOLDER].

A backup does not bring forgotten people back; docs/backups.md says what is in it and how to return from it. The keys
of backups are in backup-keys.json of the suite, or where HEADWATER_BACKUP_KEYS says: keep a copy of it elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import psycopg

from headwater.backups import BackupFailed, BackupKeys, check, drop_oldest, take
from headwater.home import Home, NotProvisioned
from headwater.operating import backup_keys, named, service
from headwater.sealed_files import NotOurs
from kernel.service import stop_on_signals

_SOONER = 10
_SHORTEST_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="where backups are kept (backups, in the suite's folder); with --check, one",
    )
    parser.add_argument("--check", action="store_true", help="open every file of one backup; change nothing")
    parser.add_argument(
        "--keep-days",
        type=int,
        default=30,
        metavar="DAYS",
        help="how long what stands in clear and cannot be rebuilt may be opened (30)",
    )
    parser.add_argument("--every-hours", type=float, metavar="HOURS", help="go on, a backup every so often")
    parser.add_argument("--keep", type=int, default=0, metavar="COUNT", help="drop the oldest beyond so many; 0: none")


def run(options: argparse.Namespace) -> int:
    """0 when it is written or opens, 1 when a file does not open, 2 for what else is wrong."""
    home = Home.here()
    folder = (options.folder or home.backups).resolve()
    if options.every_hours:
        repeat(lambda: one(home, folder, options), options.every_hours, stop_on_signals())
        return 0
    return one(home, folder, options)


def repeat(once: Callable[[], int], every_hours: float, stop: Event) -> None:
    """Back up until told to stop; after a failure sooner again, a tenth of the time later, a minute at least."""
    while not stop.is_set():
        began = time.monotonic()
        wait_s = every_hours * 3600 / (1 if once() == 0 else _SOONER)
        stop.wait(max(_SHORTEST_S, wait_s - (time.monotonic() - began)))


def one(home: Home, folder: Path, options: argparse.Namespace) -> int:
    """One backup, opened once to see that it does; or one that is there looked at."""
    try:
        keys = BackupKeys(backup_keys(home))
        if options.check:
            print("\n".join(check(folder, keys)))
            return 0
        with ExitStack() as stack:
            services = [stack.enter_context(service(name, home)) for name in named(())]
            taken = take(services, folder, keys, datetime.now(UTC), options.keep_days)
        check(taken.folder, keys)
        for gone in drop_oldest(folder, options.keep):
            print(f"{gone} was dropped: {options.keep} are kept")
    except NotOurs as error:
        print(error, file=sys.stderr)
        return 1
    except (NotProvisioned, BackupFailed, OSError, psycopg.Error) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{taken.folder}: {taken.bytes:,} bytes sealed; writing was held back for {taken.held_ms:.0f} ms; it opens")
    print(f"its keys are in {keys.path}: keep a copy elsewhere", flush=True)
    return 0
