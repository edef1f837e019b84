"""Somebody leaves: one command closes the account and hands over all he owned; nothing is orphaned, nor later."""

from __future__ import annotations

import csv
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.api import Api, Refused
from testkit import a_name, wait_until

LISTS = {
    "customers": ("owner_id", "customer_id"),
    "follow-ups": ("owner_id", "follow_up_id"),
    "leads": ("owner_id", "lead_id"),
    "opportunities": ("owner_id", "opportunity_id"),
    "quotes": ("owner_id", "quote_id"),
    "contracts": ("owner_id", "contract_id"),
    "orders": ("owner_id", "order_id"),
    "tickets": ("assignee_id", "ticket_id"),
    "campaigns": ("owner_id", "campaign_id"),
}


def cny(amount: int) -> dict[str, str]:
    return {"minor_units": str(amount), "currency_code": "CNY"}


def one_of_everything(admin: Api, rep: Api, rep_id: str) -> dict[str, str]:
    """What he owns, by kind; the approval waits for him."""
    name, today = a_name("Leaving"), datetime.now(UTC).date()
    customer = rep.post("/v1/customers", {"profile": {"name": name}})["customer_id"]
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    follow_up = rep.post(f"/v1/customers/{customer}/follow-ups", {"due_at": due, "subject": "call"})["follow_up_id"]
    stage = {"name": "talks", "probability": 50, "norm_days": 10, "order": 1}
    pipeline = admin.post("/v1/pipelines", {"name": name, "stages": [stage]})["pipeline_id"]
    deal = {"customer_id": customer, "pipeline_id": pipeline, "title": name, "amount": cny(100_000)}
    opportunity = rep.post("/v1/opportunities", deal)["opportunity_id"]
    product = admin.post("/v1/products", {"sku": name, "name": name, "category": "x", "list_price": cny(10_000)})
    line = {"product_id": product["product_id"], "quantity": "1", "unit_price": cny(5_000)}
    step = {"step_id": "leaver", "name": "leaver", "approver_ids": [rep_id], "rule": "STEP_RULE_ANY_OF"}
    before_all_others = int(time.time())  # whatever flows the suite has by now
    flow = {"name": name, "subject_kind": "SUBJECT_KIND_QUOTE", "steps": [step], "priority": before_all_others}
    rules = admin.post("/v1/approval-flows", flow | {"min_discount_basis_points": 4000})["flow_id"]
    quoted = {"opportunity_id": opportunity, "lines": [line], "valid_until": str(today + timedelta(days=30))}
    quote = rep.post("/v1/quotes", quoted)["quote_id"]
    approval = rep.post(f"/v1/quotes/{quote}:submit", {})["approval_id"]
    drawn = {"title": name, "customer_id": customer, "amount": cny(5_000), "starts_on": str(today)}
    contract = rep.post("/v1/contracts", drawn)["contract_id"]
    ordered = {"customer_id": customer, "lines": [line], "placed_on": str(today)}
    order = rep.post("/v1/orders", ordered)["order_id"]
    lead = admin.post("/v1/leads", {"lead": {"source_channel": "fair", "company": name}, "owner_id": rep_id})["lead_id"]
    opened = {"channel": "CHANNEL_PHONE", "category": "leaving", "priority": "PRIORITY_NORMAL", "subject": name}
    ticket = admin.post("/v1/tickets", opened)["ticket_id"]
    admin.post(f"/v1/tickets/{ticket}:assign", {"assignee_id": rep_id})
    planned = {
        "name": name,
        "kind": "CAMPAIGN_KIND_EMAIL",
        "channel": "email",
        "budget": cny(1_000),
        "starts_on": str(today),
        "ends_on": str(today + timedelta(days=9)),
        "owner_id": rep_id,
    }
    campaign = admin.post("/v1/campaigns", planned)["campaign_id"]
    return {
        "customers": customer,
        "follow_ups": follow_up,
        "opportunities": opportunity,
        "quotes": quote,
        "approvals": approval,
        "contracts": contract,
        "orders": order,
        "leads": lead,
        "tickets": ticket,
        "campaigns": campaign,
        "rules": rules,
    }


def owned(admin: Api, noun: str, person_id: str) -> set[str]:
    by, key = LISTS[noun]
    asked = {} if noun == "campaigns" else {by: person_id}  # that list has no such filter, but says whose each is
    answer = admin.get(f"/v1/{noun}", page_size=500, **asked)
    [rows] = [value for value in answer.values() if isinstance(value, list)] or [[]]
    return {row[key] for row in rows if asked or row[by] == person_id}


@pytest.mark.feature("CUS-38", "IDN-09")
def test_one_command_hands_over_what_a_leaver_owned_and_nothing_is_orphaned(suite: Any, tmp_path: Path) -> None:
    admin = suite.admin
    leaver_id, leaver = suite.person("sales_rep")
    heir_id, heir = suite.person("sales_rep")
    desk_id, _ = suite.person("agent")
    records = one_of_everything(admin, leaver, leaver_id)
    for noun in LISTS:
        assert records[noun.replace("-", "_")] in owned(admin, noun, leaver_id), f"the walk sees {noun}"
    with pytest.raises(Refused) as refused:
        heir.post("/v1/handovers", {"leaver_id": leaver_id, "to_person_id": heir_id})
    assert refused.value.status == 403

    sheet = tmp_path / "sheet.csv"
    said = suite.headwater(
        "handover", leaver_id, "--to", heir_id, "--kind", f"tickets={desk_id}", "--out", str(sheet)
    ).stdout
    assert f"{leaver_id} owns 0 open records" in said
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8").splitlines()))
    assert {row["kind"]: row["record_id"] for row in rows} == records
    assert len(rows) == len(records)
    assert {row["kind"] for row in rows if row["to_person_id"] == desk_id} == {"tickets"}
    assert {row["to_person_id"] for row in rows if row["kind"] != "tickets"} == {heir_id}
    for noun in LISTS:
        assert owned(admin, noun, leaver_id) == set(), f"no {noun} is the leaver's"
        assert records[noun.replace("-", "_")] in owned(admin, noun, desk_id if noun == "tickets" else heir_id)
    assert records["approvals"] in str(heir.get("/v1/approvals", page_size=500))
    with pytest.raises(Refused) as refused:
        leaver.sign_in()
    assert refused.value.status == 401

    # What still comes for him is shown, and moved.
    late = {"lead": {"source_channel": "fair", "company": secrets.token_hex(4)}, "owner_id": leaver_id}
    lead = admin.post("/v1/leads", late)["lead_id"]
    assert admin.get(f"/v1/people/{leaver_id}/handover-preview")["total"] == "1"
    [handover] = admin.get("/v1/handovers", leaver_id=leaver_id)["handovers"]
    admin.post(f"/v1/handovers/{handover['handover_id']}:repeat", {})
    wait_until(lambda: admin.get(f"/v1/leads/{lead}")["lead"]["owner_id"] == heir_id)
    with pytest.raises(Refused, match="nobody who works here"):
        admin.post("/v1/handovers", {"leaver_id": heir_id, "to_person_id": leaver_id})
