"""The first-use tour: what one's role needs, by keys or by touch; left, gone on with, dismissed, and taken again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def offer(page: Page) -> Any:
    return page.get_by_role("region", name="Tour")


@pytest.mark.feature("GWY-10")
def test_a_newcomer_is_led_by_keys_and_goes_on_where_he_stopped(page_as: PageAs, shot: Any, faults: Any) -> None:
    page = page_as("rep")
    page.goto("/")
    offer(page).get_by_role("button", name="Start the tour").click()
    panel = page.locator(".ant-tour")
    stops = [
        ("Your day", "/"),
        ("Add a customer", "/customers"),
        ("Plan the next step", "/customers"),
        ("Move deals on", "/deals"),
        ("Read a report", "/analytics"),
        ("Find anything", "/analytics"),
    ]
    for number, (title, place) in enumerate(stops, 1):
        expect(panel.get_by_text(title, exact=True)).to_be_visible()
        expect(panel.get_by_text(f"{number} of 6")).to_be_visible()
        expect(page).to_have_url(re.compile(f"{place}$"))
        expect(panel.locator(".ant-tour-arrow")).to_have_count(1)  # it points at something
        expect(panel.locator(".ant-tour-next-btn")).to_be_focused()
        if number == 2:
            assert faults(page) == []
            shot(page, "tour")
        if number == 4:
            page.keyboard.press("Escape")
            expect(panel).to_be_hidden()
            page.goto("/")
            page.reload()
            offer(page).get_by_role("button", name="Go on").click()
            expect(panel.get_by_text(title, exact=True)).to_be_visible()
            expect(panel.locator(".ant-tour-next-btn")).to_be_focused()
        page.keyboard.press("Enter" if number == len(stops) else "ArrowRight")
    expect(panel).to_be_hidden()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(offer(page)).to_have_count(0)

    page.get_by_role("button", name="Help").click()
    page.get_by_role("menuitem", name="Take the tour").click()
    expect(panel.get_by_text("Your day", exact=True)).to_be_visible()


def test_on_a_phone_an_agent_is_led_by_touch_in_chinese(page_as: PageAs, shot: Any) -> None:
    page = page_as("agent", language="zh", phone=True, theme="dark")
    page.goto("/")
    page.get_by_role("button", name="开始引导").click()
    panel = page.locator(".ant-tour")
    for title in ("今天的工作", "您的队列", "新建工单", "谁来电？", "全局搜索"):
        expect(panel.get_by_text(title, exact=True)).to_be_visible()
        box = panel.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        if title == "您的队列":
            shot(page, "tour-zh-dark-phone")
        panel.locator(".ant-tour-next-btn").tap()
    expect(panel).to_be_hidden()


def test_whoever_does_not_want_it_is_not_asked_again(page_as: PageAs) -> None:
    page = page_as("marketer")
    page.goto("/")
    offer(page).get_by_role("button", name="Not now").click()
    expect(offer(page)).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(offer(page)).to_have_count(0)
