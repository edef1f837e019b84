"""An administrator takes one person's day back from the command line, over the public API."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.commands.undo import undo
from headwater.operating import named
from testkit import a_name


def test_a_persons_day_is_taken_back_over_the_api(suite: Any, capsys: pytest.CaptureFixture[str]) -> None:
    admin, name = suite.admin, a_name("Undone")
    person_id, person = suite.person("sales_rep")
    customer_id = admin.post("/v1/customers", {"profile": {"name": name}, "owner_id": person_id})["customer_id"]
    before = datetime.now(UTC).date().isoformat()
    person.post("/v1/customers:changeTags", {"customer_ids": [customer_id], "add": ["wrong", "right"]})
    admin.post("/v1/customers:changeTags", {"customer_ids": [customer_id], "remove": ["right"]})
    if datetime.now(UTC).date().isoformat() != before:
        pytest.skip("midnight passed meanwhile")
    cause = {"actor": person_id, "day": before, "time_zone": "UTC"}
    assert undo(admin, cause, named(()), yes=True) == 0
    told = capsys.readouterr().out
    assert f"back:  customer customer {customer_id}: TagsChanged: tag:wrong" in told
    assert f"stays: customer customer {customer_id}: TagsChanged: tag:right: changed since by person:" in told
    assert "headwater undo --correlation " in told
    card = admin.get(f"/v1/customers/{customer_id}")["card"]
    assert card.get("tags", []) == []
    assert undo(admin, cause, ("customer",), yes=True) == 1
    assert "Nothing is to be taken back" in capsys.readouterr().out


def test_the_preview_of_a_day_across_the_services_is_what_then_happens(
    suite: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    admin, mark = suite.admin, secrets.token_hex(3)
    price = {"minor_units": 5_000, "currency_code": "CNY"}
    product = admin.post("/v1/products", {"sku": f"U-{mark}", "name": "Pump", "list_price": price})["product_id"]
    ticket = admin.post("/v1/tickets", {"channel": 1, "category": "repair", "subject": mark})["ticket_id"]
    campaign = {"kind": 2, "channel": "email", "budget": price, "starts_on": "2026-01-01", "ends_on": "2026-12-31"}
    campaign_id = admin.post("/v1/campaigns", {"name": mark, **campaign})["campaign_id"]
    person_id, person = suite.person("admin")
    before = datetime.now(UTC).date().isoformat()
    customer_id = person.post("/v1/customers", {"profile": {"name": a_name("Undone")}})["customer_id"]
    person.post(f"/v1/products/{product}:revise", {"name": "Valve", "list_price": {**price, "minor_units": 1}})
    person.post(f"/v1/tickets/{ticket}:recategorise", {"category": "bill"})
    person.post(f"/v1/campaigns/{campaign_id}:bookCost", {"amount": {**price, "minor_units": 70}, "purpose": "hall"})
    person.post(f"/v1/people/{person_id}:grantRole", {"role": "auditor"})
    admin.post(f"/v1/products/{product}:revise", {"name": "Seal"})
    if datetime.now(UTC).date().isoformat() != before:
        pytest.skip("midnight passed meanwhile")
    cause = {"actor": person_id, "day": before, "time_zone": "UTC"}
    assert undo(admin, cause, named(()), only_look=True) == 0
    preview = capsys.readouterr().out
    assert admin.get(f"/v1/products/{product}")["product"]["list_price"]["minor_units"] == "1"
    assert undo(admin, cause, named(()), yes=True) == 0
    told = capsys.readouterr().out
    lines = [line for line in preview.splitlines() if line.startswith(("  back:", "  stays:", "Changes:"))]
    assert lines == [line for line in told.splitlines() if line.startswith(("  back:", "  stays:", "Changes:"))]
    for line in (
        f"back:  customer customer {customer_id}: CustomerRegistered: record",
        f"back:  pipeline product {product}: ProductRevised: list_price",
        f"stays: pipeline product {product}: ProductRevised: name: changed since by person:",
        f"back:  ticketing ticket {ticket}: TicketRecategorised: category",
        f"back:  marketing campaign {campaign_id}: CampaignCostBooked: cost:",
        f"stays: identity person {person_id}: RoleGranted: record: rights are not given or withdrawn by an undo",
    ):
        assert line in told
    found = admin.get(f"/v1/products/{product}")["product"]
    assert (found["name"], found["list_price"]["minor_units"]) == ("Seal", "5000")
    assert admin.get(f"/v1/tickets/{ticket}")["ticket"]["category"] == "repair"
    assert admin.get(f"/v1/campaigns/{campaign_id}")["campaign"].get("cost", {}).get("minor_units", "0") == "0"
    assert admin.get(f"/v1/customers/{customer_id}")["card"]["status"] in (5, "CUSTOMER_STATUS_ARCHIVED")
