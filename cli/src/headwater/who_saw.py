"""Who could see a customer in a period, and who was shown it: the API's investigation as a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.telling import say


def add_arguments(actions: Any) -> None:
    parser = actions.add_parser("who-saw", help="who could see a customer in a period, and who was shown it")
    parser.add_argument("customer", metavar="CUSTOMER", help="the customer's id")
    parser.add_argument("--from", required=True, dest="from_at", metavar="TIME", help="RFC 3339, or a date")
    parser.add_argument("--to", default="", dest="to_at", metavar="TIME", help="exclusive; now without it")
    parser.add_argument("--csv", action="store_true", help="as CSV")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when it was answered, 1 when some service did not say whom it showed what, 2 when it was refused."""
    try:
        period = {"from_at": datetime.fromisoformat(options.from_at).astimezone().isoformat()}
        if options.to_at:
            period["to_at"] = datetime.fromisoformat(options.to_at).astimezone().isoformat()
    except ValueError:
        print("--from and --to take a time such as 2026-03-01 or 2026-03-01T09:00:00+08:00", file=sys.stderr)
        return 2
    what = "exportInvestigation" if options.csv else "investigate"
    try:
        with connect(options) as api:
            found = api.get(f"/v1/audit/customers/{options.customer}:{what}", **period)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    if options.csv:
        print(found["csv"], end="")
    elif options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _print(found)
    if found["truncated"]:
        say("there were more reads than are counted; ask for a shorter period")
    if found["unanswered"]:
        say(f"not known, because these did not answer: {', '.join(found['unanswered'])}")
    return 1 if found["unanswered"] else 0


def _print(found: Mapping[str, Any]) -> None:
    for span in found["owners"]:
        print(f"owned by {span['owner_id'] or 'nobody':36}  {span['from_at']} to {span.get('to_at') or 'now'}")
    print(f"{'who':48} {'reads':>6} {'bulk':>5}  {'last':24}  could")
    for one in found["suspects"]:
        could = "; ".join(f"{it['reason']} {it['from_at'][:16]} to {it['to_at'][:16]}" for it in one["could"])
        last = (one.get("last_read_at") or "")[:24]
        print(
            f"{one['actor']:48} {one['reads']:>6} {one['bulk_reads']:>5}  {last:24}  {could or 'no right of its own'}"
        )
