"""The calendar: what is planned by day, a month or a week, by keys, on a phone, and of one's people."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
COMMAND = {"Headwater-Csrf": "1"}


def plan(page: Page, subject: str, due: datetime) -> None:
    """A customer of the person's own with one follow-up."""

    def tell(path: str, body: dict[str, Any]) -> Any:
        answer = page.request.post(path, data=body, headers=COMMAND | {"Idempotency-Key": secrets.token_hex(8)})
        assert answer.ok, answer.text()
        return answer.json()

    made = tell("/v1/customers", {"profile": {"name": f"Calendar {secrets.token_hex(4)} Ltd"}})
    body = {"subject": subject, "due_at": due.isoformat()}
    tell(f"/v1/customers/{made['customer_id']}/follow-ups", body)


def test_what_is_planned_stands_on_its_day(page_as: PageAs, faults: Any, shot: Any) -> None:
    due = (datetime.now(UTC) + timedelta(days=9)).replace(hour=4, minute=30)
    day, subject = due.date().isoformat(), f"Visit {secrets.token_hex(3)}"
    page = page_as("rep")
    plan(page, subject, due)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile("/calendar$"))
    page.goto(f"/calendar?at={day}&view=week")
    cell = page.locator(f"[data-day='{day}']")
    expect(cell.get_by_role("link", name=subject)).to_be_visible()
    before = (due.date() - timedelta(days=1)).isoformat()
    cell.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"[data-day='{before}']")).to_be_focused()
    expect(page).to_have_url(re.compile(f"at={before}"))
    page.keyboard.press("PageDown")
    expect(cell).to_have_count(0)  # another week
    page.goto(f"/calendar?at={day}")
    expect(page.get_by_role("gridcell")).to_have_count(page.locator("[data-day]").count())
    expect(page.locator("[data-day]").nth(27)).to_be_visible()  # a month has four weeks at least
    shot(page, "calendar-en-light")
    assert faults(page) == []
    page.get_by_role("button", name="切换到中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("日历")
    page.goto(f"/calendar?at={due.year + 1}-01-01")
    expect(page.locator(f"[data-day='{due.year + 1}-01-01']")).to_contain_text("元旦")

    phone = page_as("rep", phone=True, language="zh", theme="dark")
    phone.goto(f"/calendar?at={day}")
    expect(phone.get_by_role("grid")).to_have_count(0)
    expect(phone.get_by_role("list", name="日历").get_by_role("link", name=subject)).to_be_visible()
    shot(phone, "calendar-zh-dark-phone")
    assert faults(phone) == []

    theirs = page_as("manager")
    theirs.goto(f"/calendar?at={day}&view=week")
    expect(theirs.locator(f"[data-day='{day}']")).to_be_visible()
    expect(theirs.get_by_role("link", name=subject)).to_have_count(0)  # her own
    theirs.goto(f"/calendar?at={day}&view=week&of=all")
    expect(theirs.get_by_role("link", name=subject)).to_be_visible()
    other = page_as("marketer")
    other.goto(f"/calendar?at={day}&view=week&of=all")
    expect(other.get_by_role("heading", level=1)).to_be_visible()
