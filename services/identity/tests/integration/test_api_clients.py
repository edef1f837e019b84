"""Programs that call the public API: what they may do, two secrets during a rotation, and their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from crm.identity.v1 import api_client_service_pb2 as clients
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import role_events_pb2
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.accounts import ATTEMPTS
from kernel.auth import Caller, Verifier
from testkit.waiting import wait_until

ALL, TEAM, OWN = (role_events_pb2.DATA_SCOPE_ALL, role_events_pb2.DATA_SCOPE_TEAM, role_events_pb2.DATA_SCOPE_OWN)
ADMIN_PASSWORD = "a river runs uphill"


def refusal(ask: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        ask(request)
    return error.value.code(), error.value.details()


def stamp(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


@pytest.fixture
def office(running: Any) -> Any:
    return running.clients(running.access_token(running.sign_in("admin", ADMIN_PASSWORD).session_token))


def register(office: Any, *permissions: str, scope: Any = ALL, **fields: Any) -> clients.RegisterApiClientResponse:
    return office.RegisterApiClient(
        clients.RegisterApiClientRequest(name="Shop", permissions=permissions, data_scope=scope, **fields)
    )


def token_of(running: Any, client_id: str, secret: str) -> str:
    request = clients.IssueClientTokenRequest(client_id=client_id, client_secret=secret)
    return running.clients(source="192.0.2.9").IssueClientToken(request).access_token


@pytest.mark.feature("IDN-17")
def test_a_client_gets_a_token_for_what_it_may_do_and_its_use_is_seen(running: Any, office: Any) -> None:
    made = register(office, "customer.customer.read", "identity.team.read")
    token = token_of(running, made.client_id, made.client_secret)
    caller: Caller = Verifier(running.settings.token_public_key).verify(token)
    assert (caller.actor, caller.scope) == (f"client:{made.client_id}", "all")
    assert caller.may("customer.customer.read")
    assert not caller.may("customer.customer.write")
    asked = running.as_token(token)
    assert asked.ListTeams(pb.ListTeamsRequest())
    assert refusal(asked.ListPeople, pb.ListPeopleRequest())[0] is grpc.StatusCode.PERMISSION_DENIED
    (listed,) = office.ListApiClients(clients.ListApiClientsRequest()).clients
    assert (listed.name, list(listed.permissions)) == ("Shop", ["customer.customer.read", "identity.team.read"])
    assert (listed.last_source, listed.secrets) == ("192.0.2.9", 1)
    assert listed.HasField("last_used_at")


@pytest.mark.feature("IDN-17")
def test_during_a_rotation_two_secrets_are_good_and_then_one(running: Any, office: Any) -> None:
    made = register(office, "customer.*.read")
    rotate = clients.RotateApiClientRequest
    second = office.RotateApiClient(rotate(client_id=made.client_id)).client_secret
    assert token_of(running, made.client_id, made.client_secret)
    assert token_of(running, made.client_id, second)
    third = office.RotateApiClient(rotate(client_id=made.client_id)).client_secret

    def code(secret: str) -> grpc.StatusCode:
        request = clients.IssueClientTokenRequest(client_id=made.client_id, client_secret=secret)
        return refusal(running.clients().IssueClientToken, request)[0]

    assert code(made.client_secret) is grpc.StatusCode.UNAUTHENTICATED, "never three"
    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update api_client_secrets set valid_until = now() where valid_until is not null")
    assert code(second) is grpc.StatusCode.UNAUTHENTICATED
    assert token_of(running, made.client_id, third)
    too_long = rotate(client_id=made.client_id, older_valid_until=stamp(datetime.now(UTC) + timedelta(days=91)))
    assert refusal(office.RotateApiClient, too_long)[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.feature("IDN-17")
def test_a_client_ends_when_revoked_expired_or_its_owner_leaves(
    running: Any, admin: IdentityServiceStub, office: Any, a_person: Any
) -> None:
    owner = a_person("wang", roles=["admin"])
    hers = running.clients(running.access_token(running.sign_in("wang", "seven birds of wang").session_token))
    revoked, of_leaver = register(office, "customer.*.read"), register(hers, "customer.*.read")
    expiring = register(office, "customer.*.read", expires_at=stamp(datetime.now(UTC) + timedelta(seconds=2)))
    office.RevokeApiClient(clients.RevokeApiClientRequest(client_id=revoked.client_id, reason="replaced"))
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=owner))
    for made in (revoked, of_leaver):
        request = clients.IssueClientTokenRequest(client_id=made.client_id, client_secret=made.client_secret)
        assert refusal(running.clients().IssueClientToken, request) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "client or secret is wrong, or the client has ended",
        )
        rotate = clients.RotateApiClientRequest(client_id=made.client_id)
        assert refusal(office.RotateApiClient, rotate)[0] is grpc.StatusCode.FAILED_PRECONDITION
    request = clients.IssueClientTokenRequest(client_id=expiring.client_id, client_secret=expiring.client_secret)

    def has_expired() -> bool:
        try:
            running.clients().IssueClientToken(request)
        except grpc.RpcError as error:
            return bool(error.code() is grpc.StatusCode.UNAUTHENTICATED)
        return False

    wait_until(has_expired)
    listed = office.ListApiClients(clients.ListApiClientsRequest(include_revoked=True)).clients
    assert sum(it.HasField("revoked_at") for it in listed) == 2
    assert [it.client_id for it in office.ListApiClients(clients.ListApiClientsRequest()).clients] == [
        expiring.client_id
    ]


@pytest.mark.feature("IDN-17")
def test_nobody_gives_a_client_more_than_he_has(
    running: Any, admin: IdentityServiceStub, office: Any, a_person: Any
) -> None:
    mask = role_events_pb2.FieldRule(pattern="customer.*.phone", access=role_events_pb2.FIELD_ACCESS_MASK)
    what = {"permissions": ["identity.client.*", "customer.*.write"], "data_scope": TEAM}
    admin.DefineRole(pb.DefineRoleRequest(role="integrator", title="I", **what))
    admin.DefineRole(pb.DefineRoleRequest(role="masked", title="M", field_rules=[mask], **what))
    person_id = a_person("wang", roles=["integrator"])
    token = running.sign_in("wang", "seven birds of wang").session_token
    hers = running.clients(running.access_token(token))
    for permissions, scope in (
        (["pipeline.*.read"], TEAM),
        (["*.*.read"], TEAM),
        (["*"], TEAM),
        (["customer.*.admin"], TEAM),
        (["customer.customer.read"], ALL),
        (["customer.customer.read"], OWN),
    ):
        with pytest.raises(grpc.RpcError) as error:
            register(hers, *permissions, scope=scope)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    made = register(hers, "customer.customer.read", scope=TEAM)
    caller = Verifier(running.settings.token_public_key).verify(token_of(running, made.client_id, made.client_secret))
    assert (caller.scope, [str(it) for it in caller.owners]) == ("team", [person_id])
    a_person("li", roles=["masked"])
    his = running.clients(running.access_token(running.sign_in("li", "seven birds of li").session_token))
    with pytest.raises(grpc.RpcError) as error:
        register(his, "customer.customer.read", scope=TEAM)
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_guessing_secrets_of_a_client_ends(running: Any, office: Any) -> None:
    made = register(office, "customer.*.read")
    wrong = clients.IssueClientTokenRequest(client_id=made.client_id, client_secret="guess")
    codes = [refusal(running.clients().IssueClientToken, wrong)[0] for _ in range(ATTEMPTS + 1)]
    assert set(codes[:ATTEMPTS]) == {grpc.StatusCode.UNAUTHENTICATED}
    assert codes[ATTEMPTS] is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_no_secret_of_a_client_is_kept(running: Any, office: Any) -> None:
    made = register(office, "customer.*.read")
    second = office.RotateApiClient(clients.RotateApiClientRequest(client_id=made.client_id)).client_secret
    with psycopg.connect(running.settings.owner_database_url) as connection:
        for table in ("events", "idempotency", "api_clients", "api_client_secrets"):
            kept = str(connection.execute(f"select to_jsonb(t)::text from {table} t").fetchall())  # type: ignore[arg-type]
            for secret in (made.client_secret, second):
                assert secret not in kept
                assert secret.encode().hex() not in kept


@pytest.mark.feature("INT-01")
def test_a_sandboxs_key_works_in_a_sandbox_only_and_a_real_one_not_in_it(
    running: Any, office: Any, a_sandbox: Any
) -> None:
    def refused_at(where: Any, client_id: str, secret: str) -> tuple[grpc.StatusCode, str]:
        request = clients.IssueClientTokenRequest(client_id=client_id, client_secret=secret)
        return refusal(where.clients(source="192.0.2.9").IssueClientToken, request)

    real = register(office, "*.*.read")
    session = a_sandbox.sign_in("admin", ADMIN_PASSWORD).session_token
    desk = a_sandbox.clients(a_sandbox.access_token(session))
    tried = register(desk, "*.*.read")
    rotated = desk.RotateApiClient(clients.RotateApiClientRequest(client_id=tried.client_id)).client_secret
    for secret in (tried.client_secret, rotated):
        assert secret.startswith("sandbox-")
        assert token_of(a_sandbox, tried.client_id, secret)
        code, words = refused_at(running, tried.client_id, secret)
        assert (code, words[:42]) == (grpc.StatusCode.UNAUTHENTICATED, "this is the key of a sandbox, and this is ")
    code, words = refused_at(a_sandbox, real.client_id, real.client_secret)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert words.endswith("use a key that was made here, and rotate the real one")
    assert token_of(running, real.client_id, real.client_secret)
    real_session = running.sign_in("admin", ADMIN_PASSWORD).session_token
    assert a_sandbox.with_session(session).WhoAmI(pb.WhoAmIRequest()).sandbox
    assert not running.with_session(real_session).WhoAmI(pb.WhoAmIRequest()).sandbox
