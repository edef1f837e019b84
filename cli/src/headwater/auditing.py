"""Check the sealed tables of a live suite, and write exports that others check without it.

The judging is headwater.verify_export's, which also runs alone; here is only where checkpoints and rows come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from headwater.verify_export import (
    CHECKPOINT,
    END,
    ROW,
    Checkpoint,
    Judge,
    Keys,
    Verdict,
    frame,
    head_of_export,
    keys_from_pem,
    read_kept,
)
from kernel.config import ConfigurationError, Settings
from kernel.seal import CHAINS, Chain, Connection, Kept, Signer, copied, cut, open_sealing

_DELETED_AT_ONCE = 10_000


def chain_named(name: str) -> Chain:
    """The sealed table of that name; ValueError names those there are."""
    for chain in CHAINS:
        if chain.table == name:
            return chain
    raise ValueError(f"{name} is not sealed; these are: {', '.join(chain.table for chain in CHAINS)}")


def signer_of(settings: Settings) -> Signer:
    if not settings.seal_key:
        raise ConfigurationError(
            f"{settings.service} is not sealed: {settings.service.upper()}_SEAL_KEY is not set; headwater up makes one"
        )
    return Signer.of(settings)


def keys_of(settings: Settings) -> Keys:
    """The public keys that a service's checkpoints are signed with."""
    return keys_from_pem(signer_of(settings).public_pem().encode())


def verify(settings: Settings, chain: Chain, keys: Keys, folder: Path | None) -> Verdict:
    """Check one chain of a live database against its checkpoints and those kept in the folder."""
    outside: list[Checkpoint] = []
    torn = 0
    file = Kept(folder).file(settings.service, chain) if folder else None
    if file and file.exists():  # before the database, which is never behind it
        with file.open("rb") as lines:
            outside, torn = read_kept(lines)
    with snapshot(settings) as (connection, now):
        judge = Judge(settings.service, chain.table, keys, checkpoints_in(connection, chain), outside, torn)
        return judge.check(rows_of(connection, chain, judge), chain.columns, now)


def export(settings: Settings, chain: Chain, keys: Keys, file: Path) -> tuple[int, int]:
    """Write one chain, checkpoints and rows, into a file; return how many of each. Memory does not grow with it."""
    file.touch(mode=0o600)
    with snapshot(settings) as (connection, now), file.open("wb") as out:
        inside = checkpoints_in(connection, chain)
        judge = Judge(settings.service, chain.table, keys, inside)
        out.write(head_of_export(settings.service, chain.table, chain.columns, now))
        out.writelines(frame(CHECKPOINT, checkpoint.line()) for checkpoint in inside)
        rows = 0
        for row in rows_of(connection, chain, judge):
            out.write(frame(ROW, row))
            rows += 1
        out.write(frame(END))
    return len(inside), rows


def retain(settings: Settings, chain: Chain, before: datetime) -> tuple[int, int]:
    """Declare, signed, that rows older than `before` may go, then remove them; return (position, rows removed)."""
    signer = signer_of(settings)
    position, at = chain.names()[0], Identifier(_time_column(chain))
    table = Identifier("public", chain.table)
    with open_sealing(settings.database_url) as connection:
        row = connection.execute(
            SQL("select coalesce(max({}), 0) from {} where {} < %s").format(Identifier(position), table, at), (before,)
        ).fetchone()
        assert row is not None
        kept = Kept.of(settings)
        for attempt in (1, 2, 3):
            try:
                up_to = cut(connection, settings.service, chain, row[0], signer, kept, datetime.now(UTC))
                break
            except psycopg.errors.UniqueViolation:  # the relay sealed at the same moment
                if attempt == 3:
                    raise
    removed = 0
    with open_sealing(settings.owner_url()) as owner:
        while True:
            done = owner.execute(
                SQL("delete from {0} where {1} in (select {1} from {0} where {1} <= %s limit %s)").format(
                    table, Identifier(position)
                ),
                (up_to, _DELETED_AT_ONCE),
            ).rowcount
            removed += done
            if done < _DELETED_AT_ONCE:
                return up_to, removed


def unsealed(settings: Settings, chain: Chain) -> tuple[int, float]:
    """How many rows no checkpoint covers yet (counted up to 10,000), and the age of the oldest in seconds."""
    query = SQL(
        "select count(*), coalesce(extract(epoch from now() - min({at})), 0)::float from ("
        " select {at} from {table} where {position} > coalesce((select (body::json ->> 'position')::bigint from seals"
        " where chain = {chain} order by number desc limit 1), 0) order by {position} limit 10000) as waiting"
    ).format(
        at=Identifier(_time_column(chain)),
        table=Identifier("public", chain.table),
        position=Identifier(chain.names()[0]),
        chain=Literal(chain.table),
    )
    with open_sealing(settings.database_url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0]), max(0.0, float(row[1]))


@contextmanager
def snapshot(settings: Settings) -> Iterator[tuple[Connection, datetime]]:
    """A connection that sees one moment of the database, and that moment."""
    with open_sealing(settings.database_url) as connection:
        connection.execute("begin isolation level repeatable read read only")
        row = connection.execute("select now()").fetchone()
        assert row is not None
        yield connection, row[0].astimezone(UTC)
        connection.execute("commit")


def checkpoints_in(connection: Connection, chain: Chain) -> list[Checkpoint]:
    """The checkpoints beside the rows. What is none any more is left out, and missed when they are compared."""
    found = []
    rows = connection.execute(
        "select body, signature, marks from seals where chain = %s order by number", (chain.table,)
    )
    for body, signature, marks in rows:
        try:
            found.append(Checkpoint.read(body.encode(), signature, marks))
        except ValueError:
            continue
    return found


def rows_of(connection: Connection, chain: Chain, judge: Judge) -> Iterator[bytes]:
    """Every row there is, whatever its position, in the canonical encoding and in order."""
    position = Identifier(chain.names()[0])
    after = None
    for columns, up_to in [*judge.spans(), (chain.columns, None)]:
        names = [column.partition(":")[0] for column in columns.split(" ")]
        bounds = [SQL("{} > {}").format(position, Literal(after))] if after is not None else []
        bounds += [SQL("{} <= {}").format(position, Literal(up_to))] if up_to is not None else []
        query = SQL("select {} from {} where {} order by {}").format(
            SQL(", ").join(map(Identifier, names)),
            Identifier("public", chain.table),
            SQL(" and ").join(bounds) if bounds else SQL("true"),
            position,
        )
        yield from copied(connection, query)
        after = up_to


def _time_column(chain: Chain) -> str:
    return next(c.partition(":")[0] for c in chain.columns.split(" ") if c.endswith(":timestamptz"))


def days_of_reads(customer: Settings) -> int:
    """For how many days it is kept who was shown what, by the retention policy. ValueError when it says nothing."""
    with psycopg.connect(customer.owner_url()) as connection:
        row = connection.execute("select retention::jsonb ->> 'reads_days' from policies").fetchone()
    days = int(row[0]) if row and row[0] else 0
    if not days:
        raise ValueError("no retention policy says for how long; say --older-than DAYS, or PUT /v1/retention-policy")
    return days
