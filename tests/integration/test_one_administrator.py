"""One person, without help from a technician: sees what everything is set to, changes it, and shows where data is."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.api import Refused
from kernel.config import CONTEXTS


@pytest.mark.feature("IDN-18")
def test_one_administrator_sees_and_sets_everything_from_one_place(suite: Any) -> None:
    shown = suite.admin.get("/v1/settings")
    assert shown["missing"] == []
    places = {it["name"]: it for it in shown["places"]}
    assert all(name in shown for name, it in places.items() if it["shown_by"])
    assert all(change["allowed"] for it in places.values() for change in it["changed_by"])
    assert {"roles", "grants", "sign_in_policy", "customer_import", "discount_policy", "sla_policies"} <= set(places)
    assert "sales_rep" in {role["role"] for role in shown["roles"]["roles"]}

    (change,) = places["sign_in_policy"]["changed_by"]
    method, _, path = change["call"].partition(" ")
    assert (method, path) == ("PUT", "/v1/sign-in-policy")
    wanted = {**shown["sign_in_policy"]["policy"], "max_age_days": 171}
    suite.admin._send(method, path, json={"policy": wanted}, headers={"Idempotency-Key": "one-administrator"})
    assert suite.admin.get("/v1/settings")["sign_in_policy"]["policy"]["max_age_days"] == 171

    _, rep = suite.person("sales_rep")
    his = {it["name"]: it for it in rep.get("/v1/settings")["places"]}
    assert not any(change["allowed"] for name in ("roles", "customer_import") for change in his[name]["changed_by"])


@pytest.mark.feature("NFR-12")
def test_the_register_says_where_data_is_and_every_way_out(suite: Any) -> None:
    register = suite.admin.get("/v1/data-protection")
    assert register["missing"] == []
    for context in CONTEXTS:
        entry = register[context]
        assert entry["destroys_keys_in_backups"], context
        switched_on = {it["setting"]: it["host"] for it in entry["outbound_calls"] if it["switched_on"]}
        assert set(switched_on.values()) <= {"127.0.0.1"}, "the demo's own mail sink, and nothing else"
    assert {"table": "contacts", "columns": ["name", "position", "phones", "emails", "remark"]} in register["customer"][
        "clear_tables"
    ]
    assert "crm.customer.v1.ContactAdded" in register["customer"]["sealed_events"]
    _, rep = suite.person("sales_rep")
    with pytest.raises(Refused) as refused:
        rep.get("/v1/data-protection")
    assert refused.value.status == 403
