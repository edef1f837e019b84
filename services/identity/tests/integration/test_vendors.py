"""Signing in through WeCom, DingTalk and Feishu, and taking their directories over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import grpc
import psycopg
import pytest

from crm.identity.v1 import directory_service_pb2 as directory
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import sign_in_service_pb2 as signing
from crm.identity.v1.directory_service_pb2_grpc import DirectoryServiceStub
from identity.domain.directory import Kind
from kernel.config import Settings
from kernel.service import jobs_of
from kernel.timers import JobRunner
from testkit.grpc_server import patiently
from testkit.vendors import Someone, VendorServer, a_vendor, vendor_settings

from .conftest import ADMIN_PASSWORD, Running, an_identity

KINDS = (
    "wecom",
    pytest.param("dingtalk", marks=pytest.mark.security),  # each takes some seconds
    pytest.param("feishu", marks=pytest.mark.security),
)
WANG = Someone("wang", "王小明", "2", "wang@example.org", leads=True)


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> Iterator[VendorServer]:
    with a_vendor(request.param) as vendor:
        yield vendor


@pytest.fixture
def office(vendor: VendorServer, a_settings: Callable[..., Settings]) -> Iterator[Running]:
    extra = vendor_settings(vendor, DIRECTORY_HOURS="24", DIRECTORY_ROLES="sales_rep")
    with an_identity(a_settings("identity", extra=extra)) as office:
        yield office


def sign_in(office: Running, vendor: VendorServer, who: str, **changed: str) -> signing.FinishProviderSignInResponse:
    begun = office.signing_in().BeginProviderSignIn(signing.BeginProviderSignInRequest(provider="corp"))
    code, state = vendor.signs_in(who, begun.authorization_url)
    fields = {"code": code, "state": state, "browser_token": begun.browser_token} | changed
    return office.signing_in().FinishProviderSignIn(signing.FinishProviderSignInRequest(**fields))


def directories(office: Running) -> DirectoryServiceStub:
    token = office.access_token(office.sign_in("admin", ADMIN_PASSWORD).session_token)
    return DirectoryServiceStub(patiently(office.channel, [("authorization", f"Bearer {token}")]))


def sync(office: Running, expected_leavers: int = 0) -> dict[Kind, int]:
    done = directories(office).SyncDirectory(
        directory.SyncDirectoryRequest(provider="corp", expected_leavers=expected_leavers)
    )
    return {Kind(it.kind): it.count for it in done.done}


@pytest.mark.feature("IDN-11")
@pytest.mark.parametrize("vendor", KINDS, indirect=True)
def test_people_sign_in_and_come_and_go_with_the_company(vendor: VendorServer, office: Running) -> None:
    vendor.departments = {"2": ("销售", ""), "3": ("East", "2")}
    vendor.joins(
        WANG, Someone("li", "Li", "3", "li@example.org"), Someone("zhao", "Zhao", "3", email="zhao.z@example.net")
    )
    vendor.joins(Someone("mallory", "Mallory", "", "admin@example.org", stranger=True))
    admin = office.signed_in("admin", ADMIN_PASSWORD)
    li = admin.RegisterPerson(pb.RegisterPersonRequest(name="Li", login="lili", email="li@example.org")).person_id

    # somebody entered by hand is known by the address the company gave him; a stranger and a made-up code are not
    assert sign_in(office, vendor, "li").person.person_id == li
    for who, changed in (("mallory", {}), ("zhao", {}), ("li", {"code": "made up"})):
        with pytest.raises(grpc.RpcError) as refused:
            sign_in(office, vendor, who, **changed)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, who

    preview = directories(office).PreviewDirectorySync(directory.PreviewDirectorySyncRequest(provider="corp"))
    counts = {Kind(it.kind): it.count for it in preview.counts}
    assert counts == {Kind.FORM_TEAM: 2, Kind.JOIN: 2, Kind.RECOGNISE: 1, Kind.MOVE: 1, Kind.APPOINT: 1}
    assert {it.person_name for it in preview.changes if it.kind == Kind.JOIN} == {"王小明", "Zhao"}
    assert len(admin.ListPeople(pb.ListPeopleRequest()).people) == 2, "a preview changes nothing"

    assert sync(office) == counts
    assert sync(office) == {}, "all is as the directory says"
    people = {it.login: it for it in admin.ListPeople(pb.ListPeopleRequest()).people}
    assert set(people) == {"admin", "lili", "wang", "zhao.z"}
    teams = {it.name: it for it in admin.ListTeams(pb.ListTeamsRequest()).teams}
    assert teams["East"].parent_team_id == teams["销售"].team_id
    assert teams["销售"].manager_id == people["wang"].person_id
    assert people["lili"].team_id == teams["East"].team_id
    opened = sign_in(office, vendor, "zhao")
    assert (opened.person.login, office.caller(opened.session_token).roles) == ("zhao.z", ("sales_rep",))

    vendor.people["li"].department = "2"
    del vendor.people["zhao"]
    assert sync(office) == {Kind.MOVE: 1, Kind.LEAVE: 1}
    with pytest.raises(grpc.RpcError):
        office.access_token(opened.session_token)
    vendor.joins(Someone("zhao", "Zhao", "3", email="zhao.z@example.net"))
    assert sync(office) == {Kind.RETURN: 1}
    assert sign_in(office, vendor, "zhao").person.login == "zhao.z"


@pytest.mark.parametrize("vendor", ["dingtalk"], indirect=True)
def test_a_scheduled_run_closes_few_accounts_and_tells_of_failure(vendor: VendorServer, office: Running) -> None:
    vendor.departments = {"2": ("Sales", "")}
    vendor.joins(*(Someone(f"p{number}", f"P{number}", "2") for number in range(8)))
    assert sync(office)[Kind.JOIN] == 8
    admin = office.signed_in("admin", ADMIN_PASSWORD)
    chief = next(it for it in admin.ListPeople(pb.ListPeopleRequest()).people if it.login == "p0")
    admin.GrantRole(pb.GrantRoleRequest(person_id=chief.person_id, role="admin"))

    def run_scheduled() -> directory.KnownDirectory:
        with psycopg.connect(office.settings.owner_database_url) as connection:
            connection.execute("update timers set due_at = due_at - %s where kind = 'sync_directory'", (timedelta(30),))
        JobRunner("identity", office.service.store, jobs_of(office.service), lambda *_: None).run_once()
        (known,) = directories(office).ListDirectories(directory.ListDirectoriesRequest()).directories
        return known

    for number in range(1, 8):
        del vendor.people[f"p{number}"]
    held = run_scheduled()
    assert (held.held_back, len(held.done), held.failure) == (7, 0, "")
    assert held.next_at.seconds > held.ran_at.seconds + 23 * 3600

    vendor.people.clear()
    failed = run_scheduled()
    assert "nobody is left" in failed.failure
    assert failed.next_at.seconds > failed.ran_at.seconds

    vendor.joins(Someone("p1", "P1", "2"))
    preview = directories(office).PreviewDirectorySync(directory.PreviewDirectorySyncRequest(provider="corp"))
    assert preview.leavers == 6, "whoever administers stays"
    assert sync(office, expected_leavers=5) == {}, "another number than the preview said"
    assert sync(office, expected_leavers=6) == {Kind.LEAVE: 6}


def test_nothing_is_asked_unless_the_settings_name_it(running: Running) -> None:
    assert list(directories(running).ListDirectories(directory.ListDirectoriesRequest()).directories) == []
    assert "sync_directory" not in jobs_of(running.service)
    with pytest.raises(grpc.RpcError) as refused:
        sync(running)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
