"""examples/: servers that receive webhooks, told by what really tells them; what is forged or old is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from notification.deliveries import Kind
from notification.posting import Destinations, Post, new_secret
from testkit.examples import command_of, listening_example

EVENT = {
    "id": "e1",
    "source": "urn:headwater:pipeline",
    "type": "crm.pipeline.v1.LeadAssigned",
    "subject": "r",
    "data": {},
}


@pytest.mark.parametrize("name", ["receive_webhooks.py", "receiveWebhooks.ts"])
def test_a_receiver_takes_what_is_genuine_once(name: str, tmp_path: Path) -> None:
    secret, other = new_secret(), new_secret()
    command = command_of(name, tmp_path)
    command += ["--port", "0"] if name.endswith(".py") else ["0", str(tmp_path / "seen.txt")]
    post = Post(Destinations("http://127.0.0.1"), timeout_s=30)
    body, now = json.dumps(EVENT).encode(), int(time.time())
    try:
        with listening_example(command, {"WEBHOOK_SECRET": secret}, tmp_path) as port:
            url = f"http://127.0.0.1:{port}/hook"
            assert post.send(url, [other], "e1", now, body).status == 401
            assert post.send(url, [secret], "e1", now - 3600, body).status == 401
            assert post.send(url, [secret], "e1", now, body).kind is Kind.TAKEN
            assert post.send(url, [other, secret], "e1", now, body).kind is Kind.TAKEN, "again, during a rotation"
    finally:
        post.close()
    if name.endswith(".py"):
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(tmp_path / "kept.db")) as kept:
            assert kept.execute("select count(*), max(events) from records").fetchone() == (1, 1)
    else:
        assert (tmp_path / "seen.txt").read_text().split() == ["e1"]
