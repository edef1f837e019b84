"""The first day without a manual: how few fields the commonest tasks take."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


@pytest.mark.feature("PIP-24")
def test_a_deal_needs_five_fields_at_most(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/deals?new=1")
    window = page.get_by_role("dialog")
    window.get_by_label("Title").fill(f"E2E {secrets.token_hex(4)}")
    assert window.locator(".ant-form-item").count() <= 5
    assert window.locator(".ant-form-item-required").count() <= 5
    window.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/deals/[0-9a-f-]{36}$"))
