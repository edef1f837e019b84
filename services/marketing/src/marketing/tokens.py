"""Signed tokens for people who are not signed in: a form that was shown, a message and its links.

A token says what it is for, so none can be used in another's place; the key is derived from the master key.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from kernel.errors import NotFound

_MAC_BYTES = 16
_ID_BYTES = 16
_FORM, _OPEN, _CLICK, _UNSUBSCRIBE = b"f", b"o", b"c", b"u"


@dataclass(frozen=True, slots=True)
class ShownForm:
    """That a form was shown: which, when, and a number of its own."""

    form_id: UUID
    nonce: UUID
    shown_at: datetime


class Tokens:
    """Issues tokens and reads them back; raises NotFound for one it did not issue."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"headwater marketing tokens 1", sha256)

    def form(self, shown: ShownForm) -> str:
        milliseconds = int(shown.shown_at.timestamp() * 1000)
        return self._sign(_FORM + shown.form_id.bytes + shown.nonce.bytes + milliseconds.to_bytes(8, "big"))

    def read_form(self, token: str) -> ShownForm:
        body = self._read(_FORM, token, 2 * _ID_BYTES + 8)
        milliseconds = int.from_bytes(body[2 * _ID_BYTES :], "big")
        return ShownForm(
            UUID(bytes=body[:_ID_BYTES]),
            UUID(bytes=body[_ID_BYTES : 2 * _ID_BYTES]),
            datetime.fromtimestamp(milliseconds / 1000, UTC),
        )

    def open(self, send_id: UUID) -> str:
        return self._sign(_OPEN + send_id.bytes)

    def read_open(self, token: str) -> UUID:
        return UUID(bytes=self._read(_OPEN, token, _ID_BYTES))

    def click(self, send_id: UUID, link_number: int) -> str:
        return self._sign(_CLICK + send_id.bytes + link_number.to_bytes(2, "big"))

    def read_click(self, token: str) -> tuple[UUID, int]:
        body = self._read(_CLICK, token, _ID_BYTES + 2)
        return UUID(bytes=body[:_ID_BYTES]), int.from_bytes(body[_ID_BYTES:], "big")

    def unsubscribe(self, send_id: UUID) -> str:
        return self._sign(_UNSUBSCRIBE + send_id.bytes)

    def read_unsubscribe(self, token: str) -> UUID:
        return UUID(bytes=self._read(_UNSUBSCRIBE, token, _ID_BYTES))

    def source(self, address: str) -> str:
        """An address that cannot be read back, to count attempts by."""
        return hmac.digest(self._key, b"source " + address.encode(), sha256)[:_MAC_BYTES].hex()

    def _sign(self, body: bytes) -> str:
        mac = hmac.digest(self._key, body, sha256)[:_MAC_BYTES]
        return urlsafe_b64encode(body + mac).decode().rstrip("=")

    def _read(self, purpose: bytes, token: str, length: int) -> bytes:
        try:
            raw = urlsafe_b64decode(token[:200] + "=" * (-len(token) % 4))
        except (NotBase64, ValueError):
            raw = b""
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        genuine = hmac.compare_digest(hmac.digest(self._key, body, sha256)[:_MAC_BYTES], mac)
        if not genuine or not body.startswith(purpose) or len(body) != length + 1:
            raise NotFound("this link is not one of ours, or was cut off")
        return body[1:]


@dataclass(frozen=True, slots=True)
class Links:
    """The public addresses that the gateway serves for marketing."""

    public_url: str
    tokens: Tokens

    def form(self, form_id: UUID) -> str:
        return f"{self.public_url}/f/{form_id}"

    def open(self, send_id: UUID) -> str:
        return f"{self.public_url}/t/o/{self.tokens.open(send_id)}"

    def click(self, send_id: UUID, link_number: int) -> str:
        return f"{self.public_url}/t/c/{self.tokens.click(send_id, link_number)}"

    def unsubscribe(self, send_id: UUID) -> str:
        return f"{self.public_url}/u/{self.tokens.unsubscribe(send_id)}"
