"""Teams, people and roles, over gRPC and PostgreSQL; views fed twice and replayed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.identity.v1 import api_client_service_pb2, role_events_pb2, sign_in_service_pb2
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.bootstrap import VIEWS
from kernel.rebuild import rebuild

NOWHERE = str(UUID(int=7))


def refused(error: pytest.ExceptionInfo[grpc.RpcError]) -> grpc.StatusCode:
    code: grpc.StatusCode = error.value.code()
    return code


def form(admin: IdentityServiceStub, name: str, parent: str = "", manager: str = "") -> str:
    request = pb.FormTeamRequest(name=name, parent_team_id=parent, manager_id=manager)
    return admin.FormTeam(request).team_id


@pytest.mark.feature("IDN-01")
def test_the_tree_of_teams_is_kept(admin: IdentityServiceStub, a_person: Any) -> None:
    company = form(admin, "公司")
    sales = form(admin, "销售部", company)
    east = form(admin, "华东区", sales)
    boss = a_person("boss", team_id=sales, position="销售总监")
    admin.AppointManager(pb.AppointManagerRequest(team_id=sales, manager_id=boss))
    admin.RenameTeam(pb.RenameTeamRequest(team_id=east, name="East"))
    admin.MoveTeam(pb.MoveTeamRequest(team_id=east, parent_team_id=company))
    teams = {team.name: team for team in admin.ListTeams(pb.ListTeamsRequest()).teams}
    assert teams["East"].parent_team_id == company
    assert teams["销售部"].manager_id == boss
    person = admin.GetPerson(pb.GetPersonRequest(person_id=boss)).person
    assert (person.team_id, person.position) == (sales, "销售总监")
    with pytest.raises(grpc.RpcError) as error:
        admin.MoveTeam(pb.MoveTeamRequest(team_id=company, parent_team_id=east))
    assert refused(error) is grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.RpcError) as error:
        admin.DissolveTeam(pb.DissolveTeamRequest(team_id=sales))
    assert refused(error) is grpc.StatusCode.FAILED_PRECONDITION
    admin.MovePerson(pb.MovePersonRequest(person_id=boss, team_id=company))
    admin.DissolveTeam(pb.DissolveTeamRequest(team_id=sales))
    assert "销售部" not in {t.name for t in admin.ListTeams(pb.ListTeamsRequest()).teams}


@pytest.mark.parametrize("field", ["parent_team_id", "manager_id"])
def test_a_team_refers_to_what_is_there(admin: IdentityServiceStub, field: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.FormTeam(pb.FormTeamRequest(name="Lost", **{field: NOWHERE}))
    assert refused(error) is grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.value.details()


def test_team_scope_shows_the_people_below_and_own_scope_only_oneself(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    sales = form(admin, "Sales")
    east, west = form(admin, "East", sales), form(admin, "West", sales)
    head = a_person("head", roles=["sales_manager"])
    admin.AppointManager(pb.AppointManagerRequest(team_id=east, manager_id=head))
    rep = a_person("rep", roles=["sales_rep"], team_id=east)
    gone = a_person("gone", team_id=east)
    elsewhere = a_person("elsewhere", team_id=west)
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=gone))

    def owners(login: str) -> tuple[str, set[str]]:
        caller = running.caller(running.sign_in(login, f"seven birds of {login}").session_token)
        return caller.scope, {str(owner) for owner in caller.owners}

    assert owners("head") == ("team", {head, rep, gone}), "records of who left are still there"
    assert owners("rep") == ("own", {rep})
    admin.AppointManager(pb.AppointManagerRequest(team_id=sales, manager_id=head))
    assert owners("head") == ("team", {head, rep, gone, elsewhere})


def test_several_roles_allow_what_each_of_them_does(running: Any, admin: IdentityServiceStub, a_person: Any) -> None:
    person_id = a_person("wang", roles=["sales_rep", "finance"])
    token = running.sign_in("wang", "seven birds of wang").session_token
    assert running.caller(token).scope == "all"
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=person_id, role="finance"))
    caller = running.caller(token)
    assert (caller.scope, caller.roles) == ("own", ("sales_rep",))
    assert not caller.may("pipeline.receivable.approve")


def test_an_own_role_is_defined_revised_and_retired(running: Any, admin: IdentityServiceStub, a_person: Any) -> None:
    own, team = role_events_pb2.DATA_SCOPE_OWN, role_events_pb2.DATA_SCOPE_TEAM
    admin.DefineRole(pb.DefineRoleRequest(role="buyer", title="Buyer", permissions=["customer.*.read"], data_scope=own))
    a_person("wang", roles=["buyer"])
    token = running.sign_in("wang", "seven birds of wang").session_token
    assert running.caller(token).may("customer.contact.read")
    admin.ReviseRole(pb.ReviseRoleRequest(role="buyer", permissions=["pipeline.*.read"], data_scope=team))
    caller = running.caller(token)
    assert not caller.may("customer.contact.read")
    assert (caller.may("pipeline.quote.read"), caller.scope) == (True, "team")
    admin.RetireRole(pb.RetireRoleRequest(role="buyer"))
    assert running.caller(token).permissions == ()
    with pytest.raises(grpc.RpcError) as error:
        a_person("li", roles=["buyer"])
    assert refused(error) is grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.RpcError) as error:
        admin.DefineRole(pb.DefineRoleRequest(role="buyer", title="B", permissions=["a.b.read"], data_scope=own))
    assert refused(error) is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.feature("IDN-05")
def test_field_rules_of_roles_travel_in_the_token_and_are_told(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    mask, hide = role_events_pb2.FIELD_ACCESS_MASK, role_events_pb2.FIELD_ACCESS_HIDE
    rules = [role_events_pb2.FieldRule(pattern="customer.*.phone", access=mask)]
    what = {"permissions": ["customer.*.read"], "data_scope": role_events_pb2.DATA_SCOPE_OWN}
    admin.DefineRole(pb.DefineRoleRequest(role="buyer", title="Buyer", field_rules=rules, **what))
    person_id = a_person("wang", roles=["buyer"])
    token = running.sign_in("wang", "seven birds of wang").session_token
    assert running.claims(token)["fields"] == [[["customer.*.phone", "mask"]]]
    (told,) = running.with_session(token).WhoAmI(pb.WhoAmIRequest()).field_rules
    assert (told.role, list(told.rules)) == ("buyer", rules)

    rules[0].access = hide
    admin.ReviseRole(pb.ReviseRoleRequest(role="buyer", field_rules=rules, **what))
    admin.ReviseRole(pb.ReviseRoleRequest(role="buyer", title="Purchaser", **what))
    assert running.claims(token)["fields"] == [[["customer.*.phone", "hide"]]]

    admin.GrantRole(pb.GrantRoleRequest(person_id=person_id, role="late_entry"))
    buyer, late = running.claims(token)["fields"]
    assert ["pipeline.*.*", "hide"] in buyer, "what the role does not show, it does not unmask"
    assert ["customer.*.*", "hide"] in late
    admin.GrantRole(pb.GrantRoleRequest(person_id=person_id, role="admin"))
    assert "fields" not in running.claims(token), "one role withholds nothing"
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=person_id, role="admin"))
    admin.ReviseRole(pb.ReviseRoleRequest(role="buyer", clear_field_rules=True, **what))
    assert "fields" not in running.claims(token)
    shown = {role.role: role for role in admin.ListRoles(pb.ListRolesRequest()).roles}
    assert not shown["buyer"].field_rules
    assert "*.*.phone" in {rule.pattern for rule in shown["finance"].field_rules}


def test_whoever_may_register_people_may_not_make_himself_an_administrator(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    admin.DefineRole(
        pb.DefineRoleRequest(
            role="hr",
            title="HR",
            permissions=["identity.person.write"],
            data_scope=role_events_pb2.DATA_SCOPE_ALL,
        )
    )
    person_id = a_person("hr", roles=["hr"])
    hr = running.signed_in("hr", "seven birds of hr")
    assert hr.RegisterPerson(pb.RegisterPersonRequest(name="Li", login="li")).person_id
    for ask, request in (
        (hr.RegisterPerson, pb.RegisterPersonRequest(name="Z", login="zz", roles=["admin"])),
        (hr.RegisterPerson, pb.RegisterPersonRequest(name="Z", login="zz", password="x" * 12)),
        (hr.GrantRole, pb.GrantRoleRequest(person_id=person_id, role="admin")),
        (hr.SetPassword, pb.SetPasswordRequest(person_id=person_id, password="x" * 12)),
    ):
        with pytest.raises(grpc.RpcError) as error:
            ask(request)
        assert refused(error) is grpc.StatusCode.PERMISSION_DENIED


def test_a_login_is_never_given_twice(admin: IdentityServiceStub, a_person: Any) -> None:
    person_id = a_person("wang")
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=person_id))
    with pytest.raises(grpc.RpcError) as error:
        a_person("WANG")
    assert refused(error) is grpc.StatusCode.ALREADY_EXISTS
    people = admin.ListPeople(pb.ListPeopleRequest(include_left=True)).people
    assert [p.login for p in people].count("wang") == 1, "nothing is half done"


def test_the_last_administrator_stays(admin: IdentityServiceStub) -> None:
    me = admin.WhoAmI(pb.WhoAmIRequest()).person.person_id
    for ask, request in (
        (admin.OffboardPerson, pb.OffboardPersonRequest(person_id=me)),
        (admin.WithdrawRole, pb.WithdrawRoleRequest(person_id=me, role="admin")),
    ):
        with pytest.raises(grpc.RpcError) as error:
            ask(request)
        assert refused(error) is grpc.StatusCode.FAILED_PRECONDITION


def test_a_stale_version_is_refused_with_both_values(admin: IdentityServiceStub, a_person: Any) -> None:
    person_id = a_person("wang")
    with pytest.raises(grpc.RpcError) as error:
        admin.RevisePerson(pb.RevisePersonRequest(person_id=person_id, position="x", expected_version=1))
    assert refused(error) is grpc.StatusCode.ABORTED
    assert "version 2, not 1" in error.value.details()


def test_people_are_listed_by_name_a_page_at_a_time(admin: IdentityServiceStub, a_person: Any) -> None:
    ids = [a_person(f"p{n}", name=f"王 {n}", email=f"p{n}@example.org") for n in range(5)]
    seen: list[str] = []
    token = ""
    for _ in range(3):
        answer = admin.ListPeople(pb.ListPeopleRequest(query="王", page_size=2, page_token=token))
        assert answer.total_size == 5
        seen += [person.person_id for person in answer.people]
        token = answer.next_page_token
    assert (seen, token) == (ids, "")
    batch = admin.BatchGetPeople(pb.BatchGetPeopleRequest(person_ids=[ids[3], NOWHERE, ids[0]]))
    assert [person.person_id for person in batch.people] == [ids[3], ids[0]]
    by_mail = admin.ListPeople(pb.ListPeopleRequest(query="P3@EXAMPLE"))
    assert [person.person_id for person in by_mail.people] == [ids[3]]


def test_asking_twice_with_one_request_id_registers_once(admin: Any, running: Any) -> None:
    request = pb.RegisterPersonRequest(name="Li", login="li")
    first, second = (admin.RegisterPerson(request, metadata=[("request-id", "r-1")]) for _ in range(2))
    assert first == second


def test_views_replayed_from_the_log_are_the_live_ones(running: Any, admin: IdentityServiceStub, a_person: Any) -> None:
    sales = form(admin, "Sales")
    wang = a_person("wang", team_id=sales, roles=["sales_rep", "agent"])
    li = a_person("li", team_id=sales)
    admin.RevisePerson(pb.RevisePersonRequest(person_id=li, name="李雷"))
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=wang, role="agent"))
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=li))
    admin.ReinstatePerson(pb.ReinstatePersonRequest(person_id=li))
    admin.MovePerson(pb.MovePersonRequest(person_id=wang))
    token = running.sign_in("admin", "a river runs uphill").session_token
    policy = sign_in_service_pb2.SignInPolicy(most_addresses=1, remembered=3)
    running.signing_in(token).SetSignInPolicy(sign_in_service_pb2.SetSignInPolicyRequest(policy=policy))
    office = running.clients(running.access_token(token))
    made = office.RegisterApiClient(
        api_client_service_pb2.RegisterApiClientRequest(
            name="Shop", permissions=["customer.*.read"], data_scope=role_events_pb2.DATA_SCOPE_ALL
        )
    )
    office.RevokeApiClient(api_client_service_pb2.RevokeApiClientRequest(client_id=made.client_id))
    for source in ("192.0.2.1", "192.0.2.2"):
        running.sign_in("wang", "seven birds of wang", source=source)
    for view in VIEWS:
        result = rebuild(running.service, view)
        assert result.equal, result
        assert all(table.rows for table in result.tables), "nothing was compared"
    assert admin.GetPerson(pb.GetPersonRequest(person_id=li)).person.name == "李雷"
