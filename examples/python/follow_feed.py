"""Follow one service's published events over HTTP: what was, then what happens. Nothing but Python is needed.

    CLIENT_SECRET=… python follow_feed.py --url https://crm.example.org --client-id … --service pipeline

It keeps its position with what it does (kept.db), so it may be killed at any time and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from kept import Kept

TIMEOUT_S = 30
REST_S = 2.0


def ask(url: str, token: str = "", body: dict[str, Any] | None = None, **headers: str) -> Any:
    """An open answer; read or iterate it, and close it."""
    given = {"Content-Type": "application/json", **headers} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    return urllib.request.urlopen(urllib.request.Request(url, data, given), timeout=TIMEOUT_S)


def token_of(url: str, client_id: str, secret: str) -> str:
    """A token lives for a minute, and so does a stream: take a fresh one for each."""
    with ask(f"{url}/v1/client-token", body={"client_id": client_id, "client_secret": secret}) as answer:
        return str(json.load(answer)["access_token"])


def catch_up(url: str, token: str, service: str, kept: Kept) -> None:
    """Page by page, until there is nothing more."""
    more = True
    while more:
        query = urllib.parse.urlencode({"after_position": kept.position(service, "0"), "page_size": 500})
        with ask(f"{url}/v1/events/{service}?{query}", token) as answer:
            page = json.load(answer)
        for one in page["events"]:
            kept.apply(one["event"], service, one["position"])
        kept.came(service, page["position"])
        more = page["more"]


def events_of(answer: Any) -> Iterator[dict[str, Any]]:
    """The data of each server-sent event."""
    for line in answer:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def follow(url: str, token: str, service: str, kept: Kept) -> None:
    """Live, until the stream ends with its token."""
    headers = {"Last-Event-ID": kept.position(service, "0")}
    with ask(f"{url}/v1/events/{service}:stream", token, **headers) as answer:
        for told in events_of(answer):
            for one in told["events"]:
                fresh = kept.apply(one["event"], service, one["position"])
                print(one["event"]["type"], one["event"]["subject"], "" if fresh else "(was here before)", flush=True)
            kept.came(service, told["position"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--url", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--keep", default="kept.db")
    parser.add_argument("--once", action="store_true", help="catch up, and end")
    options = parser.parse_args()
    kept = Kept(options.keep)
    while True:
        try:
            token = token_of(options.url, options.client_id, os.environ["CLIENT_SECRET"])
            catch_up(options.url, token, options.service, kept)
            if options.once:
                print(f"{kept.count()} events took effect")
                return
            follow(options.url, token, options.service, kept)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            print(f"away: {error}", flush=True)
            time.sleep(REST_S)


if __name__ == "__main__":
    main()
