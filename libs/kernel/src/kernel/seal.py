"""Seal what must never change: fold a table's rows, in the order of their positions, into signed checkpoints.

A checkpoint covers a window of rows: its hash is the SHA-256 of the hash before it and of every stored
column of every row of the window, as PostgreSQL's binary COPY writes them, so forgetting a person, which
only destroys a key, changes nothing. Appending never waits for it, publishing never fails because of it.
The formats are in docs/audit.md; what checks them, alone and without this module, is headwater.verify_export.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import struct
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from psycopg.sql import SQL, Composed, Identifier, Literal

from kernel.clock import Clock, system_clock
from kernel.telemetry import gauges

if TYPE_CHECKING:
    from kernel.config import Settings

log = logging.getLogger(__name__)

FORMAT = "headwater-checkpoint/1"
WINDOW = 1000
_LOCK = 818
_EVERY_S = 1.0
_STAND_BY_S = 0.5
_HORIZON_TIMEOUT_S = 10.0
_HORIZON_POLL_S = 0.005
_FIRST_BACKOFF_S = 1.0
_LONGEST_BACKOFF_S = 30.0
_MARK = struct.Struct(">q8s")
_POSITION_AT, _CONTENT_AT = 6, 14
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0"
_COPY_HEAD_BYTES = 19
_COPY_END = b"\xff\xff"
_TAIL_BYTES = 1 << 20
_PAGE = 500

Connection = psycopg.Connection[tuple[Any, ...]]


class SealBroken(Exception):
    """The chain cannot be continued: what stands in the database is not what was sealed before."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A table that is sealed. `columns` are all it has, as name:type; the position comes first."""

    table: str
    columns: str
    may_be_cut: bool = False

    def names(self) -> list[str]:
        return [column.partition(":")[0] for column in self.columns.split(" ")]


EVENTS = Chain(
    "events",
    "notification_id:int8 originator_id:uuid originator_version:int8 topic:text state:bytea event_id:uuid"
    " recorded_at:timestamptz effective_at:timestamptz actor:text request_id:text correlation_id:uuid"
    " causation_id:uuid traceparent:text timeline_id:text",
)
READS = Chain(
    "reads",
    "position:int8 read_at:timestamptz actor:text method:text request_id:text correlation_id:uuid"
    " subjects:uuid[] classes:text[]",
    may_be_cut=True,
)
CHAINS = (EVENTS, READS)


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed checkpoint: rows up to `position` are sealed, those up to `cut` may be gone."""

    number: int
    position: int
    count: int
    hash: bytes
    cut: int
    sealed_at: datetime
    body: bytes = b""
    signature: bytes = b""
    marks: bytes = b""

    @staticmethod
    def beginning(context: str, chain: Chain) -> Seal:
        """What the first checkpoint goes back to."""
        start = hashlib.sha256(f"headwater-chain/1\n{context}\n{chain.table}\n".encode()).digest()
        return Seal(0, 0, 0, start, 0, datetime.fromtimestamp(0, UTC))

    @staticmethod
    def stored(body: str, signature: bytes, marks: bytes) -> Seal:
        """As it stands in the table. Raises ValueError or KeyError for what is none."""
        said = json.loads(body)
        return Seal(
            said["number"],
            said["position"],
            said["count"],
            bytes.fromhex(said["hash"]),
            said["cut"],
            datetime.fromisoformat(said["sealed_at"]),
            body.encode(),
            signature,
            marks,
        )

    def digest(self) -> bytes:
        """What the next checkpoint calls its previous one."""
        return hashlib.sha256(self.body + self.signature).digest()

    def line(self) -> bytes:
        """As it is kept outside the database: one line of JSON."""
        kept = {
            "body": self.body.decode(),
            "signature": b64encode(self.signature).decode(),
            "marks": b64encode(self.marks).decode(),
        }
        return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


class Signer:
    """The key that signs a context's checkpoints, and the public keys that signed before it."""

    def __init__(self, private_pem: str, former_public_pems: Sequence[str] = ()) -> None:
        key = load_pem_private_key(private_pem.encode(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the seal key must be an Ed25519 private key in PEM")
        self._key = key
        self.id = _key_id(key.public_key())
        self._known = {self.id: key.public_key()}
        for pem in former_public_pems:
            former = load_pem_public_key(pem.encode())
            if not isinstance(former, Ed25519PublicKey):
                raise ValueError("a former seal key must be an Ed25519 public key in PEM")
            self._known[_key_id(former)] = former

    @staticmethod
    def of(settings: Settings) -> Signer:
        """Raise ValueError without a key, or with one that is no Ed25519 key."""
        end = "-----END PUBLIC KEY-----"
        former = [block + end for block in settings.seal_former_keys.split(end) if block.strip()]
        return Signer(settings.seal_key, former)

    def public_pem(self) -> str:
        """The public half of the key in use and of the former ones, for whoever verifies."""
        pems = [key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in self._known.values()]
        return b"".join(pems).decode()

    def sign(self, body: bytes) -> bytes:
        return self._key.sign(body)

    def signed(self, seal: Seal) -> bool:
        """Whether this key or a former one signed it."""
        try:
            self._known[json.loads(seal.body)["key"]].verify(seal.signature, seal.body)
        except (KeyError, InvalidSignature):
            return False
        return True


class Kept:
    """Checkpoints kept outside the database: a folder with one file for each chain, only ever appended to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def of(settings: Settings) -> Kept | None:
        return Kept(Path(settings.checkpoints)) if settings.checkpoints else None

    def file(self, context: str, chain: Chain) -> Path:
        return self.folder / f"{context}.{chain.table}.jsonl"

    def follow(self, connection: Connection, context: str, chain: Chain, last: Seal) -> None:
        """Append what the database has more; raise SealBroken when the file has what the database lost.

        The database comes first, so after any crash the file is behind, never ahead.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.file(context, chain).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept, torn = _last_line(file)
            number = kept.number if kept else 0
            if kept and [kept.digest()] != [seal.digest() for seal in _seals(connection, chain, number - 1, number)]:
                raise SealBroken(
                    f"{chain.table}: checkpoint {number} of {self.file(context, chain)} is not in the database,"
                    f" which was rolled back or changed; run headwater audit verify {context}"
                )
            if number >= last.number:
                return
            if torn:
                file.write(b"\n")
            for seal in _seals(connection, chain, number, last.number):
                file.write(seal.line())
            file.flush()
            os.fsync(file.fileno())


class Sealer:
    """Seals the chains of one context until told to stop. Several may run: one is active, and none can fork."""

    def __init__(
        self,
        context: str,
        database_url: str,
        signer: Signer,
        kept: Kept | None = None,
        *,
        chains: Sequence[Chain] = CHAINS,
        every_s: float = _EVERY_S,
        window: int = WINDOW,
        clock: Clock = system_clock,
    ) -> None:
        self.context = context
        self.active = False
        self.sealed = 0
        self._database_url = database_url
        self._signer = signer
        self._kept = kept
        self._chains = chains
        self._every_s = every_s
        self._window = window
        self._clock = clock
        self._drawn: dict[str, int] = {}

    def run(self, stop: Event) -> None:
        """Seal until `stop` is set, and once more then. A failure is told, and tried again, for ever."""
        backoff_s = _FIRST_BACKOFF_S
        while not stop.is_set():
            try:
                with open_sealing(self._database_url) as connection:
                    if not self._become_active(connection, stop):
                        return
                    self._drawn.clear()
                    self.active = True
                    while not stop.is_set():
                        self.seal_all(connection, stop)
                        gauges.set("seal_failing", 0, context=self.context)
                        backoff_s = _FIRST_BACKOFF_S
                        stop.wait(self._every_s)
                    self.seal_all(connection, None)
            except Exception as error:
                self.active = False
                gauges.set("seal_failing", 1, context=self.context)
                log.error(
                    "sealing interrupted",
                    extra={
                        "context": self.context,
                        "reason": str(error) if isinstance(error, SealBroken) else type(error).__name__,
                        "again_in_s": backoff_s,
                    },
                    exc_info=None if isinstance(error, (SealBroken, psycopg.Error, TimeoutError)) else error,
                )
                stop.wait(backoff_s)
                backoff_s = min(backoff_s * 2, _LONGEST_BACKOFF_S)

    def seal_all(self, connection: Connection, stop: Event | None = None) -> int:
        """Seal what is final now, in every chain; return how many rows that was.

        A chain that is broken does not keep the others from being sealed: its error is raised at the end.
        """
        sealed, broken = 0, None
        for chain in self._chains:
            try:
                sealed += self._seal(connection, chain, stop)
            except SealBroken as error:
                broken = error
        self.sealed += sealed
        if broken is not None:
            raise broken
        return sealed

    def _become_active(self, connection: Connection, stop: Event) -> bool:
        while not stop.is_set():
            row = connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if row and row[0]:
                return True
            stop.wait(_STAND_BY_S)
        return False

    def _seal(self, connection: Connection, chain: Chain, stop: Event | None) -> int:
        drawn = drawn_on(connection, chain)
        if drawn == self._drawn.get(chain.table):
            return 0
        last = last_seal(connection, self.context, chain, self._signer)
        self._keep(connection, chain, last)
        horizon = final_on(connection, chain)
        sealed = 0
        while last.position < horizon and not (stop and stop.is_set()):
            rows = rows_of(connection, chain, last.position, horizon, self._window)
            if not rows:
                break  # only holes: positions drawn and rolled back
            last = extended(self.context, chain, last, rows, self._signer, self._clock())
            store(connection, chain, last)
            sealed += len(rows)
            gauges.set("seal_lag_events", max(0, horizon - last.position), context=self.context, chain=chain.table)
        if sealed:
            self._keep(connection, chain, last)
        if not (stop and stop.is_set()):
            self._drawn[chain.table] = horizon
        gauges.set("seal_position", last.position, context=self.context, chain=chain.table)
        return sealed

    def _keep(self, connection: Connection, chain: Chain, last: Seal) -> None:
        """Bring the copy outside up to date; that it cannot be written does not stop the sealing."""
        if self._kept is None:
            return
        try:
            self._kept.follow(connection, self.context, chain, last)
        except OSError as error:
            gauges.set("seal_outside_failing", 1, context=self.context)
            log.error(
                "checkpoints cannot be kept outside",
                extra={"context": self.context, "reason": error.strerror, "where": str(self._kept.folder)},
            )
        else:
            gauges.set("seal_outside_failing", 0, context=self.context)


def open_sealing(database_url: str) -> Connection:
    """A connection that speaks UTF-8, as the canonical encoding does."""
    return psycopg.connect(database_url, autocommit=True, connect_timeout=10, client_encoding="utf8")


def drawn_on(connection: Connection, chain: Chain) -> int:
    """The last position drawn, committed or not."""
    row = connection.execute(
        "select pg_get_serial_sequence(%s, %s)", (f'public."{chain.table}"', chain.names()[0])
    ).fetchone()
    assert row is not None, f"{chain.table} has no sequence"
    found = connection.execute(SQL("select last_value, is_called from {}").format(SQL(row[0]))).fetchone()
    assert found is not None
    return int(found[0]) if found[1] else 0


def final_on(connection: Connection, chain: Chain, timeout_s: float = _HORIZON_TIMEOUT_S) -> int:
    """A position up to which no row can appear any more: those who write now have been waited for.

    Whoever inserts holds the table's row lock from before he draws a position until he commits.
    Raises TimeoutError when one of them stays open longer.
    """
    mark = drawn_on(connection, chain)
    waiting = _writers(connection, chain)
    deadline = time.monotonic() + timeout_s
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(waiting)} transactions that write to {chain.table} stay open")
        time.sleep(_HORIZON_POLL_S)
        waiting &= _writers(connection, chain)
    return mark


def _writers(connection: Connection, chain: Chain) -> set[str]:
    rows = connection.execute(
        "select distinct virtualtransaction from pg_locks where locktype = 'relation' and granted"
        " and mode = 'RowExclusiveLock' and relation = to_regclass(%s)"
        " and database = (select oid from pg_database where datname = current_database())",
        (f'public."{chain.table}"',),
    )
    return {row[0] for row in rows}


def rows_of(connection: Connection, chain: Chain, after: int, up_to: int, limit: int) -> list[bytes]:
    """The canonical encoding of rows with after < position <= up_to, in order."""
    names = chain.names()
    query = SQL("select {} from {} where {position} > {} and {position} <= {} order by {position} limit {}").format(
        SQL(", ").join(map(Identifier, names)),
        Identifier("public", chain.table),
        Literal(after),
        Literal(up_to),
        Literal(limit),
        position=Identifier(names[0]),
    )
    return list(copied(connection, query))


def copied(connection: Connection, query: Composed) -> Iterator[bytes]:
    """Yield what a query gives, each row as binary COPY writes it: without the file's head and end."""
    with connection.cursor() as cursor, cursor.copy(SQL("copy ({}) to stdout (format binary)").format(query)) as copy:
        for piece in copy:
            row = bytes(piece)
            if row.startswith(_COPY_HEAD):
                row = row[_COPY_HEAD_BYTES:]
            if row and row != _COPY_END:
                yield row


def extended(
    context: str, chain: Chain, last: Seal, rows: Sequence[bytes], signer: Signer, now: datetime, cut: int | None = None
) -> Seal:
    """The checkpoint after `last` that covers these rows too; `cut` moves the end of what may be gone."""
    position = int.from_bytes(rows[-1][_POSITION_AT:_CONTENT_AT], "big", signed=True) if rows else last.position
    marks = b"".join(row[_POSITION_AT:_CONTENT_AT] + hashlib.sha256(row[_CONTENT_AT:]).digest()[:8] for row in rows)
    seal = Seal(
        last.number + 1,
        position,
        last.count + len(rows),
        hashlib.sha256(last.hash + b"".join(rows)).digest(),
        last.cut if cut is None else cut,
        now,
        marks=marks,
    )
    said = {
        "format": FORMAT,
        "context": context,
        "chain": chain.table,
        "number": seal.number,
        "position": seal.position,
        "rows": len(rows),
        "count": seal.count,
        "hash": seal.hash.hex(),
        "marks": hashlib.sha256(marks).hexdigest(),
        "columns": chain.columns,
        "cut": seal.cut,
        "previous": last.digest().hex() if last.number else "",
        "sealed_at": now.isoformat(),
        "key": signer.id,
    }
    body = json.dumps(said, separators=(",", ":")).encode()
    return replace(seal, body=body, signature=signer.sign(body))


def store(connection: Connection, chain: Chain, seal: Seal) -> None:
    """Raises psycopg.errors.UniqueViolation when somebody else wrote that checkpoint: then begin again."""
    connection.execute(
        "insert into seals (chain, number, body, signature, marks) values (%b, %b, %b, %b, %b)",
        (chain.table, seal.number, seal.body.decode(), seal.signature, seal.marks),
        prepare=True,
    )


def last_seal(connection: Connection, context: str, chain: Chain, signer: Signer) -> Seal:
    """The newest checkpoint in the database, or the beginning; raise SealBroken if the key did not sign it."""
    row = connection.execute(
        "select body, signature, marks from seals where chain = %s order by number desc limit 1", (chain.table,)
    ).fetchone()
    if row is None:
        return Seal.beginning(context, chain)
    with suppress(ValueError, KeyError, TypeError):
        seal = Seal.stored(*row)
        if signer.signed(seal):
            return seal
    raise SealBroken(
        f"{chain.table}: the last checkpoint in the database was not signed with this key or a former one;"
        f" run headwater audit verify {context}, or name the former key in {context.upper()}_SEAL_FORMER_KEYS"
    )


def cut(
    connection: Connection, context: str, chain: Chain, up_to: int, signer: Signer, kept: Kept | None, now: datetime
) -> int:
    """Declare, signed, that rows may be removed up to the last checkpoint at or below `up_to`; return its position.

    Remove them only after this has returned. Raises ValueError for a chain that is never cut.
    """
    if not chain.may_be_cut:
        raise ValueError(f"{chain.table} is kept for ever: nothing of it may be removed")
    last = last_seal(connection, context, chain, signer)
    row = connection.execute(
        "select max((body::json ->> 'position')::bigint) from seals"
        " where chain = %s and (body::json ->> 'position')::bigint <= %s",
        (chain.table, up_to),
    ).fetchone()
    position = (row[0] if row else 0) or 0
    if position <= last.cut:
        return last.cut
    seal = extended(context, chain, last, [], signer, now, cut=position)
    store(connection, chain, seal)
    if kept is not None:
        kept.follow(connection, context, chain, seal)
    return position


def _seals(connection: Connection, chain: Chain, after: int, up_to: int) -> Iterator[Seal]:
    """Checkpoints with after < number <= up_to, a page at a time."""
    for start in range(after, up_to, _PAGE):
        rows = connection.execute(
            "select body, signature, marks from seals where chain = %s and number > %s and number <= %s"
            " order by number",
            (chain.table, start, min(start + _PAGE, up_to)),
        )
        for row in rows.fetchall():
            yield Seal.stored(*row)


def _last_line(file: Any) -> tuple[Seal | None, bool]:
    """The last whole line of a file of checkpoints, and whether a crash tore the one after it."""
    size = file.seek(0, os.SEEK_END)
    wanted = min(size, _TAIL_BYTES)
    while True:
        file.seek(size - wanted)
        lines = file.read(wanted).split(b"\n")
        torn = bool(lines.pop())
        whole = lines if wanted == size else lines[1:]
        for line in reversed(whole):
            with suppress(ValueError, KeyError, TypeError):
                kept = json.loads(line)
                return Seal.stored(kept["body"], b64decode(kept["signature"]), b64decode(kept["marks"])), torn
        if wanted == size:
            return None, torn
        wanted = min(size, wanted * 4)


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def sealer_of(settings: Settings) -> Sealer | None:
    """The sealer that the settings describe; None, and a warning, without a key."""
    context = {"context": settings.service}
    if not settings.seal_key:
        log.warning("the log is not sealed: no seal key is set", extra=context)
        return None
    if not settings.checkpoints:
        log.warning("checkpoints are kept in the database only: HEADWATER_CHECKPOINTS is not set", extra=context)
    return Sealer(settings.service, settings.database_url, Signer.of(settings), Kept.of(settings))
