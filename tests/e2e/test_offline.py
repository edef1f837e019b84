"""Off-line: an answer, a status and a deal's move are kept and sent later; who was in conflict decides."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
COMMAND = {"Headwater-Csrf": "1"}


def seen_through_the_worker(page: Page, path: str) -> None:
    """Open a page once more when the service worker answers, so that it is there off-line."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => 1)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)


def command(page: Page, path: str, **body: Any) -> dict[str, Any]:
    """Give a command as the page's person."""
    answer = page.context.request.post(path, data=body, headers=COMMAND | {"Idempotency-Key": secrets.token_hex(8)})
    assert answer.ok, answer.text()
    return dict(answer.json())


@pytest.mark.feature("GWY-15")
def test_what_was_done_off_line_is_sent_and_who_was_in_conflict_decides(page_as: Any, shot: Any, faults: Any) -> None:
    page_as.allowed = [r"ERR_INTERNET_DISCONNECTED", r"ERR_FAILED", r"status of 409"]
    page = page_as("rep", phone=True, worker=True)
    page.goto("/customers")
    customer = page.context.request.get("/v1/customers", params={"page_size": 1}).json()["customers"][0]
    title = f"E2E {secrets.token_hex(4)}"
    deal = command(
        page,
        "/v1/opportunities",
        customer_id=customer["customer_id"],
        title=title,
        amount={"minor_units": "9000000", "currency_code": "CNY"},
    )["opportunity_id"]
    seen_through_the_worker(page, f"/deals/{deal}")
    stages = page.get_by_role("navigation", name="Stage").get_by_role("button")
    second = stages.nth(1)

    page.context.set_offline(True)
    second.click()
    expect(page.get_by_role("button", name="1 kept")).to_be_visible()
    expect(second).to_have_attribute("aria-current", "step")  # as it will be
    other = page_as("manager")
    command(other, f"/v1/opportunities/{deal}:revise", title=f"{title} changed")
    page.context.set_offline(False)

    page.get_by_role("button", name="1 kept").click()
    expect(page.get_by_text("Somebody changed the same record while you were off-line")).to_be_visible()
    assert faults(page) == []
    shot(page, "conflict-after-off-line-phone")
    page.get_by_role("button", name="Save mine on top").click()
    expect(page.get_by_role("button", name="1 kept")).to_be_hidden()
    page.goto(f"/deals/{deal}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{title} changed")
    expect(second).to_have_attribute("aria-current", "step")


def test_an_answer_and_a_status_of_a_ticket_wait_for_the_network(page_as: Any) -> None:
    page_as.allowed = [r"ERR_INTERNET_DISCONNECTED", r"ERR_FAILED"]
    page = page_as("agent", worker=True)
    page.goto("/tickets")
    ticket = command(
        page, "/v1/tickets", category="gateway", channel="CHANNEL_PHONE", subject="No light", description="It is dark."
    )["ticket_id"]
    seen_through_the_worker(page, f"/tickets/{ticket}")
    page.context.set_offline(True)
    talk = page.get_by_role("list", name="Conversation")
    page.get_by_label("What the customer is told").fill("We look into it from the train.")
    page.get_by_role("button", name="Send answer").click()
    expect(talk).to_contain_text("from the train")
    page.get_by_role("button", name="Wait for customer").click()
    page.get_by_label("What is waited for").fill("The log file")
    page.get_by_role("dialog").get_by_role("button", name="Wait for customer").click()
    expect(page.get_by_role("button", name="2 kept")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="kept")).to_have_count(0)
    page.reload()
    expect(talk).to_contain_text("from the train")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting")


def test_what_was_seen_leaves_the_device_at_sign_out_and_after_a_week(page_as: Any, login_of: Any) -> None:
    page_as.allowed = [r"status of 401", r"ERR_INTERNET_DISCONNECTED", r"ERR_FAILED"]
    page = page_as(worker=True)  # with a session of its own: it ends, and the others' must not
    session = COMMAND | {"Headwater-Session": "cookie"}
    assert page.context.request.post("/v1/session", data=login_of("rep"), headers=session).ok
    page.goto("/customers")
    seen_through_the_worker(page, "/customers")
    seen = """async () => (await (await caches.open('seen-1')).keys())
        .some((each) => new URL(each.url).pathname.startsWith('/v1/customers'))"""
    page.wait_for_function(seen)
    page.evaluate(
        """async () => {
          const cache = await caches.open('seen-1');
          for (const request of await cache.keys()) {
            const old = await cache.match(request);
            const headers = new Headers(old.headers);
            headers.set('Headwater-Seen-At', new Date(Date.now() - 8 * 86400000).toISOString());
            await cache.put(request, new Response(await old.blob(), { headers }));
          }
        }"""
    )
    page.context.set_offline(True)
    assert page.evaluate("() => fetch('/v1/me').then(() => false, () => true)"), "older than a week, and shown"
    page.context.set_offline(False)
    page.goto("/customers")
    page.get_by_role("button", name="account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.wait_for_function(f"async () => !(await ({seen})())")
