"""The feed of published events over HTTP: page by page, and as server-sent events that go on where they were."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Running
from .test_changes import Stream


@pytest.fixture
def partner(running: Running, admin: httpx.Client) -> httpx.Client:
    """A program that may read identity's published events, with a token for its secret."""
    asked = {"name": "Shop", "permissions": ["feed.event.read", "identity.event.read"], "data_scope": "DATA_SCOPE_ALL"}
    made = admin.post("/v1/api-clients", json=asked).json()
    return running.client(running.client().post("/v1/client-token", json=made).json()["access_token"])


def form(admin: httpx.Client, name: str) -> str:
    answer = admin.post("/v1/teams", json={"name": name})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["team_id"])


def test_a_program_reads_pages_and_goes_on_live_from_where_it_was(
    running: Running, admin: httpx.Client, partner: httpx.Client
) -> None:
    first = form(admin, "First")
    page = partner.get("/v1/events/identity", params={"types": "crm.identity.v1.TeamFormed"}).json()
    assert page["events"][-1]["event"]["subject"] == first
    assert page["events"][-1]["event"]["data"]["name"] == "First"
    assert int(page["events"][-1]["position"]) <= int(page["position"])
    query = {"after_position": page["position"], "types": "crm.identity.v1.TeamFormed"}
    with partner.stream("GET", "/v1/events/identity:stream", params=query) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer)
        assert stream.next()[1]["events"] == []
        second = form(admin, "Second")
        _, told, id_ = stream.next()
        assert [event["event"]["subject"] for event in told["events"]] == [second]
        assert id_ == told["position"]
    third = form(admin, "Third")
    with partner.stream("GET", "/v1/events/identity:stream", params=query, headers={"Last-Event-ID": id_}) as answer:
        _, told, _ = Stream(answer).next()
        assert [event["event"]["subject"] for event in told["events"]] == [third]

    path = "/v1/events/identity:stream"  # what is refused is a problem, and no stream
    assert running.client().get(path).status_code == 401
    assert partner.get("/v1/events/customer:stream").status_code in (403, 503)
    assert partner.get("/v1/events/nothing:stream").status_code == 404
    wrong = partner.get(path, headers={"Last-Event-ID": "x7"})
    assert wrong.status_code == 400
    assert wrong.json()["violations"][0]["field"] == "Last-Event-ID"
