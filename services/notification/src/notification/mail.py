"""E-mail by SMTP: one connection for one message. What the server said is told by its number only, because
its words may repeat an address.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

_TIMEOUT_S = 10.0
_DEFAULT_FROM = "headwater@localhost"


class NotSent(Exception):
    """The server did not take the message. `permanent` when it never will."""

    def __init__(self, reason: str, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes: smtp://[user:password@]host[:port], smtps:// for TLS, smtp+starttls:// to begin it."""

    url: str
    mail_from: str
    public_url: str = ""

    @staticmethod
    def of(variables: Mapping[str, str]) -> MailServer:
        """Read NOTIFICATION_SMTP_URL, NOTIFICATION_MAIL_FROM and NOTIFICATION_PUBLIC_URL."""
        return MailServer(
            variables.get("NOTIFICATION_SMTP_URL", ""),
            variables.get("NOTIFICATION_MAIL_FROM", "") or _DEFAULT_FROM,
            variables.get("NOTIFICATION_PUBLIC_URL", "").rstrip("/"),
        )

    def message_id(self, name: str) -> str:
        """Return the Message-ID header for a message: the same for every attempt."""
        return f"<{name}@{self.mail_from.rpartition('@')[2].strip('<> ') or 'localhost'}>"

    @contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """Connect and greet; raises NotSent when the server cannot be reached."""
        if not self.url:
            raise NotSent("NOTIFICATION_SMTP_URL is not set")
        parts = urlsplit(self.url)
        host = parts.hostname or "localhost"
        try:
            if parts.scheme == "smtps":
                client: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_TIMEOUT_S)
            else:
                client = smtplib.SMTP(host, parts.port or 25, timeout=_TIMEOUT_S)
            client.ehlo_or_helo_if_needed()
            if parts.scheme == "smtp+starttls":
                client.starttls()
            if parts.username:
                client.login(unquote(parts.username), unquote(parts.password or ""))
        except (OSError, smtplib.SMTPException) as error:
            raise _not_sent(error) from error
        try:
            yield client
        finally:
            client.close()

    def send(
        self,
        client: smtplib.SMTP,
        message_id: str,
        to: str,
        title: str,
        text: str,
        at: datetime,
    ) -> None:
        """Hand the message to the server; raises NotSent when it was not taken."""
        message = EmailMessage()
        message["From"] = self.mail_from
        message["To"] = to
        message["Subject"] = " ".join(title.split())
        message["Date"] = format_datetime(at.astimezone(UTC))
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="base64")  # no server breaks it
        try:
            client.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_sent(error) from error


def is_address(text: str) -> bool:
    """Whether mail can be addressed to it: one @, and nothing that would break a header."""
    name, at, domain = text.partition("@")
    return bool(name and at and domain) and "@" not in domain and not any(c.isspace() for c in text)


def _not_sent(error: Exception) -> NotSent:
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused) if refused:
            code = max(code for code, _ in refused.values())
            return NotSent(f"the mail server answered {code} to the recipient", code >= 500)
        case smtplib.SMTPResponseException(smtp_code=code):
            return NotSent(f"the mail server answered {code}", code >= 500)
        case _:
            return NotSent(f"the mail server could not be reached: {type(error).__name__}")
