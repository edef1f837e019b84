"""The OpenAPI document against its specification, and against what is served."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.contracts import contracts
from gateway.openapi import document


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(contracts(), "https://crm.example.org")


def operations(made: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, verb, op) for path, item in made["paths"].items() for verb, op in item.items()]


def test_it_is_valid(made: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(made).validate()


def test_it_describes_exactly_what_is_served(made: dict[str, Any]) -> None:
    described = {(verb.upper(), path) for path, verb, _ in operations(made)}
    served = {(b.http_method, b.path.openapi()) for b in contracts().bindings}
    own = {
        ("GET", "/v1/customers/{customer_id}/overview"),
        ("GET", "/v1/search"),
        ("GET", "/v1/changes"),
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
