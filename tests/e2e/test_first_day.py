"""The first day without a manual: how few clicks and fields the commonest tasks take."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
COUNT = """
addEventListener('click', (event) => {
  if (event.isTrusted && event.detail) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1
}, true);
"""


@contextmanager
def at_most(page: Page, clicks: int) -> Iterator[None]:
    """Fails when more clicks of a mouse were needed; typing, Tab and Enter are not clicks."""
    page.evaluate("() => { sessionStorage.clicks = 0 }")
    yield
    needed = int(page.evaluate("() => sessionStorage.clicks"))
    assert 0 < needed <= clicks, f"{needed} clicks"


def at_home(page_as: PageAs) -> Page:
    page = page_as("rep")
    page.add_init_script(COUNT)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def click_link(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Menu").get_by_role("link", name=name).click()


@pytest.mark.feature("GWY-01")
def test_a_customer_a_follow_up_and_a_report_take_three_clicks_each(page_as: PageAs) -> None:
    page = at_home(page_as)
    name = f"Brook {secrets.token_hex(4)} Ltd"
    with at_most(page, 3):
        click_link(page, "Customers")
        page.get_by_role("link", name="New customer").click()
        expect(page.get_by_label("Name", exact=True).first).to_be_focused()
        page.keyboard.type(name)
        page.get_by_role("button", name="New customer").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)

    page.goto("/")
    with at_most(page, 3):
        page.get_by_role("button", name=re.compile("^search Search or jump")).click()
        page.keyboard.type(name)
        expect(page.get_by_role("option", name=name)).to_be_visible()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=re.compile("^Plan")).first.click()
        expect(page.get_by_role("dialog").get_by_label("Subject")).to_be_focused()
        page.keyboard.type("Send the offer")
        page.get_by_role("dialog").get_by_role("button", name="Plan a follow-up").click()
        expect(page.locator(".todo")).to_contain_text("Send the offer")

    page.goto("/")
    with at_most(page, 3):
        click_link(page, "Analytics")
        page.get_by_role("tab", name="Funnel").click()
        expect(page.locator(".funnel-bar").first).to_be_visible()


@pytest.mark.feature("GWY-02")
def test_any_customer_is_two_steps_from_anywhere(page_as: PageAs) -> None:
    page = page_as("manager")
    for place in ("/", "/deals", "/tickets", "/analytics", "/orders"):
        found = page.request.get("/v1/customers", params={"page_size": 50}).json()["customers"]
        wanted = secrets.choice(found)["name"]
        page.goto(place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.keyboard.press("Control+k")
        page.keyboard.type(wanted)  # at once: nothing of it may get lost
        expect(page.get_by_role("option", name=wanted).first).to_be_visible()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/customers/[\w-]+$"))
        expect(page.get_by_role("heading", level=1)).to_contain_text(wanted)


@pytest.mark.feature("PIP-24")
def test_a_deal_needs_five_fields_at_most(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/deals?new=1")
    window = page.get_by_role("dialog")
    window.get_by_label("Title").fill(f"E2E {secrets.token_hex(4)}")
    assert window.locator(".ant-form-item").count() <= 5
    assert window.locator(".ant-form-item-required").count() <= 5
    window.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/deals/[0-9a-f-]{36}$"))
