"""List what could not be handled and was set aside, or retry it in order: parked list | retry.

Events are parked with all later ones of their stream; timers and jobs by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headwater.home import Home, NotProvisioned
from headwater.operating import named, service
from kernel.mending import retry_service
from kernel.parking import list_parked
from kernel.timers import failed_timers, retry_failed_timers

if TYPE_CHECKING:
    from kernel.service import Service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "retry"))
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="all services if none")
    parser.add_argument("--stream", type=UUID, help="retry this stream only")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    """0 when nothing is parked any more, 1 when something is, 2 for a wrong name."""
    rows: list[dict[str, Any]] = []
    try:
        for name in named(options.services):
            with service(name, Home.here()) as found:
                if options.action == "retry":
                    retry(found, options.stream)
                rows += parked(found)
    except (NotProvisioned, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(rows, indent=1, default=str))
    else:
        for row in rows:
            print(f"{row['service']:12} {row['what']:60} {row['attempts']:>3} attempts  {row['reason']}")
        print(f"{len(rows)} set aside" if rows else "nothing is set aside")
    return 1 if rows else 0


def retry(found: Service, stream: UUID | None) -> None:
    """Try everything of one service again; say what became of it."""
    for done in retry_service(found, stream):
        outcome = f"stopped by: {done.failure}" if done.failure else "done"
        print(f"{found.name}: {done.context} {done.stream}: {done.handled} handled, {outcome}", file=sys.stderr)
    if stream is None:
        with found.store.connection() as connection, connection.cursor() as cursor:
            timers = retry_failed_timers(cursor)
        if timers:
            print(f"{found.name}: {timers} timers will be tried again", file=sys.stderr)


def parked(found: Service) -> list[dict[str, Any]]:
    """What one service has set aside, events first."""
    with found.store.query() as cursor:
        events = list_parked(cursor)
        timers = failed_timers(cursor)
    return [
        {
            "service": found.name,
            "what": f"{event.type} {event.stream} v{event.version} ({event.consumer})",
            "attempts": event.attempts,
            "reason": event.reason,
            "at": event.parked_at,
        }
        for event in events
    ] + [
        {
            "service": found.name,
            "what": f"{timer['kind']} {timer['key']}",
            "attempts": timer["attempts"],
            "reason": timer["last_error"],
            "at": timer["failed_at"],
        }
        for timer in timers
    ]
