"""The audit: the past of every page, the history of a record with its why, seals, and who may look."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def test_the_time_slider_shows_every_list_as_of_a_moment_and_refuses_changes(
    page_as: Any, shot: Any, faults: Any
) -> None:
    page = page_as("admin")
    page.goto("/admin/people")
    expect(page.locator(".list .ant-table-row").first).to_be_visible()
    with page.expect_request(lambda request: "/v1/people?" in request.url and "headwater-as-of" in request.headers):
        page.get_by_role("button", name="Look at an earlier moment").click()
    strip = page.get_by_role("region", name="Look at an earlier moment")
    expect(strip).to_contain_text("Nothing can be changed")
    assert faults(page) == []
    shot(page, "time-slider")
    page.get_by_role("button", name="New person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nobody")
    dialog.get_by_label("Login").fill("nobody.of.the.past")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("looking at the past")
    dialog.get_by_role("button", name="Cancel").click()
    strip.get_by_role("button", name="Back to now").click()
    expect(strip).to_have_count(0)


def test_the_history_of_a_record_steps_back_and_says_why(page_as: PageAs, shot: Any, faults: Any) -> None:
    page = page_as("leader")
    page.goto("/analytics/records/won?period=all_time")
    page.locator(".list .ant-table-row").first.click()
    expect(page).to_have_url(re.compile(r"/deals/[\w-]+$"))
    page.goto(f"/audit/records/{page.url.rsplit('/', 1)[1]}")
    status = page.get_by_role("status").filter(has_text="Change")
    expect(status).to_be_visible()
    last = status.inner_text()
    page.get_by_role("button", name="One change back").click()
    expect(status).not_to_have_text(last)
    page.get_by_role("button", name="Why? owner").click()
    expect(page.get_by_role("dialog").locator(".timeline > li").first).to_be_visible()
    assert faults(page) == []
    shot(page, "history-why")


def test_the_chains_of_seals_are_followed_to_their_end(page_as: PageAs, shot: Any) -> None:
    page = page_as("admin", theme="dark")
    page.goto("/audit/seals")
    expect(page.get_by_text("Unbroken").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Broken at")).to_have_count(0)
    shot(page, "seals")


def test_who_saw_what_is_for_the_administrator_only(page_as: PageAs) -> None:
    leader = page_as("leader")
    leader.goto("/audit")
    expect(leader.get_by_role("tab", name="Changes")).to_be_visible()
    expect(leader.get_by_role("tab", name="Who saw what")).to_have_count(0)
    leader.goto("/audit/reads")
    expect(leader.get_by_text("You may not see this")).to_be_visible()
    admin = page_as("admin", phone=True)
    admin.goto("/audit/reads")
    expect(admin.locator(".cards > li").first).to_be_visible()
