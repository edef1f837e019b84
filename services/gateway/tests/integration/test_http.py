"""RPCs as JSON over HTTP, through a real gateway, a real gRPC server and a real database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from kernel.config import Settings


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(found)
    assert found["status"] == status
    assert found["instance"].endswith(answer.headers["request-id"])
    return found


def test_a_command_and_a_query_go_through(admin: httpx.Client) -> None:
    team = admin.post("/v1/teams", json={"name": "华东区"}).json()["team_id"]
    moved = admin.post(f"/v1/teams/{team}:rename", json={"name": "East", "expected_version": "1"})
    assert moved.json() == {"version": "2"}, "64-bit integers are strings, after proto3's JSON mapping"
    teams = admin.get("/v1/teams", params={"page_size": 10}).json()
    assert teams == {
        "teams": [
            {
                "team_id": team,
                "name": "East",
                "parent_team_id": "",
                "manager_id": "",
                "version": "2",
            }
        ],
        "next_page_token": "",
    }


def test_query_parameters_reach_the_request(admin: httpx.Client) -> None:
    ids = [admin.post("/v1/people", json={"name": f"王{n}", "login": f"w{n}"}).json()["person_id"] for n in range(3)]
    found = admin.get("/v1/people:batchGet", params=[("person_ids", ids[2]), ("person_ids", ids[0])])
    assert [p["person_id"] for p in found.json()["people"]] == [ids[2], ids[0]]
    listed = admin.get("/v1/people", params={"query": "王", "include_left": "true", "pageSize": "2"})
    assert (len(listed.json()["people"]), listed.json()["total_size"]) == (2, 3)


def test_unknown_fields_are_refused_by_name(admin: httpx.Client) -> None:
    body = problem(admin.post("/v1/teams", json={"name": "A", "colour": "red", "x": {"y": 1}}), 400)
    assert {v["field"] for v in body["violations"]} == {"colour", "x"}
    query = problem(admin.get("/v1/people", params={"colour": "red"}), 400)
    assert query["violations"] == [{"field": "colour", "description": "there is no such parameter"}]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"name": 1}', "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b"name=A", "application/x-www-form-urlencoded", 415),
        (b"[" * 100_000, "application/json", 400),
    ],
)
def test_a_malformed_body_gets_a_clear_answer(admin: httpx.Client, body: bytes, content_type: str, status: int) -> None:
    answer = admin.post("/v1/teams", content=body, headers={"Content-Type": content_type})
    problem(answer, status)


def test_refusals_of_a_service_become_problems(admin: httpx.Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000007"
    assert "no person" in problem(admin.get(f"/v1/people/{nobody}"), 404)["detail"]
    bad = problem(admin.get("/v1/people/not-an-id"), 400)
    assert bad["violations"][0]["field"] == "person_id"
    me = admin.get("/v1/me").json()["person"]
    only = problem(admin.post(f"/v1/people/{me['person_id']}:offboard", json={}), 409)
    assert only["type"] == "urn:headwater:problem:rule"
    stale = problem(
        admin.post(f"/v1/people/{me['person_id']}:revise", json={"name": "A", "expected_version": 1}),
        409,
    )
    assert stale["type"] == "urn:headwater:problem:stale"
    problem(admin.post("/v1/people", json={"name": "B", "login": "admin"}), 409)


def test_paths_that_are_not_served_say_so(admin: httpx.Client) -> None:
    problem(admin.get("/v1/nothing/here"), 404)
    problem(admin.get("/nothing"), 404)
    wrong = admin.put("/v1/teams", json={})
    problem(wrong, 405)
    assert wrong.headers["allow"] == "GET, POST"
    problem(admin.get("/v1/people/%2e%2e"), 400)


def test_a_repeated_command_is_carried_out_once(admin: httpx.Client) -> None:
    answers = [admin.post("/v1/teams", json={"name": "A"}, headers={"Idempotency-Key": "k-1"}) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert [a.headers["request-id"] for a in answers] == ["k-1"] * 3
    assert len(admin.get("/v1/teams").json()["teams"]) == 1
    other = admin.post("/v1/teams", json={"name": "B"}, headers={"Idempotency-Key": "k-1"})
    problem(other, 400)
    problem(admin.post("/v1/teams", json={}, headers={"Idempotency-Key": "a b"}), 400)


def test_without_a_session_nothing_is_answered(running: Any) -> None:
    for path in ("/v1/me", "/v1/people", "/v1/search?q=x", "/v1/customers/x/overview", "/v1/changes"):
        answer = running.client().get(path)
        problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        problem(running.client("no-such-session").get(path), 401)
        problem(running.client("a.b.c").get(path), 401)
    problem(running.client().get("/v1/me", headers={"Authorization": "Basic YTpi"}), 401)


def test_signing_out_ends_the_session_here_at_once(running: Any) -> None:
    mine = running.sign_in()
    assert mine.get("/v1/me").status_code == 200
    assert mine.post("/v1/session:close", json={}).status_code == 200
    problem(mine.get("/v1/me"), 401)


def test_a_browser_keeps_its_session_in_a_cookie_no_script_can_read(running: Any) -> None:
    from .conftest import ADMIN_PASSWORD

    browser = running.client(**{"Headwater-Csrf": "1"})
    signed_in = browser.post(
        "/v1/session",
        json={"login": "admin", "password": ADMIN_PASSWORD},
        headers={"Headwater-Session": "cookie"},
    )
    assert signed_in.json()["session_token"] == ""
    cookie = signed_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.get("/v1/me").json()["person"]["login"] == "admin"
    assert browser.post("/v1/teams", json={"name": "A"}).status_code == 200
    foreign = {"Headwater-Csrf": "", "Sec-Fetch-Site": "cross-site"}
    problem(browser.post("/v1/teams", json={"name": "B"}, headers=foreign), 403)
    problem(browser.post("/v1/teams", json={"name": "B"}, headers={"Headwater-Csrf": ""}), 403)
    problem(browser.post("/v1/teams", json={"name": "B"}, headers={"Sec-Fetch-Site": "cross-site"}), 403)
    assert [t["name"] for t in browser.get("/v1/teams").json()["teams"]] == ["A"]
    closed = browser.post("/v1/session:close", json={})
    assert 'headwater_session=""' in closed.headers["set-cookie"]
    problem(browser.get("/v1/me"), 401)


def test_sign_in_from_another_site_sets_no_cookie(running: Any) -> None:
    from .conftest import ADMIN_PASSWORD

    answer = running.client().post(
        "/v1/session",
        json={"login": "admin", "password": ADMIN_PASSWORD},
        headers={"Headwater-Session": "cookie", "Sec-Fetch-Site": "cross-site"},
    )
    problem(answer, 403)
    assert "set-cookie" not in answer.headers


def test_too_many_wrong_passwords_are_answered_429(running: Any) -> None:
    guesses = [running.client().post("/v1/session", json={"login": "admin", "password": "wrong"}) for _ in range(6)]
    for guess in guesses[:5]:
        problem(guess, 401)
    problem(guesses[5], 429)
    assert guesses[5].headers["retry-after"]


def test_the_session_says_where_it_was_opened(admin: httpx.Client) -> None:
    (session,) = admin.get("/v1/me/sessions").json()["sessions"]
    assert session["source"] == "127.0.0.1"
    assert session["device"].startswith("python-httpx/")


def test_a_service_that_is_down_is_named(admin: httpx.Client) -> None:
    answer = admin.get("/v1/customers")
    assert "customer does not answer" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"]


def test_late_entry_needs_its_permission(running: Any, admin: httpx.Client) -> None:
    when = {"Headwater-Effective-At": "2025-03-01T08:00:00+08:00", "Headwater-Timeline": "march"}
    body = {"name": "Li", "login": "li", "password": "seven birds of li", "keep_password": True}
    registered = admin.post("/v1/people", json={**body, "roles": ["sales_rep"]}, headers=when)
    assert registered.status_code == 200, registered.text
    person = registered.json()
    shown = admin.get(f"/v1/people/{person['person_id']}").json()["person"]
    assert shown["joined_at"] == "2025-03-01T00:00:00Z"
    rep = running.sign_in("li", "seven birds of li")
    body = {"current_password": "x", "new_password": "y"}
    problem(rep.post("/v1/me:changePassword", json=body, headers=when), 403)
    problem(admin.post("/v1/teams", json={"name": "x"}, headers={"Headwater-Effective-At": "March"}), 400)


def test_a_body_that_is_too_large_is_not_read(identity_target: str) -> None:
    from .conftest import gateway_to

    with gateway_to({"identity": identity_target}, GATEWAY_BODY_LIMIT="1000") as small:
        client = small.client()
        problem(client.post("/v1/session", json={"login": "x" * 2000}), 413)

        def pieces() -> Any:
            for _ in range(50):
                yield b" " * 100

        headers = {"Content-Type": "application/json"}
        problem(client.post("/v1/session", content=pieces(), headers=headers), 413)


def test_an_answer_that_takes_too_long_is_given_up(identity_target: str) -> None:
    from .conftest import gateway_to

    with gateway_to({"identity": identity_target}, GATEWAY_DEADLINE_S="0.000001") as hasty:
        answer = hasty.client().post("/v1/session", json={"login": "a", "password": "b"})
        problem(answer, 504)


def test_every_answer_carries_security_headers(running: Any) -> None:
    for path in ("/", "/docs", "/openapi.json", "/v1/me", "/livez", "/nothing"):
        headers = running.client().get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["request-id"]


def test_readiness_follows_identity(running: Any) -> None:
    assert running.client().get("/livez").status_code == 200
    ready = running.client().get("/readyz")
    assert (ready.status_code, ready.json()["identity"]) == (200, True)


def test_readiness_without_identity_is_503() -> None:
    from .conftest import a_closed_port, gateway_to

    with gateway_to({"identity": f"127.0.0.1:{a_closed_port()}"}) as lonely:
        assert lonely.client().get("/livez").status_code == 200
        assert lonely.client().get("/readyz").status_code == 503


def test_the_trace_goes_on_into_the_services_log(admin: httpx.Client, identity_settings: Settings) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = admin.post(
        "/v1/teams",
        json={"name": "Traced"},
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "Idempotency-Key": "r-1"},
    )
    with psycopg.connect(identity_settings.owner_database_url) as connection:
        rows = connection.execute(
            "select request_id, traceparent from events where originator_id = %s",
            (answer.json()["team_id"],),
        ).fetchall()
    ((request_id, traceparent),) = rows
    assert request_id == "r-1"
    assert traceparent.startswith(f"00-{trace_id}-")


def test_a_list_as_of_a_moment(admin: httpx.Client) -> None:
    team = admin.post("/v1/teams", json={"name": "华东区"}).json()["team_id"]
    then = datetime.now(UTC).isoformat()
    admin.post(f"/v1/teams/{team}:rename", json={"name": "East"})
    answer = admin.get("/v1/teams", headers={"Headwater-As-Of": then, "Headwater-As-Of-Clock": "recorded"})
    assert [found["name"] for found in answer.json()["teams"]] == ["华东区"]
    assert answer.headers["headwater-as-of"] == then
    assert (answer.headers["headwater-as-of-clock"], answer.headers["headwater-as-of-live"]) == ("recorded", "")
    assert "headwater-as-of" not in admin.get("/v1/teams").headers
    wrong = problem(admin.get("/v1/teams", headers={"Headwater-As-Of": "yesterday"}), 400)
    assert wrong["violations"][0]["field"] == "as_of"
    problem(admin.post("/v1/teams", json={"name": "B"}, headers={"Headwater-As-Of": then}), 400)
    problem(admin.get("/v1/me", headers={"Headwater-As-Of": then}), 400)
