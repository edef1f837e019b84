"""Rotate the master keys of personal data while everything runs: headwater keys rotate [SERVICE …].

Every subject's key is wrapped anew, under a new master key; then the former master keys are destroyed. Old
and new both open until then. What a backup of the database holds cannot be opened with the new keys: keep the
table subject_keys of today with it.
"""

from __future__ import annotations

import argparse
import sys

from headwater.home import Home, NotProvisioned
from headwater.operating import named, service
from kernel.keyring import PARTS, Keyring, rotate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("rotate",))
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="customer, pipeline, …; all if none")


def run(options: argparse.Namespace) -> int:
    """0 when all were rotated, 2 for a wrong name or a service without a keyring."""
    try:
        for name in named(options.services):
            with service(name, Home.here()) as found:
                ring = found.store.master
                if not isinstance(ring, Keyring):
                    print(f"{name} has no keyring; set {name.upper()}_KEYRING to a file outside its database")
                    return 2
                with found.store.connection() as connection:
                    wrapped, destroyed = rotate(connection, ring, range(PARTS))
            print(f"{name}: {wrapped} keys wrapped anew, {len(destroyed)} former master keys destroyed")
    except (NotProvisioned, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0
