"""Write a sealed backup of all services as of one moment, or open one to check it: headwater backup FOLDER.

A backup does not bring forgotten people back; docs/backups.md says what is in it and how to return from it. The keys
of backups are in backup-keys.json of the suite, or where HEADWATER_BACKUP_KEYS says: keep a copy of it elsewhere.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from headwater.backups import BackupFailed, BackupKeys, check, take
from headwater.home import Home, NotProvisioned
from headwater.operating import backup_keys, named, service
from headwater.sealed_files import NotOurs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where backups are kept; with --check, one of them")
    parser.add_argument("--check", action="store_true", help="open every file of one backup; change nothing")
    parser.add_argument(
        "--keep-days",
        type=int,
        default=30,
        metavar="DAYS",
        help="how long what stands in clear and cannot be rebuilt may be opened (30)",
    )


def run(options: argparse.Namespace) -> int:
    """0 when it is written or opens, 1 when a file does not open, 2 for what else is wrong."""
    try:
        home = Home.here()
        keys = BackupKeys(backup_keys(home))
        if options.check:
            print("\n".join(check(options.folder, keys)))
            return 0
        with ExitStack() as stack:
            services = [stack.enter_context(service(name, home)) for name in named(())]
            taken = take(services, options.folder.resolve(), keys, datetime.now(UTC), options.keep_days)
    except NotOurs as error:
        print(error, file=sys.stderr)
        return 1
    except (NotProvisioned, BackupFailed, OSError, psycopg.Error) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{taken.folder}: {taken.bytes:,} bytes sealed; writing was held back for {taken.held_ms:.0f} ms")
    print(f"its keys are in {keys.path}: keep a copy elsewhere")
    return 0
