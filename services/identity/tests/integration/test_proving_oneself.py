"""Second factors, rules for passwords, the sign-in log, shared accounts, identities and leavers."""

from __future__ import annotations

import itertools
import time
from base64 import b32decode
from collections.abc import Callable
from typing import Any

import grpc
import psycopg
import pytest

from crm.identity.v1 import access_service_pb2 as access
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import sign_in_service_pb2 as signing
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.accounts import ATTEMPTS, ATTEMPTS_OF_LOGIN, ATTEMPTS_OF_SOURCE, CODES, attempt_key
from identity.second_factor import STEP_S, code_at
from kernel.auth import LEEWAY, TOKEN_LIFE, Verifier
from kernel.errors import Unauthenticated
from testkit.waiting import wait_until

PASSWORD = "seven birds of wang"
ADMIN_PASSWORD = "a river runs uphill"


def refusal(ask: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        ask(request)
    return error.value.code(), error.value.details()


def sql(running: Any, statement: str, *values: object) -> list[Any]:
    with psycopg.connect(running.settings.owner_database_url) as connection:
        cursor = connection.execute(statement, values)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


class App:
    """An authenticator app. Its clock goes with the steps that were used, as a patient person's would."""

    def __init__(self, secret: str) -> None:
        self._secret = b32decode(secret + "=" * (-len(secret) % 8))
        self.step = int(time.time()) // STEP_S - 1

    def code(self) -> str:
        return code_at(self._secret, self.step)

    def next(self) -> str:
        self.step += 1
        return self.code()


def enrol(running: Any, token: str) -> tuple[App, list[str]]:
    mine = running.signing_in(token)
    begun = mine.BeginSecondFactor(signing.BeginSecondFactorRequest(current_password=PASSWORD))
    app = App(begun.secret)
    confirmed = mine.ConfirmSecondFactor(signing.ConfirmSecondFactorRequest(code=app.code()))
    return app, list(confirmed.recovery_codes)


@pytest.mark.feature("IDN-12")
def test_a_second_factor_is_asked_for_and_a_code_is_good_once(running: Any, a_person: Any) -> None:
    a_person("wang", roles=["sales_rep"])
    app, _ = enrol(running, running.sign_in("wang", PASSWORD).session_token)
    asked = running.sign_in("wang", PASSWORD)
    assert (asked.second_factor_required, asked.session_token) == (True, "")
    assert not asked.HasField("person")
    used = app.code()
    assert refusal(running.public().SignIn, pb.SignInRequest(login="wang", password=PASSWORD, code=used)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "the code is wrong or was used before; wait for the next one",
    )
    code = app.next()
    assert running.access_token(running.sign_in("wang", PASSWORD, code=code).session_token)
    assert refusal(running.public().SignIn, pb.SignInRequest(login="wang", password=PASSWORD, code=code))[0] is (
        grpc.StatusCode.UNAUTHENTICATED
    )
    wrong = pb.SignInRequest(login="wang", password="wrong", code=app.next())
    assert refusal(running.public().SignIn, wrong)[1] == "login or password is wrong", "the password comes first"


@pytest.mark.feature("IDN-12")
def test_a_recovery_code_is_good_once_and_guessing_codes_ends(running: Any, a_person: Any) -> None:
    a_person("wang")
    _, recovery = enrol(running, running.sign_in("wang", PASSWORD).session_token)
    assert len(recovery) == 10
    assert running.sign_in("wang", PASSWORD, code=recovery[0].upper()).session_token
    again = pb.SignInRequest(login="wang", password=PASSWORD, code=recovery[0])
    assert refusal(running.public().SignIn, again)[0] is grpc.StatusCode.UNAUTHENTICATED
    codes = {
        refusal(
            running.public(f"192.0.2.{n}").SignIn, pb.SignInRequest(login="wang", password=PASSWORD, code="000000")
        )[0]
        for n in range(CODES)
    }
    assert codes == {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    right = pb.SignInRequest(login="wang", password=PASSWORD, code=recovery[1])
    assert refusal(running.public("192.0.2.99").SignIn, right)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.feature("IDN-12")
def test_the_secret_is_sealed_and_nothing_of_it_is_kept_elsewhere(running: Any, a_person: Any) -> None:
    a_person("wang")
    mine = running.signing_in(running.sign_in("wang", PASSWORD).session_token)
    begun = mine.BeginSecondFactor(signing.BeginSecondFactorRequest(current_password=PASSWORD))
    app = App(begun.secret)
    recovery = mine.ConfirmSecondFactor(signing.ConfirmSecondFactorRequest(code=app.code())).recovery_codes
    raw = b32decode(begun.secret + "=" * (-len(begun.secret) % 8))
    for table in ("events", "idempotency", "second_factors", "recovery_codes"):
        kept = " ".join(str(row[0]) for row in sql(running, f"select to_jsonb(t)::text from {table} t"))
        assert kept or table == "idempotency"
        for secret in (begun.secret, raw.hex(), begun.secret.encode().hex(), recovery[0], recovery[0].encode().hex()):
            assert secret not in kept, f"{table} holds a secret"


def test_a_second_factor_needs_the_password_and_goes_with_a_code(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    person_id = a_person("wang")
    token = running.sign_in("wang", PASSWORD).session_token
    mine = running.signing_in(token)
    begin = signing.BeginSecondFactorRequest
    assert refusal(mine.BeginSecondFactor, begin(current_password="wrong"))[0] is grpc.StatusCode.INVALID_ARGUMENT
    app, _ = enrol(running, token)
    assert refusal(mine.BeginSecondFactor, begin(current_password=PASSWORD))[0] is grpc.StatusCode.FAILED_PRECONDITION
    remove = signing.RemoveSecondFactorRequest
    assert refusal(mine.RemoveSecondFactor, remove(current_password=PASSWORD, code="000000"))[0] is (
        grpc.StatusCode.INVALID_ARGUMENT
    )
    assert admin.GetPerson(pb.GetPersonRequest(person_id=person_id)).person.second_factor
    mine.RemoveSecondFactor(remove(current_password=PASSWORD, code=app.next()))
    assert running.sign_in("wang", PASSWORD).session_token
    enrol(running, token)
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    office.ResetSecondFactor(signing.ResetSecondFactorRequest(person_id=person_id))
    assert refusal(running.public().RefreshSession, pb.RefreshSessionRequest(session_token=token))[0] is (
        grpc.StatusCode.UNAUTHENTICATED
    )
    assert running.sign_in("wang", PASSWORD).session_token


@pytest.mark.feature("IDN-12")
def test_a_role_may_demand_a_second_factor(running: Any, a_person: Any) -> None:
    a_person("wang", roles=["finance"])
    token = running.sign_in("wang", PASSWORD).session_token
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    policy = office.GetSignInPolicy(signing.GetSignInPolicyRequest()).policy
    policy.second_factor_roles.append("finance")
    office.SetSignInPolicy(signing.SetSignInPolicyRequest(policy=policy))
    assert running.caller(token).permissions == ()
    assert running.with_session(token).WhoAmI(pb.WhoAmIRequest()).second_factor_missing
    enrol(running, token)
    assert running.caller(token).may("pipeline.receivable.write")
    unknown = signing.SignInPolicy(most_addresses=1, second_factor_roles=["nobody"])
    assert refusal(office.SetSignInPolicy, signing.SetSignInPolicyRequest(policy=unknown))[0] is (
        grpc.StatusCode.NOT_FOUND
    )


@pytest.mark.feature("IDN-10")
def test_an_old_password_has_to_be_changed_and_former_ones_are_refused(running: Any, a_person: Any) -> None:
    a_person("wang", roles=["sales_rep"])
    token = running.sign_in("wang", PASSWORD).session_token
    assert running.caller(token).permissions
    sql(running, "update accounts set changed_at = now() - interval '181 days' where login = 'wang'")
    assert running.caller(token).permissions == ()
    assert running.sign_in("wang", PASSWORD).must_change_password

    def change(old: str, new: str) -> tuple[grpc.StatusCode, str] | None:
        request = pb.ChangePasswordRequest(current_password=old, new_password=new, session_token=token)
        mine = running.with_session(token)
        try:
            mine.ChangePassword(request)
        except grpc.RpcError as error:
            return error.code(), error.details()
        return None

    passwords = [PASSWORD, *(f"{n} birds of the lake" for n in range(6))]
    for old, new in itertools.pairwise(passwords[:6]):
        assert change(old, new) is None
    assert running.caller(token).permissions
    refused = (grpc.StatusCode.INVALID_ARGUMENT, "new_password: was used before; choose one that is new")
    for former in passwords[1:6]:
        assert change(passwords[5], former) == refused
    assert change(passwords[5], PASSWORD) is None, "five are remembered, not for ever"


@pytest.mark.feature("IDN-10")
def test_the_age_of_passwords_is_the_organisations_to_set(running: Any, a_person: Any) -> None:
    a_person("wang")
    sql(running, "update accounts set changed_at = now() - interval '200 days' where login = 'wang'")
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    assert running.sign_in("wang", PASSWORD).must_change_password
    for days, must_change in ((0, False), (199, True), (201, False)):
        policy = signing.SignInPolicy(max_age_days=days, remembered=5, most_addresses=2)
        office.SetSignInPolicy(signing.SetSignInPolicyRequest(policy=policy))
        assert running.sign_in("wang", PASSWORD).must_change_password is must_change
    malformed = signing.SignInPolicy(max_age_days=-1, most_addresses=2)
    code, details = refusal(office.SetSignInPolicy, signing.SetSignInPolicyRequest(policy=malformed))
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "max_age_days: 0 to 3650")


@pytest.mark.feature("IDN-10")
def test_an_account_used_at_many_addresses_at_once_is_listed(running: Any, a_person: Any) -> None:
    person_id = a_person("wang")
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)

    def suspected() -> list[signing.SharedAccount]:
        return list(office.ListSharedAccounts(signing.ListSharedAccountsRequest()).accounts)

    for source in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        running.sign_in("wang", PASSWORD, source=source)
    assert not suspected(), "a desk and a telephone"
    running.sign_in("wang", PASSWORD, source="192.0.2.3")
    (account,) = suspected()
    assert (account.person_id, account.addresses, len(account.other_session_ids)) == (person_id, 3, 3)
    sql(running, "update sessions set last_used_at = now() - interval '16 minutes'")
    running.sign_in("wang", PASSWORD, source="192.0.2.4")
    assert len(suspected()) == 1, "who moves on does not share"
    closed = office.CloseSessions(signing.CloseSessionsRequest(person_id=person_id))
    assert closed.closed_sessions == 5


@pytest.mark.feature("IDN-13")
def test_every_attempt_to_sign_in_is_on_record_with_address_and_device(running: Any, a_person: Any) -> None:
    person_id = a_person("wang", roles=["sales_rep"])
    here = running.public("192.0.2.1")
    refusal(here.SignIn, pb.SignInRequest(login="wang", password="wrong", device="Firefox"))
    refusal(here.SignIn, pb.SignInRequest(login="my secret password", password=""))
    token = here.SignIn(pb.SignInRequest(login="wang", password=PASSWORD, device="Firefox")).session_token
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    listed = office.ListSignIns(signing.ListSignInsRequest(person_id=person_id)).attempts
    assert [(it.outcome, it.via, it.source, it.device) for it in listed] == [
        ("opened", "password", "192.0.2.1", "Firefox"),
        ("wrong password", "password", "192.0.2.1", "Firefox"),
    ]
    failed = office.ListSignIns(signing.ListSignInsRequest(only_failures=True)).attempts
    assert [it.person_id for it in failed] == ["", person_id]
    assert not sql(running, "select from sign_in_log l where to_jsonb(l)::text like '%%my secret%%'")
    mine = running.signing_in(token)
    assert list(mine.ListMySignIns(signing.ListMySignInsRequest()).attempts) == list(listed)
    assert refusal(mine.ListSignIns, signing.ListSignInsRequest())[0] is grpc.StatusCode.PERMISSION_DENIED
    sql(running, "update sign_in_log set at = now() - interval '181 days' where outcome = 'wrong password'")
    running.sign_in("wang", PASSWORD)
    assert "wrong password" not in {it.outcome for it in office.ListSignIns(signing.ListSignInsRequest()).attempts}


@pytest.mark.feature("IDN-13")
def test_refusals_for_too_many_attempts_are_on_record_once(running: Any, a_person: Any) -> None:
    person_id = a_person("wang")
    for _ in range(ATTEMPTS + 3):
        refusal(running.public().SignIn, pb.SignInRequest(login="wang", password="wrong"))
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    outcomes = [it.outcome for it in office.ListSignIns(signing.ListSignInsRequest(person_id=person_id)).attempts]
    assert outcomes == ["too many attempts", *["wrong password"] * ATTEMPTS]


@pytest.mark.parametrize("kind", ["login", "source"])
def test_others_failures_do_not_lock_out_who_comes_from_his_usual_address(
    running: Any, a_person: Any, kind: str
) -> None:
    a_person("wang")
    usual, elsewhere = "192.0.2.1", "192.0.2.2"
    running.sign_in("wang", PASSWORD, source=usual)
    refusal(running.public(elsewhere).SignIn, pb.SignInRequest(login="wang", password="wrong"))
    refusal(running.public(usual).SignIn, pb.SignInRequest(login="li", password="wrong"))
    # as if others had guessed on: at the login from everywhere, or at every login from this address
    limit = ATTEMPTS_OF_LOGIN if kind == "login" else ATTEMPTS_OF_SOURCE
    key = attempt_key(kind, "wang" if kind == "login" else usual)
    assert sql(running, "update sign_in_attempts set attempts = %s where key = %s returning 1", limit + 5, key)
    assert running.sign_in("wang", PASSWORD, source=usual).session_token
    if kind == "login":
        stranger = running.public(elsewhere)
        request = pb.SignInRequest(login="wang", password=PASSWORD)
    else:
        stranger, request = running.public(usual), pb.SignInRequest(login="li", password="x")
    assert refusal(stranger.SignIn, request)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.feature("IDN-07")
def test_who_is_several_goes_on_as_one_of_them_without_signing_in_again(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    south = admin.FormTeam(pb.FormTeamRequest(name="South")).team_id
    colleague = a_person("li", team_id=south)
    person_id = a_person("wang", roles=["sales_rep"])
    admin.GrantRole(pb.GrantRoleRequest(person_id=person_id, role="regional_manager", team_id=south))
    token = running.sign_in("wang", PASSWORD).session_token
    mine = running.signing_in(token)
    held = mine.ListIdentities(signing.ListIdentitiesRequest()).identities
    assert [(it.role, it.team_name) for it in held] == [("regional_manager", "South"), ("sales_rep", "")]

    def switch(role: str) -> tuple[str, tuple[str, ...], set[str]]:
        mine.SwitchIdentity(signing.SwitchIdentityRequest(role=role, session_token=token))
        caller = running.caller(token)
        return caller.scope, caller.roles, {str(owner) for owner in caller.owners}

    assert switch("sales_rep") == ("own", ("sales_rep",), {person_id})
    assert not running.caller(token).may("pipeline.quote.approve")
    assert switch("regional_manager") == ("team", ("regional_manager",), {person_id, colleague})
    assert running.caller(token).may("pipeline.quote.approve")
    assert switch("")[1] == ("regional_manager", "sales_rep")
    switch("regional_manager")
    other = running.sign_in("wang", PASSWORD).session_token
    assert running.caller(other).roles == ("regional_manager", "sales_rep"), "only in the session it was asked for"
    request = signing.SwitchIdentityRequest(role="admin", session_token=token)
    assert refusal(mine.SwitchIdentity, request)[0] is grpc.StatusCode.INVALID_ARGUMENT
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=person_id, role="regional_manager"))
    assert running.caller(token).permissions == (), "a role that was withdrawn is worn by nobody"
    foreign = signing.SwitchIdentityRequest(session_token=running.sign_in("li", "seven birds of li").session_token)
    assert refusal(mine.SwitchIdentity, foreign)[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.feature("IDN-09")
def test_life_and_leeway_of_a_token_make_a_minute_and_not_more() -> None:
    assert (TOKEN_LIFE + LEEWAY).total_seconds() <= 60


@pytest.mark.security
@pytest.mark.feature("IDN-09")
def test_a_leavers_last_token_is_worth_nothing_within_a_minute(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    person_id = a_person("wang", roles=["sales_rep"])
    session_token = running.sign_in("wang", PASSWORD).session_token
    token = running.access_token(session_token)
    left_at = time.monotonic()
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=person_id))
    verifier = Verifier(running.settings.token_public_key)
    assert verifier.verify(token).may("pipeline.opportunity.write"), "a service still believes it"

    def worthless() -> bool:
        try:
            verifier.verify(token)
        except Unauthenticated:
            return True
        return False

    wait_until(worthless, timeout_s=90)
    assert time.monotonic() - left_at <= 60
    assert refusal(running.public().RefreshSession, pb.RefreshSessionRequest(session_token=session_token))[0] is (
        grpc.StatusCode.UNAUTHENTICATED
    )


def test_who_leaves_takes_no_secret_of_the_account_along(
    running: Any, admin: IdentityServiceStub, a_person: Any
) -> None:
    person_id = a_person("wang")
    enrol(running, running.sign_in("wang", PASSWORD).session_token)
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=person_id))
    for table in ("second_factors", "recovery_codes", "former_passwords", "sessions"):
        assert not sql(running, f"select from {table} where person_id = %s", person_id)
    admin.ReinstatePerson(pb.ReinstatePersonRequest(person_id=person_id))
    admin.SetPassword(pb.SetPasswordRequest(person_id=person_id, password="nine birds of wang"))
    assert running.sign_in("wang", "nine birds of wang").session_token
    office = running.access(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    whats = {it.what for it in office.ListPermissionChanges(access.ListPermissionChangesRequest()).changes}
    assert {"SecondFactorEnrolled", "PersonLeft", "PersonReturned"} <= whats
