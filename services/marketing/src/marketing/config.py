"""What marketing needs to know beside what every service does."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kernel.config import ConfigurationError, Settings


@dataclass(frozen=True, slots=True)
class MarketingSettings:
    """`smtp_url` empty means that e-mail is not configured: messages are kept back and say so."""

    public_url: str
    smtp_url: str
    mail_from: str
    send_backdated: bool
    secret: bytes

    @staticmethod
    def of(settings: Settings) -> MarketingSettings:
        """Read MARKETING_PUBLIC_URL, _SMTP_URL, _MAIL_FROM and _SEND_BACKDATED; name all that is wrong."""
        extra = settings.extra
        public_url = extra.get("MARKETING_PUBLIC_URL", "http://localhost:8080").rstrip("/")
        smtp_url = extra.get("MARKETING_SMTP_URL", "")
        mail_from = extra.get("MARKETING_MAIL_FROM", "")
        backdated = extra.get("MARKETING_SEND_BACKDATED", "false").lower()
        wrong = []
        if urlsplit(public_url).scheme not in ("http", "https"):
            wrong.append("MARKETING_PUBLIC_URL must be a web address")
        if smtp_url and urlsplit(smtp_url).scheme not in ("smtp", "smtps"):
            wrong.append("MARKETING_SMTP_URL must begin with smtp:// or smtps://")
        if smtp_url and "@" not in mail_from:
            wrong.append("MARKETING_MAIL_FROM must be an address when MARKETING_SMTP_URL is set")
        if backdated not in ("true", "false"):
            wrong.append("MARKETING_SEND_BACKDATED must be true or false")
        if wrong:
            raise ConfigurationError("marketing cannot start:\n  " + "\n  ".join(wrong))
        return MarketingSettings(public_url, smtp_url, mail_from, backdated == "true", settings.master_key)
