"""The HTTP API fuzzed from its own OpenAPI document: nothing breaks, nothing is told, nothing takes for ever."""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable

from headwater.api import Api

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

pytestmark = [pytest.mark.security, pytest.mark.timeout(1800)]

SEED = 20261122
EXAMPLES = 1
"""Of each kind for each operation: a valid and an invalid request."""

LONGEST_S = 15.0
TRACES = ("Traceback", 'File "', "psycopg", "site-packages", "grpc.", "InternalError", "DETAIL:")
NOT_FUZZED = ("/v1/session:close", "/v1/changes")
"""The one would end the fuzzer's session, the other never ends."""


class Fuzzed:
    """A client whose every answer is judged."""

    def __init__(self, suite: Any, token: str, secret: tuple[str, ...] = ()) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = httpx.Client(
            base_url=suite.url,
            verify=ssl.create_default_context(cafile=suite.home.ca()),
            trust_env=False,
            timeout=30,
            headers=headers,
        )
        self.secret = secret
        self.wrong: list[str] = []
        self.statuses: Counter[int] = Counter()

    def ask(self, method: str, url: str, what: str, **more: Any) -> int:
        began = time.monotonic()
        try:
            answer = self.client.request(method, url, **more)
        except (UnicodeEncodeError, httpx.InvalidURL):
            return 0  # no client could send it
        took_s = time.monotonic() - began
        self.statuses[answer.status_code] += 1
        said = answer.text
        problem = (
            f"status {answer.status_code}"
            if answer.status_code >= 500
            else next((f"says {trace}" for trace in TRACES if trace in said), "")
            or next((f"tells {secret}" for secret in self.secret if secret in said), "")
            or (f"took {took_s:.1f} s" if took_s > LONGEST_S else "")
        )
        if problem:
            self.wrong.append(f"{what}: {problem}: {said[:200]} for {url[:200]} {str(more)[:200]}")
        return answer.status_code


@pytest.fixture
def fuzzed_as(tls_suite: Any) -> Iterator[Callable[..., Fuzzed]]:
    """`fuzzed_as(token, secret)`: a judged client, closed after the test."""
    with ExitStack() as stack:

        def client(token: str, secret: tuple[str, ...] = ()) -> Fuzzed:
            made = Fuzzed(tls_suite, token, secret)
            stack.callback(made.client.close)
            return made

        yield client


@pytest.fixture(scope="module")
def document(tls_suite: Any) -> Any:
    return httpx.get(
        f"{tls_suite.url}/openapi.json", verify=ssl.create_default_context(cafile=tls_suite.home.ca())
    ).json()


@pytest.fixture(scope="module")
def canary(tls_suite: Any) -> dict[str, str]:
    """A customer with a contact that only the administrator may see; every text of theirs is marked."""
    mark = f"Canary{secrets.token_hex(6)}"
    profile = {"name": f"{mark} Ltd"}
    customer = tls_suite.admin.post("/v1/customers", {"profile": profile})["customer_id"]
    contact = {"name": f"{mark} Person", "phones": ["+8613912345678"], "emails": [f"{mark.lower()}@canary.example"]}
    made = tls_suite.admin.post(f"/v1/customers/{customer}/contacts", {"contact": contact})
    return {"mark": mark, "customer_id": customer, "contact_id": made["contact_id"]}


@pytest.fixture
def nobody(tls_suite: Any) -> Iterator[Api]:
    """A person who may work with his own customers and has none."""
    login, password = f"fuzz-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    body = {"name": "Fuzz", "login": login, "password": password, "keep_password": True, "roles": ["sales_rep"]}
    tls_suite.admin.post("/v1/people", body)
    with Api(tls_suite.url, login, password, ca=tls_suite.home.ca()) as session:
        yield session


def test_no_request_made_from_the_document_breaks_anything(
    tls_suite: Any, document: Any, fuzzed_as: Callable[..., Fuzzed]
) -> None:
    fuzzed = fuzzed_as(tls_suite.admin._token)
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(operations) > 300
    for operation in operations:
        if operation.path not in NOT_FUZZED:
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                fuzz(fuzzed, operation, mode)
    assert fuzzed.wrong == []
    assert fuzzed.statuses[200] > 50
    assert fuzzed.statuses[400] > 200
    assert fuzzed.statuses[401] == 0, "the fuzzer's session lasted"


def fuzz(fuzzed: Fuzzed, operation: Any, mode: Any) -> None:
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        request = case.as_transport_kwargs(base_url=str(fuzzed.client.base_url))
        headers = {n: v for n, v in dict(request.get("headers") or {}).items() if n.lower() != "authorization"}
        more = {name: request[name] for name in ("json", "params", "data", "content") if name in request}
        fuzzed.ask(request["method"], request["url"], operation.label, headers=headers, **more)

    with suppress(Unsatisfiable):  # nothing invalid can be made where anything is valid
        one()


def test_nobody_is_told_of_another_ones_customer(
    tls_suite: Any, document: Any, canary: dict[str, str], nobody: Api, fuzzed_as: Callable[..., Fuzzed]
) -> None:
    """Every operation, asked for the canary's own ids, by a stranger and by a colleague who must not see it."""
    for who, token in {"stranger": "", "colleague": nobody._token}.items():
        fuzzed = fuzzed_as(token, secret=(canary["mark"], canary["mark"].lower(), "13912345678"))
        for path, methods in document["paths"].items():
            if path in NOT_FUZZED:
                continue
            for method in methods.keys() & {"get", "post", "put", "patch", "delete"}:
                url = re.sub(
                    r"\{([^}]+)\}", lambda found: quote(canary.get(found.group(1), canary["customer_id"])), path
                )
                params = {"query": canary["mark"], "q": canary["mark"]} if method == "get" else {}
                named = {p["name"] for p in methods[method].get("parameters", []) if p.get("in") == "query"}
                given = {name: value for name, value in params.items() if name in named}
                given |= {name: canary[name] for name in named & canary.keys()}
                body = {} if method == "get" else {"json": {}}
                fuzzed.ask(method.upper(), url, f"{who}: {method} {path}", params=given, **body)
        assert fuzzed.wrong == [], who
        assert sum(fuzzed.statuses.values()) > 300
    seen = fuzzed_as(tls_suite.admin._token, secret=(canary["mark"],))
    seen.ask("GET", f"/v1/customers/{canary['customer_id']}", "the administrator")
    assert seen.wrong, "the mark would be found if it were there"
