"""A real gateway on a free port, in front of a real identity; other services as a test wants them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import argon2
import httpx
import pytest

from gateway.__main__ import Server, server
from gateway.config import Settings as GatewaySettings
from identity.accounts import Passwords
from identity.bootstrap import bootstrap
from identity.installing import install
from kernel.config import CONTEXTS, Settings
from kernel.service import endpoints_of
from kernel.wire import Peers
from testkit.callers import signing_key
from testkit.grpc_server import serving
from testkit.identity_provider import IdentityProvider, an_identity_provider, settings_for
from testkit.waiting import wait_until

ADMIN_PASSWORD = "a river runs uphill"
NO_BROKER = "amqp://nobody:nothing@127.0.0.1:1/none"


def a_closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """One gateway, and clients of it."""

    url: str
    server: Server
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, token: str = "", **headers: str) -> httpx.Client:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20)
        self.clients.append(client)
        return client

    def sign_in(self, login: str = "admin", password: str = ADMIN_PASSWORD) -> httpx.Client:
        answer = self.client().post("/v1/session", json={"login": login, "password": password})
        assert answer.status_code == 200, answer.text
        return self.client(answer.json()["session_token"])


@contextmanager
def gateway_to(targets: Mapping[str, str], amqp_url: str = NO_BROKER, **environment: str) -> Iterator[Running]:
    settings = GatewaySettings.from_environment(
        {
            "GATEWAY_LISTEN": f"127.0.0.1:{a_closed_port()}",
            "GATEWAY_AMQP_URL": amqp_url,
            "HEADWATER_TOKEN_PUBLIC_KEY": signing_key().public_pem,
            **{f"{context.upper()}_TARGET": target for context, target in targets.items()},
            **environment,
        }
    )
    uvicorn_server = server(settings)
    thread = threading.Thread(target=uvicorn_server.run, daemon=True)
    thread.start()
    running = Running(f"http://127.0.0.1:{settings.port}", uvicorn_server)
    try:
        wait_until(lambda: uvicorn_server.started or not thread.is_alive())
        assert uvicorn_server.started
        yield running
    finally:
        for client in running.clients:
            client.close()
        uvicorn_server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the gateway did not stop"


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with an_identity_provider() as provider:
        yield provider


@pytest.fixture
def identity_settings(a_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Settings:
    """With an identity provider when the test asks for one."""
    extra = settings_for(request.getfixturevalue("provider")) if "provider" in request.fixturenames else {}
    return a_settings("identity", extra=extra)


@pytest.fixture
def identity_target(identity_settings: Settings) -> Iterator[str]:
    settings = identity_settings
    cheap = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    install(settings, login="admin", password=ADMIN_PASSWORD, secrets={}, passwords=cheap)
    with ExitStack() as stack:
        service = bootstrap(settings, cheap)
        stack.callback(service.store.close)
        yield stack.enter_context(serving(*endpoints_of(service, Peers({}))))


@pytest.fixture
def running(identity_target: str) -> Iterator[Running]:
    """A gateway to identity; every other service is really down."""
    down = f"127.0.0.1:{a_closed_port()}"
    targets = dict.fromkeys(CONTEXTS, down) | {"identity": identity_target}
    with gateway_to(targets) as gateway:
        yield gateway


@pytest.fixture
def admin(running: Running) -> httpx.Client:
    return running.sign_in()
