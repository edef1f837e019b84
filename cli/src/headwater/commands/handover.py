"""Hand over what a leaver owns, in every service, in one action: headwater handover LEAVER --to SUCCESSOR.

Closes the account first (unless --keep-account), waits until nothing is left, checks, and writes the sheet.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from headwater.api import Api, Away, Refused, add_connection_arguments, connect

_LONGEST_S = 300.0
_MOST_PAGES = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("leaver_id", metavar="LEAVER")
    parser.add_argument("--to", metavar="SUCCESSOR", help="who gets everything; without it only says what would move")
    parser.add_argument(
        "--kind",
        metavar="KIND=SUCCESSOR",
        action="append",
        default=[],
        help="who gets one kind instead: tickets=ID; may be repeated",
    )
    parser.add_argument("--reason", default="left", choices=("left", "moved", "absent"))
    parser.add_argument("--once", action="store_true", help="leave alone what arrives for the leaver later")
    parser.add_argument("--keep-account", action="store_true", help="do not close the leaver's account")
    parser.add_argument("--out", type=Path, help="write the handover sheet there, as CSV")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when nothing is left, 1 when something is or it takes longer than five minutes, 2 when it is refused."""
    exceptions = [dict(zip(("kind", "person_id"), it.split("=", 1), strict=False)) for it in options.kind]
    try:
        with connect(options) as api:
            if not options.to:
                preview(api, options.leaver_id)
                print("nothing was done; --to SUCCESSOR hands it over")
                return 0
            if options.reason == "left" and not options.keep_account:
                closed = api.post(f"/v1/people/{options.leaver_id}:offboard", {"reason": "left"})
                print(f"account closed, with {closed.get('closed_sessions', 0)} sessions")
            body = {
                "leaver_id": options.leaver_id,
                "to_person_id": options.to,
                "exceptions": exceptions,
                "reason": options.reason,
                "once": options.once,
            }
            handover_id = api.post("/v1/handovers", body)["handover_id"]
            print(f"handover {handover_id}: services move what they have")
            found = wait_until_complete(api, handover_id)
            for it in found.get("counts", []):
                print(f"  {it['context']:<10} {it['count']:>6} {it['kind']} to {it['to_person_id']}")
            if options.out is not None:
                options.out.write_text(sheet(api, handover_id), encoding="utf-8")
                print(f"handover sheet: {options.out}")
            if found["handover"]["state"] != "complete":
                waiting = ", ".join(found["handover"].get("waiting_for", []))
                print(f"not complete yet ({waiting or 'some records could not be moved'}); it goes on", file=sys.stderr)
                return 1
            return 1 if preview(api, options.leaver_id) else 0
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2


def preview(api: Api, leaver_id: str) -> int:
    """Print what the person owns; return how many open records."""
    found = api.get(f"/v1/people/{leaver_id}/handover-preview")
    for context in found.get("contexts", []):
        for it in context.get("owned", []):
            if int(it.get("count", 0)):
                print(f"  {context['context']:<10} {it['count']:>6} {it['kind']}")
    total = int(found.get("total", 0))
    print(f"{leaver_id} owns {total} open records")
    return total


def wait_until_complete(api: Api, handover_id: str) -> dict[str, Any]:
    """The handover as it stands when it is complete, or after five minutes."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        found: dict[str, Any] = api.get(f"/v1/handovers/{handover_id}")
        if found["handover"]["state"] == "complete" or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def sheet(api: Api, handover_id: str) -> str:
    """The whole sheet as CSV."""
    text, token = "", ""
    for _ in range(_MOST_PAGES):
        page = api.get(f"/v1/handovers/{handover_id}/sheet", page_size=500, page_token=token)
        text += page.get("csv", "")
        token = page.get("next_page_token", "")
        if not token:
            break
    return text
