"""Master keys that can be destroyed: a file outside every database, one key for each part of the subjects.

A backup of a database holds the wrapped keys of people who were forgotten later. It stays shut because what
they were wrapped with is destroyed too: the part's other keys are wrapped anew, under a new generation, and
the old generation leaves the file. The file must not get into backups that are kept longer than the promise.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import psycopg
from psycopg import Connection, Cursor

from kernel.vault import MasterKey, NotWrappedByUs

if TYPE_CHECKING:
    from psycopg.rows import DictRow

PARTS = 256
_LOCK = 821
_HEAD_BYTES = 5
_OLD_LENGTH = 60  # wrapped under the one key of the environment: nonce, key, tag
_BATCH = 1_000
_MOST_PASSES = 100
_MOST_WAITS = 20


class Keyring:
    """Wraps and unwraps like a MasterKey. `first` still unwraps what was wrapped before there was a ring."""

    def __init__(self, path: Path, first: MasterKey) -> None:
        self._path = path
        self._first = first
        self._read_as: tuple[int, int] = (0, 0)
        self._keys: dict[tuple[int, int], MasterKey] = {}
        self._newest: dict[int, int] = {}

    # -- as a master key -------------------------------------------------------------

    def ready_to_wrap(self, cursor: Cursor[Any]) -> None:
        """Before new keys are wrapped: hold off whoever destroys generations, and see the newest."""
        cursor.execute("select pg_advisory_xact_lock_shared(%s)", (_LOCK,)).fetchone()
        self._refresh()

    def wrap(self, subject: str, key: bytes) -> bytes:
        """Return the key wrapped with the newest generation of the subject's part."""
        if not self._keys:
            self._refresh()
        part = part_of(subject)
        generation = self._newest[part]
        return bytes([part]) + generation.to_bytes(4, "big") + self._keys[part, generation].wrap(subject, key)

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """Return the key; raise NotWrappedByUs when what it was wrapped with is gone."""
        if len(wrapped) == _OLD_LENGTH:
            return self._first.unwrap(subject, wrapped)
        name = generation_of(wrapped)
        if name not in self._keys:
            self._refresh()
        if name not in self._keys:
            raise NotWrappedByUs(
                f"generation {name[1]} of part {name[0]} is not in {self._path.name}: it was destroyed. After a"
                " restore, bring back the table subject_keys as it was last; never an older one"
            )
        return self._keys[name].unwrap(subject, wrapped[_HEAD_BYTES:])

    # -- generations -----------------------------------------------------------------

    def begin(self, parts: Collection[int]) -> None:
        """Add a new generation of some parts; from now on it is what new keys are wrapped with."""
        with self._changing() as held:
            for part in parts:
                newest = max((g for p, g in held if p == part), default=0)
                held[part, newest + 1] = secrets.token_bytes(32)

    def destroy_former(self, parts: Collection[int]) -> list[str]:
        """Destroy every generation of the parts but the newest; return their names."""
        with self._changing() as held:
            newest = {part: max(g for p, g in held if p == part) for part in parts}
            former = sorted((p, g) for p, g in held if p in newest and g < newest[p])
            for name in former:
                del held[name]
        return [f"{part}.{generation}" for part, generation in former]

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether this was wrapped with its part's newest generation."""
        if len(wrapped) == _OLD_LENGTH:
            return False
        part, generation = generation_of(wrapped)
        return self._newest.get(part) == generation

    # -- the file --------------------------------------------------------------------

    def _refresh(self) -> None:
        try:
            seen = os.stat(self._path)
        except FileNotFoundError:
            self._make()
            seen = os.stat(self._path)
        if (seen.st_mtime_ns, seen.st_ino) == self._read_as:
            return
        held = _read(self._path)
        self._keys = {name: MasterKey(key) for name, key in held.items()}
        self._newest = {}
        for part, generation in held:
            self._newest[part] = max(self._newest.get(part, 0), generation)
        self._read_as = (seen.st_mtime_ns, seen.st_ino)

    def _make(self) -> None:
        with self._changing() as held:
            for part in range(PARTS):
                held.setdefault((part, 1), secrets.token_bytes(32))

    @contextmanager
    def _changing(self) -> Iterator[dict[tuple[int, int], bytes]]:
        """The file's keys, to be changed by one process at a time; written whole, or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = _read(self._path) if self._path.exists() else {}
            if not held:
                held = {(part, 1): secrets.token_bytes(32) for part in range(PARTS)}
            yield held
            fresh = self._path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump({f"{p}.{g}": b64encode(key).decode() for (p, g), key in sorted(held.items())}, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        self._refresh()


def part_of(subject: str) -> int:
    """The part of the ring that a subject's key is wrapped with."""
    return crc32(subject.encode()) % PARTS


def generation_of(wrapped: bytes) -> tuple[int, int]:
    """(part, generation) that a key was wrapped with."""
    return wrapped[0], int.from_bytes(wrapped[1:_HEAD_BYTES], "big")


def rotate(connection: Connection[DictRow], ring: Keyring, parts: Collection[int]) -> tuple[int, list[str]]:
    """Wrap all keys of the parts anew and destroy what they were wrapped with, while others work on.

    `connection` is in autocommit. Returns how many keys were wrapped anew, and the destroyed generations.
    Safe to end at any point and to run again.
    """
    ring.begin(parts)
    _wait_for_writers(connection)
    wrapped_anew = 0
    for _ in range(_MOST_PASSES):
        rows = connection.execute(
            "select subject, wrapped from subject_keys where wrapped is not null"
            " and (length(wrapped) = %s or get_byte(wrapped, 0) = any(%s))",
            (_OLD_LENGTH, list(parts)),
        ).fetchall()
        former = [
            (row["subject"], bytes(row["wrapped"]))
            for row in rows
            if part_of(row["subject"]) in parts and not ring.is_newest(bytes(row["wrapped"]))
        ]
        if not former:
            return wrapped_anew, ring.destroy_former(parts)
        for start in range(0, len(former), _BATCH):
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(
                    "select rewrap_key(%s, %s, %s)",
                    [
                        (subject, wrapped, ring.wrap(subject, ring.unwrap(subject, wrapped)))
                        for subject, wrapped in former[start : start + _BATCH]
                    ],
                )
        wrapped_anew += len(former)
    raise NotWrappedByUs("keys keep coming back under a former generation; is there a second keyring?")


def _wait_for_writers(connection: Connection[DictRow]) -> None:
    """Whoever wrapped with a former generation has committed once the lock is ours; the next sees the new one."""
    for attempt in range(_MOST_WAITS):
        try:
            with connection.transaction():
                connection.execute("set local lock_timeout = '2s'")  # meanwhile nobody new is written down
                connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == _MOST_WAITS - 1:
                raise
            time.sleep(0.2)


def _read(path: Path) -> dict[tuple[int, int], bytes]:
    held = {}
    for name, key in json.loads(path.read_text()).items():
        part, generation = name.split(".")
        held[int(part), int(generation)] = b64decode(key)
    return held
