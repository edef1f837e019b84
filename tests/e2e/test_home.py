"""The start page: what each role sees first, arranged by the person; and the look of it all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


@pytest.mark.feature("GWY-04")
@pytest.mark.parametrize(
    ("role", "first", "never"),
    [("rep", "Today", "My queue"), ("agent", "My queue", "Today"), ("leader", "Key figures", "My queue")],
)
def test_each_role_starts_with_its_own_work(page_as: PageAs, role: str, first: str, never: str) -> None:
    page = page_as(role)
    page.goto("/")
    expect(page.locator(".home .section h2").first).to_have_text(first)
    expect(page.locator(".home").get_by_role("heading", name=never, exact=True)).to_have_count(0)


@pytest.mark.feature("GWY-05")
def test_a_person_hides_adds_and_orders_his_modules(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/")
    titles = page.locator(".home .section h2")
    expect(titles.first).to_have_text("Today")
    second = titles.nth(1).inner_text()
    page.get_by_role("button", name="Arrange").click()
    page.get_by_role("button", name="Hide: Today").click()
    expect(titles.first).to_have_text(second)
    page.reload()
    expect(titles.first).to_have_text(second)
    page.get_by_role("button", name="Arrange").click()
    page.get_by_role("button", name="Today").click()
    expect(titles.last).to_have_text("Today")
    page.get_by_role("button", name="Move up: Today").click()
    expect(titles.last).not_to_have_text("Today")
    page.get_by_role("button", name="As it was").click()
    expect(titles.first).to_have_text("Today")


def test_all_that_waits_for_a_person_is_in_one_list(page_as: PageAs, faults: Any) -> None:
    page = page_as("rep")
    mark = secrets.token_hex(3)

    def ask(method: str, path: str, body: Any = None) -> Any:
        headers = {"Headwater-Csrf": "1", "Idempotency-Key": secrets.token_hex(8)}
        answer = page.request.fetch(path, method=method, data=body, headers=headers)
        assert answer.ok, answer.text()
        return answer.json()

    me = ask("GET", "/v1/me")["person"]["person_id"]
    made = ask("POST", "/v1/customers", {"profile": {"name": f"Workbench {mark} {secrets.token_hex(4)} Ltd"}})
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    plan = {"subject": f"Call back {mark}", "due_at": soon}
    ask("POST", f"/v1/customers/{made['customer_id']}/follow-ups", plan)
    person = {"source_channel": "phone", "person_name": f"Lead {mark}", "phone": f"139{secrets.randbelow(10**8):08d}"}
    ask("POST", "/v1/leads", {"lead": person, "owner_id": me})

    page.goto("/")
    today = page.locator(".home .section", has=page.get_by_role("heading", name="Today", exact=True))
    everything = today.get_by_role("listitem")
    expect(everything.first).to_be_visible()
    assert faults(page) == []

    def whole(kind: str) -> None:
        today.get_by_text(re.compile(f"^{kind} ")).click()
        if today.get_by_role("button", name="more").count():
            today.get_by_role("button", name="more").click()

    whole("Follow-up")
    planned = everything.filter(has_text=f"Call back {mark}")
    expect(planned).to_contain_text(re.compile("Follow-up|overdue"))
    new = everything.filter(has_text=f"Lead {mark}")
    expect(new).to_have_count(0)
    whole("New lead")
    expect(new.get_by_role("link", name=re.compile("^Call "))).to_have_attribute("href", re.compile("^tel:"))
    expect(planned).to_have_count(0)
    whole("Follow-up")
    planned.get_by_role("button", name=re.compile("^Done")).click()
    expect(planned).to_have_count(0)


@pytest.mark.feature("GWY-08")
def test_the_look_is_chosen_and_kept(page_as: PageAs) -> None:
    page = page_as("rep", theme="light")
    page.goto("/")
    shown = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(shown)
    page.get_by_role("button", name="account").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.wait_for_function(f"(light) => ({shown})() !== light", arg=light)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate(shown) != light
