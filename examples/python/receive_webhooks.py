"""Receive webhooks: verify, do what the event means once, answer. Nothing but Python is needed.

    WEBHOOK_SECRET=whsec_… python receive_webhooks.py --port 8080

Behind a proxy that speaks https. The signature is Standard Webhooks': https://www.standardwebhooks.com
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

from kept import Kept

OLDEST_S = 300
LARGEST = 1024 * 1024


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether somebody who knows the secret sent exactly this, not long ago."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or not at.isdecimal() or abs(now - int(at)) > OLDEST_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    found = [hmac.compare_digest(expected, one.encode()) for one in headers.get("webhook-signature", "").split(" ")]
    return any(found)


class Receiver(BaseHTTPRequestHandler):
    secret: str
    kept: Kept

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        if length > LARGEST:
            self._answer(413)
            return
        body = self.rfile.read(length)
        if not is_genuine(self.secret, self.headers, body, time.time()):  # type: ignore[arg-type]
            self._answer(401)
            return
        self.kept.apply(json.loads(body))  # known by its id: what comes twice has effect once
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--keep", default="kept.db")
    options = parser.parse_args()
    Receiver.secret, Receiver.kept = os.environ["WEBHOOK_SECRET"], Kept(options.keep)
    server = HTTPServer(("127.0.0.1", options.port), Receiver)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
