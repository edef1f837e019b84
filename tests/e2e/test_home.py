"""The start page: what each role sees first, arranged by the person; and the look of it all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


@pytest.mark.feature("GWY-04")
@pytest.mark.parametrize(
    ("role", "first", "never"),
    [("rep", "Follow-ups", "My queue"), ("agent", "My queue", "Follow-ups"), ("leader", "Key figures", "My queue")],
)
def test_each_role_starts_with_its_own_work(page_as: PageAs, role: str, first: str, never: str) -> None:
    page = page_as(role)
    page.goto("/")
    expect(page.locator(".home .section h2").first).to_have_text(first)
    expect(page.locator(".home").get_by_role("heading", name=never, exact=True)).to_have_count(0)


@pytest.mark.feature("GWY-05")
def test_a_person_hides_adds_and_orders_his_modules(page_as: PageAs) -> None:
    page = page_as("rep")
    page.goto("/")
    titles = page.locator(".home .section h2")
    expect(titles.first).to_have_text("Follow-ups")
    second = titles.nth(1).inner_text()
    page.get_by_role("button", name="Arrange").click()
    page.get_by_role("button", name="Hide: Follow-ups").click()
    expect(titles.first).to_have_text(second)
    page.reload()
    expect(titles.first).to_have_text(second)
    page.get_by_role("button", name="Arrange").click()
    page.get_by_role("button", name="Follow-ups").click()
    expect(titles.last).to_have_text("Follow-ups")
    page.get_by_role("button", name="Move up: Follow-ups").click()
    expect(titles.last).not_to_have_text("Follow-ups")
    page.get_by_role("button", name="As it was").click()
    expect(titles.first).to_have_text("Follow-ups")


@pytest.mark.feature("GWY-08")
def test_the_look_is_chosen_and_kept(page_as: PageAs) -> None:
    page = page_as("rep", theme="light")
    page.goto("/")
    shown = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(shown)
    page.get_by_role("button", name="account").click()
    page.get_by_role("menuitem", name="Dark").click()
    page.wait_for_function(f"(light) => ({shown})() !== light", arg=light)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate(shown) != light
