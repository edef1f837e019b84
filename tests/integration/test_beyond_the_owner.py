"""Who sees a customer beside its owner, over the public API: a department in its team, its own portal, a partner."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.api import Api, Refused
from testkit import a_name, wait_until


def status_of(who: Api, path: str) -> int:
    try:
        who.get(path)
    except Refused as refused:
        return refused.status
    return 200


def cny(amount: int) -> dict[str, str]:
    return {"minor_units": str(amount), "currency_code": "CNY"}


@pytest.mark.security
@pytest.mark.feature("CUS-40", "CUS-41", "IDN-16")
def test_a_department_a_portal_user_and_a_partner_see_what_is_theirs_to_see(suite: Any) -> None:
    admin = suite.admin
    department = admin.post("/v1/teams", {"name": f"Delivery {secrets.token_hex(3)}"})["team_id"]
    team = admin.post("/v1/teams", {"name": f"East {secrets.token_hex(3)}", "parent_team_id": department})["team_id"]
    owner_id, owner = suite.person("sales_manager")
    _, colleague = suite.person("sales_rep", team)
    _, stranger = suite.person("sales_rep")
    firms = [
        owner.post("/v1/customers", {"profile": {"name": a_name("Firm"), "remark": "pays late"}})["customer_id"]
        for _ in range(2)
    ]
    firm, other = firms
    orders, tickets = {}, {}
    for customer in firms:
        line = {"product_name": "Pump", "quantity": "1", "unit_price": cny(5_000)}
        order = owner.post("/v1/orders", {"customer_id": customer, "lines": [line]})
        orders[customer] = order["order_id"]
        asked = {"channel": "CHANNEL_PHONE", "category": "repair", "subject": "It broke", "customer_id": customer}
        tickets[customer] = admin.post("/v1/tickets", asked)["ticket_id"]
    deal = {"customer_id": firm, "title": "Pumps", "amount": cny(1_000)}
    deal_id = owner.post("/v1/opportunities", deal)["opportunity_id"]

    # a department is let in, and everybody below it is: the token says where he belongs
    owner.post(f"/v1/customers/{firm}/key-account", {"members": [{"member_id": department, "is_team": True}]})
    paths = [f"/v1/customers/{firm}", f"/v1/opportunities/{deal_id}", f"/v1/tickets/{tickets[firm]}"]
    wait_until(lambda: [status_of(colleague, path) for path in paths] == [200, 200, 200])
    assert [status_of(stranger, path) for path in paths] == [404, 404, 404]
    owner.post(f"/v1/customers/{firm}/key-account/members/{department}:remove", {"reason": "done"})
    wait_until(lambda: [status_of(colleague, path) for path in paths] == [404, 404, 404])

    # the firm's own portal user
    guest = {"kind": "PERSON_KIND_PORTAL", "customer_id": firm}
    _, portal = suite.person("customer", **guest)
    assert [status_of(portal, f"/v1/{noun}") for noun in ("orders", "contracts", "quotes", "tickets")] == [200] * 4
    for mine, theirs in (
        (f"/v1/customers/{firm}", f"/v1/customers/{other}"),
        (f"/v1/orders/{orders[firm]}", f"/v1/orders/{orders[other]}"),
        (f"/v1/tickets/{tickets[firm]}", f"/v1/tickets/{tickets[other]}"),
    ):
        shown = str(portal.get(mine))
        assert owner_id not in shown
        assert "pays late" not in shown
        assert status_of(portal, theirs) == 404
    assert str(portal.get("/v1/orders")).count("order_id") == 1
    for staff in ("/v1/opportunities", "/v1/leads", "/v1/audit/events", "/v1/people", f"/v1/customers/{firm}/timeline"):
        assert status_of(portal, staff) == 403

    # a partner, for as long as the share lasts
    partner_id, partner = suite.person("partner", kind="PERSON_KIND_PARTNER", customer_id=other)
    assert status_of(partner, f"/v1/customers/{firm}") == 404
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat().replace("+00:00", "Z")
    shared = {"grantee_id": partner_id, "customer_ids": [firm], "field_classes": ["name"], "ends_at": until}
    share_id = owner.post("/v1/customer-shares", shared)["share_id"]
    assert "Firm" in str(partner.get(f"/v1/customers/{firm}"))
    assert status_of(partner, f"/v1/orders/{orders[firm]}") == 404, "the customer is shared, not what it bought"
    owner.post(f"/v1/customer-shares/{share_id}:revoke", {})
    assert status_of(partner, f"/v1/customers/{firm}") == 404
