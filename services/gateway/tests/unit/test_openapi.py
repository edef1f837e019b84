"""The OpenAPI document against its specification, and against what is served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import openapi_v31_schema_validator

from gateway.contracts import Contracts, contracts
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
