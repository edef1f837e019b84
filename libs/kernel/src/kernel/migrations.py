"""Bring a service's database up to date. Run as a job of its own, as the owner, never at start-up.

Files are applied once, in the order of their names: the kernel's first, then the service's. A file that
changed after it was applied is refused. The service's role is granted what it needs and no more: it may
insert and read events and keys, never change or remove them. Keys are changed by a third role, through the
functions it owns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from kernel.as_of_schemas import SLOTS, schema_of

_KERNEL = Path(__file__).parent / "migrations"
_LOCK = 816


class MigrationChanged(Exception):
    """A migration was edited after it had been applied somewhere."""


class RoleMissing(Exception):
    """A role that the tables are granted to has not been made."""


def migrate(
    owner_url: str,
    folders: Sequence[Path],
    service_role: str,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Apply what is missing from the kernel's and the given folders; return how many files that was."""
    applied = 0
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        connection.execute(
            "create table if not exists migrations ("
            "name text primary key, checksum text not null, applied_at timestamptz not null default now())"
        )
        done: dict[str, str] = dict(connection.execute("select name, checksum from migrations").fetchall())
        for name, path in _files(folders):
            text = path.read_text(encoding="utf-8")
            checksum = hashlib.sha256(text.encode()).hexdigest()
            if name in done:
                if done[name] != checksum:
                    raise MigrationChanged(f"{name} was edited after it was applied; undo that and add a new file")
                continue
            with connection.transaction():
                connection.execute(text.encode())
                connection.execute("insert into migrations (name, checksum) values (%s, %s)", (name, checksum))
            tell(f"applied {name}")
            applied += 1
        _grant(connection, service_role)
    return applied


def pending(connection: psycopg.Connection[tuple[object, ...]], folders: Sequence[Path]) -> list[str]:
    """Return the names of the migrations that this code has and the database has not."""
    row = connection.execute("select to_regclass('migrations') is null").fetchone()
    if row is None or row[0]:
        return [name for name, _ in _files(folders)]
    done = {name for (name,) in connection.execute("select name from migrations").fetchall()}
    return [name for name, _ in _files(folders) if name not in done]


def folder_of(package_file: str) -> Path:
    """Return the migrations folder that stands beside src/ of a service's package."""
    return Path(package_file).resolve().parents[2] / "migrations"


def _files(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    found = [(f"kernel/{path.name}", path) for path in sorted(_KERNEL.glob("*.sql"))]
    for folder in folders:
        found += [(path.name, path) for path in sorted(folder.glob("*.sql"))]
    return found


def keys_role(service_role: str) -> str:
    """Name of the role that alone may change subject keys. Nobody signs in as it; the owner is its member."""
    return f"{service_role}_keys"


def _grant(connection: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    """Give the service's role every table, but some of them append-only and migrations read-only."""
    names = {
        "service": sql.Identifier(role),
        "keys": sql.Identifier(keys_role(role)),
    }
    past = sql.SQL(", ").join(sql.Identifier(schema_of(slot)) for slot in SLOTS)
    statements = (
        "revoke all on schema public from public",
        "revoke execute on all functions in schema public from public",
        "grant usage on schema public to {service}, {keys}",
        "grant select, insert, update, delete on all tables in schema public to {service}",
        "grant usage, select on all sequences in schema public to {service}",
        "grant execute on all functions in schema public to {service}",
        "revoke update, delete, truncate on events, reads, seals, subject_keys from {service}",
        "revoke insert, update, delete on migrations from {service}",
        "grant select, insert, update on subject_keys to {keys}",
        "grant usage, create on schema {past} to {service}",
    )
    with connection.transaction():
        known = connection.execute("select from pg_roles where rolname = %s", (keys_role(role),)).fetchone()
        if known is None:
            raise RoleMissing(
                f"there is no role {keys_role(role)}, which guards the keys:"
                f" create role {keys_role(role)} nologin; grant {keys_role(role)} to the owner of the tables"
            )
        for statement in statements:
            connection.execute(sql.SQL(statement).format(past=past, **names))
        _give_to_keys(connection, names["keys"])
        # Compiling takes longer than our queries do: 200 ms against 20 for a list of customers.
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set jit = off").format(database))


def _give_to_keys(connection: psycopg.Connection[tuple[object, ...]], keys: sql.Identifier) -> None:
    """Functions that run as whoever owns them run as the role of the keys, never as the owner of all tables."""
    rows = connection.execute(
        "select p.oid::regprocedure::text from pg_proc p join pg_roles o on o.oid = p.proowner"
        " where p.pronamespace = 'public'::regnamespace and p.prosecdef and o.rolname = current_user"
    ).fetchall()
    if not rows:
        return
    connection.execute(sql.SQL("grant create on schema public to {}").format(keys))
    for (function,) in rows:
        connection.execute(sql.SQL("alter function {} owner to {}").format(sql.SQL(str(function)), keys))
    connection.execute(sql.SQL("revoke create on schema public from {}").format(keys))
