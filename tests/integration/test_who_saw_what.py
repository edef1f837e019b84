"""Whoever is shown personal data is on record; whoever may not see it sees a mask, everywhere."""

from __future__ import annotations

import csv
import io
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.api import Refused
from testkit import a_name, wait_until


@pytest.fixture
def customer(suite: Any) -> dict[str, str]:
    name, phone = a_name("Canary"), f"138{secrets.randbelow(10**8):08d}"
    admin = suite.admin
    customer_id = admin.post("/v1/customers", {"profile": {"name": name, "phones": [phone]}})["customer_id"]
    contact = {"name": "王小明", "phones": [phone], "emails": [f"wang@{name[-6:]}.example"]}
    contact_id = admin.post(f"/v1/customers/{customer_id}/contacts", {"contact": contact})["contact_id"]
    return {"customer_id": customer_id, "contact_id": contact_id, "name": name, "phone": phone}


@pytest.mark.feature("ANA-27", "IDN-14")
def test_an_auditor_finds_who_was_shown_a_customer_across_services(suite: Any, customer: dict[str, str]) -> None:
    reader_id, reader = suite.person("agent")
    reader.get(f"/v1/customers/{customer['customer_id']}")
    reader.get("/v1/search", q=customer["name"])

    found = suite.admin.get("/v1/audit/reads", subject_id=customer["contact_id"], actor=reader_id)
    assert not found.get("unanswered")
    (read,) = found["reads"]
    assert (read["context"], read["actor"]) == ("customer", f"person:{reader_id}")
    assert read["method"].endswith("/GetCustomer")
    assert {"phone", "email", "name"} <= set(read["classes"])

    searched = suite.admin.get("/v1/audit/reads", subject_id=customer["customer_id"], actor=reader_id)
    assert any("Search" in one["method"] for one in searched["reads"])
    exported = suite.admin.get(
        "/v1/audit/reads:export", subject_id=customer["customer_id"], actor=f"person:{reader_id}"
    )
    rows = list(csv.DictReader(io.StringIO(exported["csv"])))
    assert [row["position"] for row in rows] == [one["position"] for one in searched["reads"]]

    with pytest.raises(Refused) as refused:
        reader.get("/v1/audit/reads", subject_id=customer["customer_id"])
    assert refused.value.status == 403


def test_reads_are_paged_without_a_gap_or_a_repeat(suite: Any, customer: dict[str, str]) -> None:
    reader_id, reader = suite.person("agent")
    for _ in range(5):
        reader.get(f"/v1/customers/{customer['customer_id']}")
        reader.get("/v1/search", q=customer["name"])
    whole = suite.admin.get("/v1/audit/reads", actor=reader_id, page_size=100)["reads"]
    pages, token = [], ""
    while len(pages) < len(whole) + 1:
        answer = suite.admin.get("/v1/audit/reads", actor=reader_id, page_size=2, page_token=token)
        pages += answer["reads"]
        token = answer.get("next_page_token", "")
        if not token:
            break
    assert pages == whole
    assert len(whole) >= 5


@pytest.mark.feature("IDN-05")
def test_a_masked_field_is_masked_in_every_answer_and_cannot_be_written(suite: Any, customer: dict[str, str]) -> None:
    role = f"masked_{secrets.token_hex(3)}"
    suite.admin.post(
        "/v1/roles",
        {
            "role": role,
            "title": "Sees no numbers",
            "permissions": ["customer.*.write", "analytics.history.read"],
            "data_scope": "DATA_SCOPE_ALL",
            "field_rules": [{"pattern": "*.*.phone", "access": "FIELD_ACCESS_MASK"}],
        },
    )
    _, person = suite.person(role)
    id_ = customer["customer_id"]
    for answer in (
        person.get(f"/v1/customers/{id_}"),
        person.get(f"/v1/customers/{id_}/overview"),
        person.get("/v1/search", q=customer["name"]),
        person.get("/v1/customers", query=customer["name"]),
        person.get(f"/v1/audit/records/{id_}"),
    ):
        assert customer["phone"] not in str(answer)
        assert customer["name"] in str(answer) or "sealed" in str(answer)
    assert person.get(f"/v1/customers/{id_}")["profile"]["phones"] == [f"+86138****{customer['phone'][-4:]}"]

    with pytest.raises(Refused) as refused:
        person.post("/v1/customers", {"profile": {"name": "New", "phones": ["13900000000"]}})
    assert refused.value.status == 403
    assert "phones" in str(refused.value)
    assert person.post("/v1/customers", {"profile": {"name": a_name("New")}})["customer_id"]


def test_a_leak_is_investigated_by_who_could_and_who_did(suite: Any, customer: dict[str, str]) -> None:
    began = datetime.now(UTC) - timedelta(minutes=10)
    rep_id, _ = suite.person("sales_rep")
    idle_id, _ = suite.person("sales_rep")
    reader_id, reader = suite.person("agent")
    id_ = customer["customer_id"]
    suite.admin.post("/v1/customers:transfer", {"customer_ids": [id_], "to_owner_id": rep_id, "reason": "x"})
    for _ in range(3):
        reader.get(f"/v1/customers/{id_}")

    def owned_by_rep() -> Any:
        found = suite.admin.get(f"/v1/audit/customers/{id_}:investigate", from_at=began.isoformat())
        return found if found["owners"][-1]["owner_id"] == rep_id else None

    wait_until(lambda: found_or_none(owned_by_rep), timeout_s=30)
    found = owned_by_rep()
    assert not found["unanswered"]
    assert not found["truncated"]
    suspects = {one["actor"]: one for one in found["suspects"]}
    rep, agent = suspects[f"person:{rep_id}"], suspects[f"person:{reader_id}"]
    assert [sight["reason"] for sight in rep["could"]] == ["owner"]
    assert rep["could"][0]["roles"] == ["sales_rep"]
    assert rep["reads"] == "0"
    assert int(agent["reads"]) == 3
    assert agent["could"], "agents see customers"
    assert {"phone", "name"} <= set(agent["classes"])
    assert agent["first_read_at"] < agent["last_read_at"]
    assert f"person:{idle_id}" not in suspects, "neither could nor did"
    exported = suite.admin.get(f"/v1/audit/customers/{id_}:exportInvestigation", from_at=began.isoformat())
    rows = {row["actor"]: row for row in csv.DictReader(io.StringIO(exported["csv"]))}
    assert rows[f"person:{rep_id}"]["reasons"] == "owner"
    assert rows[f"person:{reader_id}"]["reads"] == "3"
    with pytest.raises(Refused) as refused:
        reader.get(f"/v1/audit/customers/{id_}:investigate", from_at=began.isoformat())
    assert refused.value.status == 403


def found_or_none(ask: Any) -> Any:
    """What was answered; None while the trail does not know the customer yet."""
    try:
        return ask()
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
