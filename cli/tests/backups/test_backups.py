"""A backup is opened, damaged, and restored; people who were forgotten after it stay forgotten."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1 import erasure_service_pb2 as erasing
from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub
from crm.customer.v1.erasure_service_pb2_grpc import ErasureServiceStub
from customer.bootstrap import bootstrap
from headwater.backups import BackupFailed, BackupKeys, bring_back, check, take
from headwater.sealed_files import NotOurs, seal, unseal
from kernel.config import Settings
from kernel.service import Service, endpoints_of, jobs_of
from kernel.timers import JobRunner
from kernel.wire import Peers, channel_to, sending
from testkit import a_token
from testkit.grpc_server import serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAYS, GOES = "Qwystays", "Qwygoes"


@contextmanager
def at_work(settings: Settings) -> Iterator[tuple[Service, Any]]:
    """A customer service that answers, and how to ask it; nobody is signed in at its database afterwards."""
    with ExitStack() as stack:
        service = bootstrap(settings)
        stack.callback(service.store.close)
        channel = channel_to(stack.enter_context(serving(*endpoints_of(service, Peers({})))))
        stack.callback(channel.close)
        yield service, sending(channel, [("authorization", f"Bearer {a_token()}")])


def enter(asked: Any) -> tuple[str, dict[str, str]]:
    """A company with two people, and a file of each; returns the company, and the people by mark."""
    api = CustomerServiceStub(asked)
    customer_id = api.RegisterCustomer(
        pb.RegisterCustomerRequest(kind=1, profile=pb.Profile(name="Northern Instruments Ltd"))
    ).customer_id
    people = {}
    for mark in (STAYS, GOES):
        contact = pb.Contact(name=f"{mark} Wang", emails=[f"{mark}@persons.example"])
        people[mark] = api.AddContact(pb.AddContactRequest(customer_id=customer_id, contact=contact)).contact_id
        file = api.UploadFile(
            pb.UploadFileRequest(name=f"{mark}.txt", media_type="text/plain", content=mark.encode())
        ).attachment
        api.LogActivity(
            pb.LogActivityRequest(
                customer_id=customer_id,
                contact_id=people[mark],
                kind=2,
                content=f"{mark} called",
                attachments=[file],
            )
        )
    return customer_id, people


def words_in(service: Service, mark: str) -> list[str]:
    """Tables that hold the mark, in whatever column."""
    with psycopg.connect(service.settings.owner_url()) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        looking = sql.SQL("select 1 from public.{} x where x::text ilike %s or x::text like %s limit 1")
        return sorted(
            name
            for (name,) in tables
            if connection.execute(
                looking.format(sql.Identifier(name)), (f"%{mark}%", f"%{mark.encode().hex()}%")
            ).fetchone()
        )


def contents(service: Service) -> dict[str, list[Any]]:
    """Every row of every table that a backup brings back."""
    with psycopg.connect(service.settings.owner_url()) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and tablename not in"
            " ('migrations', 'subject_keys', 'bus_instances', 'as_of_moments')"
        ).fetchall()
        rows = sql.SQL("select x::text from public.{} x order by 1")
        return {name: connection.execute(rows.format(sql.Identifier(name))).fetchall() for (name,) in tables}


@pytest.fixture
def a_house(a_settings: Callable[..., Settings], tmp_path: Path) -> Callable[[str], Settings]:
    return lambda name: a_settings("customer", extra={"CUSTOMER_KEYRING": str(tmp_path / name / "ring.json")})


@pytest.mark.security
@pytest.mark.feature("NFR-09")
def test_a_backup_brings_everything_back_but_who_was_forgotten_since(
    a_house: Callable[[str], Settings], tmp_path: Path
) -> None:
    folder, keys = tmp_path / "backups", BackupKeys(tmp_path / "keys.json")
    settings = a_house("first")
    with at_work(settings) as (service, asked):
        _, people = enter(asked)
        taken = take([service], folder, keys, NOW, keep_days=30)
        before = contents(service)
        assert "contacts" in words_in(service, GOES), "in clear while it is needed"
        everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert not any(mark.encode() in everything or b"persons.example" in everything for mark in people)
        assert all("does not open" not in line for line in check(taken.folder, keys))

    # over an empty house, with nothing but the files
    with at_work(a_house("second")) as (other, _):
        pass
    bring_back([other], taken.folder, BackupKeys(tmp_path / "keys.json"))
    assert contents(other) == before
    with at_work(other.settings) as (other, asked):
        customer = CustomerServiceStub(asked).ListCustomers(pb.ListCustomersRequest()).customers[0]
        names = {
            it.name
            for it in CustomerServiceStub(asked)
            .GetCustomer(pb.GetCustomerRequest(customer_id=customer.customer_id))
            .contacts
        }
        assert names == {f"{STAYS} Wang", f"{GOES} Wang"}

    # one of them is forgotten; another backup leaves only today's keys behind
    with at_work(settings) as (service, asked):
        ErasureServiceStub(asked).ForgetPerson(
            erasing.ForgetPersonRequest(
                person_kind=erasing.PERSON_KIND_CONTACT,
                person_id=people[GOES],
                confirmation=f"forget {people[GOES]}",
                reason="request",
            )
        )
        JobRunner("customer", service.store, jobs_of(service), lambda *_: None).run_once()
        take([service], folder, keys, NOW + timedelta(days=1), keep_days=30)
    for name in ("third", "first"):  # over an empty house, and over the one that went on
        back = settings if name == "first" else a_house(name)
        with at_work(back) as (service, _):
            pass
        bring_back([service], taken.folder, keys)
        assert words_in(service, GOES) == [], name
        assert "contacts" in words_in(service, STAYS), name


def test_a_clear_part_opens_no_more_when_it_has_had_its_days(
    a_house: Callable[[str], Settings], tmp_path: Path
) -> None:
    folder, keys = tmp_path / "backups", BackupKeys(tmp_path / "keys.json")
    with at_work(a_house("first")) as (service, _):
        old = take([service], folder, keys, NOW, keep_days=7)
        copied = (old.folder / "customer.clear.sealed").read_bytes()
        take([service], folder, keys, NOW + timedelta(days=8), keep_days=7)
    assert not (old.folder / "customer.clear.sealed").exists()
    assert len(json.loads((tmp_path / "keys.json").read_text())) == 2, "for good, and of the newest"
    (old.folder / "customer.clear.sealed").write_bytes(copied)
    assert "destroyed" in "\n".join(check(old.folder, BackupKeys(tmp_path / "keys.json")))
    with pytest.raises(NotOurs):
        list(unseal(old.folder / "customer.clear.sealed", keys.lasting))


def test_a_restore_is_refused_while_the_service_works_and_over_other_tables(
    a_house: Callable[[str], Settings], tmp_path: Path
) -> None:
    folder, keys = tmp_path / "backups", BackupKeys(tmp_path / "keys.json")
    with at_work(a_house("first")) as (service, asked):
        enter(asked)
        taken = take([service], folder, keys, NOW, keep_days=7)
        with pytest.raises(BackupFailed, match="stop the suite"):
            bring_back([service], taken.folder, keys)
    manifest = json.loads((taken.folder / "manifest.json").read_text())
    manifest["services"]["customer"]["migrations"].append("9999_of_tomorrow.sql")
    (taken.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupFailed, match="another version"):
        bring_back([service], taken.folder, keys)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 5])
def test_a_sealed_file_opens_as_it_was(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    assert seal(io.BytesIO(content[:size]), tmp_path / "a.sealed", b"k" * 32) == size
    assert b"".join(unseal(tmp_path / "a.sealed", b"k" * 32)) == content[:size]


def test_a_sealed_file_that_was_touched_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "a.sealed"
    seal(io.BytesIO(b"x" * (2 * 1024 * 1024)), path, b"k" * 32)
    whole = path.read_bytes()
    first_piece = 5 + 16 + 4 + 1024 * 1024 + 16
    spoilt = {
        "changed": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
        "cut off between pieces": whole[:first_piece],
        "cut off within a piece": whole[: first_piece + 100],
        "lengthened": whole + whole[first_piece:],
        "nothing but the head": whole[:21],
        "another format": b"PGDMP" + whole[5:],
    }
    for how, content in spoilt.items():
        path.write_bytes(content)
        with pytest.raises(NotOurs):
            list(unseal(path, b"k" * 32))
            pytest.fail(how)
    path.write_bytes(whole)
    with pytest.raises(NotOurs):
        list(unseal(path, b"j" * 32))
    (tmp_path / "b.sealed").write_bytes(whole)
    with pytest.raises(NotOurs):
        list(unseal(tmp_path / "b.sealed", b"k" * 32))
