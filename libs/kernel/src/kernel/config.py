"""Settings from the environment, or from files it names. All that is missing is named at once; nothing is guessed."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONTEXTS = (
    "customer",
    "pipeline",
    "ticketing",
    "marketing",
    "analytics",
    "identity",
    "notification",
)


NEEDED = ("customer", "identity")
"""Services that no installation does without."""

_LARGEST_FILE = 65_536
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_PARTNER = re.compile(r"[a-z][a-z0-9-]{0,39}")


class ConfigurationError(Exception):
    """Variables are missing or malformed. The message names every one of them."""


def modules_in(env: Mapping[str, str], wrong: list[str]) -> tuple[str, ...]:
    """The services of this installation, from HEADWATER_MODULES ("customer,identity"); all when it is empty."""
    named = [name.strip() for name in env.get("HEADWATER_MODULES", "").split(",") if name.strip()]
    wrong += [f"HEADWATER_MODULES: {n!r} is none of {', '.join(CONTEXTS)}" for n in named if n not in CONTEXTS]
    if named:
        wrong += [f"HEADWATER_MODULES must name {n}: nothing works without it" for n in NEEDED if n not in named]
    return tuple(context for context in CONTEXTS if not named or context in named)


def with_files(env: Mapping[str, str], wrong: list[str]) -> dict[str, str]:
    """The variables, and for each <NAME>_FILE of ours the variable <NAME> with what stands in that file.

    So a secret need not be in an environment, which child processes inherit and crash reports show. The end of
    the last line is dropped.
    """
    found = dict(env)
    ours = tuple(f"{each.upper()}_" for each in (*CONTEXTS, "gateway", "headwater"))
    for variable, path in env.items():
        name = variable.removesuffix("_FILE")
        if name == variable or not variable.startswith(ours) or not path:
            continue
        if env.get(name):
            wrong.append(f"{name} and {variable} are both set: keep one")
            continue
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(_LARGEST_FILE + 1)
        except (OSError, UnicodeDecodeError) as error:
            wrong.append(f"{variable} names {path}, which cannot be read: {type(error).__name__}")
            continue
        if len(text) > _LARGEST_FILE:
            wrong.append(f"{variable} names {path}, which is larger than {_LARGEST_FILE} characters")
        found[name] = text.removesuffix("\n")
    return found


def partners_in(env: Mapping[str, str], wrong: list[str]) -> tuple[str, ...]:
    """Names of the partner systems that read the stream queue: HEADWATER_PARTNERS, separated by commas."""
    names = tuple(name.strip() for name in env.get("HEADWATER_PARTNERS", "").split(",") if name.strip())
    if not all(_PARTNER.fullmatch(name) for name in names):
        wrong.append("HEADWATER_PARTNERS holds names of lower-case letters, digits and -, separated by commas")
        return ()
    return names


def sandbox_in(env: Mapping[str, str], wrong: list[str]) -> bool:
    """Whether this installation is a sandbox: HEADWATER_SANDBOX."""
    said = env.get("HEADWATER_SANDBOX", "")
    if said not in ("", "true", "false"):
        wrong.append(f"HEADWATER_SANDBOX must be true or false, not {said!r}")
    return said == "true"


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files: whom we believe, who we are, and our key. Peers must show a certificate of that authority."""

    ca: str
    cert: str
    key: str

    @staticmethod
    def from_environment(service: str, env: Mapping[str, str], wrong: list[str]) -> Tls | None:
        """Read <SERVICE>_TLS_… or HEADWATER_TLS_CA, _CERT and _KEY; none of them means plain text."""
        found = []
        for what in ("CA", "CERT", "KEY"):
            names = (f"{service.upper()}_TLS_{what}", f"HEADWATER_TLS_{what}")
            found.append(next((env[name] for name in names if env.get(name)), ""))
            if found[-1] and not os.access(found[-1], os.R_OK):
                wrong.append(f"{' or '.join(names)} names {found[-1]}, which cannot be read")
        if any(found[1:]) and not all(found):
            wrong.append(f"TLS needs all of {service.upper()}_TLS_CA, _CERT and _KEY (or HEADWATER_TLS_…), or none")
        return Tls(*found) if all(found) else None


@dataclass(frozen=True, slots=True)
class Settings:
    """What one service needs to know. `targets` maps a context to the host:port of its gRPC api.

    `modules` are the services of this installation, whether they answer just now or not.
    `seal_key` (PEM) signs the log's checkpoints, `checkpoints` is the folder that keeps them outside the database.
    `sandbox`: partners try things here with invented data, and no message goes out.
    `partners` names the partner systems that read the stream of published events; nothing feeds it for none.
    `probes` is the host:port where each process says whether it is well. `location` and `storage_encryption` are
    the operator's word on where the data is and what encrypts the volumes.
    """

    service: str
    database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    master_key: bytes = field(repr=False)
    listen: str
    service_secret: str = field(repr=False)
    token_public_key: str
    targets: Mapping[str, str]
    modules: tuple[str, ...] = CONTEXTS
    seal_key: str = field(default="", repr=False)
    seal_former_keys: str = ""
    checkpoints: str = ""
    otlp_endpoint: str = ""
    location: str = ""
    storage_encryption: str = ""
    partners: tuple[str, ...] = ()
    sandbox: bool = False
    partitions: int = 4
    pool_size: int = 4
    pool_overflow: int = 12
    tls: Tls | None = None
    probes: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def from_environment(service: str, environment: Mapping[str, str] | None = None) -> Settings:
        """Read <SERVICE>_… and HEADWATER_… variables, or files they name; raise ConfigurationError.

        `extra` holds every other variable that begins with the service's prefix.
        """
        wrong: list[str] = []
        env = with_files(os.environ if environment is None else environment, wrong)
        prefix = f"{service.upper()}_"

        def required(name: str) -> str:
            value = env.get(name, "")
            if not value:
                wrong.append(f"{name} is missing")
            return value

        def number(name: str, default: int) -> int:
            text = env.get(name, str(default))
            if not text.isdecimal() or int(text) < 1:
                wrong.append(f"{name} must be a whole number above 0, not {text!r}")
                return default
            return int(text)

        master_key = b""
        if encoded := required(f"{prefix}MASTER_KEY"):
            try:
                master_key = b64decode(encoded, validate=True)
            except NotBase64:
                wrong.append(f"{prefix}MASTER_KEY is not base64")
            if master_key and len(master_key) != 32:
                wrong.append(f"{prefix}MASTER_KEY must hold 32 bytes")
        modules = modules_in(env, wrong)
        settings = Settings(
            service=service,
            database_url=required(f"{prefix}DATABASE_URL"),
            owner_database_url=env.get(f"{prefix}OWNER_DATABASE_URL", ""),
            amqp_url=required(f"{prefix}AMQP_URL"),
            master_key=master_key,
            listen=env.get(f"{prefix}LISTEN", "127.0.0.1:0"),
            service_secret=required(f"{prefix}SERVICE_SECRET"),
            token_public_key=required("HEADWATER_TOKEN_PUBLIC_KEY"),
            seal_key=env.get(f"{prefix}SEAL_KEY", ""),
            seal_former_keys=env.get(f"{prefix}SEAL_FORMER_KEYS", ""),
            checkpoints=env.get("HEADWATER_CHECKPOINTS", ""),
            targets={c: env[f"{c.upper()}_TARGET"] for c in modules if env.get(f"{c.upper()}_TARGET")},
            modules=modules,
            otlp_endpoint=env.get("HEADWATER_OTLP_ENDPOINT", ""),
            location=env.get("HEADWATER_LOCATION", ""),
            storage_encryption=env.get("HEADWATER_STORAGE_ENCRYPTION", ""),
            partners=partners_in(env, wrong),
            sandbox=sandbox_in(env, wrong),
            partitions=number("HEADWATER_PARTITIONS", 4),
            pool_size=number(f"{prefix}POOL_SIZE", 4),
            pool_overflow=number(f"{prefix}POOL_OVERFLOW", 12),
            tls=Tls.from_environment(service, env, wrong),
            probes=env.get("HEADWATER_PROBES", ""),
            extra={name: value for name, value in env.items() if name.startswith(prefix)},
        )
        wrong += _wrong_seal_keys(settings, prefix)
        wrong += _ways_out_of_a_sandbox(settings, prefix)
        if settings.probes and not settings.probes.rpartition(":")[2].isdecimal():
            wrong.append("HEADWATER_PROBES must be host:port")
        if wrong:
            raise ConfigurationError(
                f"{service} cannot start:\n  " + "\n  ".join(wrong) + "\nSet them in the environment."
            )
        return settings

    def owner_url(self) -> str:
        """The URL of the role that owns the tables; only migrations and rebuilds need it."""
        if not self.owner_database_url:
            raise ConfigurationError(
                f"{self.service.upper()}_OWNER_DATABASE_URL is missing: migrations and rebuilds run as the owner"
            )
        return self.owner_database_url


def _ways_out_of_a_sandbox(settings: Settings, prefix: str) -> list[str]:
    """In a sandbox mail may go to this machine only, where a mail server of ours shows it and delivers nothing."""
    address = settings.extra.get(f"{prefix}SMTP_URL", "")
    if not settings.sandbox or not address or urlsplit(address).hostname in _THIS_MACHINE:
        return []
    return [f"{prefix}SMTP_URL must be empty in a sandbox, or name this machine: its messages never go out"]


def _wrong_seal_keys(settings: Settings, prefix: str) -> list[str]:
    from kernel.seal import Signer

    try:
        if settings.seal_key:
            Signer.of(settings)
    except ValueError as error:
        return [f"{prefix}SEAL_KEY or {prefix}SEAL_FORMER_KEYS cannot be used: {error}"]
    return []
