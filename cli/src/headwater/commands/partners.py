"""Show how partner systems reach the stream of published events: headwater partners [--secrets].

HEADWATER_PARTNERS=acme,globex at `headwater up` (or `make demo`) makes the stream and a user for each.
"""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlsplit, urlunsplit

from headwater.home import Home, NotProvisioned
from headwater.provision import partner_url
from kernel.topology import PARTNERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--secrets", action="store_true", help="with the passwords")


def run(options: argparse.Namespace) -> int:
    """0 when there are some, 1 when there are none, 2 when nothing is provisioned here."""
    try:
        state = Home.here().read()
    except NotProvisioned as error:
        print(error, file=sys.stderr)
        return 2
    partners = state.get("partners", [])
    if not partners:
        print("No partner system reads the stream. HEADWATER_PARTNERS=acme headwater up makes it, and a user for acme.")
        return 1
    print(f"stream queue {PARTNERS}")
    for partner in partners:
        url = partner_url(state, partner)
        if not options.secrets:
            parts = urlsplit(url)
            url = urlunsplit(parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}"))
        print(f"{partner}  {url}")
    return 0
