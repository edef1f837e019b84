"""An administrator takes one person's day back from the command line, over the public API."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater.commands.undo import undo
from headwater.operating import named


def test_a_persons_day_is_taken_back_over_the_api(suite: Any, capsys: pytest.CaptureFixture[str]) -> None:
    admin, name = suite.admin, f"Undone {secrets.token_hex(3)}"
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
