"""Seal personal text under a key per data subject; destroy the key to erase it.

Sealing is AES-256-GCM, bound to the event and the field: a sealed value copied elsewhere does not open.
Subject keys live in the table `subject_keys`, wrapped by a master key that is never in the database.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from collections import OrderedDict
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Cursor

from kernel.errors import DomainError

_PREFIX = "sealed:1:"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_MOST_CACHED = 10_000
_CACHE_S = 5.0


class Erased(str):
    """What is left of personal text whose key is destroyed. Compares equal to ERASED only."""

    __slots__ = ()


ERASED = Erased("[erased]")


class SubjectForgotten(DomainError):
    """Personal data of a forgotten person must not be recorded again under the same subject."""


class Keys(Protocol):
    """Where subject keys come from, within one transaction or one read."""

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        """Return every subject's key, making those that are new; raise SubjectForgotten."""
        ...

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        """Return every subject's key, None where there is none any more."""
        ...


class NotWrappedByUs(Exception):
    """A key was wrapped with something that is not there any more."""


class Wrapping(Protocol):
    """What subject keys are wrapped with: one master key, or a ring of them."""

    def ready_to_wrap(self, cursor: Cursor[Any]) -> None:
        """Before new keys are wrapped in the cursor's transaction."""
        ...

    def wrap(self, subject: str, key: bytes) -> bytes:
        """Return the key wrapped."""
        ...

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """Return the key; raise NotWrappedByUs."""
        ...


class MasterKey:
    """Wraps subject keys. The wrapping is bound to the subject, so rows cannot be swapped."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a master key has {_KEY_BYTES} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def ready_to_wrap(self, cursor: Cursor[Any]) -> None:
        """There is but one."""

    def wrap(self, subject: str, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, subject.encode())

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], subject.encode())


class KeyCache:
    """Keys known to be committed, for a few seconds only, so that forgetting is felt in every process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def get(self, subject: str) -> bytes | None:
        entry = self._kept.get(subject)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, keys: dict[str, bytes]) -> None:
        until = time.monotonic() + _CACHE_S
        for subject, key in keys.items():
            self._kept[subject] = (until, key)
            self._kept.move_to_end(subject)
        while len(self._kept) > _MOST_CACHED:
            self._kept.popitem(last=False)

    def drop(self, subject: str) -> None:
        self._kept.pop(subject, None)


class TableKeys:
    """Keys in `subject_keys`, through the cursor of the transaction that needs them.

    New keys are remembered only for this transaction until `committed()` is called: a key whose row
    was rolled back must never seal anything that stays.
    """

    def __init__(self, cursor: Cursor[dict[str, Any]], master: Wrapping, cache: KeyCache) -> None:
        self._cursor = cursor
        self._master = master
        self._cache = cache
        self._mine: dict[str, bytes] = {}

    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        known, missing = self._known(subjects)
        if missing:
            self._master.ready_to_wrap(self._cursor)
            made = {subject: os.urandom(_KEY_BYTES) for subject in sorted(missing)}
            self._cursor.execute(
                "insert into subject_keys (subject, wrapped)"
                " select * from unnest(%b::text[], %b::bytea[]) on conflict do nothing",
                (list(made), [self._master.wrap(s, key) for s, key in made.items()]),
            )
            known |= self._read(missing)
            if forgotten := [s for s in missing if s not in known]:
                raise SubjectForgotten(f"{forgotten[0]} was forgotten; record the person anew under another id")
        return known

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        known, missing = self._known(subjects)
        if missing:
            known |= self._read(missing)
        return {subject: known.get(subject) for subject in subjects}

    @property
    def has_keyring(self) -> bool:
        """Whether what keys are wrapped with can be destroyed."""
        return not isinstance(self._master, MasterKey)

    def drop(self, subject: str) -> None:
        """No longer know a key that this transaction destroys."""
        self._mine.pop(subject, None)
        self._cache.drop(subject)

    def committed(self) -> None:
        self._cache.put(self._mine)

    def _known(self, subjects: set[str]) -> tuple[dict[str, bytes], set[str]]:
        known: dict[str, bytes] = {}
        for subject in subjects:
            key = self._mine.get(subject) or self._cache.get(subject)
            if key is not None:
                known[subject] = key
        return known, subjects - known.keys()

    def _read(self, subjects: set[str]) -> dict[str, bytes]:
        try:
            found = self._unwrapped(subjects)
        except NotWrappedByUs:
            found = self._unwrapped(subjects)  # wrapped anew between reading the row and opening it
        self._mine |= found
        return found

    def _unwrapped(self, subjects: set[str]) -> dict[str, bytes]:
        rows = self._cursor.execute(
            "select subject, wrapped from subject_keys where subject = any(%s) and wrapped is not null",
            (list(subjects),),
        ).fetchall()
        return {row["subject"]: self._master.unwrap(row["subject"], bytes(row["wrapped"])) for row in rows}


def seal(key: bytes, text: str, binding: str) -> str:
    """Return the text sealed under the key; `binding` names the one place where it opens."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), binding.encode())
    return _PREFIX + b64encode(sealed).decode()


def unseal(key: bytes | None, sealed: str, binding: str) -> str:
    """Return the text, or ERASED without its key. Raises InvalidTag when moved or tampered with."""
    if not sealed.startswith(_PREFIX):
        raise ValueError("personal text was stored unsealed")
    if key is None:
        return ERASED
    raw = b64decode(sealed.removeprefix(_PREFIX))
    plain = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], binding.encode())
    return plain.decode()


def seal_bytes(key: bytes, content: bytes, binding: str) -> bytes:
    """Return bytes sealed under the key; `binding` names the one place where they open."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, binding.encode())


def unseal_bytes(key: bytes, sealed: bytes, binding: str) -> bytes:
    """Return the bytes. Raises InvalidTag when moved or tampered with."""
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], binding.encode())


def is_sealed(text: str) -> bool:
    """Whether this is sealed text, as a consumer of another context's event sees it."""
    return text.startswith(_PREFIX)
