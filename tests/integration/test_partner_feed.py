"""What the running suite tells partners: every live event fits the published document, and a program reads it all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema

from kernel.config import CONTEXTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.json"


def test_live_events_fit_the_published_document(suite: Any) -> None:
    components = json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]
    payloads = {message["name"]: message["payload"] for message in components["messages"].values()}
    suite.admin.post("/v1/customers", {"profile": {"name": "Told Ltd", "phones": ["13911112222"]}})
    asked = {"name": "Partner", "permissions": ["*.event.read"], "data_scope": "DATA_SCOPE_ALL"}
    made = suite.admin.post("/v1/api-clients", asked)
    with httpx.Client(base_url=suite.url, trust_env=False, timeout=30) as client:
        token = client.post("/v1/client-token", json=made).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        seen: dict[str, int] = {}
        for context in CONTEXTS:
            answer = client.get(f"/v1/events/{context}", params={"page_size": 300})
            assert answer.status_code == 200, answer.text
            for one in answer.json()["events"]:
                event = one["event"]
                seen[event["type"]] = seen.get(event["type"], 0) + 1
                if seen[event["type"]] <= 3:
                    jsonschema.validate(event, {**payloads[event["type"]], "components": components})
        assert "crm.customer.v1.CustomerRegistered" in seen
        assert len(seen) >= 3
        assert client.get("/v1/customers").status_code == 403, "it may read events, and nothing else"


def test_webhooks_lead_nowhere_until_the_operator_says_so_and_the_command_line_tells_it(suite: Any) -> None:
    assert "NOTIFICATION_WEBHOOKS_TO is not set" in suite.headwater("webhook", "list").stdout
    refused = suite.headwater("webhook", "add", "Shop", "https://shop.example/", "crm.pipeline.v1.*", ok=(2,))
    assert "NOTIFICATION_WEBHOOKS_TO" in refused.stderr
