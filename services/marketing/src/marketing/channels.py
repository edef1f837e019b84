"""The ways out: e-mail through SMTP; every other channel is not configured, and says so.

A channel reports what became of a parcel in four words, and never guesses: what was neither taken nor
refused is unknown. Nothing here is logged that names a person.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from enum import Enum
from typing import Protocol
from urllib.parse import unquote, urlsplit

from kernel.errors import Unavailable
from marketing.domain.template import MessageChannel, Rendered

_TIMEOUT_S = 20.0


class Outcome(Enum):
    TAKEN = "taken"
    REFUSED_FOR_NOW = "refused for now"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What leaves: to whom, what it says, and the reference it can be recognised by."""

    address: str
    rendered: Rendered
    message_ref: str
    sent_at: datetime
    unsubscribe_url: str = ""


class Carrier(Protocol):
    """An open way out."""

    def deliver(self, parcel: Parcel) -> tuple[Outcome, str]:
        """Hand the parcel over; return what became of it and the reply's code."""
        ...


class Channel(Protocol):
    """A way out that may be opened."""

    @contextmanager
    def opened(self) -> Iterator[Carrier]:
        """Open the way; raises Unavailable when that cannot be done now."""
        ...


class Email:
    """E-mail through the server of an smtp:// or smtps:// URL; `?starttls=1` asks for encryption."""

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        self._url = urlsplit(smtp_url)
        self._mail_from = mail_from

    @contextmanager
    def opened(self) -> Iterator[Carrier]:
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"the mail server does not answer: {type(error).__name__}") from error
        try:
            yield SmtpCarrier(server, self._mail_from)
        finally:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def _connect(self) -> smtplib.SMTP:
        host = self._url.hostname or "localhost"
        if self._url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self._url.port or 465, timeout=_TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, self._url.port or 25, timeout=_TIMEOUT_S)
            if "starttls=1" in self._url.query:
                server.starttls(context=ssl.create_default_context())
        if self._url.username:
            server.login(unquote(self._url.username), unquote(self._url.password or ""))
        return server


class SmtpCarrier:
    """An SMTP session."""

    def __init__(self, server: smtplib.SMTP, mail_from: str) -> None:
        self._server = server
        self._mail_from = mail_from

    def deliver(self, parcel: Parcel) -> tuple[Outcome, str]:
        try:
            self._server.send_message(as_email(parcel, self._mail_from), self._mail_from, [parcel.address])
        except smtplib.SMTPRecipientsRefused as refusal:
            codes = [code for code, _ in refusal.recipients.values()]
            return _refused(codes[0] if codes else 550)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPHeloError) as refusal:
            return _refused(refusal.smtp_code)
        except UnicodeError:
            return Outcome.REFUSED, "unwritable address"
        except (OSError, smtplib.SMTPException):
            return Outcome.UNKNOWN, "connection lost"
        return Outcome.TAKEN, "250"


def _refused(code: int) -> tuple[Outcome, str]:
    return (Outcome.REFUSED if code >= 500 else Outcome.REFUSED_FOR_NOW), str(code)


def as_email(parcel: Parcel, mail_from: str) -> EmailMessage:
    """The parcel as an e-mail, with one-click unsubscribing (RFC 8058)."""
    mail = EmailMessage()
    mail["From"] = formataddr(("", mail_from))
    mail["To"] = parcel.address
    mail["Subject"] = parcel.rendered.subject_line
    mail["Message-ID"] = parcel.message_ref
    mail["Date"] = format_datetime(parcel.sent_at)
    mail["Auto-Submitted"] = "auto-generated"
    if parcel.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{parcel.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(parcel.rendered.text_body or " ", charset="utf-8")
    if parcel.rendered.html_body:
        mail.add_alternative(parcel.rendered.html_body, subtype="html", charset="utf-8")
    return mail


Channels = Mapping[MessageChannel, Channel]
"""The channels there are. One that is missing is not configured."""


def channels_of(smtp_url: str, mail_from: str) -> Channels:
    """E-mail when there is a server for it. SMS and WeCom have no provider yet."""
    return {MessageChannel.EMAIL: Email(smtp_url, mail_from)} if smtp_url else {}
