"""Files sealed while they are written: AES-256-GCM in pieces, so that size does not matter and nothing can be cut off.

A file: 5 bytes "HWS1\\n", a salt of 16 bytes, then pieces, each after its sealed length (4 bytes, big endian).
The key is derived from the secret by HKDF-SHA256 with the salt and the file's name, so files cannot change places.
A piece's nonce is its number; that it is the last one is authenticated with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HEAD = b"HWS1\n"
_SALT_BYTES = 16
_PIECE = 1024 * 1024
_TAG = 16


class NotOurs(Exception):
    """The file was changed or cut off, or the key is another one."""


def seal(source: BinaryIO, path: Path, secret: bytes) -> int:
    """Write the source sealed; return how many bytes it had. The file appears whole or not at all."""
    salt = os.urandom(_SALT_BYTES)
    sealing = AESGCM(_key(secret, salt, path.name))
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    total = number = 0
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_HEAD + salt)
        piece = source.read(_PIECE)
        while True:
            following = source.read(_PIECE) if piece else b""
            sealed = sealing.encrypt(_nonce(number), piece, b"more" if following else b"last")
            file.write(len(sealed).to_bytes(4, "big") + sealed)
            total, number = total + len(piece), number + 1
            if not following:
                break
            piece = following
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return total


def unseal(path: Path, secret: bytes) -> Iterator[bytes]:
    """The pieces, in order. Raises NotOurs at the first that is not as it was sealed, and when the last is missing."""
    with path.open("rb") as file:
        if file.read(len(_HEAD)) != _HEAD:
            raise NotOurs(f"{path.name} is not a sealed file")
        opening = AESGCM(_key(secret, file.read(_SALT_BYTES), path.name))
        number, is_last = 0, False
        while head := file.read(4):
            length = int.from_bytes(head, "big")
            sealed = file.read(length) if length <= _PIECE + _TAG else b""
            is_last = not file.peek(1)
            try:
                yield opening.decrypt(_nonce(number), sealed, b"last" if is_last else b"more")
            except InvalidTag:
                raise NotOurs(f"{path.name} does not open: another key, or it was changed or cut off") from None
            number += 1
        if not is_last:
            raise NotOurs(f"{path.name} was cut off")


def _key(secret: bytes, salt: bytes, name: str) -> bytes:
    return HKDF(SHA256(), 32, salt, f"headwater sealed file {name}".encode()).derive(secret)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
