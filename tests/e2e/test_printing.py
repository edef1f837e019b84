"""Lists and documents on paper: without the frame, dark on white, nothing cut off at an edge or the end of a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
PAPER = {"width": 703, "height": 1032}  # A4 without its margins of 12 mm, at 96 dots an inch
FRAME = ".side, .bar, .bottom, .page-actions, .list-tools, .list-views, .skip"

# Names of what is wider than its place, or than the part of the page that it is in.
CUT_OFF = """() => [...document.querySelectorAll('.main h1, .main th, .main td, .main dd, .main p')]
  .filter(e => e.getClientRects().length)
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible'
    || e.getBoundingClientRect().right > (e.closest('.section') ?? document.body).getBoundingClientRect().right + 1)
  .map(e => `${e.tagName} ${e.className}: ${e.textContent.slice(0, 40)}`)"""
# Names of what is too light to be read on white: relative luminance above that of a contrast of 4.5.
TOO_LIGHT = """() => [...document.querySelectorAll('.main h1, .main th, .main td, .main td a, .main dd')]
  .filter(e => e.getClientRects().length && e.textContent.trim())
  .filter(e => {
    const light = getComputedStyle(e).color.match(/[\\d.]+/g).slice(0, 3).map(n => n / 255)
      .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 1.05 / (0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] + 0.05) < 4.5;
  })
  .map(e => `${e.tagName} ${getComputedStyle(e).color}: ${e.textContent.slice(0, 40)}`)"""


def on_paper(page: Page) -> int:
    """Look at the page as a printer does; returns how many sheets it takes."""
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]
    for part in page.locator(FRAME).all():
        expect(part).to_be_hidden()
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(TOO_LIGHT) == []
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


@pytest.mark.feature("GWY-27")
def test_a_list_is_printed_whole(page_as: PageAs, shot: Any) -> None:
    page = page_as("leader", theme="dark")
    page.goto("/customers")
    rows = page.locator(".list .ant-table-row")
    expect(rows.nth(40)).to_be_visible()
    assert on_paper(page) >= 2  # not only what a screen shows
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert rows.count() > 40, "a list on paper is a table, not cards"
    shot(page, "print-customers")


@pytest.mark.feature("GWY-27")
def test_a_document_is_printed_as_one(page_as: PageAs, shot: Any) -> None:
    page = page_as("rep", language="zh")
    page.goto("/quotes")
    page.locator(".list .ant-table-row a").first.click()
    expect(page.locator(".paper table, .paper .lines").first).to_be_visible()
    assert on_paper(page) >= 1
    expect(page.get_by_role("button", name="打印")).to_be_hidden()
    shot(page, "print-quote")
