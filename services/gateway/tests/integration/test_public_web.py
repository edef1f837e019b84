"""What a web application on the public internet must withstand: slow, large, many, foreign and forged requests."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway import limits

from .conftest import ADMIN_PASSWORD, Running, gateway_to

HOST = "Host: here\r\n"
CLOSE = "Connection: close\r\n"


def raw(running: Running, *pieces: str, timeout_s: float = 15) -> str:
    """What comes back for these bytes until the server closes."""
    where = urlsplit(running.url)
    with socket.create_connection((where.hostname, where.port), timeout_s) as connection:
        for piece in pieces:
            connection.sendall(piece.encode())
        found = b""
        while more := connection.recv(65536):
            found += more
    return found.decode(errors="replace")


@pytest.fixture
def small(identity_target: str) -> Iterator[Running]:
    """A gateway whose limits are reached quickly."""
    with gateway_to(
        {"identity": identity_target},
        GATEWAY_RATE_PER_PERSON="0.4",
        GATEWAY_RATE_ANONYMOUS="0.6",
        GATEWAY_RATE_PER_ADDRESS="4",
        GATEWAY_BODY_TIMEOUT_S="0.2",
    ) as running:
        yield running


def test_a_person_who_asks_too_often_waits(small: Running) -> None:
    admin, again = small.sign_in(), small.sign_in()
    answers = [admin.get("/v1/me") for _ in range(8)]
    assert [a.status_code for a in answers[:2]] == [200] * 2
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.headers["retry-after"] in ("1", "2", "3")
    assert refused.json()["detail"].startswith("too many requests by this person or client; come back in ")
    assert refused.headers["content-type"] == "application/problem+json"
    others = [again.get("/v1/me").status_code for _ in range(3)]
    assert 429 in others, "a second session is the same person"


def test_an_address_that_asks_too_often_waits_whatever_it_says_of_itself(small: Running) -> None:
    client = small.client()
    asked = [client.get("/v1/me", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(12)]
    assert [a.status_code for a in asked[:3]] == [401] * 3
    refused = [a for a in asked if a.status_code == 429]
    assert "from this address without signing in" in refused[0].json()["detail"]
    assert client.get("/static/docs.js").status_code == 200, "pages load while the API is refused"
    page = [client.get("/static/docs.js").status_code for _ in range(40)]
    assert 429 in page, "but not for ever"


def test_the_address_a_trusted_proxy_names_is_the_one_that_counts(identity_target: str) -> None:
    with gateway_to(
        {"identity": identity_target}, GATEWAY_RATE_ANONYMOUS="0.2", GATEWAY_TRUSTED_PROXIES="127.0.0.1"
    ) as running:
        for n in range(12):
            behind = running.client(**{"X-Forwarded-For": f"192.0.2.{n}"})
            assert behind.get("/v1/me").status_code == 401
        one = running.client(**{"X-Forwarded-For": "192.0.2.77"})
        assert [one.get("/v1/me").status_code for _ in range(3)] == [401, 429, 429]


def test_a_body_that_trickles_in_is_given_up(small: Running) -> None:
    head = f"POST /v1/session HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    began = time.monotonic()
    answer = raw(small, head, '{"login":')
    assert time.monotonic() - began < 10
    assert answer.startswith("HTTP/1.1 408 ")
    assert "urn:headwater:problem:too-slow" in answer


def test_a_head_that_trickles_in_is_given_up(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADERS_WITHIN_S", 0.3)
    assert raw(running, "") == "", "who says nothing is closed"
    assert raw(running, f"GET /livez HTTP/1.1\r\n{HOST}X-Slow: ") == ""
    twice = raw(running, f"GET /livez HTTP/1.1\r\n{HOST}\r\n", f"GET /livez HTTP/1.1\r\n{HOST}X-Slow: ")
    assert twice.count("HTTP/1.1 200 ") == 1, "also the second request of a connection"


def test_a_slow_answer_is_not_taken_for_a_slow_request(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEADERS_WITHIN_S", 0.2)
    admin = running.sign_in()
    hash_takes_longer = [admin.post("/v1/teams", json={"name": f"T{n}"}).status_code for n in range(20)]
    assert hash_takes_longer == [200] * 20


@pytest.mark.parametrize("line", ["X-Large: " + "x" * 70_000, "\r\n".join(f"X-{n}: {'y' * 90}" for n in range(800))])
def test_large_heads_are_refused(running: Running, line: str) -> None:
    answer = raw(running, f"GET /livez HTTP/1.1\r\n{HOST}{CLOSE}{line}\r\n\r\n")
    assert answer.startswith(("HTTP/1.1 400 ", "HTTP/1.1 431 "))
    assert "Traceback" not in answer


def test_requests_are_not_smuggled(running: Running) -> None:
    for head in (
        f"POST /v1/session HTTP/1.1\r\n{HOST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        f"POST /v1/session HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        f"GET /livez HTTP/1.1\r\n{HOST}X : y\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ):
        assert raw(running, head).startswith(("HTTP/1.1 400 ", "HTTP/1.1 501 ")), head


def test_no_other_site_may_read_what_we_answer(running: Running) -> None:
    foreign = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        running.client().options("/v1/teams", headers=foreign),
        running.client().get("/v1/me", headers=foreign),
        running.client().get("/", headers=foreign),
    ):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert running.client().options("/v1/teams", headers=foreign).status_code == 405
    assert running.client().request("TRACE", "/").status_code == 405


def test_headers_close_what_a_page_does_not_need(running: Running) -> None:
    headers = running.client().get("/").headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in policy
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "geolocation=()" in headers["permissions-policy"]
    assert "server" not in headers
    assert "strict-transport-security" not in headers, "only where there is TLS"


def test_behind_tls_browsers_are_told_to_insist_on_it(identity_target: str) -> None:
    with gateway_to({"identity": identity_target}, HEADWATER_PUBLIC_URL="https://crm.example") as secure:
        assert secure.client().get("/").headers["strict-transport-security"].startswith("max-age=31536000")
        signed_in = secure.client(**{"Headwater-Csrf": "1"}).post(
            "/v1/session",
            json={"login": "admin", "password": ADMIN_PASSWORD},
            headers={"Headwater-Session": "cookie"},
        )
        assert "secure" in signed_in.headers["set-cookie"].lower()


def test_a_cookie_changes_nothing_for_a_foreign_page(running: Running) -> None:
    browser = running.client(**{"Headwater-Csrf": "1"})
    sign_in = {"login": "admin", "password": ADMIN_PASSWORD}
    browser.post("/v1/session", json=sign_in, headers={"Headwater-Session": "cookie"})
    browser.headers.pop("headwater-csrf")
    forged: list[dict[str, Any]] = [
        {"content": "name=A", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": '{"name": "A"}', "headers": {"Content-Type": "text/plain"}},
        {"content": '{"name": "A"}', "headers": {"Content-Type": "application/json"}},
        {"json": {"name": "A"}, "headers": {"Headwater-Csrf": "1", "Sec-Fetch-Site": "same-site"}},
    ]
    for request in forged:
        assert browser.post("/v1/teams", **request).status_code in (403, 415), request
    assert browser.get("/v1/teams").json()["teams"] == []
