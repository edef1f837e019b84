"""A mail server that delivers nothing: it keeps what arrives in a folder and shows it on a page.

For the demo and for tests. It listens on loopback only and keeps the newest messages.
"""

from __future__ import annotations

import asyncio
import html
import os
import signal
import threading
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller

from headwater.home import Home
from kernel.ids import new_id

MOST_MESSAGES = 2000
MOST_SHOWN = 200
LARGEST_MESSAGE = 10 * 1024 * 1024
STYLE = "body{font:15px sans-serif;max-width:60em;margin:2em auto}details{padding:.5em 0}pre{white-space:pre-wrap}"


class Keeping:
    """What the SMTP server does with a message: one file each, the oldest removed when there are too many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.to_thread(self._keep, envelope.content)
        return "250 kept, not delivered"

    def _keep(self, content: bytes) -> None:
        fresh = self._folder / f".{new_id()}"
        fresh.write_bytes(content)
        fresh.rename(self._folder / f"{fresh.name[1:]}.eml")
        for old in stored(self._folder)[MOST_MESSAGES:]:
            old.unlink(missing_ok=True)


def stored(folder: Path) -> list[Path]:
    """The messages, newest first: their names are time-ordered ids."""
    return sorted(folder.glob("*.eml"), reverse=True)


def page_of(folder: Path) -> str:
    """The newest messages as HTML."""
    rows = []
    for path in stored(folder)[:MOST_SHOWN]:
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        assert isinstance(message, EmailMessage)
        head = " · ".join(html.escape(str(message.get(name, ""))) for name in ("date", "from", "to"))
        body = message.get_body(("plain", "html"))
        text = html.escape(str(body.get_content())) if body is not None else ""
        subject = html.escape(str(message.get("subject", "(no subject)")))
        summary = f"<summary>{subject}<br><small>{head}</small></summary>"
        rows.append(f"<details>{summary}<pre>{text}</pre></details>")
    return (
        f"<!doctype html><meta charset=utf-8><title>Mail</title><style>{STYLE}</style>"
        f"<h1>Mail that would have been sent</h1>{''.join(rows) or '<p>None yet.</p>'}"
    )


def serve_page(folder: Path, port: int) -> ThreadingHTTPServer:
    """The page on loopback, in a thread."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = page_of(folder).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: requests to this page are nobody's business."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Until SIGTERM, on the ports that the environment names."""
    home = Home.here()
    home.mail.mkdir(parents=True, exist_ok=True)
    smtp = urlsplit(os.environ["HEADWATER_SMTP_URL"])
    page = urlsplit(os.environ["HEADWATER_MAIL_PAGE"])
    assert smtp.port is not None
    assert page.port is not None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    receiving = Controller(Keeping(home.mail), hostname="127.0.0.1", port=smtp.port, data_size_limit=LARGEST_MESSAGE)
    receiving.start()
    showing = serve_page(home.mail, page.port)
    stop.wait()
    receiving.stop()
    showing.shutdown()


if __name__ == "__main__":
    main()
