"""Analytics: each figure says what it means and leads to the records that make it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


@pytest.mark.feature("ANA-24", "ANA-25")
def test_a_figure_tells_what_it_means_and_opens_exactly_its_records(page_as: PageAs, shot: Any) -> None:
    page = page_as("leader")
    page.goto("/analytics?period=all_time")
    figure = page.locator(".figure", has=page.get_by_role("button", name="Won: What it means", exact=True)).first
    count = figure.locator(".figure-value").inner_text()
    figure.get_by_role("button", name="Won: What it means", exact=True).click()
    expect(page.get_by_role("tooltip").filter(has_text="is included")).to_be_visible()
    shot(page, "analytics-definition")
    figure.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Records behind “Won”")
    expect(page.locator(".list-foot")).to_contain_text(f"{count} in all")
    page.locator(".list .ant-table-row").first.click()
    expect(page).to_have_url(re.compile(r"/deals/[\w-]+$"))


@pytest.mark.feature("ANA-01")
def test_the_funnel_shrinks_and_a_stage_opens_its_deals(page_as: PageAs) -> None:
    page = page_as("leader")
    page.goto("/analytics/funnel?period=all_time")
    bars = page.locator(".funnel-bar")
    expect(bars.first).to_be_visible()
    entered = [int(each) for each in bars.locator("b").all_inner_texts()]
    assert entered[0] > 0
    assert entered == sorted(entered, reverse=True)
    bars.first.get_by_role("link").click()
    expect(page.locator(".list-foot")).to_contain_text(f"{entered[0]} in all")


def test_figures_of_a_moment_before_all_data_are_empty(page_as: PageAs) -> None:
    page = page_as("leader")
    page.goto("/analytics/funnel?period=all_time&as_of=2020-01-01T00:00:00Z")
    expect(page.get_by_text("Nothing in this period").first).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator(".funnel-bar").first).to_be_visible()


@pytest.mark.parametrize(
    ("view", "language", "theme", "phone"),
    [
        ("overview", "zh", "dark", False),
        ("funnel", "en", "light", True),
        ("forecast", "en", "dark", False),
        ("health", "zh", "light", True),
        ("team", "zh", "light", False),
        ("channels", "en", "light", False),
    ],
)
def test_every_view_can_be_read(
    page_as: PageAs, shot: Any, faults: Any, view: str, language: str, theme: str, phone: bool
) -> None:
    page = page_as("leader", language=language, theme=theme, phone=phone)
    page.goto(f"/analytics/{view}?period=all_time")
    expect(page.locator("main").get_by_role("heading", level=2).first).to_be_visible()
    expect(page.locator("main .waiting")).to_have_count(0)
    assert faults(page) == []
    shot(page, f"analytics-{view}-{language}-{theme}{'-phone' if phone else ''}")
