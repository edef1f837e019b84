"""Tell partners' servers of events: add one, see how each does, retry, skip, pause, resume, rotate, remove.

A secret is printed once, when it is made. `log` shows what became of each delivery; `retry` sends one again, or all
that were set aside, under the same webhook-id.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from headwater.api import Api, Away, Refused, add_connection_arguments, connect

_STATES = {
    "waiting": "WEBHOOK_DELIVERY_STATE_WAITING",
    "delivered": "WEBHOOK_DELIVERY_STATE_DELIVERED",
    "set-aside": "WEBHOOK_DELIVERY_STATE_SET_ASIDE",
    "skipped": "WEBHOOK_DELIVERY_STATE_SKIPPED",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, words in {
        "list": "what is told where, and how it does",
        "add": "tell a server from now on; prints its secret",
        "rotate": "another secret; the older one signs too for 7 days",
        "pause": "tell it nothing for now",
        "resume": "go on where it stopped",
        "remove": "end it, with its log and secrets",
        "log": "what became of each delivery, newest first",
        "retry": "send one delivery again, or all that were set aside",
        "skip": "give one up that was set aside, so that its record goes on",
    }.items():
        action = actions.add_parser(name, help=words, description=words)
        if name == "add":
            action.add_argument("name", help="what people call it")
            leads = "https://…; NOTIFICATION_WEBHOOKS_TO says where they may lead"
            action.add_argument("address", metavar="url", help=leads)  # --url is the gateway's
            action.add_argument("types", nargs="+", help="crm.pipeline.v1.OpportunityWon, or 'crm.pipeline.v1.*'")
        elif name != "list":
            action.add_argument("webhook_id")
        if name in ("retry", "skip"):
            action.add_argument("delivery_id", nargs="?" if name == "retry" else None, default="")
        if name == "log":
            action.add_argument("--state", choices=sorted(_STATES), help="only these")
            action.add_argument("--most", type=int, default=50, help="how many, at most 500")
        add_connection_arguments(action)


def run(options: argparse.Namespace) -> int:
    """0 when done, 2 when it was refused."""
    try:
        with connect(options) as api:
            print(_answer(api, options))
    except (Refused, Away) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _answer(api: Api, options: argparse.Namespace) -> str:
    if options.action == "list":
        found = api.get("/v1/webhooks", page_size=500)
        lines = [_webhook(row) for row in found.get("webhooks", [])] or ["no webhooks"]
        return "\n".join(
            [*lines, f"allowed: {found.get('allowed') or 'nothing (NOTIFICATION_WEBHOOKS_TO is not set)'}"]
        )
    if options.action == "add":
        made = api.post("/v1/webhooks", {"name": options.name, "url": options.address, "types": options.types})
        return f"{made['webhook_id']}\nsecret, shown only now: {made['secret']}"
    path = f"/v1/webhooks/{options.webhook_id}"
    if options.action == "rotate":
        return f"secret, shown only now: {api.post(f'{path}:rotateSecret', {})['secret']}"
    if options.action == "log":
        query = {"page_size": options.most} | ({"state": _STATES[options.state]} if options.state else {})
        rows = api.get(f"{path}/deliveries", **query).get("deliveries", [])
        return "\n".join(map(_delivery, rows)) or "nothing yet"
    if options.action == "retry":
        answer = api.post(f"{path}/deliveries:retry", {"delivery_id": options.delivery_id})
        return f"{int(answer.get('count', 0)):,} are sent again"
    if options.action == "skip":
        api.post(f"{path}/deliveries:skip", {"delivery_id": options.delivery_id})
        return "given up"
    api.post(f"{path}:{options.action}", {})
    return {"pause": "paused", "resume": "resumed", "remove": "removed"}[options.action]


def _webhook(row: Mapping[str, Any]) -> str:
    state = row["state"].removeprefix("WEBHOOK_STATE_").lower()
    why = f" ({row['pause_reason']})" if row.get("pause_reason") else ""
    waits = f"{row['waiting']} waiting, {row['set_aside']} set aside, {row['failures']} failures"
    return f"{row['webhook_id']}  {state}{why}  {row['name']}  {row['url']}\n  {', '.join(row['types'])}; {waits}"


def _delivery(row: Mapping[str, Any]) -> str:
    state = row["state"].removeprefix("WEBHOOK_DELIVERY_STATE_").lower().replace("_", " ")
    why = f"  {row['last_failure']}" if row.get("last_failure") else ""
    return f"{row['queued_at']}  {row['delivery_id']:24} {state:10} {row['attempts']:2}×  {row['type']}{why}"
