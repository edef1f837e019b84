"""The demo's mail server keeps what it is sent and shows it; nothing leaves."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from headwater.mail_sink import Keeping, page_of, stored
from headwater.servers.processes import free_port
from testkit import wait_until


def send(port: int, subject: str, text: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "crm@example.test", "li@example.test", subject
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
        smtp.send_message(message)


def test_what_is_sent_is_kept_shown_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.mail_sink.MOST_MESSAGES", 2)
    port = free_port()
    receiving = Controller(Keeping(tmp_path), hostname="127.0.0.1", port=port)
    receiving.start()
    try:
        for number in range(3):
            send(port, f"第{number}封 <b>", "报价 <script>alert(1)</script>")
    finally:
        receiving.stop()
    wait_until(lambda: len(stored(tmp_path)) == 2)
    page = page_of(tmp_path)
    assert "第2封 &lt;b&gt;" in page
    assert "第0封" not in page
    assert "<script>" not in page
