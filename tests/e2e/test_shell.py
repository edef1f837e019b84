"""The frame: signing in, search by keys, languages, themes, phone, and no serious fault for those who cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def test_a_person_signs_in_and_out(page_as: Any, login_of: Any, shot: Any, faults: Any) -> None:
    page_as.allowed = [r"status of 401"]
    page = page_as()
    page.goto("/")
    who = login_of("rep")
    page.get_by_label("Login").fill(who["login"])
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert faults(page) == []
    shot(page, "sign-in")
    page.get_by_label("Password").fill(who["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation").get_by_role("link", name="Customers")).to_be_visible()
    page.get_by_role("button", name=re.compile("account")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_two_characters_and_enter_open_a_customer(page_as: PageAs) -> None:
    page = page_as("rep", language="zh")
    page.goto("/customers")
    name = page.locator(".list .ant-table-row a").first.inner_text()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").fill(name[:2])
    hit = page.get_by_role("group", name="客户").get_by_role("option").first
    expect(hit).to_contain_text(name[:2])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/customers/[\w-]+$"))


@pytest.mark.feature("GWY-07")
def test_keys_lead_everywhere_and_are_listed(page_as: PageAs, shot: Any) -> None:
    page = page_as("rep")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    shot(page, "keys")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/customers$"))


@pytest.mark.feature("GWY-09")
def test_the_language_changes_without_losing_what_was_typed(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/customers")
    page.get_by_role("searchbox", name="Search in this list").fill("东")
    page.get_by_role("button", name="切换到中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("客户")
    expect(page.get_by_role("searchbox", name="在列表中搜索")).to_have_value("东")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_the_start_page_has_no_serious_fault(page_as: PageAs, faults: Any, shot: Any, theme: str, phone: bool) -> None:
    page = page_as("rep", language="zh", theme=theme, phone=phone)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("load")
    expect(page.locator(".waiting")).to_have_count(0)
    shot(page, f"home-zh-{theme}{'-phone' if phone else ''}")
    assert faults(page) == []


def test_a_place_that_is_not_there_says_so(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/nowhere")
    expect(page.get_by_text("There is nothing here")).to_be_visible()


def test_the_icon_that_a_phone_installs_is_a_picture_of_the_size_it_wants(page_as: PageAs) -> None:
    page = page_as()
    page_as.allowed = [r"status of 401"]  # type: ignore[attr-defined]
    page.goto("/")
    named = page.locator("link[rel='apple-touch-icon']").get_attribute("href")
    answer = page.request.get(named or "")
    assert answer.headers["content-type"] == "image/png"  # iOS draws no SVG
    assert (answer.body()[:8], answer.body()[16:24]) == (b"\x89PNG\r\n\x1a\n", (180).to_bytes(4, "big") * 2)
