"""From the lead to the order, clicked through: the pool, the board, a quote with its approval on a phone, an order."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def open_deal(page: Page, amount: str = "90000") -> str:
    """A new deal with the first customer there is; its title."""
    title = f"E2E {secrets.token_hex(4)}"
    page.goto("/deals?new=1")
    window = page.get_by_role("dialog")
    window.get_by_label("Customer").click()
    page.locator(".ant-select-item-option").first.click()
    window.get_by_label("Title").fill(title)
    window.get_by_label("Amount").fill(amount)
    window.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    return title


def test_a_lead_is_taken_in_told_why_and_given_back(page_as: PageAs, shot: Any, faults: Any) -> None:
    page = page_as("manager")
    page.goto("/leads?new=1")
    window = page.get_by_role("dialog")
    name = f"Lead {secrets.token_hex(4)}"
    window.get_by_label("Name").fill(name)
    window.get_by_label("Phone").fill(f"139{secrets.randbelow(10**8):08d}")
    window.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    why = page.locator("section", has_text="Why it went to whom").locator(".timeline > li")
    expect(why.first.locator(".timeline-text")).not_to_be_empty()
    page.get_by_role("button", name="Plan next step").click()
    page.get_by_role("dialog").get_by_label("What is to be done").fill("Call back")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Call back")).to_be_visible()
    shot(page, "lead-en-light")
    assert faults(page) == []


def test_a_deal_is_moved_by_keys_and_asked_why_when_it_goes_back(page_as: PageAs, shot: Any) -> None:
    page_as.allowed = [r"status of 400"]  # type: ignore[attr-defined]  # the server wants a reason
    page = page_as("rep")
    title = open_deal(page)
    page.goto("/deals")
    card = page.get_by_role("article", name=title)
    columns = page.locator("section.board-column")
    expect(columns.nth(0).get_by_role("article", name=title)).to_be_visible()
    card.focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(columns.nth(1).get_by_role("article", name=title)).to_be_visible()
    expect(page.locator(".board-said")).to_contain_text(title)
    shot(page, "board-en-light")
    page.keyboard.press("Alt+ArrowRight")  # at once, before the board was asked again
    expect(columns.nth(2).get_by_role("article", name=title)).to_be_visible()
    page.reload()
    expect(columns.nth(2).get_by_role("article", name=title)).to_be_visible()
    card.focus()
    page.keyboard.press("Alt+ArrowLeft")
    window = page.get_by_role("dialog", name="Why does it go back?")
    expect(window).to_be_visible()
    expect(columns.nth(2).get_by_role("article", name=title)).to_have_count(1)
    window.get_by_label("Reason").fill("needs are not clear")
    window.get_by_role("button", name="Move to stage").click()
    expect(columns.nth(1).get_by_role("article", name=title)).to_be_visible()


@pytest.mark.feature("PIP-21")
def test_a_deal_is_dragged_and_others_see_it(page_as: PageAs) -> None:
    rep, manager = page_as("rep"), page_as("manager")
    title = open_deal(rep, "9000000")
    manager.goto("/deals")
    expect(manager.locator("section.board-column").nth(0).get_by_role("article", name=title)).to_be_visible()
    rep.goto("/deals")
    sums = rep.locator("section.board-column .board-head strong")
    expect(sums.nth(2)).to_be_visible()
    left, taken = sums.nth(0).inner_text(), sums.nth(2).inner_text()
    rep.get_by_role("article", name=title).drag_to(rep.locator("section.board-column").nth(2))
    expect(rep.locator("section.board-column").nth(2).get_by_role("article", name=title)).to_be_visible()
    expect(sums.nth(0)).not_to_have_text(left)
    expect(sums.nth(2)).not_to_have_text(taken)
    expect(manager.locator("section.board-column").nth(2).get_by_role("article", name=title)).to_be_visible()


@pytest.mark.feature("GWY-14")
def test_a_discount_is_approved_on_a_phone_and_the_quote_becomes_an_order(
    page_as: PageAs, shot: Any, faults: Any
) -> None:
    rep = page_as("rep")
    open_deal(rep)
    rep.get_by_role("link", name="New quote").click()
    rep.get_by_label("Product").click()
    rep.locator(".ant-select-item-option").first.click()
    expect(rep.get_by_label("Unit price")).not_to_have_value("")
    rep.get_by_label("Discount").fill("15")
    shot(rep, "quote-editor-en-light")
    rep.get_by_role("button", name="Save draft").click()
    expect(rep).to_have_url(re.compile(r"/quotes/[0-9a-f-]{36}$"))
    expect(rep.get_by_role("heading", level=1)).to_contain_text("Draft")
    number = rep.get_by_role("heading", level=1).inner_text().split()[0]
    rep.get_by_role("button", name="Submit").click()
    expect(rep.get_by_role("heading", level=1)).to_contain_text("In approval")

    manager = page_as("manager", language="zh", theme="dark", phone=True)
    manager.goto("/approvals")
    manager.get_by_role("link", name=re.compile(number)).click()
    expect(manager.get_by_role("button", name=re.compile("同意$"))).to_be_visible()
    shot(manager, "approval-zh-dark-phone")
    assert faults(manager) == []
    manager.get_by_role("button", name=re.compile("同意$")).click()
    expect(manager.get_by_role("heading", level=1)).to_contain_text("已批准")

    rep.get_by_role("button", name="Mark as sent").click()
    rep.get_by_role("button", name="Customer accepts").click()
    expect(rep.get_by_role("heading", level=1)).to_contain_text("Accepted")
    shot(rep, "quote-en-light")
    assert faults(rep) == []
    rep.get_by_role("button", name="Place order").click()
    rep.get_by_role("button", name="OK").click()
    expect(rep).to_have_url(re.compile(r"/orders/[0-9a-f-]{36}$"))
    expect(rep.get_by_role("heading", level=1)).to_contain_text("Placed")
    rep.get_by_role("button", name="Record payment").click()
    rep.get_by_role("dialog").get_by_role("button", name="Record payment").click()
    expect(rep.get_by_text("No money came in yet")).to_be_hidden()
    shot(rep, "order-en-light")
    assert faults(rep) == []


LISTS = {
    "leads": "/leads",
    "board": "/deals",
    "deals": "/deals/list",
    "quotes": "/quotes",
    "contracts": "/contracts",
    "approvals": "/approvals?state=APPROVAL_STATE_GRANTED",
    "orders": "/orders",
    "receivables": "/receivables",
    "products": "/products",
    "price-lists": "/price-lists",
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("language", "theme", "phone"), [("zh", "dark", False), ("en", "light", True)], ids=["zh-dark", "en-light-phone"]
)
def test_no_list_has_a_serious_fault(
    page_as: PageAs, shot: Any, faults: Any, name: str, language: str, theme: str, phone: bool
) -> None:
    page = page_as("manager", language=language, theme=theme, phone=phone)
    page.goto(LISTS[name])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    shot(page, f"{name}-{language}-{theme}{'-phone' if phone else ''}")
    assert faults(page) == []
