"""Verify a sealed log from an export, a public key and, best, checkpoints that were kept elsewhere.

    python verify_export.py EXPORT --key public.pem [--checkpoints FILE] [--rows]

This file stands alone: it needs Python 3.11 and the library `cryptography`, nothing of Headwater, and says
exactly what `headwater audit verify` says of a live log. The formats are described in docs/audit.md. Exit
status: 0 sound, 1 damaged (the first bad position and the kind of damage are named), 2 not readable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import struct
import sys
import time
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "headwater-checkpoint/1"
MAGIC = b"headwater-export/1\n"
CHECKPOINT, ROW, END = b"C", b"R", b"E"
SEALED_WITHIN_S = 60.0
"""A row that is older than this and not sealed is a finding: the sealing stopped, or the row was slipped in."""

_MARK = struct.Struct(">q8s")
_POSITION = struct.Struct(">q")
_LENGTH = struct.Struct(">I")
_POSITION_AT, _CONTENT_AT = 6, 14
_LARGEST_FRAME = 1 << 30
_MOST_FINDINGS = 1000
_CLOCKS_DIFFER_S = 5.0
_SHOWN = 10

Keys = Mapping[str, Ed25519PublicKey]


class Unreadable(Exception):
    """A file is not what it should be. The message says which, and what was expected."""


# -- checkpoints --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed statement about a chain. `body` is what was signed, byte for byte."""

    body: bytes
    signature: bytes
    marks: bytes
    context: str
    chain: str
    number: int
    position: int
    rows: int
    count: int
    hash: bytes
    marks_hash: bytes
    columns: str
    cut: int
    previous: bytes
    sealed_at: str
    key: str

    @staticmethod
    def read(body: bytes, signature: bytes, marks: bytes) -> Checkpoint:
        """Raise ValueError for what is no checkpoint at all. Nothing is believed yet."""
        try:
            said = json.loads(body)
            if said["format"] != FORMAT:
                raise ValueError(f"{said['format']!r} is not {FORMAT}")
            return Checkpoint(
                body,
                signature,
                marks,
                str(said["context"]),
                str(said["chain"]),
                int(said["number"]),
                int(said["position"]),
                int(said["rows"]),
                int(said["count"]),
                bytes.fromhex(said["hash"]),
                bytes.fromhex(said["marks"]),
                str(said["columns"]),
                int(said["cut"]),
                bytes.fromhex(said["previous"]),
                str(said["sealed_at"]),
                str(said["key"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no checkpoint: {error}") from None

    @staticmethod
    def from_line(line: bytes | str) -> Checkpoint:
        """A checkpoint as it is kept outside the database: a JSON object with body, signature and marks."""
        try:
            kept = json.loads(line)
            return Checkpoint.read(kept["body"].encode(), b64decode(kept["signature"]), b64decode(kept["marks"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no checkpoint: {error}") from None

    def line(self) -> bytes:
        """The reverse of `from_line`, without the end of the line."""
        kept = {
            "body": self.body.decode(),
            "signature": b64encode(self.signature).decode(),
            "marks": b64encode(self.marks).decode(),
        }
        return json.dumps(kept, separators=(",", ":")).encode()

    def digest(self) -> bytes:
        """What the next checkpoint calls its previous one."""
        return hashlib.sha256(self.body + self.signature).digest()

    def is_signed(self, keys: Keys) -> bool:
        key = keys.get(self.key)
        if key is None:
            return False
        try:
            key.verify(self.signature, self.body)
        except InvalidSignature:
            return False
        return True

    def has_its_marks(self) -> bool:
        return len(self.marks) == self.rows * _MARK.size and hashlib.sha256(self.marks).digest() == self.marks_hash


def keys_from_pem(pem: bytes) -> dict[str, Ed25519PublicKey]:
    """The public keys of a PEM file, by their ids; former keys may stand in it too."""
    keys = {}
    for block in re.findall(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", pem, re.DOTALL):
        key = load_pem_public_key(block)
        if not isinstance(key, Ed25519PublicKey):
            raise Unreadable("a key is not an Ed25519 public key")
        keys[key_id(key)] = key
    if not keys:
        raise Unreadable("there is no public key in the key file")
    return keys


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the raw key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def beginning(context: str, chain: str) -> bytes:
    """The hash before the first row."""
    return hashlib.sha256(f"headwater-chain/1\n{context}\n{chain}\n".encode()).digest()


def read_kept(lines: Iterable[bytes]) -> tuple[list[Checkpoint], int]:
    """The checkpoints of a file kept outside, and how many lines were none (a crash may tear the last one)."""
    found, torn = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            found.append(Checkpoint.from_line(line))
        except ValueError:
            torn += 1
    return found, torn


# -- verdicts -----------------------------------------------------------------------


@dataclass(slots=True)
class Finding:
    """One damage: exactly at `position`, or somewhere from there to `last`.

    Kinds: changed, moved, missing, added, truncated, forked, rewritten, unsealed, cut.
    """

    kind: str
    position: int
    last: int
    words: str
    exact: bool = False
    expected: bytes = b""
    found: bytes = b""


@dataclass(slots=True)
class Verdict:
    """What was found about one chain."""

    context: str
    chain: str
    checked: int = 0
    unsealed: int = 0
    below_cut: int = 0
    cut: int = 0
    seconds: float = 0.0
    last: Checkpoint | None = None
    kept_elsewhere: int = 0
    torn: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.findings

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.checked / self.seconds if self.seconds else 0.0

    def first_bad(self) -> tuple[int, int] | None:
        """First and last position that the first damage may have; equal when it is known exactly."""
        exact = sorted(f.position for f in self.findings if f.exact)
        spans = []
        for finding in self.findings:
            at = bisect_left(exact, finding.position)
            if at < len(exact) and exact[at] <= finding.last:
                spans.append((exact[at], exact[at]))
            else:
                spans.append((finding.position, finding.last))
        return min(spans) if spans else None

    def kind(self) -> str:
        """The kind of the first damage: what happened to the checkpoints says more than what it did to a row."""
        first = self.first_bad()
        if first is None:
            return "sound"
        here = [f for f in self.findings if f.position <= first[0] <= f.last]
        for kind in ("forked", "rewritten", "truncated", "cut"):
            if any(f.kind == kind for f in here):
                return kind
        return here[0].kind

    def lines(self) -> list[str]:
        """The verdict in words."""
        seen = f"{self.context} {self.chain}: {self.checked:,} rows checked, {self.rate:,.0f} rows/s"
        if self.last:
            seen += f"; checkpoint {self.last.number} of {self.last.sealed_at} at position {self.last.position}"
        told = [seen]
        if self.unsealed:
            told.append(f"  {self.unsealed} rows after it are not sealed yet")
        if self.cut:
            told.append(f"  removed by retention, as signed: up to position {self.cut}")
        if self.below_cut:
            told.append(f"  {self.below_cut} rows that retention may remove are still there; they are not checked")
        if self.torn:
            told.append(f"  {self.torn} lines of the outside checkpoints cannot be read")
        if not self.kept_elsewhere:
            told.append("  no checkpoints from outside: a cut tail or a fork that the key signed would not show")
        first = self.first_bad()
        if first is None:
            return [*told, "  SOUND"]
        exact = any(f.exact and f.position == first[0] for f in self.findings)
        where = f"{first[0]}" if exact else f"{first[0]} or later, up to {first[1]}"
        told.append(f"  DAMAGED: {self.kind()}; FIRST BAD POSITION {where}")
        shown = sorted(self.findings, key=lambda f: f.position)
        told += [f"    {finding.words}" for finding in shown[:_SHOWN]]
        if len(shown) > _SHOWN:
            told.append(f"    and {len(shown) - _SHOWN} more")
        return told

    def as_dict(self) -> dict[str, Any]:
        first = self.first_bad()
        return {
            "context": self.context,
            "chain": self.chain,
            "sound": self.sound,
            "kind": self.kind(),
            "first_bad_position": first[0] if first else None,
            "first_bad_position_up_to": first[1] if first else None,
            "rows_checked": self.checked,
            "rows_a_second": round(self.rate),
            "rows_unsealed": self.unsealed,
            "removed_up_to": self.cut,
            "checkpoint": self.last.number if self.last else None,
            "sealed_at": self.last.sealed_at if self.last else None,
            "position": self.last.position if self.last else None,
            "checkpoints_from_outside": self.kept_elsewhere,
            "findings": [f.words for f in self.findings[:_SHOWN]],
        }


class Judge:
    """Checks one chain: first the checkpoints against each other, then the rows against the checkpoints.

    `inside` are the checkpoints that stand beside the rows, `outside` those somebody else kept: these win.
    """

    def __init__(
        self,
        context: str,
        chain: str,
        keys: Keys,
        inside: Sequence[Checkpoint],
        outside: Sequence[Checkpoint] = (),
        torn: int = 0,
    ) -> None:
        self.verdict = Verdict(context, chain, torn=torn)
        self._keys = keys
        self._start = beginning(context, chain)
        self._twins: list[Checkpoint] = []
        self._found = {True: 0, False: 0}
        self._inside = {c.number: c for c in inside}
        self._signed = self._authentic(inside)
        self._kept = self._authentic(outside)
        self.verdict.kept_elsewhere = len(self._kept)
        self._known = self._signed | self._kept
        self._numbers = sorted(self._known)
        self._compare_checkpoints()
        if self._numbers:
            self.verdict.last = self._known[self._numbers[-1]]
            self.verdict.cut = max(c.cut for c in self._known.values())

    def check(self, rows: Iterable[bytes], columns: str, now: datetime) -> Verdict:
        """Check the rows, which come in the order of their positions.

        `columns` are those of rows not sealed yet; `now` is when the rows were read.
        """
        began = time.perf_counter()
        verdict, cut = self.verdict, self.verdict.cut
        windows = iter([self._known[n] for n in self._numbers if self._known[n].position > cut])
        window = next(windows, None)
        limit = window.position if window else cut
        block: list[bytes] = []
        position = 0
        unpack = _POSITION.unpack_from
        for row in rows:
            (position,) = unpack(row, _POSITION_AT)
            while window and position > limit:
                self._check_window(window, block)
                block = []
                window = next(windows, None)
                limit = window.position if window else limit
            if cut and position <= cut:
                verdict.below_cut += 1
            elif window:
                block.append(row)
            else:
                self._leave(row, position, columns, now)
        while window:
            self._check_window(window, block)
            block = []
            window = next(windows, None)
        self._name_what_moved()
        for finding in verdict.findings:
            if finding.kind == "missing" and finding.position > position:
                finding.kind = "truncated"
        verdict.seconds = time.perf_counter() - began
        return verdict

    def spans(self) -> list[tuple[str, int]]:
        """Which columns were sealed, up to which position: one entry, unless a column was added since."""
        found: list[tuple[str, int]] = []
        for number in self._numbers:
            checkpoint = self._known[number]
            if found and found[-1][0] == checkpoint.columns:
                found.pop()
            found.append((checkpoint.columns, checkpoint.position))
        return found

    # -- checkpoints

    def _authentic(self, found: Sequence[Checkpoint]) -> dict[int, Checkpoint]:
        """Those that the key signed. The signature of one vouches for those it goes back to."""
        authentic: dict[int, Checkpoint] = {}
        for checkpoint in sorted(found, key=lambda c: c.number, reverse=True):
            if (checkpoint.context, checkpoint.chain) != (self.verdict.context, self.verdict.chain):
                continue
            after = authentic.get(checkpoint.number + 1)
            linked = after is not None and after.previous == checkpoint.digest()
            if not linked and not checkpoint.is_signed(self._keys):
                continue
            twin = authentic.get(checkpoint.number)
            if twin is not None and twin.digest() != checkpoint.digest():
                self._twins.append(twin)
            if twin is None or linked:
                authentic[checkpoint.number] = checkpoint
        return authentic

    def _compare_checkpoints(self) -> None:
        last = max(self._inside, default=0)
        for twin in self._twins:
            self._forked(twin)
        for number, kept in sorted(self._kept.items()):
            here = self._inside.get(number)
            if here is None:
                if number > last:
                    self._about("truncated", number, "is gone from the database; it was kept outside")
            elif here.digest() != kept.digest() and number in self._signed:
                self._forked(kept)
        for number in range(1, last + 1):
            here = self._inside.get(number)
            if here is None:
                self._about("rewritten", number, "is missing from the database")
            elif number not in self._signed:
                self._about("rewritten", number, "in the database was not signed with the key")
            elif not here.has_its_marks():
                self._about("rewritten", number, "has lost the marks of its rows in the database")
        for number in self._signed:
            before = self._signed.get(number - 1)
            if before and self._signed[number].previous != before.digest():
                self._forked(self._signed[number])
        if self.verdict.chain == "events":
            for number, checkpoint in self._known.items():
                if checkpoint.cut:
                    self._about("cut", number, "allows the removal of events, which is never allowed")

    def _forked(self, checkpoint: Checkpoint) -> None:
        self._about("forked", checkpoint.number, "exists twice, both signed with the key: two histories")

    def _about(self, kind: str, number: int, words: str) -> None:
        """A finding about a checkpoint: the damage is somewhere in the rows it covers."""
        first = self._before(number) + 1
        at = bisect_left(self._numbers, number)
        last = self._known[self._numbers[at]].position if at < len(self._numbers) else first
        self._find(kind, first, max(first, last), f"checkpoint {number} {words}")

    def _before(self, number: int) -> int:
        """The last position that is known to be sealed before a checkpoint."""
        at = bisect_left(self._numbers, number)
        return self._known[self._numbers[at - 1]].position if at else 0

    # -- rows

    def _check_window(self, window: Checkpoint, block: list[bytes]) -> None:
        before = self._known.get(window.number - 1)
        start = self._start if window.number == 1 else before.hash if before else None
        if start is not None and hashlib.sha256(start + b"".join(block)).digest() == window.hash:
            self.verdict.checked += len(block)
            return
        first = self._before(window.number) + 1
        marks = self._marks(window)
        if marks is None:
            words = f"positions {first} to {window.position} are not what checkpoint {window.number} sealed"
            self._find("changed", first, window.position, words)
            return
        expected = dict(marks)
        found = {_POSITION.unpack_from(row, _POSITION_AT)[0]: mark_of(row) for row in block}
        if start is None and expected:
            found = {p: mark for p, mark in found.items() if p >= min(expected)}
        as_sealed = 0
        for position in sorted(expected.keys() | found.keys()):
            if position not in found:
                self._find("missing", position, position, f"position {position} is missing", True)
            elif position not in expected:
                self._find("added", position, position, f"position {position} was added after the sealing", True)
            elif expected[position] != found[position]:
                words = f"position {position} is not what was sealed"
                self._find("changed", position, position, words, True, expected[position], found[position])
            else:
                as_sealed += 1
        self.verdict.checked += as_sealed
        if as_sealed == len(expected.keys() | found.keys()) and start is not None:
            self._find("changed", first, window.position, f"positions {first} to {window.position} are not as sealed")

    def _marks(self, window: Checkpoint) -> list[tuple[int, bytes]] | None:
        """Position and mark of each sealed row, if some true copy of them is left."""
        here = self._inside.get(window.number)
        for copy in (window, here):
            if copy is not None and copy.marks_hash == window.marks_hash and copy.has_its_marks():
                return list(_MARK.iter_unpack(copy.marks))
        return None

    def _leave(self, row: bytes, position: int, columns: str, now: datetime) -> None:
        """Count a row that no checkpoint covers; it must be young."""
        self.verdict.unsealed += 1
        age_s = (now - time_of(columns, row)).total_seconds()
        if not -_CLOCKS_DIFFER_S <= age_s < SEALED_WITHIN_S:
            words = f"position {position} is covered by no checkpoint, {age_s:,.0f} s after it was written"
            self._find("unsealed", position, position, words)

    def _name_what_moved(self) -> None:
        """A row that stands where another one was sealed was moved, not edited."""
        changed = [f for f in self.verdict.findings if f.kind == "changed" and f.expected]
        sealed_at = {f.expected: f.position for f in changed}
        for finding in changed:
            if finding.found in sealed_at:
                finding.kind = "moved"
                finding.words = f"position {finding.position} holds what was sealed at {sealed_at[finding.found]}"

    def _find(
        self,
        kind: str,
        position: int,
        last: int,
        words: str,
        exact: bool = False,
        expected: bytes = b"",
        found: bytes = b"",
    ) -> None:
        if self._found[exact] < _MOST_FINDINGS:
            self._found[exact] += 1
            self.verdict.findings.append(Finding(kind, position, last, words, exact, expected, found))


def mark_of(row: bytes) -> bytes:
    """What tells a row from any other, without its position: the first 8 bytes of a SHA-256."""
    return hashlib.sha256(row[_CONTENT_AT:]).digest()[:8]


# -- rows ---------------------------------------------------------------------------

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def time_of(columns: str, row: bytes) -> datetime:
    """The first time in a row."""
    for (_, kind), value in zip(_kinds(columns), _values(row), strict=True):
        if kind == "timestamptz" and value is not None:
            return _time(value)
    return _EPOCH


def as_dict(columns: str, row: bytes) -> dict[str, Any]:
    """A row as JSON can say it; bytes in base64."""
    pairs = zip(_kinds(columns), _values(row), strict=True)
    return {name: None if value is None else _READERS[kind](value) for (name, kind), value in pairs}


def _kinds(columns: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, _, kind in (column.partition(":") for column in columns.split(" "))]


def _values(row: bytes) -> list[bytes | None]:
    """The columns of a row: their number in 2 bytes, then for each its length in 4 (-1 for null) and its bytes."""
    values: list[bytes | None] = []
    at = 2
    for _ in range(int.from_bytes(row[:2], "big")):
        length = int.from_bytes(row[at : at + 4], "big", signed=True)
        at += 4
        values.append(None if length < 0 else row[at : at + length])
        at += max(length, 0)
    return values


def _time(value: bytes) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))
    except OverflowError:
        return _EPOCH


def _array(value: bytes) -> list[Any]:
    """A one-dimensional array: dimensions, nulls, kind of element, length, first index; then the elements."""
    dimensions, _, kind = struct.unpack_from(">iiI", value)
    if not dimensions:
        return []
    (length,) = struct.unpack_from(">i", value, 12)
    found: list[Any] = []
    at = 20
    for _ in range(length):
        (size,) = struct.unpack_from(">i", value, at)
        at += 4
        element = value[at : at + max(size, 0)]
        found.append(None if size < 0 else str(UUID(bytes=element)) if kind == 2950 else element.decode())
        at += max(size, 0)
    return found


_READERS: dict[str, Any] = {
    "int8": lambda value: int.from_bytes(value, "big", signed=True),
    "uuid": lambda value: str(UUID(bytes=value)),
    "text": lambda value: value.decode(),
    "bytea": lambda value: b64encode(value).decode(),
    "timestamptz": lambda value: _time(value).isoformat(),
    "uuid[]": _array,
    "text[]": _array,
}


# -- exports ------------------------------------------------------------------------


class Export:
    """An export, read as a stream: its head, its checkpoints, then its rows, once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        if file.readline(len(MAGIC)) != MAGIC:
            raise Unreadable("this is no export of Headwater: headwater audit export CONTEXT FILE writes one")
        try:
            head = json.loads(file.readline(1 << 20))
            self.context, self.chain = str(head["context"]), str(head["chain"])
            self.columns = str(head["columns"])
            self.exported_at = datetime.fromisoformat(head["exported_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(f"the export's head cannot be read: {error}") from None
        self.checkpoints: list[Checkpoint] = []
        self._next = self._frame()
        while self._next[0] == CHECKPOINT:
            try:
                self.checkpoints.append(Checkpoint.from_line(self._next[1]))
            except ValueError as error:
                raise Unreadable(
                    f"checkpoint {len(self.checkpoints) + 1} of the export cannot be read: {error}"
                ) from None
            self._next = self._frame()

    def rows(self) -> Iterator[bytes]:
        """Every row; Unreadable when the file ends too early."""
        kind, row = self._next
        read, length_of = self._file.read, _LENGTH.unpack
        while kind == ROW:
            yield row
            head = read(5)
            if len(head) < 5:
                raise Unreadable("the export ends in the middle: it was cut off")
            kind, (length,) = head[:1], length_of(head[1:])
            if length > _LARGEST_FRAME:
                raise Unreadable("the export is garbled")
            row = read(length)
        if kind != END:
            raise Unreadable("the export is garbled")

    def _frame(self) -> tuple[bytes, bytes]:
        head = self._file.read(5)
        if len(head) < 5:
            raise Unreadable("the export ends in the middle: it was cut off")
        (length,) = _LENGTH.unpack(head[1:])
        if length > _LARGEST_FRAME:
            raise Unreadable("the export is garbled")
        return head[:1], self._file.read(length)


def frame(kind: bytes, content: bytes = b"") -> bytes:
    """One piece of an export: what it is, its length in 4 bytes, its bytes."""
    return kind + _LENGTH.pack(len(content)) + content


def head_of_export(context: str, chain: str, columns: str, exported_at: datetime) -> bytes:
    """How an export begins; its checkpoints, its rows and an end follow, each as a `frame`."""
    head = {"context": context, "chain": chain, "columns": columns, "exported_at": exported_at.isoformat()}
    return MAGIC + json.dumps(head).encode() + b"\n"


# -- command ------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="written by: headwater audit export CONTEXT FILE")
    parser.add_argument("--key", required=True, help="the public key, PEM: headwater audit key CONTEXT")
    parser.add_argument("--checkpoints", help="checkpoints kept outside the database, taken before the export")
    parser.add_argument("--rows", action="store_true", help="also print every row as a line of JSON")
    parser.add_argument("--json", action="store_true", help="the verdict for programs")
    options = parser.parse_args(arguments)
    try:
        verdict = verify(options)
    except (Unreadable, OSError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    print(json.dumps(verdict.as_dict(), indent=1) if options.json else "\n".join(verdict.lines()))
    return 0 if verdict.sound else 1


def verify(options: argparse.Namespace) -> Verdict:
    with open(options.key, "rb") as file:
        keys = keys_from_pem(file.read())
    outside: list[Checkpoint] = []
    torn = 0
    if options.checkpoints:
        with open(options.checkpoints, "rb") as file:
            outside, torn = read_kept(file)
    with open(options.export, "rb") as file:
        export = Export(file)
        judge = Judge(export.context, export.chain, keys, export.checkpoints, outside, torn)
        rows = export.rows()
        if options.rows:
            rows = printed(rows, export.columns)
        return judge.check(rows, export.columns, export.exported_at)


def printed(rows: Iterator[bytes], columns: str) -> Iterator[bytes]:
    for row in rows:
        print(json.dumps(as_dict(columns, row), ensure_ascii=False))
        yield row


if __name__ == "__main__":
    sys.exit(main())
