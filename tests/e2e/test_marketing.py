"""Marketing: a campaign from plan to cost, a segment counted while it is built, a journey drawn, a form made public."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def test_a_campaign_is_planned_launched_and_costs(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("marketer")
    page.goto("/campaigns")
    page.get_by_role("button", name="Plan a campaign").click()
    dialog = page.get_by_role("dialog")
    name = f"Autumn fair {secrets.token_hex(3)}"
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("combobox", name="Channel").fill("exhibition")
    dialog.get_by_label("First day").fill("2026-11-01")
    dialog.get_by_label("Last day").fill("2026-12-31")
    dialog.get_by_label("Budget").fill("1000")
    dialog.get_by_role("button", name="Plan it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Running")
    page.get_by_role("button", name="Book cost").click()
    page.get_by_role("dialog").get_by_label("Amount").fill("250")
    page.get_by_role("dialog").get_by_label("What for").fill("Stand")
    page.get_by_role("dialog").get_by_role("button", name="Book cost").click()
    expect(page.locator(".figure", has_text="Cost").first).to_contain_text("250")
    assert faults(page) == []
    shot(page, "campaign-en-light")


def test_a_segment_is_counted_while_it_is_built(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("marketer")
    page.goto("/segments/new")
    page.get_by_label("Name").fill(f"Buyers {secrets.token_hex(3)}")
    expect(page.get_by_text("Complete the rules to count")).to_be_visible()
    page.get_by_role("combobox", name="Values").click()
    page.get_by_title("Customer", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("status").get_by_text(re.compile("customers now"))).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/segments/[0-9a-f-]{36}$"))
    expect(page.locator(".list .ant-table-row").first).to_be_visible()
    assert faults(page) == []
    shot(page, "segment-en-light")


def test_a_journey_is_drawn_and_shows_who_stands_where(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("marketer")
    page.goto("/journeys/new")
    name = f"Welcome {secrets.token_hex(3)}"
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name=re.compile("^mail Send a message")).click()
    page.get_by_label("Template").click()
    page.locator(".ant-select-item-option").first.click()
    page.get_by_role("button", name="Insert behind").click()
    expect(page.get_by_role("button", name=re.compile("Wait")).first).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_role("button", name="Let people in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    page.get_by_label("Customer").click()
    page.locator(".ant-select-item-option").first.click()
    page.get_by_role("button", name="Put in").click()
    expect(page.get_by_role("group", name="The journey as a flow")).to_contain_text("1 here")
    assert faults(page) == []
    shot(page, "journey-en-light")


def test_a_form_gets_a_public_page(page_as: Any, faults: Any, shot: Any) -> None:
    page_as.allowed = [r"favicon"]
    page = page_as("marketer")
    page.goto("/forms/new")
    title = f"White paper {secrets.token_hex(3)}"
    page.get_by_label("What the visitor reads on top").fill(title)
    page.get_by_label("What is said once it is sent").fill("Thank you.")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/forms/[0-9a-f-]{36}$"))
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Public")
    page.get_by_role("tab", name="Public page").click()
    expect(page.get_by_alt_text("QR code of the public page")).to_be_visible()
    assert faults(page) == []
    shot(page, "form-en-light")
    visitor = page_as()
    visitor.goto(page.get_by_role("link", name="Open the page").get_attribute("href") or "")
    expect(visitor.get_by_text(title).first).to_be_visible()


@pytest.mark.parametrize(
    ("language", "theme", "phone"), [("zh", "dark", False), ("en", "light", False), ("zh", "light", True)]
)
def test_campaigns_in_every_look(
    page_as: PageAs, faults: Any, shot: Any, language: str, theme: str, phone: bool
) -> None:
    page = page_as("marketer", language=language, theme=theme, phone=phone)
    for path in ("campaigns", "segments", "journeys", "forms", "templates", "coupons"):
        page.goto(f"/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".waiting")).to_have_count(0)
        assert faults(page) == [], path
        shot(page, f"{path}-{language}-{theme}{'-phone' if phone else ''}")
