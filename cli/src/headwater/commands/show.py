"""Show what the API answers at a path, now or as of a moment: show /v1/customers --as-of 2026-03-01T00:00:00+08:00.

It asks as you: your rights, today's, hold for the past too. What of the answer is as of now is said on
standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime

from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.telling import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="/v1/…, as in the API's document")
    parser.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help="a parameter of it")
    parser.add_argument("--as-of", default="", metavar="TIME", help="RFC 3339; without an offset, this machine's")
    parser.add_argument(
        "--clock", choices=("recorded", "effective"), default="recorded", help="known then, or true then"
    )
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when it was answered, 2 when it was refused."""
    query = dict(pair.partition("=")[::2] for pair in options.where)
    headers = {}
    if options.as_of:
        try:
            headers = {
                "Headwater-As-Of": datetime.fromisoformat(options.as_of).astimezone().isoformat(),
                "Headwater-As-Of-Clock": options.clock,
            }
        except ValueError:
            print(f"--as-of: {options.as_of!r} is not a time such as 2026-03-01T09:00:00+08:00", file=sys.stderr)
            return 2
    path = options.path if options.path.startswith("/") else f"/v1/{options.path}"
    try:
        with connect(options) as api:
            answer, told = api.get_with_headers(path, headers, **query)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    if moment := told.get("headwater-as-of"):
        live = told.get("headwater-as-of-live", "")
        say(f"as of {moment} ({told['headwater-as-of-clock']})" + (f"; as of now: {live}" if live else ""))
    return 0
