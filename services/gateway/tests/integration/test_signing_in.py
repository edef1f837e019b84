"""Signing in over HTTP: through a provider with a browser's cookies, and what a session says after a switch."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from testkit.identity_provider import IdentityProvider

WANG = {"sub": "u-1", "email": "wang@example.org", "email_verified": True}


def hire(admin: httpx.Client, login: str, **fields: Any) -> str:
    body = {"name": login, "login": login, "password": "seven birds here", "keep_password": True, **fields}
    answer = admin.post("/v1/people", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["person_id"])


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(
    provider: IdentityProvider, running: Any, admin: httpx.Client
) -> None:
    hire(admin, "wang", email="wang@example.org", roles=["sales_rep"])
    provider.claims = WANG
    browser = running.client()
    assert browser.get("/v1/session/providers").json() == {
        "providers": [{"provider": "corp", "title": "The corporation"}]
    }
    there = browser.get("/sign-in/corp")
    assert there.status_code == 302
    way = SimpleCookie(there.headers["set-cookie"])["headwater_sign_in"]
    assert (way["httponly"], way["samesite"], way["path"], way["max-age"]) == (True, "lax", "/sign-in", "600")
    code, state = provider.sign_in(there.headers["location"])
    stranger = running.client().get("/sign-in/corp/callback", params={"code": code, "state": state})
    assert stranger.status_code == 401, "a link does not sign anybody in"
    back = browser.get("/sign-in/corp/callback", params={"code": code, "state": state})
    assert back.status_code == 200, back.text
    session = next(
        SimpleCookie(line)["headwater_session"]
        for line in back.headers.get_list("set-cookie")
        if line.startswith("headwater_session=")
    )
    assert (session["httponly"], session["samesite"]) == (True, "strict")
    assert session.value not in back.text
    assert browser.get("/v1/me").json()["person"]["login"] == "wang"
    again = browser.get("/sign-in/corp/callback", params={"code": code, "state": state})
    assert again.status_code == 401


def test_what_the_provider_or_a_stranger_writes_is_escaped(provider: IdentityProvider, running: Any) -> None:
    page = running.client().get("/sign-in/<b>x")
    assert page.status_code == 404
    assert "<b>" not in page.text
    assert running.client().get("/sign-in/corp/callback", params={"error": "<script>"}).status_code == 401


@pytest.mark.feature("IDN-07")
def test_a_switch_of_identity_is_felt_by_the_next_request(running: Any, admin: httpx.Client) -> None:
    hire(admin, "wang", roles=["sales_rep", "finance"])
    wang = running.sign_in("wang", "seven birds here")
    assert wang.get("/v1/me").json()["roles"] == ["finance", "sales_rep"]
    switched = wang.post("/v1/me:switchIdentity", json={"role": "sales_rep"})
    assert switched.status_code == 200, switched.text
    assert wang.get("/v1/me").json()["roles"] == ["sales_rep"]


@pytest.mark.feature("IDN-17")
def test_a_client_calls_the_public_api_with_its_token(running: Any, admin: httpx.Client) -> None:
    body = {"name": "Shop", "permissions": ["identity.team.read"], "data_scope": "DATA_SCOPE_ALL"}
    made = admin.post("/v1/api-clients", json=body).json()
    proof = {name: made[name] for name in ("client_id", "client_secret")}
    token = running.client().post("/v1/client-token", json=proof).json()["access_token"]
    client = running.client(token)
    assert client.get("/v1/teams").status_code == 200
    assert client.get("/v1/people").status_code == 403
    assert client.get("/v1/me/sessions").status_code == 403
