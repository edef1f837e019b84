"""Put all services back as a backup has them; the suite must not run: headwater restore FOLDER/STAMP.

People who were forgotten since stay forgotten. What reached the broker since is thrown away.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import psycopg

from headwater.backups import BackupFailed, BackupKeys, bring_back
from headwater.home import Home, NotProvisioned
from headwater.operating import backup_keys, named, service
from headwater.provision import empty_queues
from headwater.sealed_files import NotOurs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, help="the folder of one backup")
    parser.add_argument("--yes", action="store_true", help="replace what the databases hold now")


def run(options: argparse.Namespace) -> int:
    """0 when everything is back, 1 when a file does not open, 2 for what else is wrong."""
    if not options.yes:
        print("this replaces what all databases hold now; say --yes", file=sys.stderr)
        return 2
    try:
        home = Home.here()
        services = []
        for name in named(()):
            with service(name, home) as found:  # closed again: nobody may be at work, we neither
                services.append(found)
        for line in bring_back(services, options.backup.resolve(), BackupKeys(backup_keys(home))):
            print(line, flush=True)
        empty_queues(home.read())
    except NotOurs as error:
        print(error, file=sys.stderr)
        return 1
    except (NotProvisioned, BackupFailed, OSError, psycopg.Error) as error:
        print(error, file=sys.stderr)
        return 2
    print("all is as it was; start with headwater up")
    return 0
