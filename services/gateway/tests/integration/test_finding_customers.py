"""From a few characters to the customer's page, through the real customer and pipeline services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import httpx
import pytest

from kernel.config import Settings
from kernel.service import endpoints_of
from kernel.wire import Peers
from testkit.grpc_server import serving

from .conftest import Running, a_closed_port, gateway_to


@pytest.fixture
def suite(identity_target: str, a_settings: Callable[..., Settings]) -> Iterator[Running]:
    """identity, customer and pipeline are real; ticketing and marketing are down."""
    down = f"127.0.0.1:{a_closed_port()}"
    targets = {"identity": identity_target, "ticketing": down, "marketing": down}
    with ExitStack() as stack:
        for context in ("customer", "pipeline"):
            service = import_module(f"{context}.bootstrap").bootstrap(a_settings(context))
            stack.callback(service.store.close)
            targets[context] = stack.enter_context(serving(*endpoints_of(service, Peers(targets))))
        yield stack.enter_context(gateway_to(targets, GATEWAY_PART_DEADLINE_S="15"))


def register(client: httpx.Client, name: str, tags: list[str], contact: dict[str, Any]) -> str:
    answer = client.post(
        "/v1/customers",
        json={
            "profile": {"name": name},
            "tags": tags,
            "contacts": [{**contact, "is_primary": True}],
            "allow_duplicates": True,
        },
    )
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["customer_id"]
    return found


@pytest.mark.feature("GWY-02", "GWY-03")
def test_two_steps_lead_from_any_known_word_to_the_customers_page(suite: Running) -> None:
    admin = suite.sign_in()
    river = register(admin, "上海大河科技有限公司", ["战略客户"], {"name": "王芳", "phones": ["13800138000"]})
    harbour = register(admin, "Blue Harbour Logistics", ["fleet"], {"name": "Ann Reed", "phones": ["13900139000"]})

    def found(query: str) -> set[str]:
        answer = admin.get("/v1/search", params={"q": query}).json()
        assert {m["part"] for m in answer["missing"]} == {"tickets"}, answer["missing"]
        return {card["customer_id"] for card in answer["customers"]["customers"]}

    for query in ("大河", "王芳", "138001380", "战略", "上海大河科技"):
        assert found(query) == {river}, query
    for query in ("harbour", "Ann Reed", "13900139000", "fleet"):
        assert found(query) == {harbour}, query
    assert found("nothing like it") == set()

    page = admin.get(f"/v1/customers/{river}/overview").json()
    assert page["card"]["card"]["name"] == "上海大河科技有限公司"
    assert [contact["name"] for contact in page["customer"]["contacts"]] == ["王芳"]
    assert page["timeline"]["entries"]
    assert {m["part"]: m["reason"] for m in page["missing"]} == {
        "tickets": "unavailable",
        "touches": "unavailable",
    }


@pytest.mark.feature("IDN-04")
def test_a_seller_finds_only_the_customers_he_looks_after(suite: Running) -> None:
    admin = suite.sign_in()
    body = {"password": "seven birds here", "keep_password": True, "roles": ["sales_rep"]}
    for login in ("li", "wang"):
        admin.post("/v1/people", json={"name": login, "login": login, **body})
    li, wang = (suite.sign_in(login, "seven birds here") for login in ("li", "wang"))
    mine = register(li, "大河一号", [], {"name": "A"})
    register(wang, "大河二号", [], {"name": "B"})
    cards = li.get("/v1/search", params={"q": "大河"}).json()["customers"]["customers"]
    assert [card["customer_id"] for card in cards] == [mine]
    everybody = admin.get("/v1/search", params={"q": "大河"}).json()["customers"]["customers"]
    assert len(everybody) == 2
    assert wang.get(f"/v1/customers/{mine}/overview").status_code == 404
