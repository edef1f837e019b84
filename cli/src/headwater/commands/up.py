"""Provision what is missing and run the suite.

In the foreground until interrupted, or with --detach until `headwater down`.
"""

from __future__ import annotations

import argparse
import sys

from headwater.home import Home
from headwater.provision import ServersNotNamed, SuiteRuns, provision
from headwater.servers import NotHealthy
from headwater.supervisor import run_here, start_detached, wait_ready
from headwater.telling import say
from kernel.config import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once everything is ready")
    add_tls_argument(parser)
    parser.add_argument(
        "--modules",
        metavar="NAMES",
        help="run these services only: customer,identity,notification; remembered until --modules all",
    )
    parser.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)


def add_tls_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="encrypt every hop, with certificates of a private authority; remembered until --no-tls",
    )


def run(options: argparse.Namespace) -> int:
    home = Home.here()
    if options.supervise:
        run_here(home)
        return 0
    try:
        provision(home, say, tls=options.tls, modules=options.modules)
        if not options.detach:
            run_here(home)
            return 0
        start_detached(home)
        wait_ready(home, say)
    except (ConfigurationError, NotHealthy, ServersNotNamed, SuiteRuns) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Headwater answers at {home.url()}/")
    if home.ca():
        print(f"Its certificate is of a private authority; clients are told {home.ca()}")
    return 0
