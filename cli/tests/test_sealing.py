"""What a superuser does to a sealed log is found, by the live verifier and by the one that stands alone."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crm.customer.v1 import customer_events_pb2
from customer.domain.customer import ContactAdded, DecisionRole
from headwater import verify_export
from headwater.__main__ import main
from headwater.home import Home
from headwater.provision import choose_secrets
from kernel.codec import Codec
from kernel.config import Settings
from kernel.ids import new_id
from kernel.relay import Relay
from kernel.seal import (
    CHAINS,
    EVENTS,
    READS,
    Kept,
    Seal,
    Sealer,
    Signer,
    extended,
    final_on,
    last_seal,
    open_sealing,
    rows_of,
)
from kernel.store import Cause, EventStore, open_datastore
from kernel.telemetry import gauges
from kernel.vault import ERASED, MasterKey
from testkit import Database, Servers, wait_until

CONTEXT = "customer"
WINDOW = 10
MASTER = bytes(range(32))


def a_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Ledger:
    """A log of contacts with positions 1 to 12 and 14 to 35, its relay, and what each side may do to it."""

    def __init__(self, database: Database, admin_url: str, amqp_url: str, folder: Path) -> None:
        self.database = database
        self.amqp_url = amqp_url
        self.checkpoints = folder / "checkpoints"
        self.environment = {
            "CUSTOMER_DATABASE_URL": database.url,
            "CUSTOMER_OWNER_DATABASE_URL": database.owner_url,
            "CUSTOMER_AMQP_URL": amqp_url,
            "CUSTOMER_MASTER_KEY": b64encode(MASTER).decode(),
            "CUSTOMER_SERVICE_SECRET": "secret",
            "CUSTOMER_SEAL_KEY": a_key(),
            "HEADWATER_CHECKPOINTS": str(self.checkpoints),
            "HEADWATER_TOKEN_PUBLIC_KEY": "unused",
        }
        self.settings = Settings.from_environment(CONTEXT, self.environment)
        self.signer = Signer.of(self.settings)
        codec = Codec((ContactAdded,), [customer_events_pb2])
        self.store: EventStore[Any] = EventStore(open_datastore(database.url, 1, 4), codec, MasterKey(MASTER))
        parts = urlsplit(admin_url)
        self._superuser_url = urlunsplit(parts._replace(path=urlsplit(database.url).path))
        self.people: list[UUID] = []

    def append(self, count: int, name: str = "Wang") -> None:
        for _ in range(count):
            person = new_id()
            self.people.append(person)
            contact = ContactAdded(
                new_id(), person, f"{name} {len(self.people)}", "", DecisionRole.USER, True, (), (), "", ""
            )
            with self.store.transaction(Cause.of("tester")) as tx:
                tx.append(person, 0, [contact])

    def superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._superuser_url, autocommit=True)

    def ask(self, statement: str, *given: Any) -> list[Any]:
        with self.superuser() as connection:
            cursor = connection.execute(statement.encode(), given or None)
            return cursor.fetchall() if cursor.description else []

    def sealer(self, folder: Path | None = None, **options: Any) -> Sealer:
        options.setdefault("every_s", 0.02)
        kept = Kept(folder or self.checkpoints)
        return Sealer(CONTEXT, self.database.url, self.signer, kept, window=WINDOW, **options)

    @contextmanager
    def relaying(self, folder: Path | None = None) -> Iterator[Relay]:
        relay = Relay(CONTEXT, self.database.url, self.amqp_url, self.store.recorder, sealer=self.sealer(folder))
        stop = threading.Event()
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        try:
            yield relay
        finally:
            stop.set()
            thread.join()

    def sealed(self, folder: Path | None = None) -> int:
        """Let a relay run until all is sealed and published; return the last position."""
        (last,) = self.ask("select max(notification_id) from events")[0]
        with self.relaying(folder):
            wait_until(lambda: self.sealed_up_to() == last and self.published_up_to() == last)
        return int(last)

    def sealed_up_to(self, table: str = "events") -> int:
        query = "select coalesce(max((body::json ->> 'position')::bigint), 0) from seals where chain = %s"
        return int(self.ask(query, table)[0][0])

    def published_up_to(self) -> int:
        return int(self.ask("select coalesce(max(position), 0) from relay_checkpoint")[0][0])

    # -- both verifiers

    def live(self, *more: str) -> dict[str, Any]:
        """What `headwater audit verify` says of the events."""
        return _said(["audit", "verify", CONTEXT, "--chain", "events", "--json", *more])[0]

    def alone(self, folder: Path, kept: Path | None = None) -> dict[str, Any]:
        """What the stand-alone verifier says of an export."""
        export, key = folder / "customer.export", folder / "public.pem"
        assert main(["audit", "export", CONTEXT, str(export)]) == 0
        key.write_text(self.signer.public_pem())
        given = [str(export), "--key", str(key), "--json"]
        if kept is not None:
            given += ["--checkpoints", str(kept)]
        return _said(given, verify_export.main)


def _said(given: list[str], command: Callable[[list[str]], int] = main) -> Any:
    """The JSON that a command prints, which also must exit with 1 exactly when it finds damage."""
    import io
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()) as out:
        status = command(given)
    said = json.loads(out.getvalue())
    verdicts = said if isinstance(said, list) else [said]
    assert status == (0 if all(verdict["sound"] for verdict in verdicts) else 1)
    return said


@pytest.fixture
def ledger(
    database: Callable[[str], Database],
    servers: Servers,
    amqp: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ledger]:
    made = Ledger(database("kernel"), servers.postgres_url, amqp, tmp_path)
    monkeypatch.setenv("HEADWATER_RUN", str(tmp_path))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    with Home(tmp_path).changing() as state:
        state |= {
            "name": "t",
            "servers": {"postgres_url": servers.postgres_url, "amqp_url": amqp, "rabbitmq_api": servers.rabbitmq_api},
            "ports": dict.fromkeys(("apis", "gateway", "smtp", "mail"), 1),
            "administrator": {"login": "admin", "password": "unused"},
        }
        choose_secrets(state.setdefault("secrets", {}))
    made.append(12)
    made.ask("select nextval('events_notification_id_seq')")  # as a transaction that was rolled back leaves it
    made.append(22)
    yield made
    made.store.close()


@pytest.fixture
def sealed(ledger: Ledger) -> Ledger:
    """All of it sealed: up to 10, 21, 31 and 35."""
    assert ledger.sealed() == 35
    return ledger


# -- the eight attacks ---------------------------------------------------------------


def edit(ledger: Ledger) -> None:
    ledger.ask("update events set actor = 'person:somebody-else' where notification_id = 17")


def delete(ledger: Ledger) -> None:
    ledger.ask("delete from events where notification_id = 17")


def insert(ledger: Ledger) -> None:
    with ledger.superuser() as connection:
        connection.execute("create temporary table forged as select * from events where notification_id = 12")
        connection.execute("update forged set notification_id = 13, originator_id = event_id")
        connection.execute("insert into events select * from forged")


def reorder(ledger: Ledger) -> None:
    with ledger.superuser() as connection, connection.transaction():
        for before, after in ((16, -1), (27, 16), (-1, 27)):
            connection.execute("update events set notification_id = %s where notification_id = %s", (after, before))


def truncate(ledger: Ledger) -> None:
    ledger.ask("delete from events where notification_id > 24")
    ledger.ask("delete from seals where number > 2")
    ledger.ask("select setval('events_notification_id_seq', 24)")


def fork(ledger: Ledger) -> None:
    """Go back to an older state and let the relay itself, elsewhere, sign another continuation."""
    truncate(ledger)
    ledger.append(15, "Li")
    ledger.sealed(ledger.checkpoints.parent / "elsewhere")


def rewrite(ledger: Ledger) -> None:
    """Edit, then compute every later hash anew; what is missing is the key."""
    edit(ledger)
    mine = Signer(a_key())
    mine.id = ledger.signer.id
    with open_sealing(ledger.database.url) as connection:
        row = connection.execute("select body, signature, marks from seals where chain = 'events' and number = 1")
        seal = Seal.stored(*(row.fetchone() or ()))
        for number, position in ((2, 21), (3, 31), (4, 35)):
            rows = rows_of(connection, EVENTS, seal.position, position, 100)
            seal = extended(CONTEXT, EVENTS, seal, rows, mine, datetime.now(UTC))
            ledger.ask(
                "update seals set body = %s, signature = %s, marks = %s where chain = 'events' and number = %s",
                *(seal.body.decode(), seal.signature, seal.marks, number),
            )


def swap_sealed_values(ledger: Ledger) -> None:
    """Exchange the sealed names of two people."""
    query = "select state from events where notification_id = %s"
    one, other = (
        customer_events_pb2.ContactAdded.FromString(ledger.ask(query, position)[0][0]) for position in (15, 19)
    )
    assert one.name != other.name
    assert "Wang" not in one.name
    one.name, other.name = other.name, one.name
    for position, message in ((15, one), (19, other)):
        ledger.ask("update events set state = %s where notification_id = %s", message.SerializeToString(), position)


ATTACKS = {
    edit: ("changed", 17),
    delete: ("missing", 17),
    insert: ("added", 13),
    reorder: ("moved", 16),
    truncate: ("truncated", 25),
    fork: ("forked", 25),
    rewrite: ("rewritten", 17),
    swap_sealed_values: ("changed", 15),
}


@pytest.mark.feature("NFR-07")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_both_verifiers_find_the_attack_and_name_the_first_bad_position(
    sealed: Ledger, attack: Callable[[Ledger], None], tmp_path: Path
) -> None:
    assert sealed.live()["sound"]
    attack(sealed)
    kind, position = ATTACKS[attack]
    kept = sealed.checkpoints / "customer.events.jsonl"
    for said in (sealed.live(), sealed.alone(tmp_path, kept)):
        assert (said["kind"], said["first_bad_position"], said["first_bad_position_up_to"]) == (
            kind,
            position,
            position,
        ), said
