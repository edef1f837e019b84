"""Passwords, sessions and tokens, over gRPC and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import psycopg
import pytest

from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.accounts import ATTEMPTS
from identity.installing import install
from kernel.auth import Verifier

PASSWORD = "seven birds of wang"


def refusal(ask: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        ask(request)
    return error.value.code(), error.value.details()


def test_a_session_gives_tokens_that_say_who_and_what(running: Any, a_person: Any) -> None:
    person_id = a_person("wang", roles=["sales_rep"])
    signed_in = running.sign_in("Wang", PASSWORD)
    caller = running.caller(signed_in.session_token)
    assert signed_in.person.name == "Wang"
    assert (caller.actor, caller.roles, caller.scope) == (
        f"person:{person_id}",
        ("sales_rep",),
        "own",
    )
    assert caller.may("pipeline.opportunity.write")
    assert not caller.may("pipeline.quote.approve")


@pytest.mark.parametrize(("login", "password"), [("wang", "wrong"), ("nobody", PASSWORD), ("wang", "")])
def test_wrong_login_and_wrong_password_read_alike(running: Any, a_person: Any, login: str, password: str) -> None:
    a_person("wang")
    assert refusal(running.public().SignIn, pb.SignInRequest(login=login, password=password)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "login or password is wrong",
    )


def test_too_many_failures_are_refused_even_with_the_right_password(running: Any, a_person: Any) -> None:
    a_person("wang")
    here = running.public("192.0.2.1")
    for _ in range(ATTEMPTS):
        refusal(here.SignIn, pb.SignInRequest(login="wang", password="wrong"))
    code, details = refusal(here.SignIn, pb.SignInRequest(login="wang", password=PASSWORD))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "try again in 15 minutes" in details
    assert running.sign_in("wang", PASSWORD, source="192.0.2.2").session_token


def test_many_guesses_at_once_are_no_way_around_the_limit(running: Any, a_person: Any) -> None:
    a_person("wang")

    def guess(n: int) -> grpc.StatusCode:
        code, _ = refusal(running.public().SignIn, pb.SignInRequest(login="wang", password=f"guess {n}"))
        return code

    with ThreadPoolExecutor(8) as pool:
        codes = Counter(pool.map(guess, range(24)))
    assert codes == {
        grpc.StatusCode.UNAUTHENTICATED: ATTEMPTS,
        grpc.StatusCode.RESOURCE_EXHAUSTED: 24 - ATTEMPTS,
    }


def test_expired_sessions_go_with_the_next_sign_in(running: Any, a_person: Any) -> None:
    a_person("wang")
    running.sign_in("wang", PASSWORD)
    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update sessions set expires_at = now()")
    a_person("li", password="seven birds of li")
    running.sign_in("li", "seven birds of li")
    with psycopg.connect(running.settings.owner_database_url) as connection:
        row = connection.execute("select count(*) from sessions where expires_at <= now()").fetchone()
    assert row == (0,)


def test_right_passwords_are_never_too_many(running: Any, a_person: Any) -> None:
    a_person("wang")
    for _ in range(ATTEMPTS + 2):
        running.sign_in("wang", PASSWORD)


def test_failures_are_forgotten_after_a_while(running: Any, a_person: Any) -> None:
    a_person("wang")
    for _ in range(ATTEMPTS + 1):
        refusal(running.public().SignIn, pb.SignInRequest(login="wang", password="wrong"))
    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update sign_in_attempts set since = since - interval '16 minutes'")
        connection.execute(
            "insert into sign_in_attempts select sha256(n::text::bytea), 1, now() - interval '1 day'"
            " from generate_series(1, 300) n"
        )
    assert running.sign_in("wang", PASSWORD).session_token
    with psycopg.connect(running.settings.owner_database_url) as connection:
        row = connection.execute("select count(*) from sign_in_attempts").fetchone()
    assert row is not None
    assert row[0] < 110, "old rows go with every new one"


def test_a_session_ends_with_sign_out(running: Any, a_person: Any) -> None:
    a_person("wang")
    token = running.sign_in("wang", PASSWORD).session_token
    other = running.sign_in("wang", PASSWORD).session_token
    for _ in range(2):
        running.public().SignOut(pb.SignOutRequest(session_token=token))
    refresh = running.public().RefreshSession
    code, _ = refusal(refresh, pb.RefreshSessionRequest(session_token=token))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert running.access_token(other)


def test_a_session_ends_by_itself(running: Any, a_person: Any) -> None:
    a_person("wang")
    token = running.sign_in("wang", PASSWORD).session_token
    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update sessions set expires_at = now()")
    code, _ = refusal(running.public().RefreshSession, pb.RefreshSessionRequest(session_token=token))
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.feature("IDN-09")
def test_whoever_leaves_is_out_at_once(running: Any, admin: IdentityServiceStub, a_person: Any) -> None:
    person_id = a_person("wang", roles=["sales_rep"])
    tokens = [running.sign_in("wang", PASSWORD).session_token for _ in range(2)]
    left = admin.OffboardPerson(pb.OffboardPersonRequest(person_id=person_id, reason="retired"))
    assert left.closed_sessions == 2
    for token in tokens:
        code, _ = refusal(running.public().RefreshSession, pb.RefreshSessionRequest(session_token=token))
        assert code is grpc.StatusCode.UNAUTHENTICATED
    code, _ = refusal(running.public().SignIn, pb.SignInRequest(login="wang", password=PASSWORD))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    admin.ReinstatePerson(pb.ReinstatePersonRequest(person_id=person_id))
    code, _ = refusal(running.public().SignIn, pb.SignInRequest(login="wang", password=PASSWORD))
    assert code is grpc.StatusCode.UNAUTHENTICATED, "the old password is gone"


def test_a_password_set_by_somebody_else_must_be_changed_first(running: Any, a_person: Any) -> None:
    a_person("wang", roles=["sales_rep"], keep_password=False)
    signed_in = running.sign_in("wang", PASSWORD)
    assert signed_in.must_change_password
    mine = running.with_session(signed_in.session_token)
    assert mine.WhoAmI(pb.WhoAmIRequest()).permissions == []
    assert refusal(mine.ListPeople, pb.ListPeopleRequest())[0] is grpc.StatusCode.PERMISSION_DENIED
    mine.ChangePassword(
        pb.ChangePasswordRequest(
            current_password=PASSWORD,
            new_password="eight birds of wang",
            session_token=signed_in.session_token,
        )
    )
    assert "pipeline.opportunity.write" in running.caller(signed_in.session_token).permissions
    assert not running.sign_in("wang", "eight birds of wang").must_change_password


def test_changing_the_password_closes_the_other_sessions(running: Any, a_person: Any) -> None:
    a_person("wang")
    kept, other = (running.sign_in("wang", PASSWORD).session_token for _ in range(2))
    mine = running.with_session(kept)
    assert len(mine.ListSessions(pb.ListSessionsRequest()).sessions) == 2
    changed = mine.ChangePassword(
        pb.ChangePasswordRequest(current_password=PASSWORD, new_password="eight birds of wang", session_token=kept)
    )
    assert changed.closed_sessions == 1
    assert running.access_token(kept)
    code, _ = refusal(running.public().RefreshSession, pb.RefreshSessionRequest(session_token=other))
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", "eight birds of wang", "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
    ],
)
def test_a_refused_change_names_the_field(running: Any, a_person: Any, current: str, new: str, field: str) -> None:
    a_person("wang")
    mine = running.signed_in("wang", PASSWORD)
    code, details = refusal(mine.ChangePassword, pb.ChangePasswordRequest(current_password=current, new_password=new))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith(f"{field}: ")


def test_no_secret_reaches_the_log_or_the_kept_answers(running: Any, a_person: Any) -> None:
    a_person("wang", keep_password=False)
    token = running.sign_in("wang", PASSWORD).session_token
    running.with_session(token).ChangePassword(
        pb.ChangePasswordRequest(current_password=PASSWORD, new_password="eight birds of wang")
    )
    again = running.sign_in("wang", "eight birds of wang").session_token
    with psycopg.connect(running.settings.owner_database_url) as connection:
        for table in ("events", "idempotency", "people", "accounts", "sessions"):
            kept = "".join(
                map(str, connection.execute(f"select to_jsonb(t)::text from {table} t").fetchall())  # type: ignore[arg-type]
            )
            for secret in (PASSWORD, "eight birds of wang", token, again):
                assert secret not in kept
                assert secret.encode().hex() not in kept, f"{table} holds a secret"
            if table in ("events", "idempotency"):
                assert b"$argon2".hex() not in kept


def test_a_service_gets_a_token_for_its_secret(running: Any) -> None:
    issued = running.public().IssueServiceToken(pb.IssueServiceTokenRequest(service="notification", secret="n-secret"))
    caller = Verifier(running.settings.token_public_key).verify(issued.access_token)
    assert (caller.actor, caller.scope) == ("service:notification", "all")
    assert caller.may("identity.person.read")
    assert not caller.may("identity.person.write")


@pytest.mark.parametrize(
    ("service", "secret"), [("notification", "wrong"), ("notification", ""), ("payroll", "n-secret")]
)
def test_a_wrong_service_secret_is_refused(running: Any, service: str, secret: str) -> None:
    code, _ = refusal(
        running.public().IssueServiceToken,
        pb.IssueServiceTokenRequest(service=service, secret=secret),
    )
    assert code is grpc.StatusCode.UNAUTHENTICATED


def test_installing_again_changes_nothing(running: Any) -> None:
    secrets = {"notification": "n-secret"}
    arguments = {"login": "other", "password": "another river", "secrets": secrets}
    assert install(running.settings, **arguments) == ["there is an administrator already; none made"]
    code, _ = refusal(running.public().SignIn, pb.SignInRequest(login="other", password="another river"))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    arguments["secrets"] = {"notification": "renewed"}
    assert "service notification may ask for tokens" in install(running.settings, **arguments)
