"""A real identity: its database, its gRPC server in this process, and an administrator signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import argon2
import grpc
import jwt
import pytest

from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1.access_service_pb2_grpc import AccessServiceStub
from crm.identity.v1.api_client_service_pb2_grpc import ApiClientServiceStub
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from crm.identity.v1.sign_in_service_pb2_grpc import SignInServiceStub
from identity.accounts import Passwords
from identity.bootstrap import bootstrap
from identity.installing import install
from kernel.auth import Caller, Verifier
from kernel.config import Settings
from kernel.service import Service, endpoints_of
from kernel.wire import Peers, channel_to
from testkit.grpc_server import patiently, serving
from testkit.identity_provider import IdentityProvider, an_identity_provider, settings_for

ADMIN_PASSWORD = "a river runs uphill"
CHEAP = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Running:
    """One identity, and ways to ask it."""

    settings: Settings
    service: Service
    target: str
    channel: grpc.Channel

    def public(self, source: str = "") -> IdentityServiceStub:
        metadata = [("x-source", source)] if source else []
        return IdentityServiceStub(patiently(self.channel, metadata))

    def sign_in(self, login: str, password: str, source: str = "", code: str = "") -> pb.SignInResponse:
        return self.public(source).SignIn(pb.SignInRequest(login=login, password=password, code=code))

    def clients(self, token: str = "", source: str = "") -> ApiClientServiceStub:
        """The service of API clients, asked with an access token or by nobody."""
        metadata = [("x-source", source)] if source else []
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        return ApiClientServiceStub(patiently(self.channel, metadata))

    def signing_in(self, session_token: str = "", source: str = "") -> SignInServiceStub:
        """The service of signing in, asked by whose session it is, or by nobody."""
        metadata = [("x-source", source)] if source else []
        if session_token:
            metadata.append(("authorization", f"Bearer {self.access_token(session_token)}"))
        return SignInServiceStub(patiently(self.channel, metadata))

    def access_token(self, session_token: str) -> str:
        refreshed = self.public().RefreshSession(pb.RefreshSessionRequest(session_token=session_token))
        return refreshed.access_token

    def caller(self, session_token: str) -> Caller:
        verifier = Verifier(self.settings.token_public_key)
        return verifier.verify(self.access_token(session_token))

    def claims(self, session_token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(self.access_token(session_token), options={"verify_signature": False})
        return claims

    def with_session(self, session_token: str) -> IdentityServiceStub:
        token = self.access_token(session_token)
        return IdentityServiceStub(patiently(self.channel, [("authorization", f"Bearer {token}")]))

    def access(self, session_token: str) -> AccessServiceStub:
        token = self.access_token(session_token)
        return AccessServiceStub(patiently(self.channel, [("authorization", f"Bearer {token}")]))

    def as_token(self, token: str) -> IdentityServiceStub:
        return IdentityServiceStub(patiently(self.channel, [("authorization", f"Bearer {token}")]))

    def signed_in(self, login: str, password: str) -> IdentityServiceStub:
        return self.with_session(self.sign_in(login, password).session_token)


@contextmanager
def an_identity(settings: Settings) -> Iterator[Running]:
    """Identity over these settings, installed and serving."""
    install(
        settings,
        login="admin",
        password=ADMIN_PASSWORD,
        secrets={"notification": "n-secret"},
        passwords=CHEAP,
    )
    with ExitStack() as stack:
        service = bootstrap(settings, CHEAP)
        stack.callback(service.store.close)
        target = stack.enter_context(serving(*endpoints_of(service, Peers({}))))
        channel = channel_to(target)
        stack.callback(channel.close)
        yield Running(settings, service, target, channel)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with an_identity_provider() as provider:
        yield provider


@pytest.fixture
def running(a_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Iterator[Running]:
    """With an identity provider when the test asks for one."""
    extra = settings_for(request.getfixturevalue("provider")) if "provider" in request.fixturenames else {}
    with an_identity(a_settings("identity", extra=extra)) as running:
        yield running


@pytest.fixture
def a_sandbox(a_settings: Callable[..., Settings]) -> Iterator[Running]:
    """Another installation, where partners try things."""
    with an_identity(a_settings("identity", extra={"HEADWATER_SANDBOX": "true"})) as running:
        yield running


@pytest.fixture
def admin(running: Running) -> IdentityServiceStub:
    return running.signed_in("admin", ADMIN_PASSWORD)


@pytest.fixture
def a_person(admin: IdentityServiceStub) -> Callable[..., str]:
    """`a_person("wang", roles=["agent"])`: a registered person who may sign in; returns the id."""

    def register(login: str, **fields: Any) -> str:
        request = pb.RegisterPersonRequest(
            name=fields.pop("name", login.title()),
            login=login,
            password=fields.pop("password", f"seven birds of {login}"),
            keep_password=fields.pop("keep_password", True),
            **fields,
        )
        return admin.RegisterPerson(request).person_id

    return register
