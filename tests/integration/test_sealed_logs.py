"""Every log of the running suite is sealed, and proves it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel.config import CONTEXTS
from testkit import wait_until

pytestmark = pytest.mark.timeout(600)


def test_every_log_of_the_suite_is_sealed_and_as_it_was_sealed(suite: Any) -> None:
    suite.admin.post("/v1/customers", {"profile": {"name": "Sealed and Sons"}, "allow_duplicates": True})
    suite.admin.get("/v1/customers")

    def verdicts() -> dict[tuple[str, str], Any]:
        told = json.loads(suite.headwater("audit", "verify", "--json").stdout)
        return {(verdict["context"], verdict["chain"]): verdict for verdict in told}

    found = wait_until(
        lambda: (now := verdicts())["customer", "events"]["rows_checked"] and not _waiting(now) and now,
        describe="all rows sealed",
    )
    assert found.keys() == {(context, chain) for context in CONTEXTS for chain in ("events", "reads")}
    assert all(verdict["sound"] for verdict in found.values())
    assert found["identity", "events"]["rows_checked"] > 0
    assert found["customer", "events"]["checkpoints_from_outside"] == found["customer", "events"]["checkpoint"]
    told = json.loads(suite.headwater("status", "--json").stdout)
    assert [row["up"] for row in told["processes"] if row["name"] == "sealing"] == [True]
    assert told["not_asked"] == ""
    assert [row["service"] for row in told["waiting"]] == list(CONTEXTS)


def _waiting(found: dict[tuple[str, str], Any]) -> int:
    return sum(verdict["rows_unsealed"] for verdict in found.values())
