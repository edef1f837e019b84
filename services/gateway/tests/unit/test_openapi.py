"""The OpenAPI document against its specification, and against what is served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from starlette.responses import PlainTextResponse

from gateway.contracts import Contracts, contracts
from gateway.frame import Frame
from gateway.limits import Limits
from gateway.openapi import document


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(contracts(), "https://crm.example.org")


def operations(made: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, verb, op) for path, item in made["paths"].items() for verb, op in item.items()]


def test_it_is_valid(made: dict[str, Any]) -> None:
    assert list(openapi_v31_schema_validator.iter_errors(made)) == []
    known = made["components"]
    for reference in references(made):
        _, _, kind, name = reference.split("/")
        assert name in known[kind], reference


def test_one_services_part_of_it_passes_the_thorough_validator() -> None:
    """The thorough one looks into every schema again wherever it is used: minutes for all of it."""
    whole = contracts()
    bindings = [b for b in whole.bindings if b.method.context == "identity"]
    OpenAPIV31SpecValidator(document(Contracts(whole.methods, bindings, whole.comments))).validate()


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


def test_it_describes_exactly_what_is_served(made: dict[str, Any]) -> None:
    described = {(verb.upper(), path) for path, verb, _ in operations(made)}
    served = {(b.http_method, b.path.openapi()) for b in contracts().bindings}
    own = {
        ("GET", "/v1/customers/{customer_id}/overview"),
        ("GET", "/v1/search"),
        ("GET", "/v1/changes"),
        ("GET", "/v1/settings"),
        ("GET", "/v1/data-protection"),
        ("GET", "/v1/parked"),
        ("GET", "/v1/backups"),
        ("GET", "/v1/backups/{backup_id}:download"),
    }
    assert described == served | own


def test_every_operation_has_words_and_a_name_of_its_own(made: dict[str, Any]) -> None:
    found = operations(made)
    assert all(op["summary"] for _, _, op in found)
    ids = [op["operationId"] for _, _, op in found]
    assert len(ids) == len(set(ids))


def test_refusals_are_problem_details(made: dict[str, Any]) -> None:
    for path, verb, operation in operations(made):
        assert {"400", "503"} <= set(operation["responses"]), f"{verb} {path}"
    for response in made["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


def test_only_public_rpcs_need_no_session(made: dict[str, Any]) -> None:
    free = {op["operationId"] for _, _, op in operations(made) if op.get("security") == []}
    assert {"SignIn", "SignOut", "SubmitForm"} <= free
    assert "ListPeople" not in free


def test_every_property_is_described_by_its_comment(made: dict[str, Any]) -> None:
    person = made["components"]["schemas"]["identity.v1.Person"]
    assert person["description"] == "A person who works with Headwater."
    assert all(p.get("description") for p in person["properties"].values())
    assert person["properties"]["name"]["x-personal"]


LISTED_WHOLE = ("teams", "roles")


@pytest.mark.feature("INT-01")
def test_every_main_object_can_be_found_looked_at_and_made(made: dict[str, Any]) -> None:
    missing = []
    for things in (
        *("customers", "leads", "opportunities", "products", "quotes", "contracts", "orders", "tickets"),
        *("campaigns", "segments", "journeys", "forms", "people", "webhooks", *LISTED_WHOLE),
    ):
        paths = {path: set(item) for path, item in made["paths"].items() if path.startswith(f"/v1/{things}")}
        is_listed, is_made = "get" in paths.get(f"/v1/{things}", ()), "post" in paths.get(f"/v1/{things}", ())
        is_shown = any(path.startswith(f"/v1/{things}/{{") and "get" in verbs for path, verbs in paths.items())
        missing += [things] if not (is_listed and is_made and (is_shown or things in LISTED_WHOLE)) else []
    assert missing == []


@pytest.mark.feature("INT-01")
def test_a_sandbox_says_that_it_is_one(made: dict[str, Any]) -> None:
    sandbox = document(contracts(), sandbox=True)["info"]
    assert sandbox["title"] == "Headwater (sandbox)"
    assert "Headwater-Sandbox: true" in sandbox["description"]
    assert "sandbox" not in made["info"]["description"].lower()


@pytest.mark.feature("INT-01")
@pytest.mark.parametrize(("sandbox", "told"), [(True, "true"), (False, None)])
def test_every_answer_of_a_sandbox_says_so(sandbox: bool, told: str | None) -> None:
    framed = Frame(PlainTextResponse("it"), Limits(1000, 1000, 1000), 1024, secure=False, sandbox=sandbox)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(framed), base_url="http://it") as client:
            return await client.get("/v1/customers")

    assert asyncio.run(asked()).headers.get("headwater-sandbox") == told
