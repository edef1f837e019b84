"""How long people wait: measured in the browser against the running suite, printed, and held to its budgets.

First paint and largest paint are the marks of https://web.dev/articles/vitals ("good": 1.8 s, 2.5 s), an
interaction's delay is that of the Event Timing API ("good": 200 ms); each is the median of several loads, so that
one hiccup of the machine does not decide.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
LOADS = 5
MOST_SCRIPT_KB = 350
MOST_FIRST_PAINT_MS = 1_800
MOST_LARGEST_PAINT_MS = 2_500
MOST_INTERACTION_MS = 200
MOST_CUSTOMER_PAGE_MS = 1_000
MOST_OTHER_DEVICE_MS = 2_000

WATCH = """
window.waited = {largest: 0, events: []};
new PerformanceObserver((list) => { for (const e of list.getEntries()) waited.largest = e.startTime })
  .observe({type: 'largest-contentful-paint', buffered: true});
const answered = (list) => list.getEntries().filter(e => e.interactionId).map(e => e.duration);
new PerformanceObserver((list) => waited.events.push(...answered(list)))
  .observe({type: 'event', buffered: true, durationThreshold: 16});
"""


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print although pytest keeps what tests print."""

    def say(words: str) -> None:
        with capsys.disabled():
            print(f"\n  {words}", end="")

    return say


def test_the_first_page_is_there_at_once(page_as: PageAs, tell: Any) -> None:
    first, largest = [], []
    for _ in range(LOADS):
        page = page_as("rep")  # a browser of its own: nothing is cached
        page.add_init_script(WATCH)
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main .waiting")).to_have_count(0)
        first.append(page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        largest.append(page.evaluate("() => waited.largest"))
    tell(f"first paint {median(first):.0f} ms, largest {median(largest):.0f} ms")
    assert median(first) <= MOST_FIRST_PAINT_MS
    assert 0 < median(largest) <= MOST_LARGEST_PAINT_MS


@pytest.mark.parametrize("role", ["rep", "manager", "leader", "agent", "marketer", "admin"])
def test_signing_in_and_the_first_screen_load_little(page_as: PageAs, login_of: Any, tell: Any, role: str) -> None:
    page_as.allowed = [r"status of 401"]  # type: ignore[attr-defined]
    page = page_as()  # a browser of its own: nothing is cached
    page.goto("/")
    who = login_of(role)
    page.get_by_label("Login").fill(who["login"])
    page.get_by_label("Password").fill(who["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".home .section").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator("main .waiting")).to_have_count(0)
    # All that was asked for until then, whether the document named it or a module of the page did.
    scripts = page.evaluate(
        "() => performance.getEntriesByType('resource').filter(e => new URL(e.name).pathname.endsWith('.js'))"
        ".map(e => [new URL(e.name).pathname, e.encodedBodySize])"
    )
    weight = sum(size for _, size in scripts) / 1024
    largest = ", ".join(
        f"{name.split('/')[-1]} {size / 1024:.0f}" for name, size in sorted(scripts, key=lambda s: -s[1])[:4]
    )
    tell(f"{role}: {weight:.0f} kB of packed script in {len(scripts)} files ({largest})")
    assert all(size for _, size in scripts), "a script's size is not known"
    assert 0 < weight <= MOST_SCRIPT_KB


def test_a_key_or_a_click_is_answered_at_once(page_as: PageAs, tell: Any) -> None:
    page = page_as("rep")
    page.add_init_script(WATCH)
    page.goto("/customers")
    expect(page.locator(".list .ant-table-row").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").press_sequentially("有限")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Columns").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="切换到中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("客户")
    page.get_by_role("link", name="商机").click()
    expect(page.locator(".deal-card").first).to_be_visible()
    delays = page.evaluate("() => waited.events")
    tell(f"slowest answer to a key or click {max(delays):.0f} ms, median {median(delays):.0f} ms of {len(delays)}")
    assert delays, "the browser measured nothing"
    assert median(delays) <= MOST_INTERACTION_MS


def test_a_customer_page_is_whole_within_a_second(page_as: PageAs, tell: Any) -> None:
    page = page_as("rep")
    page.goto("/customers")
    rows = page.locator(".list .ant-table-row a.strong")  # not the telephone numbers
    expect(rows.first).to_be_visible()
    waited = []
    for row in range(LOADS):
        began = time.perf_counter()
        rows.nth(row).click()
        expect(page.locator(".timeline > li").first).to_be_visible()
        waited.append((time.perf_counter() - began) * 1000)
        page.go_back()
        expect(rows.first).to_be_visible()
    tell(f"customer page {median(waited):.0f} ms from click to timeline, worst {max(waited):.0f} ms")
    assert median(waited) <= MOST_CUSTOMER_PAGE_MS


@pytest.mark.feature("GWY-16")
def test_a_change_on_one_device_is_on_the_other_within_two_seconds(page_as: PageAs, tell: Any) -> None:
    desk, phone = page_as("rep"), page_as("rep", phone=True)
    desk.goto("/customers")
    desk.locator(".list .ant-table-row a.strong").first.click()
    expect(desk.locator(".timeline > li").first).to_be_visible()
    phone.goto(desk.url)
    expect(phone.locator(".timeline > li").first).to_be_visible()
    waited = []
    for n in range(LOADS):
        words = f"Seen at once {n} {secrets.token_hex(4)}"
        expect(desk.get_by_label("What happened")).to_have_value("")  # the one before is saved
        desk.get_by_label("What happened").fill(words)
        # The other device's clock stops by itself: asking it by turns would be measured, too.
        phone.evaluate(
            """(words) => { window.seen = new Promise((done) => {
              const look = () => document.querySelector('.timeline')?.textContent.includes(words) && done(Date.now());
              new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
            }) }""",
            words,
        )
        with desk.expect_response(lambda answer: answer.url.endswith("/activities") and answer.ok):
            desk.get_by_role("button", name="Save", exact=True).click()
        saved = desk.evaluate("() => Date.now()")
        waited.append(max(0, phone.evaluate("() => window.seen") - saved))
    tell(f"a change is on the other device after {median(waited):.0f} ms, worst {max(waited):.0f} ms")
    assert max(waited) <= MOST_OTHER_DEVICE_MS
