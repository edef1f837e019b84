"""Taking an import back asks every service until nothing is left; a preview asks each once, and only to look."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.api import Refused
from headwater.importing.running import revert


class Services:
    """Answers as the services do: deals in two parts, customers of whom one was changed since, no tickets."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        preview = bool(body.get("preview"))
        first = (path, preview) not in self.asked
        self.asked.append((path, preview))
        if path.startswith("/v1/pipeline-imports/"):
            return {"taken_back": 500, "remaining": 3} if first else {"taken_back": 3}
        if path.startswith("/v1/customer-imports/"):
            return {"archived": 2, "changed_since": [{"customer_id": "c", "fields": ["website"]}]}
        return {}


@pytest.mark.parametrize("preview", [True, False])
def test_a_preview_counts_what_taking_back_then_does(preview: bool) -> None:
    services, told = Services(), list[str]()
    counts = revert(services, "i", told.append, preview)  # type: ignore[arg-type]
    assert {only_look for _, only_look in services.asked} == {preview}
    assert len(services.asked) == (3 if preview else 4)
    done = counts["taken_back"] + counts.get("unchanged_since", 0) + counts["archived"]
    assert done == 505
    assert told == ["  stays: customer c: website"]


class DealsOnly(Services):
    """No customer came with that import."""

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.startswith("/v1/customer-imports/"):
            raise Refused(404, {"title": "not found"})
        return super().post(path, body)


def test_an_import_without_customers_is_taken_back_too() -> None:
    counts = revert(DealsOnly(), "i", print)  # type: ignore[arg-type]
    assert counts["taken_back"] == 503
