"""One POST to a partner's server: signed, bounded in time, and only to where the operator lets events go.

NOTIFICATION_WEBHOOKS_TO says where that is, and is empty until somebody sets it: nothing leaves. It lists, separated
by commas, host names, addresses and networks that may be told, private ones too because they are named; `*` stands for
every host whose addresses are all public. Plain http goes only to what is written with `http://` in front. The name is
resolved once, its addresses are checked, and the connection is made to the address that was checked: a name that
changes its mind in between leads nowhere else. Redirects are not followed.

Signed as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature):
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
import secrets
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit, urlunsplit

import httpx

from kernel.errors import InvalidArgument
from kernel.outgoing import MEDIA_TYPE
from notification.deliveries import Attempt, Kind

SETTING = "NOTIFICATION_WEBHOOKS_TO"
AUTHORITIES = "NOTIFICATION_WEBHOOKS_CA"
_TIMEOUT_S = 5.0
_SECRET_BYTES = 32
_PREFIX = "whsec_"
_NOT_NOW = frozenset((408, 425, 429))
Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class NotAllowed(Exception):
    """Events may not go there. The message says why, fit for the delivery log."""


def _resolved(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One item of the setting: a host's name or a network."""

    host: str
    network: IPv4Network | IPv6Network | None
    plain: bool

    @staticmethod
    def of(text: str) -> _Entry:
        plain = text.startswith("http://")
        text = text.removeprefix("http://").removeprefix("https://").rstrip("/").lower()
        try:
            return _Entry("", ip_network(text.strip("[]")), plain)
        except ValueError:
            return _Entry(text, None, plain)

    def covers(self, host: str, addresses: Sequence[Address]) -> bool:
        if self.network is not None:
            return all(address in self.network for address in addresses)
        return self.host == host


class Destinations:
    """Where events may go, as the operator says."""

    def __init__(self, setting: str, resolve: Resolve = _resolved) -> None:
        items = [text.strip() for text in setting.split(",") if text.strip()]
        self.setting = ", ".join(items)
        self._public = "*" in items
        self._entries = [_Entry.of(text) for text in items if text != "*"]
        self._resolve = resolve

    def address_for(self, url: str) -> str:
        """Return the address to connect to. Raises NotAllowed; OSError when the name leads nowhere."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if not self.setting:
            raise NotAllowed(f"{SETTING} is not set: no webhook may lead anywhere; the operator says where they may")
        addresses = [ip_address(text.partition("%")[0]) for text in self._resolve(host, parts.port or 443)]
        if not addresses:
            raise NotAllowed("the host has no address")
        allowing = [entry for entry in self._entries if entry.covers(host, addresses)]
        if not allowing and not (self._public and all(_is_public(address) for address in addresses)):
            raise NotAllowed(
                f"the host, or an address of it, is not among those that {SETTING} allows; private ones must be named"
            )
        if parts.scheme != "https" and not any(entry.plain for entry in allowing):
            raise NotAllowed(f"https only; {SETTING} may name http:// hosts")
        return str(addresses[0])

    def refuse(self, url: str) -> None:
        """Raise InvalidArgument for a URL that could not be told now. One whose name is not there yet may be."""
        try:
            self.address_for(url)
        except NotAllowed as error:
            raise InvalidArgument("url", str(error)) from error
        except OSError:
            return


def _is_public(address: Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_global and not inner.is_multicast)


# -- signing --------------------------------------------------------------------------


def new_secret() -> str:
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signatures(keys: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the header: one signature for each secret, the newest first."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + b64encode(hmac.digest(b64decode(key.removeprefix(_PREFIX)), signed, "sha256")).decode() for key in keys
    )


# -- sending --------------------------------------------------------------------------


class Post:
    """An open way to webhooks; close it after use. Safe to use from several threads."""

    def __init__(self, destinations: Destinations, authorities: str = "", timeout_s: float = _TIMEOUT_S) -> None:
        self._destinations = destinations
        trusted = ssl.create_default_context(cafile=authorities or None)
        self._client = httpx.Client(timeout=timeout_s, trust_env=False, verify=trusted, follow_redirects=False)

    def send(self, url: str, keys: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> Attempt:
        """Return what became of it. Never raises for anything that the other side does."""
        parts = urlsplit(url)
        try:
            address = self._destinations.address_for(url)
        except NotAllowed as error:
            return Attempt(Kind.AWAY, 0, str(error))
        except OSError:
            return Attempt(Kind.AWAY, 0, "the host's name leads nowhere")
        literal = f"[{address}]" if ":" in address else address
        pinned = urlunsplit(parts._replace(netloc=literal if parts.port is None else f"{literal}:{parts.port}"))
        headers: Mapping[str, str] = {
            "host": parts.netloc,
            "content-type": MEDIA_TYPE,
            "user-agent": "Headwater-Webhooks",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(keys, webhook_id, timestamp, body),
        }
        try:
            with self._client.stream(
                "POST", pinned, content=body, headers=headers, extensions={"sni_hostname": parts.hostname}
            ) as answer:
                return _became(answer.status_code)
        except httpx.TimeoutException:
            return Attempt(Kind.AWAY, 0, f"no answer within {_TIMEOUT_S:g} s")
        except httpx.HTTPError as error:
            return Attempt(Kind.AWAY, 0, f"no connection: {type(error).__name__}")

    def close(self) -> None:
        self._client.close()


def _became(status: int) -> Attempt:
    if 200 <= status < 300:
        return Attempt(Kind.TAKEN, status)
    if status == 410:
        return Attempt(Kind.GONE, status, "the server answered 410: it wants no more")
    if 300 <= status < 400:
        return Attempt(Kind.AWAY, status, f"the server answered {status}; redirects are not followed")
    if status >= 500 or status in _NOT_NOW:
        return Attempt(Kind.AWAY, status, f"the server answered {status}")
    return Attempt(Kind.REFUSED, status, f"the server answered {status}")
