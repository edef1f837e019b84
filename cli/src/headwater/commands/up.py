"""Provision what is missing and run the suite.

In the foreground until interrupted, or with --detach until `headwater down`.
"""

from __future__ import annotations

import argparse
import sys

from headwater.home import Home
from headwater.provision import ServersNotNamed, provision
from headwater.servers import NotHealthy
from headwater.supervisor import run_here, start_detached, wait_ready
from headwater.telling import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once everything is ready")
    parser.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    home = Home.here()
    if options.supervise:
        run_here(home)
        return 0
    try:
        provision(home, say)
        if not options.detach:
            run_here(home)
            return 0
        start_detached(home)
        wait_ready(home, say)
    except (NotHealthy, ServersNotNamed) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Headwater answers at http://127.0.0.1:{home.read()['ports']['gateway']}/")
    return 0
