"""What the gateway needs to know, from the environment. Everything that is missing is named at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from kernel.config import CONTEXTS, ConfigurationError, Tls, modules_in, sandbox_in, with_files

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets` maps a context to the host:port of its gRPC api; what it would do is answered 501 without it.

    `tls` is who we are to the services; `https_cert` and `https_key` are who we are to browsers.
    `web` is the folder of the built UI. In a `sandbox` every answer says so.
    `backups` is the folder of backups that an administrator may download.
    Rates are requests a second. `trusted_proxies` are the addresses whose X-Forwarded-For is believed.
    """

    host: str
    port: int
    targets: Mapping[str, str]
    amqp_url: str = field(repr=False)
    token_public_key: str
    public_url: str = ""
    mail_page: str = ""
    otlp_endpoint: str = ""
    body_limit: int = 16 * _MIB
    deadline_s: float = 5.0
    long_deadline_s: float = 60.0
    part_deadline_s: float = 2.0
    tls: Tls | None = None
    https_cert: str = ""
    https_key: str = ""
    trusted_proxies: str = ""
    rate_per_address: float = 1_000.0
    rate_anonymous: float = 50.0
    rate_per_person: float = 300.0
    body_timeout_s: float = 60.0
    web: str = ""
    sandbox: bool = False
    backups: str = ""

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS, so that cookies may insist on it."""
        return self.public_url.startswith("https://")

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
        """Read GATEWAY_…, <SERVICE>_TARGET and HEADWATER_… variables; raise ConfigurationError."""
        wrong: list[str] = []
        env = with_files(os.environ if environment is None else environment, wrong)

        def required(name: str) -> str:
            if not env.get(name):
                wrong.append(f"{name} is missing")
            return env.get(name, "")

        def number(name: str, default: float) -> float:
            text = env.get(name, str(default))
            try:
                value = float(text)
            except ValueError:
                value = 0.0
            if value <= 0:
                wrong.append(f"{name} must be a number above 0, not {text!r}")
            return value

        host, _, port = env.get("GATEWAY_LISTEN", "127.0.0.1:8080").rpartition(":")
        if not port.isdecimal():
            wrong.append("GATEWAY_LISTEN must be host:port")
        targets = {c: env[f"{c.upper()}_TARGET"] for c in modules_in(env, wrong) if env.get(f"{c.upper()}_TARGET")}
        if not targets:
            wrong.append(f"none of {', '.join(f'{c.upper()}_TARGET' for c in CONTEXTS)} is set")
        settings = Settings(
            host=host.strip("[]"),
            port=int(port) if port.isdecimal() else 0,
            targets=targets,
            amqp_url=required("GATEWAY_AMQP_URL"),
            token_public_key=required("HEADWATER_TOKEN_PUBLIC_KEY"),
            public_url=env.get("HEADWATER_PUBLIC_URL", "").rstrip("/"),
            mail_page=env.get("HEADWATER_MAIL_PAGE", ""),
            otlp_endpoint=env.get("HEADWATER_OTLP_ENDPOINT", ""),
            body_limit=int(number("GATEWAY_BODY_LIMIT", 16 * _MIB)),
            deadline_s=number("GATEWAY_DEADLINE_S", 5.0),
            long_deadline_s=number("GATEWAY_LONG_DEADLINE_S", 60.0),
            part_deadline_s=number("GATEWAY_PART_DEADLINE_S", 2.0),
            tls=Tls.from_environment("gateway", env, wrong),
            https_cert=env.get("GATEWAY_HTTPS_CERT", ""),
            https_key=env.get("GATEWAY_HTTPS_KEY", ""),
            trusted_proxies=env.get("GATEWAY_TRUSTED_PROXIES", ""),
            rate_per_address=number("GATEWAY_RATE_PER_ADDRESS", 1_000.0),
            rate_anonymous=number("GATEWAY_RATE_ANONYMOUS", 50.0),
            rate_per_person=number("GATEWAY_RATE_PER_PERSON", 300.0),
            body_timeout_s=number("GATEWAY_BODY_TIMEOUT_S", 60.0),
            web=env.get("GATEWAY_WEB", ""),
            sandbox=sandbox_in(env, wrong),
            backups=env.get("HEADWATER_BACKUPS", ""),
        )
        for name, path in {"CERT": settings.https_cert, "KEY": settings.https_key}.items():
            if path and not os.access(path, os.R_OK):
                wrong.append(f"GATEWAY_HTTPS_{name} names {path}, which cannot be read")
        if bool(settings.https_cert) != bool(settings.https_key):
            wrong.append("GATEWAY_HTTPS_CERT and GATEWAY_HTTPS_KEY go together")
        if wrong:
            raise ConfigurationError(
                "gateway cannot start:\n  " + "\n  ".join(wrong) + "\nSet them in the environment."
            )
        return settings
