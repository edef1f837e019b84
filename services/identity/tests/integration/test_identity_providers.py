"""Signing in through an OpenID provider that really answers, and every way in which it may lie."""

from __future__ import annotations

from typing import Any

import grpc
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import sign_in_service_pb2 as signing
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from identity.providers import providers_from
from kernel.config import ConfigurationError
from testkit.identity_provider import IdentityProvider, settings_for

ADMIN_PASSWORD = "a river runs uphill"
WANG = {"sub": "u-1", "email": "Wang@example.org", "email_verified": True}


def begin(running: Any) -> signing.BeginProviderSignInResponse:
    return running.signing_in().BeginProviderSignIn(signing.BeginProviderSignInRequest(provider="corp"))


def finish(running: Any, provider: IdentityProvider, **changed: str) -> signing.FinishProviderSignInResponse:
    begun = begin(running)
    code, state = provider.sign_in(begun.authorization_url)
    fields = {"code": code, "state": state, "browser_token": begun.browser_token} | changed
    request = signing.FinishProviderSignInRequest(device="Firefox", **fields)
    return running.signing_in(source="192.0.2.5").FinishProviderSignIn(request)


def refused(running: Any, provider: IdentityProvider, **changed: str) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        finish(running, provider, **changed)
    code: grpc.StatusCode = error.value.code()
    return code


def test_who_is_vouched_for_is_signed_in_and_linked(
    running: Any, provider: IdentityProvider, admin: IdentityServiceStub, a_person: Any
) -> None:
    person_id = a_person("wang", email="wang@example.org", roles=["sales_rep"])
    (listed,) = running.signing_in().ListProviders(signing.ListProvidersRequest()).providers
    assert (listed.provider, listed.title) == ("corp", "The corporation")
    provider.claims = WANG
    opened = finish(running, provider)
    assert (opened.person.login, running.caller(opened.session_token).roles) == ("wang", ("sales_rep",))
    assert list(admin.GetPerson(pb.GetPersonRequest(person_id=person_id)).person.providers) == ["corp"]

    provider.claims = {"sub": "u-1"}  # the link holds, whatever became of the address
    assert finish(running, provider).person.login == "wang"
    provider.claims = {"sub": "u-2", "email": "wang@example.org", "email_verified": False}
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED, "an address nobody verified"
    office = running.signing_in(running.sign_in("admin", ADMIN_PASSWORD).session_token)
    log = office.ListSignIns(signing.ListSignInsRequest()).attempts
    assert [(it.outcome, it.via, it.source) for it in log if it.via == "corp"] == [
        ("provider refused", "corp", "192.0.2.5"),
        ("opened", "corp", "192.0.2.5"),
        ("opened", "corp", "192.0.2.5"),
    ]
    office.UnlinkProvider(signing.UnlinkProviderRequest(person_id=person_id, provider="corp"))
    with psycopg.connect(running.settings.owner_database_url) as connection:
        assert connection.execute("select count(*) from provider_links").fetchone() == (0,)


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": ["headwater", "somebody-else"]},
        {"iss": "https://elsewhere.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": ""},
        {"email_verified": "true"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    running: Any, provider: IdentityProvider, a_person: Any, spoil: dict[str, Any]
) -> None:
    a_person("wang", email="wang@example.org")
    provider.claims, provider.spoil = WANG, spoil
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED
    provider.spoil = {}
    assert finish(running, provider).session_token


def test_a_token_signed_by_anybody_else_or_not_at_all_is_refused(
    running: Any, provider: IdentityProvider, a_person: Any
) -> None:
    a_person("wang", email="wang@example.org")
    provider.claims = WANG
    for algorithm in ("none", "HS256"):
        provider.algorithm = algorithm
        assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED
    provider.algorithm, provider.published_key = "RS256", generate_private_key(65537, 2048)
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED


def test_a_state_is_good_once_and_only_for_the_browser_that_began(
    running: Any, provider: IdentityProvider, a_person: Any
) -> None:
    a_person("wang", email="wang@example.org")
    provider.claims = WANG
    others = begin(running).browser_token
    assert refused(running, provider, browser_token=others) is grpc.StatusCode.UNAUTHENTICATED
    assert refused(running, provider, state="made up") is grpc.StatusCode.UNAUTHENTICATED
    assert refused(running, provider, code="made up") is grpc.StatusCode.UNAUTHENTICATED
    begun = begin(running)
    code, state = provider.sign_in(begun.authorization_url)
    request = signing.FinishProviderSignInRequest(code=code, state=state, browser_token=begun.browser_token)
    assert running.signing_in().FinishProviderSignIn(request).session_token
    with pytest.raises(grpc.RpcError) as error:
        running.signing_in().FinishProviderSignIn(request)
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    begun = begin(running)
    code, state = provider.sign_in(begun.authorization_url)
    with psycopg.connect(running.settings.owner_database_url) as connection:
        connection.execute("update pending_sign_ins set expires_at = now()")
    late = signing.FinishProviderSignInRequest(code=code, state=state, browser_token=begun.browser_token)
    with pytest.raises(grpc.RpcError) as error:
        running.signing_in().FinishProviderSignIn(late)
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_who_left_or_is_not_known_or_shares_an_address_is_not_let_in(
    running: Any, provider: IdentityProvider, admin: IdentityServiceStub, a_person: Any
) -> None:
    provider.claims = WANG
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED
    person_id = a_person("wang", email="wang@example.org")
    twin = a_person("wang2", email="wang@example.org")
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=twin))
    assert finish(running, provider).session_token
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=person_id))
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED
    admin.ReinstatePerson(pb.ReinstatePersonRequest(person_id=person_id))
    provider.claims = {"sub": "u-1"}
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED, "the link went with the account"


def test_a_provider_that_changed_its_keys_is_asked_for_them_again(
    running: Any, provider: IdentityProvider, a_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_person("wang", email="wang@example.org")
    provider.claims = WANG
    finish(running, provider)
    provider.key, provider.key_id = generate_private_key(65537, 2048), "k2"
    assert refused(running, provider) is grpc.StatusCode.UNAUTHENTICATED, "at most once a minute"
    monkeypatch.setattr("identity.providers._KEYS_AGAIN_S", 0.0)
    assert finish(running, provider).session_token
    assert provider.asked.count("/.well-known/openid-configuration") == 1


def test_a_provider_that_is_away_says_so(running: Any, provider: IdentityProvider) -> None:
    provider.answer = lambda *_: (503, {})  # type: ignore[method-assign]
    with pytest.raises(grpc.RpcError) as error:
        begin(running)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_without_settings_there_is_no_provider_and_nobody_is_called(running: Any) -> None:
    assert not running.signing_in().ListProviders(signing.ListProvidersRequest()).providers
    with pytest.raises(grpc.RpcError) as error:
        begin(running)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"IDENTITY_PUBLIC_URL": ""}, "IDENTITY_PUBLIC_URL is missing"),
        ({"IDENTITY_PROVIDER_CORP_CLIENT_ID": ""}, "IDENTITY_PROVIDER_CORP_CLIENT_ID is missing"),
        ({"IDENTITY_PROVIDER_CORP_ISSUER": "http://sso.example"}, "must begin with https://"),
        ({"IDENTITY_PROVIDERS": "corp,Corp 2"}, "IDENTITY_PROVIDERS names 'Corp 2'"),
    ],
)
def test_settings_that_are_wrong_are_named(changed: dict[str, str], named: str) -> None:
    whole = settings_for(IdentityProvider(issuer="https://sso.example"))
    assert providers_from(whole)["corp"].redirect_url == "http://127.0.0.1:1/sign-in/corp/callback"
    with pytest.raises(ConfigurationError, match=named):
        providers_from(whole | changed)
