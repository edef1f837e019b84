"""Administrators see what could not be handled, try it again, and leave out for good what cannot be mended."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from headwater.home import Home
from headwater.operating import service

PageAs = Callable[..., Page]


@pytest.fixture
def failed(home: Home) -> Iterator[str]:
    """The kind of a job of marketing that was given up; nothing runs such jobs."""
    kind = f"nobody_runs_this_{secrets.token_hex(3)}"
    now = datetime.now(UTC)
    with service("marketing", home) as found:
        with found.store.connection() as connection:
            connection.execute(
                "insert into timers (key, kind, due_at, correlation_id, attempts, failed_at, last_error)"
                " values (%s, %s, %s, %s, 8, %s, 'builtins.ValueError')",
                (f"{kind}:1", kind, now, uuid4(), now),
            )
        yield kind
        with found.store.connection() as connection:
            connection.execute("delete from timers where kind = %s", (kind,))


def test_what_failed_is_shown_tried_again_and_left_out(
    page_as: PageAs, home: Home, failed: str, shot: Any, faults: Any
) -> None:
    page = page_as("admin")
    page.goto("/admin/parked")
    row = page.get_by_role("row").filter(has_text=failed)
    expect(row).to_contain_text("builtins.ValueError")
    assert faults(page) == []
    shot(page, "parked")
    row.get_by_role("button", name="Try again").click()
    results = page.get_by_role("status", name="What happened")
    expect(results).to_contain_text("Marketing: 1 timers and jobs run again.")
    expect(row).to_have_count(0)

    with service("marketing", home) as found, found.store.connection() as connection:
        connection.execute("update timers set failed_at = now() where kind = %s", (failed,))
    page.reload()
    row.get_by_role("button", name="Leave out for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave out for good").click()
    expect(results).to_contain_text("Marketing: Done")
    expect(row).to_have_count(0)
    page.goto("/audit")
    expect(page.get_by_text("Parked set aside").first).to_be_visible()


def test_in_chinese_on_a_phone_it_can_be_read(page_as: PageAs, failed: str, shot: Any, faults: Any) -> None:
    page = page_as("admin", language="zh", phone=True, theme="dark")
    page.goto("/admin/parked")
    expect(page.get_by_text(failed)).to_be_visible()
    assert faults(page) == []
    shot(page, "parked-zh-dark-phone")


def test_whoever_does_not_administer_sees_nothing_of_it(page_as: PageAs) -> None:
    page_as.allowed = [r"status of 403"]  # type: ignore[attr-defined]
    page = page_as("manager")
    page.goto("/admin/parked")
    expect(page.get_by_text("You may not see this")).to_be_visible()
