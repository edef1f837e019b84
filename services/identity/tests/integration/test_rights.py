"""Data scopes, grants that end, guests, and who might do what at a moment; over gRPC and PostgreSQL."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import argon2
import grpc
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from crm.identity.v1 import access_service_pb2 as access
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import person_events_pb2, role_events_pb2, sign_in_service_pb2
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.accounts import Passwords
from identity.api_clients import ApiClients
from identity.application import Identity
from identity.domain.presets import PRESETS
from identity.sessions import Sessions
from kernel.store import Cause
from kernel.timers import TimerRunner
from testkit.waiting import wait_until

CHEAP = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
OWN, TEAM = role_events_pb2.DATA_SCOPE_OWN, role_events_pb2.DATA_SCOPE_TEAM
SUBORDINATES = role_events_pb2.DATA_SCOPE_SUBORDINATES


def stamp(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


def refused(ask: Any, request: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        ask(request)
    code: grpc.StatusCode = error.value.code()
    return code


def form(admin: IdentityServiceStub, name: str, parent: str = "", manager: str = "") -> str:
    return admin.FormTeam(pb.FormTeamRequest(name=name, parent_team_id=parent, manager_id=manager)).team_id


def define(admin: IdentityServiceStub, role: str, scope: int) -> None:
    admin.DefineRole(pb.DefineRoleRequest(role=role, title=role, permissions=["customer.*.read"], data_scope=scope))


@pytest.mark.feature("IDN-04")
def test_subordinates_are_the_people_led_and_a_department_is_the_team_and_those_below(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    define(admin, "leading", SUBORDINATES)
    define(admin, "department", TEAM)
    sales = form(admin, "Sales")
    east = form(admin, "East", sales)
    boss = a_person("boss", team_id=sales)
    head = a_person("head", roles=["leading"], team_id=sales)
    rep = a_person("rep", team_id=east)
    admin.AppointManager(pb.AppointManagerRequest(team_id=east, manager_id=head))
    token = running.sign_in("head", "seven birds of head").session_token

    def seen() -> tuple[str, set[str]]:
        caller = running.caller(token)
        return caller.scope, {str(owner) for owner in caller.owners}

    assert seen() == ("team", {head, rep}), "not the colleagues of his own team"
    assert running.with_session(token).WhoAmI(pb.WhoAmIRequest()).data_scope == SUBORDINATES
    admin.GrantRole(pb.GrantRoleRequest(person_id=head, role="department"))
    assert seen() == ("team", {boss, head, rep})
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=head, role="leading"))
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=head, role="department"))
    assert seen() == ("own", {head})


@pytest.mark.feature("IDN-04")
def test_whoever_leads_a_team_below_is_led_although_he_belongs_to_none(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    define(admin, "leading", SUBORDINATES)
    boss, head = a_person("boss", roles=["leading"]), a_person("head")
    sales = form(admin, "Sales", manager=boss)
    form(admin, "East", sales, head)
    caller = running.caller(running.sign_in("boss", "seven birds of boss").session_token)
    assert {str(owner) for owner in caller.owners} == {boss, head}


@pytest.mark.feature("IDN-04")
def test_a_department_of_a_thousand_still_fits_and_a_larger_one_is_narrowed_and_told(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    define(admin, "department", TEAM)
    team_id = form(admin, "Everybody")
    a_person("boss", roles=["department"], team_id=team_id)
    token = running.sign_in("boss", "seven birds of boss").session_token

    def hire(how_many: int) -> None:
        with psycopg.connect(running.settings.owner_database_url) as connection:
            connection.execute(
                "insert into people (person_id, name, email, login, team_id, position, joined_at, version)"
                " select gen_random_uuid(), n::text, '', '', %s, '', now(), 1 from generate_series(1, %s) n",
                (team_id, how_many),
            )

    hire(999)
    assert (running.caller(token).scope, len(running.caller(token).owners)) == ("team", 1000)
    assert not running.with_session(token).WhoAmI(pb.WhoAmIRequest()).data_scope_narrowed
    assert len(running.access_token(token)) < 60_000
    hire(1)
    assert (running.caller(token).scope, len(running.caller(token).owners)) == ("own", 1)
    told = running.with_session(token).WhoAmI(pb.WhoAmIRequest())
    assert (told.data_scope_narrowed, told.data_scope) == (True, TEAM)


@pytest.mark.feature("IDN-08")
def test_a_grant_ends_by_itself_even_when_the_timer_is_late(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    guest = a_person("wang", roles=["sales_rep"])
    ends = datetime.now(UTC) + timedelta(days=1)
    admin.GrantRole(pb.GrantRoleRequest(person_id=guest, role="finance", ends_at=stamp(ends)))
    token = running.sign_in("wang", "seven birds of wang").session_token
    assert running.caller(token).roles == ("finance", "sales_rep")
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)
    (listed,) = rights.ListGrants(access.ListGrantsRequest(only_ending=True)).grants
    assert (listed.person_id, listed.role, listed.ends_at.ToDatetime(UTC)) == (guest, "finance", ends)
    assert listed.granted_by.startswith("person:")

    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update held_roles set ends_at = now() where role = 'finance'")
    assert running.caller(token).roles == ("sales_rep",), "the token maker does not wait for the timer"
    assert not rights.ListGrants(access.ListGrantsRequest(only_ending=True)).grants
    assert admin.GetPerson(pb.GetPersonRequest(person_id=guest)).person.roles == ["sales_rep"]


@pytest.mark.feature("IDN-08")
def test_the_timer_of_a_grant_writes_its_end_into_the_log(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    guest = a_person("wang")
    soon = datetime.now(UTC) + timedelta(hours=1)
    for role in ("agent", "finance"):
        admin.GrantRole(pb.GrantRoleRequest(person_id=guest, role=role, ends_at=stamp(soon)))
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=guest, role="finance"))
    service = running.service
    with psycopg.connect(running.settings.owner_database_url) as connection:
        moved = connection.execute("update timers set due_at = now() where kind = 'end_grant' returning payload")
        assert [row[0]["role"] for row in moved.fetchall()] == ["agent"], "a revoked grant has no timer"
    runner = TimerRunner("identity", service.store, service.timers)
    assert runner.run_once() == 1
    assert admin.GetPerson(pb.GetPersonRequest(person_id=guest)).person.roles == ["agent"], "not before its time"


@pytest.mark.feature("IDN-08")
def test_a_grant_that_reached_its_end_is_withdrawn_by_nobody(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    guest = a_person("wang")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    admin.GrantRole(pb.GrantRoleRequest(person_id=guest, role="agent", ends_at=stamp(soon)))
    runner = TimerRunner("identity", running.service.store, running.service.timers)
    wait_until(lambda: runner.run_once() == 1)
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)
    newest = rights.ListPermissionChanges(access.ListPermissionChangesRequest(person_id=guest)).changes[0]
    assert (newest.what, newest.role, newest.actor) == ("RoleWithdrawn", "agent", "service:identity")
    assert newest.details["ended"] == "true"


@pytest.mark.feature("IDN-15")
def test_what_a_person_could_do_at_a_moment_is_answered_from_the_log(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    define(admin, "leading", SUBORDINATES)
    sales = form(admin, "Sales")
    rep = a_person("rep", team_id=sales)
    boss = a_person("boss", roles=["leading"])
    admin.AppointManager(pb.AppointManagerRequest(team_id=sales, manager_id=boss))
    token = running.sign_in("boss", "seven birds of boss").session_token
    then_caller, then = running.caller(token), datetime.now(UTC)
    admin.MovePerson(pb.MovePersonRequest(person_id=rep))
    admin.ReviseRole(pb.ReviseRoleRequest(role="leading", permissions=["pipeline.*.read"], data_scope=OWN))
    admin.GrantRole(pb.GrantRoleRequest(person_id=boss, role="finance"))
    now_caller = running.caller(token)
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=boss))
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)

    def at(moment: datetime | None) -> access.GetPermissionsAtResponse:
        when = stamp(moment) if moment else None
        return rights.GetPermissionsAt(access.GetPermissionsAtRequest(person_id=boss, at=when))

    past = at(then)
    assert past.present
    assert tuple(past.permissions) == then_caller.permissions == ("customer.*.read",)
    assert set(past.owner_ids) == {str(owner) for owner in then_caller.owners} == {rep, boss}
    assert [held.role for held in past.roles] == ["leading"]
    assert past.data_scope == SUBORDINATES
    assert "finance" in now_caller.roles
    assert (at(None).present, list(at(None).permissions)) == (False, [])
    early = at(then - timedelta(days=1))
    assert (early.present, list(early.roles)) == (False, [])

    changes = rights.ListPermissionChanges(access.ListPermissionChangesRequest(since=stamp(then))).changes
    assert [change.what for change in changes] == ["PersonLeft", "RoleGranted", "RoleRevised", "PersonMoved"]
    revised = changes[2]
    assert (revised.role, revised.details["permissions"], revised.details["from_permissions"]) == (
        "leading",
        "pipeline.*.read",
        "customer.*.read",
    )
    assert all(change.actor.startswith("person:") for change in changes)
    first = rights.ListPermissionChanges(access.ListPermissionChangesRequest(page_size=2, since=stamp(then)))
    second = rights.ListPermissionChanges(
        access.ListPermissionChangesRequest(page_size=2, since=stamp(then), page_token=first.next_page_token)
    )
    assert [*first.changes, *second.changes] == list(changes)


def test_a_page_token_of_another_list_is_refused_and_a_right_one_goes_on(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    a_person("wang", roles=["sales_rep", "agent", "finance"])
    token = running.sign_in("admin", "a river runs uphill").session_token
    rights, office = running.access(token), running.signing_in(token)
    seen: list[str] = []
    page = access.ListGrantsRequest(page_size=1)
    for _ in range(4):
        answer = rights.ListGrants(page)
        seen += [grant.role for grant in answer.grants]
        page.page_token = answer.next_page_token
    assert seen == ["admin", "agent", "finance", "sales_rep"]
    assert not page.page_token
    for key in (["a"], ["a", "b", "c"], ["a", "b"], [1, 2, 3], [2**70], [True, "x"], ["x", str(uuid4())], {}):
        token = urlsafe_b64encode(json.dumps(key).encode()).decode()
        for ask, request in (
            (rights.ListGrants, access.ListGrantsRequest(page_token=token)),
            (rights.ListPermissionChanges, access.ListPermissionChangesRequest(page_token=token)),
            (office.ListSignIns, sign_in_service_pb2.ListSignInsRequest(page_token=token)),
            (office.ListSharedAccounts, sign_in_service_pb2.ListSharedAccountsRequest(page_token=token)),
        ):
            assert refused(ask, request) is grpc.StatusCode.INVALID_ARGUMENT, (key, ask)


def test_not_everybody_reads_what_others_may_do(running: Any, a_person: Any) -> None:
    person_id = a_person("wang", roles=["sales_rep"])
    rights = running.access(running.sign_in("wang", "seven birds of wang").session_token)
    for ask, request in (
        (rights.ListGrants, access.ListGrantsRequest()),
        (rights.ListPermissionChanges, access.ListPermissionChangesRequest()),
        (rights.GetPermissionsAt, access.GetPermissionsAtRequest(person_id=person_id)),
    ):
        assert refused(ask, request) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.feature("IDN-16")
def test_guests_are_apart_from_staff_and_their_token_says_whose_they_are(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    customer_id = str(uuid4())
    kind = person_events_pb2.PERSON_KIND_PORTAL
    a_person("li", kind=kind, customer_id=customer_id, roles=["customer"])
    claims = running.claims(running.sign_in("li", "seven birds of li").session_token)
    assert (claims["customer"], claims["scope"]) == (customer_id, "own")
    department = form(admin, "Delivery")
    team = form(admin, "Delivery East", department)
    a_person("staff", roles=["sales_rep"], team_id=team)
    claims = running.claims(running.sign_in("staff", "seven birds of staff").session_token)
    assert "customer" not in claims
    assert claims["teams"] == [team, department], "whoever lets a department see something lets those below it"

    assert "li" not in {person.login for person in admin.ListPeople(pb.ListPeopleRequest()).people}
    everybody = admin.ListPeople(pb.ListPeopleRequest(include_guests=True)).people
    guest = next(person for person in everybody if person.login == "li")
    assert (guest.kind, guest.customer_id) == (kind, customer_id)
    for ask, request in (
        (admin.GrantRole, pb.GrantRoleRequest(person_id=guest.person_id, role="agent")),
        (admin.GrantRole, pb.GrantRoleRequest(person_id=guest.person_id, role="admin")),
        (admin.MovePerson, pb.MovePersonRequest(person_id=guest.person_id, team_id=form(admin, "Sales"))),
    ):
        assert refused(ask, request) is grpc.StatusCode.FAILED_PRECONDITION
    lead = pb.FormTeamRequest(name="Led by a guest", manager_id=guest.person_id)
    assert refused(admin.FormTeam, lead) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_guest_sees_only_his_own_even_when_his_role_is_widened(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    define(admin, "visitor", OWN)
    kind = person_events_pb2.PERSON_KIND_PARTNER
    person_id = a_person("li", kind=kind, customer_id=str(uuid4()), roles=["visitor"])
    everything = role_events_pb2.DATA_SCOPE_ALL
    admin.ReviseRole(pb.ReviseRoleRequest(role="visitor", permissions=["customer.*.read"], data_scope=everything))
    token = running.sign_in("li", "seven birds of li").session_token
    assert running.caller(token).scope == "own"
    assert running.with_session(token).WhoAmI(pb.WhoAmIRequest()).data_scope == OWN
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)
    then = rights.GetPermissionsAt(access.GetPermissionsAtRequest(person_id=person_id))
    assert (then.data_scope, list(then.owner_ids)) == (OWN, [person_id])


@pytest.mark.feature("IDN-03")
def test_preset_roles_go_by_their_other_names_too(running: Any, admin: IdentityServiceStub, a_person: Any) -> None:
    wanted = ["rep", "service_supervisor", "executive"]
    person_id = a_person("wang", roles=wanted)
    held = admin.GetPerson(pb.GetPersonRequest(person_id=person_id)).person.roles
    assert held == ["agent_supervisor", "leader", "sales_rep"]
    assert [p.login for p in admin.ListPeople(pb.ListPeopleRequest(role="executive")).people] == ["wang"]
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=person_id, role="rep"))
    assert "sales_rep" not in admin.GetPerson(pb.GetPersonRequest(person_id=person_id)).person.roles
    own = pb.DefineRoleRequest(role="rep", title="Rep", permissions=["a.b.read"], data_scope=OWN)
    assert refused(admin.DefineRole, own) is grpc.StatusCode.ALREADY_EXISTS


def test_installing_brings_a_preset_up_to_date_unless_somebody_changed_it(
    running: Any, admin: IdentityServiceStub
) -> None:
    store = running.service.store
    identity = Identity(CHEAP, Sessions(store, CHEAP), ApiClients(store))
    older = {"permissions": ["customer.*.read"], "data_scope": OWN}
    admin.ReviseRole(pb.ReviseRoleRequest(role="marketer", **older))
    with store.transaction(Cause.of("service:identity")) as tx:
        for name in ("finance", "legal"):
            identity.revise_role(
                tx, name, "", ["customer.*.read"], next(it for it in PRESETS if it.name == name).data_scope
            )
    with store.transaction(Cause.of("service:identity")) as tx:
        assert identity.install_presets(tx) == 2
        assert identity.install_presets(tx) == 0
    roles = {role.role: list(role.permissions) for role in admin.ListRoles(pb.ListRolesRequest()).roles}
    assert roles["marketer"] == ["customer.*.read"]
    assert "pipeline.*.approve" in roles["finance"]
