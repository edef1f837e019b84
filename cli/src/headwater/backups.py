"""Backups of all services as of one moment, sealed, that bring no forgotten person back; and the way back from them.

What is written for each service, by PostgreSQL's own pg_dump (data only; the tables come from the migrations):

- `<service>.log.sealed`: everything but the three below. Personal text in it is sealed under people's keys.
- `<service>.clear.sealed`: tables that hold personal text in clear and cannot be rebuilt from the log. Sealed under a
  key of this backup's own, which is destroyed after some days: then it opens no more.
- `../keys/<service>.keys.sealed` and `.ring.sealed`: the people's keys, and what they are wrapped with. There is only
  ever the newest of these, so a key that was destroyed is in no backup.
- Left out: tables with personal text in clear that the log rebuilds. Restoring rebuilds them.

The moment: appending is held back in all services at once, for milliseconds, while each database gives a snapshot. So
no consumer is ahead of the log it consumes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from headwater.sealed_files import NotOurs, seal, unseal
from headwater.servers.postgres import binaries
from kernel.log import APPENDERS
from kernel.rebuild import rebuild

if TYPE_CHECKING:
    from kernel.service import Service

STAMP = "%Y%m%dT%H%M%SZ"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_NEVER = ("migrations", "subject_keys", "as_of_moments", "bus_instances")
"""Made by migrations, kept apart, or of processes that are gone."""

_LOCK_TIMEOUT = "2s"
_MOST_TRIES = 10
_PURGED_AT_ONCE = 1_000
_MOST_LOOKS, _LOOK_AGAIN_S = 20, 0.1
_LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


class BackupFailed(Exception):
    """Says what is wrong and the way out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup did: where, how many bytes before sealing, how long writing was held back."""

    folder: Path
    bytes: int
    held_ms: float


class BackupKeys:
    """Secrets of backups: one for good, and one for the clear part of each backup, until it has had its days.

    They live in a file that must not lie beside the backups, and of which another copy must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if "lasting" not in self._held:
            self._held["lasting"] = b64encode(token_bytes(32)).decode()
            self._keep()

    @property
    def lasting(self) -> bytes:
        return b64decode(self._held["lasting"])

    def begin(self, stamp: str) -> bytes:
        """Make the key of a new backup's clear part."""
        self._held[stamp] = b64encode(token_bytes(32)).decode()
        self._keep()
        return b64decode(self._held[stamp])

    def of(self, stamp: str) -> bytes | None:
        """The key of a backup's clear part; None once it is destroyed."""
        kept = self._held.get(stamp)
        return None if kept is None else b64decode(kept)

    def destroy_before(self, stamp: str) -> list[str]:
        """Destroy the keys of clear parts of older backups; return which."""
        old = sorted(name for name in self._held if name != "lasting" and name < stamp)
        for name in old:
            del self._held[name]
        if old:
            self._keep()
        return old

    def _keep(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self._held, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


# -- there ---------------------------------------------------------------------------


def take(services: Sequence[Service], folder: Path, keys: BackupKeys, now: datetime, keep_days: int) -> Taken:
    """Write a backup below the folder; destroy the clear parts of those older than `keep_days`."""
    stamp = now.astimezone(UTC).strftime(STAMP)
    kept, to = folder / "keys", folder / stamp
    if to.exists():
        raise BackupFailed(f"{to} is there already; wait a second")
    for each in (kept, to):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    perishable = keys.begin(stamp)
    total = 0
    manifest: dict[str, Any] = {"stamp": stamp, "services": {}}
    with _one_moment(services) as (snapshots, rings, held_ms):
        for service in services:
            left_out, clear = _personal_tables(service)
            url, snapshot = service.settings.owner_url(), snapshots[service.name]
            excluded = [*_NEVER, *left_out, *clear]
            parts = {
                to / f"{service.name}.log.sealed": (keys.lasting, [f"--exclude-table=public.{it}" for it in excluded]),
                kept / f"{service.name}.keys.sealed": (keys.lasting, ["--table=public.subject_keys"]),
            }
            if clear:
                parts[to / f"{service.name}.clear.sealed"] = (perishable, [f"--table=public.{it}" for it in clear])
            for path, (secret, arguments) in parts.items():
                total += _dump(url, snapshot, arguments, path, secret)
            if rings[service.name] is not None:
                seal(io.BytesIO(rings[service.name] or b""), kept / f"{service.name}.ring.sealed", keys.lasting)
            manifest["services"][service.name] = {
                "migrations": _migrations(url),
                "left_out": left_out,
                "clear": clear,
                "sha256": {path.name: _sha256(path) for path in parts if path.parent == to},
            }
    (to / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True))
    oldest = (now.astimezone(UTC) - timedelta(days=keep_days)).strftime(STAMP)
    for old in keys.destroy_before(oldest):
        for path in (folder / old).glob("*.clear.sealed"):
            path.unlink()
    return Taken(to, total, held_ms)


def drop_oldest(folder: Path, keep: int) -> list[str]:
    """Remove the oldest backups beyond `keep` (0: none is); the people's keys beside them stay. Return their names."""
    stamps = sorted(path.name for path in folder.iterdir() if _STAMP.fullmatch(path.name)) if keep > 0 else []
    gone = stamps[:-keep] if keep > 0 else []
    for name in gone:
        shutil.rmtree(folder / name)
    return gone


def check(folder: Path, keys: BackupKeys) -> list[str]:
    """Open every sealed file of a backup; return a line for each. Raises NotOurs for one that does not open."""
    manifest = _manifest(folder)
    told = []
    for service, about in manifest["services"].items():
        for path in (folder / f"{service}.log.sealed", folder.parent / "keys" / f"{service}.keys.sealed"):
            told.append(f"{path.name}: {sum(len(piece) for piece in unseal(path, keys.lasting)):,} bytes")
        if about["clear"]:
            perishable = keys.of(manifest["stamp"])
            path = folder / f"{service}.clear.sealed"
            if perishable is None:
                told.append(f"{path.name}: its key was destroyed, as it should be after its days")
            else:
                told.append(f"{path.name}: {sum(len(piece) for piece in unseal(path, perishable)):,} bytes")
    return told


@contextmanager
def _one_moment(
    services: Sequence[Service],
) -> Iterator[tuple[dict[str, str], dict[str, bytes | None], float]]:
    """Snapshots of all databases and the rings of keys that belong to them; good until the block ends."""
    for attempt in range(_MOST_TRIES):
        with ExitStack() as stack:
            connections = {
                service.name: stack.enter_context(psycopg.connect(service.settings.owner_url(), autocommit=True))
                for service in services
            }
            before = {service.name: _ring(service) for service in services}
            began = time.perf_counter()
            try:
                for connection in connections.values():
                    connection.execute(f"set lock_timeout = '{_LOCK_TIMEOUT}'")
                    connection.execute("select pg_advisory_lock(%s)", (APPENDERS,))
            except psycopg.errors.LockNotAvailable:
                if attempt == _MOST_TRIES - 1:
                    raise BackupFailed("writing does not pause for a moment; try again when less is going on") from None
                continue
            snapshots = {}
            for name, connection in connections.items():
                connection.execute("begin isolation level repeatable read read only")
                row = connection.execute("select pg_export_snapshot()").fetchone()
                assert row is not None
                snapshots[name] = str(row[0])
            for connection in connections.values():
                connection.execute("select pg_advisory_unlock(%s)", (APPENDERS,))
            held_ms = (time.perf_counter() - began) * 1000
            if before != {service.name: _ring(service) for service in services}:
                continue  # keys were rotated meanwhile: they and the ring must be of one moment
            yield snapshots, before, held_ms
            return
    raise BackupFailed("master keys are being rotated all the time; try again later")


def _personal_tables(service: Service) -> tuple[list[str], list[str]]:
    """(tables in clear that the service's own log rebuilds, those that nothing rebuilds)."""
    purged = {purge.table for purge in service.personal.purges} if service.personal else set()
    rebuilt = {table for view in service.inline for table in view.tables}
    return sorted(purged & rebuilt), sorted(purged - rebuilt)


def _dump(url: str, snapshot: str, arguments: Sequence[str], path: Path, secret: bytes) -> int:
    command = [_program("pg_dump"), "--format=custom", "--data-only", "--schema=public", f"--snapshot={snapshot}"]
    if any(it.startswith("--table=") for it in arguments):
        command.remove("--schema=public")
    with subprocess.Popen(
        [*command, *arguments], env=_libpq(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as dumping:
        assert dumping.stdout is not None
        assert dumping.stderr is not None
        total = seal(cast("io.BufferedReader", dumping.stdout), path, secret)
        said = dumping.stderr.read().decode(errors="replace")
    if dumping.returncode:
        path.unlink(missing_ok=True)
        raise BackupFailed(f"pg_dump failed: {said.strip()[:500]}")
    return total


# -- and back ------------------------------------------------------------------------


def bring_back(services: Sequence[Service], folder: Path, keys: BackupKeys) -> list[str]:
    """Put the services' databases back as they were; return a line for each.

    Nobody may work with them meanwhile. Keys that the databases still hold stay: they know who was forgotten since.
    """
    manifest = _manifest(folder)
    for service in services:
        _refuse_unless_fitting(service, manifest)
    told = []
    for service in services:
        about = manifest["services"][service.name]
        url = service.settings.owner_url()
        path = folder / f"{service.name}.log.sealed"
        if _sha256(path) != about["sha256"][path.name]:
            raise NotOurs(f"{path.name} is not the one that the manifest names")
        _empty(url)
        _load(url, path, keys.lasting)
        told.append(f"{service.name}: the log and what belongs to it")
        if _has_no_keys(url):
            _restore_ring(service, folder.parent / "keys", keys)
            _load(url, folder.parent / "keys" / f"{service.name}.keys.sealed", keys.lasting)
            told.append(f"{service.name}: the keys as they were last")
        perishable = keys.of(manifest["stamp"])
        if about["clear"] and perishable is not None:
            _load(url, folder / f"{service.name}.clear.sealed", perishable)
        elif about["clear"]:
            told.append(f"{service.name}: {', '.join(about['clear'])} stay empty, their key has had its days")
        for view in service.inline:
            if set(view.tables) & set(about["left_out"]):
                rebuild(service, view)
                told.append(f"{service.name}: {view.name} rebuilt")
        forgotten = _purge_forgotten(service)  # last: what is whose is known by the views
        if forgotten:
            told.append(f"{service.name}: {forgotten} records of forgotten people were let go of again")
    return told


def _refuse_unless_fitting(service: Service, manifest: dict[str, Any]) -> None:
    about = manifest["services"].get(service.name)
    if about is None:
        raise BackupFailed(f"the backup holds nothing of {service.name}")
    url = service.settings.owner_url()
    if about["migrations"] != _migrations(url):
        raise BackupFailed(
            f"{service.name}: the tables are of another version than the backup; install the version it was made with,"
            " restore, then upgrade"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        for attempt in range(_MOST_LOOKS):  # who has just been stopped takes a moment to go
            row = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and usename = %s",
                (conninfo_to_dict(service.settings.database_url).get("user"),),
            ).fetchone()
            if not row or not row[0]:
                return
            if attempt < _MOST_LOOKS - 1:
                time.sleep(_LOOK_AGAIN_S)
    raise BackupFailed(f"{service.name} is at work; stop the suite first: headwater down --keep-servers")


def _empty(url: str) -> None:
    """Every table but those that stay; the keys stay, because only they know who was forgotten."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and tablename <> all(%s) order by 1",
            (["migrations", "subject_keys"],),
        ).fetchall()
        tables = sql.SQL(", ").join(sql.Identifier("public", name) for (name,) in rows)
        connection.execute(sql.SQL("truncate {}").format(tables))


def _has_no_keys(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("select from subject_keys limit 1").fetchone() is None


def _restore_ring(service: Service, kept: Path, keys: BackupKeys) -> None:
    target, sealed = _ring_path(service), kept / f"{service.name}.ring.sealed"
    if target and sealed.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_name(f".{target.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(unseal(sealed, keys.lasting))
        fresh.replace(target)


def _load(url: str, path: Path, secret: bytes) -> None:
    command = [_program("pg_restore"), "--data-only", "--no-owner", "--single-transaction", "--exit-on-error"]
    with subprocess.Popen(
        [*command, f"--dbname={conninfo_to_dict(url)['dbname']}"],
        env=_libpq(url),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as loading:
        assert loading.stdin is not None
        assert loading.stderr is not None
        try:
            for piece in unseal(path, secret):
                loading.stdin.write(piece)
            loading.stdin.close()
        except NotOurs:
            loading.kill()  # before its transaction ends: nothing of a forged file stays
            raise
        except BrokenPipeError:
            pass  # it says why below
        said = loading.stderr.read().decode(errors="replace")
    if loading.returncode:
        raise BackupFailed(f"pg_restore of {path.name} failed: {said.strip()[:500]}")


def _purge_forgotten(service: Service) -> int:
    """What was brought back of people who were forgotten since goes again; return how many rows."""
    if service.personal is None or service.personal.keeps_keys:
        return 0
    touched = 0
    with psycopg.connect(service.settings.owner_url()) as connection:
        subjects = [
            row[0]
            for row in connection.execute(
                "select subject from subject_keys where wrapped is null and subject ~ '^[0-9a-f-]{36}$' order by 1"
            ).fetchall()
        ]
        for start in range(0, len(subjects), _PURGED_AT_ONCE):
            for purge in service.personal.purges:
                ids = subjects[start : start + _PURGED_AT_ONCE]
                touched += max(0, connection.execute(cast("Any", purge.statement), {"ids": ids}).rowcount)
    return touched


# -- both ----------------------------------------------------------------------------


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (FileNotFoundError, ValueError) as error:
        raise BackupFailed(f"{folder} holds no whole backup: its manifest.json is missing or broken") from error
    return found


def _migrations(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("select name from migrations order by 1").fetchall()]


def _ring(service: Service) -> bytes | None:
    path = _ring_path(service)
    return path.read_bytes() if path and path.exists() else None


def _ring_path(service: Service) -> Path | None:
    named = service.settings.extra.get(f"{service.name.upper()}_KEYRING", "")
    return Path(named) if named else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _libpq(url: str) -> dict[str, str]:
    """Whom to sign in as, by environment: a command line can be read by everybody."""
    told = {name: str(value) for key, name in _LIBPQ.items() if (value := conninfo_to_dict(url).get(key)) is not None}
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | told


def _program(name: str) -> str:
    """The newest there is: an older one does not dump a newer server."""
    try:
        beside = binaries() / name
    except Exception:  # no server here; the client's programs may be all there is
        beside = Path(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise BackupFailed(f"there is no {name} here: apt-get install postgresql-client")
    return found
