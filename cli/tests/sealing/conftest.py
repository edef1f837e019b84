"""A small sealed log of contacts, its relay, both verifiers, and the superuser."""

from __future__ import annotations

import io
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
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
from kernel.seal import Kept, Sealer, Signer, open_sealing
from kernel.store import Cause, EventStore, open_datastore
from kernel.vault import MasterKey
from testkit import Database, Servers, wait_until

CONTEXT = "customer"
WINDOW = 10
MASTER = bytes(range(32))


class Ledger:
    """A log of contacts with positions 1 to 12 and 14 to 35, its relay, and what each side may do to it."""

    def __init__(self, database: Database, admin_url: str, amqp_url: Callable[[], str], folder: Path) -> None:
        self.database = database
        self.amqp_url = amqp_url
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.environment = {
            "CUSTOMER_DATABASE_URL": database.url,
            "CUSTOMER_OWNER_DATABASE_URL": database.owner_url,
            "CUSTOMER_AMQP_URL": "amqp://nobody@127.0.0.1:1/none",
            "CUSTOMER_MASTER_KEY": b64encode(MASTER).decode(),
            "CUSTOMER_SERVICE_SECRET": "secret",
            "CUSTOMER_SEAL_KEY": self.a_key(),
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

    @staticmethod
    def a_key() -> str:
        """A new signing key."""
        return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def append(self, count: int, name: str = "Wang") -> None:
        with self.store.transaction(Cause.of("tester")) as tx:
            for _ in range(count):
                person = new_id()
                self.people.append(person)
                name_now = f"{name} {len(self.people)}"
                contact = ContactAdded(new_id(), person, name_now, "", DecisionRole.USER, True, (), (), "", "")
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
        relay = Relay(CONTEXT, self.database.url, self.amqp_url(), self.store.recorder, sealer=self.sealer(folder))
        stop = threading.Event()
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        try:
            yield relay
        finally:
            stop.set()
            thread.join()

    def relayed(self, folder: Path | None = None) -> int:
        """Let a relay run until all is sealed and published; return the last position."""
        (last,) = self.ask("select max(notification_id) from events")[0]
        with self.relaying(folder):
            wait_until(lambda: self.sealed_up_to() == last and self.published_up_to() == last)
        return int(last)

    def sealed(self) -> int:
        """Seal what is final, without a relay; return the last position sealed."""
        with open_sealing(self.database.url) as connection:
            self.sealer().seal_all(connection)
        return self.sealed_up_to()

    def sealed_up_to(self, table: str = "events") -> int:
        query = "select coalesce(max((body::json ->> 'position')::bigint), 0) from seals where chain = %s"
        return int(self.ask(query, table)[0][0])

    def published_up_to(self) -> int:
        return int(self.ask("select coalesce(max(position), 0) from relay_checkpoint")[0][0])

    # -- both verifiers

    def live(self, chain: str = "events") -> dict[str, Any]:
        """What `headwater audit verify` says of a chain."""
        said: list[dict[str, Any]] = _said(["audit", "verify", CONTEXT, "--chain", chain, "--json"])
        return said[0]

    def alone(self, *, with_kept: bool = True, chain: str = "events") -> dict[str, Any]:
        """What the stand-alone verifier says of an export."""
        said: dict[str, Any] = _said([*self.exported(chain, with_kept), "--json"], verify_export.main)
        return said

    def exported(self, chain: str = "events", with_kept: bool = True) -> list[str]:
        """Export a chain; return what the stand-alone verifier is told."""
        export, key, kept = (self.folder / name for name in ("customer.export", "public.pem", "kept.jsonl"))
        given = [str(export), "--key", str(key)]
        if with_kept:
            assert main(["audit", "checkpoints", CONTEXT, str(kept), "--chain", chain]) == 0
            given += ["--checkpoints", str(kept)]
        assert main(["audit", "export", CONTEXT, str(export), "--chain", chain]) == 0
        with redirect_stdout(io.StringIO()) as out:
            assert main(["audit", "key", CONTEXT]) == 0
        key.write_text(out.getvalue())
        return given


def _said(given: list[str], command: Callable[[list[str]], int] = main) -> Any:
    """The JSON that a command prints, which also must exit with 1 exactly when it finds damage."""
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
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ledger]:
    made = Ledger(database("kernel"), servers.postgres_url, lambda: str(request.getfixturevalue("amqp")), tmp_path)
    monkeypatch.setenv("HEADWATER_RUN", str(tmp_path))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    with Home(tmp_path).changing() as state:
        state |= {
            "name": "t",
            "servers": {
                "postgres_url": servers.postgres_url,
                "amqp_url": servers.amqp_url,
                "rabbitmq_api": servers.rabbitmq_api,
            },
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


@pytest.fixture
def relayed(ledger: Ledger) -> Ledger:
    """As `sealed`, by a relay that also published it."""
    assert ledger.relayed() == 35
    return ledger
